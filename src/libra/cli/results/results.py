"""The results of a run of `libra weigh`, judged by its demands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from libra.budgets.budget import Limit
from libra.budgets.growth import Growth
from libra.budgets.lighthouse import Budget, Check, check, unused
from libra.cli.results.growing import grown, ungrown
from libra.cli.results.pushing import Pushed
from libra.formats.comparison import Comparison, comparable, compare, pairs_of
from libra.formats.sentences import outcome, why_not_whole
from libra.report import Report

OVER_BUDGET = 1
NOT_TAKEN = 2
"""The server refused a result."""

NOT_WEIGHED = 3
"""Beats `OVER_BUDGET`: a page that could not be weighed cannot be judged."""

NOT_WHOLE = 4
"""Budgets hold, but only for a part of the page, which must not count as success."""


class Demands(NamedTuple):
    """The demands on the pages.

    Attributes:
        budgets: the last that matches a page's path counts.
        limits: for every page.
        growth: how much pages may grow since their earlier reports.
        allow_partial: whether a budget may hold for a page that is not whole.
    """

    budgets: Sequence[Budget] = ()
    limits: Sequence[Limit] = ()
    growth: Growth | None = None
    allow_partial: bool = False


class Results(msgspec.Struct, frozen=True):
    """All results of a run.

    Attributes:
        reports: of the pages, in order.
        checks: of the limits of each page.
        pairs: earlier reports, each with the current one.
        comparisons: of pairs that were weighed in the same way.
        allow_partial: whether a budget may hold for a page that is not whole.
        unjudged: why not everything could be judged; None if it was.
        unused: the paths of budgets that no weighed page has.
    """

    reports: tuple[Report, ...]
    checks: tuple[Check, ...] = ()
    pairs: tuple[tuple[Report, Report], ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    allow_partial: bool = False
    unjudged: str | None = None
    unused: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0, or the code of the worst result."""
        if any(outcome(report) for report in self.reports):
            return NOT_WEIGHED
        if any(check.over for check in self.checks):
            return OVER_BUDGET
        if self.unjudged is not None and not self.allow_partial:
            return NOT_WHOLE
        return NOT_WHOLE if any(map(self.unproven, self.reports)) else 0

    def unproven(self, report: Report) -> str | None:
        """Why budgets that hold for a part of a page prove nothing about the whole; None if they do."""
        judged = any(check.page == report.url for check in self.checks)
        return why_not_whole(report) if judged and not self.allow_partial else None


def judge(
    reports: Sequence[Report],
    demands: Demands,
    before: Sequence[Report],
    pushed: Pushed,
) -> Results:
    """Check pages against the demands, and compare them with their earlier reports.

    Args:
        reports: of the pages, in order.
        demands: on the pages.
        before: earlier reports; if there are none, those of the server count.
        pushed: the outcome of sending the reports to a server.
    """
    budgets, limits, growth, allow_partial = demands
    pairs = pairs_of(before, reports) if before else list(pushed.pairs)
    alike = [pair for pair in pairs if comparable(*pair)]
    checks = (
        *(
            one
            for report in reports
            if not outcome(report)
            for one in check(report, budgets, limits)
        ),
        *grown(pairs, budgets, growth),
        *pushed.checks,
    )
    return Results(
        tuple(reports),
        checks,
        tuple(pairs),
        tuple(compare(*pair) for pair in alike),
        allow_partial=allow_partial,
        unjudged=pushed.unjudged or ungrown(pairs, budgets, growth, pushed.ungrown),
        unused=tuple(dict.fromkeys(budget.path for budget in unused(reports, budgets))),
    )
