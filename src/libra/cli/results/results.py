"""What a run of `libra weigh` has found out, judged by what is asked of the pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from libra.budgets.budget import Limit
from libra.budgets.growth import Growth
from libra.budgets.lighthouse import Budget, Check, check
from libra.cli.results.growing import grown, ungrown
from libra.cli.results.pushing import Pushed
from libra.formats.comparison import Comparison, comparable, compare, pairs_of
from libra.formats.sentences import outcome, why_not_whole
from libra.report import Report

OVER_BUDGET = 1
NOT_TAKEN = 2
"""A server does not take a result."""

NOT_WEIGHED = 3
"""Beats `OVER_BUDGET`: what could not be weighed cannot be judged."""

NOT_WHOLE = 4
"""Budgets hold, but for a part of the page only: nobody may take that for green."""


class Demands(NamedTuple):
    """What is asked of the pages.

    Attributes:
        budgets: of which the last that matches a page's path counts.
        limits: of every page.
        growth: how much pages may grow since their earlier reports.
        allow_partial: whether a budget may hold for a page that is not whole.
    """

    budgets: Sequence[Budget] = ()
    limits: Sequence[Limit] = ()
    growth: Growth | None = None
    allow_partial: bool = False


class Results(msgspec.Struct, frozen=True):
    """All that a run has found out.

    Attributes:
        reports: of the pages, in their order.
        checks: of the limits of each page.
        pairs: earlier reports, each with the one of now.
        comparisons: of those that were weighed in the same way.
        allow_partial: whether a budget may hold for a page that is not whole.
        unread: whether a list of pages could not be read in whole.
        unjudged: why not all that was to be judged could be; None if it was.
    """

    reports: tuple[Report, ...]
    checks: tuple[Check, ...] = ()
    pairs: tuple[tuple[Report, Report], ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    allow_partial: bool = False
    unread: bool = False
    unjudged: str | None = None

    @property
    def exit_code(self) -> int:
        """0, or the worst of what happened."""
        if self.unread or any(outcome(report) for report in self.reports):
            return NOT_WEIGHED
        if any(check.over for check in self.checks):
            return OVER_BUDGET
        if self.unjudged is not None and not self.allow_partial:
            return NOT_WHOLE
        return NOT_WHOLE if any(map(self.unproven, self.reports)) else 0

    def unproven(self, report: Report) -> str | None:
        """Why budgets that hold for what was seen of a page say nothing about it; None if they do."""
        judged = any(check.page == report.url for check in self.checks)
        return why_not_whole(report) if judged and not self.allow_partial else None


def judge(
    reports: Sequence[Report],
    demands: Demands,
    before: Sequence[Report],
    pushed: Pushed,
    *,
    unread: bool,
) -> Results:
    """Hold pages against what is asked of them, and against what they were.

    Args:
        reports: of the pages, in their order.
        demands: what is asked of them.
        before: earlier reports; without any those that the server has count.
        pushed: what came of sending the reports to a server.
        unread: whether a list of pages could not be read in whole.
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
        *grown(alike, budgets, growth),
        *pushed.checks,
    )
    return Results(
        tuple(reports),
        checks,
        tuple(pairs),
        tuple(compare(*pair) for pair in alike),
        allow_partial=allow_partial,
        unread=unread,
        unjudged=pushed.unjudged or ungrown(pairs, budgets, growth),
    )
