"""Limits on growth: what they need, how they are checked, and which were not judged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from libra.budgets.growth import Growth
from libra.budgets.lighthouse import Budget, Check, growth_of
from libra.cli.results.pushing import BuildSource
from libra.formats import comparison
from libra.formats.sentences import outcome
from libra.report import Report
from libra.wording import plain


def require_baseline(
    most: Growth | None,
    budgets: Sequence[Budget],
    compare: Path | None,
    server: str | None,
    source: BuildSource | None,
) -> None:
    """Check that there is an earlier result to grow from, where growth is limited.

    Raises:
        click.UsageError: there is none. For the limit of a budget there is only a message instead.
    """
    if server is not None and source is None:
        raise click.UsageError("--server needs --project, the name to keep the results under.")
    if compare is not None or server is not None:
        return
    if most is not None:
        raise click.UsageError(
            "--max-growth needs --compare or --server: an earlier result to grow from."
        )
    if any(budget.max_growth is not None for budget in budgets):
        click.echo(
            "not judged: maxGrowth of the budget needs --compare or --server: an earlier result to"
            " grow from",
            err=True,
        )


def grown(
    pairs: Sequence[tuple[Report, Report]], budgets: Sequence[Budget], most: Growth | None
) -> list[Check]:
    """The checks of growth, for pages that could be weighed."""
    return [
        one
        for before, after in pairs
        if not outcome(after)
        for one in growth_of(before, after, budgets, most)
    ]


def ungrown(
    pairs: Sequence[tuple[Report, Report]], budgets: Sequence[Budget], most: Growth | None
) -> str | None:
    """Why not all limits on growth were judged; None if all were.

    A page without an earlier result has nothing to grow from. A page whose earlier result was weighed in
    another way, or could not be weighed, has: if it passed, its growth would stay unnoticed.
    """
    asked = [
        after.url
        for before, after in pairs
        if not comparison.comparable(before, after)
        and not outcome(after)
        and growth_of(before, after, budgets, most)
    ]
    if not asked:
        return None
    which = plain(asked[0]) if len(asked) == 1 else f"{len(asked)} pages"
    return f"the growth of {which}, because the earlier result cannot be compared with this one"
