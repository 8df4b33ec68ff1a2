"""Limits on growth: what they need, how they are checked, and which were not judged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from libra.budgets.growth import Growth
from libra.budgets.lighthouse import Budget, Check, growth_of
from libra.cli.results.pushing import BuildSource
from libra.formats.comparison import why_growth_is_unproven
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
    """The checks of growth, for pages that could be weighed; those that prove nothing are left out."""
    return [
        one
        for before, after in pairs
        if (checks := _checks(before, after, budgets, most))
        and why_growth_is_unproven(before, after, checks) is None
        for one in checks
    ]


def ungrown(
    pairs: Sequence[tuple[Report, Report]],
    budgets: Sequence[Budget],
    most: Growth | None,
    by_server: Sequence[tuple[str, str]] = (),
) -> str | None:
    """Why not all limits on growth were judged; None if all were.

    A page without an earlier result has nothing to grow from. A page whose earlier result cannot be
    compared with it has: if it passed, its growth would stay unnoticed.

    Args:
        pairs: earlier reports, each with the current one.
        budgets: the last that matches a page's path counts.
        most: the limit for every page.
        by_server: the pages whose growth the server could not judge, each with the reason.
    """
    unproven = dict(by_server) | {
        after.url: reason
        for before, after in pairs
        if (checks := _checks(before, after, budgets, most))
        and (reason := why_growth_is_unproven(before, after, checks)) is not None
    }
    if not unproven:
        return None
    first, reason = next(iter(unproven.items()))
    if len(unproven) > 1:
        return f"the growth of {len(unproven)} pages, for example {plain(first)}, because {reason}"
    return f"the growth of {plain(first)}, because {reason}"


def _checks(
    before: Report, after: Report, budgets: Sequence[Budget], most: Growth | None
) -> list[Check]:
    return [] if outcome(after) else growth_of(before, after, budgets, most)
