"""Checks a report against limits, for programs and their tests.

::

    from libra import check_budget, weigh_sync

    for check in check_budget(weigh_sync("https://example.com"), "budget.json"):
        assert not check.over, check.sentence()
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from libra.budgets.lighthouse import (
    Budget,
    BudgetError,
    Check,
    Limit,
    at_most,
    budget_for,
    check,
    growth_of,
    parse_budgets,
    parse_rule,
)
from libra.errors import NotWeighed
from libra.formats.comparison import why_growth_is_unproven
from libra.formats.sentences import outcome
from libra.report import Report
from libra.wording import parse_size


def check_budget(
    report: Report,
    budget: str | Path | Sequence[Budget] = (),
    *,
    rules: str | Sequence[str] = (),
    max_weight: int | str | None = None,
    before: Report | None = None,
) -> list[Check]:
    """Check a page against its limits, as `libra weigh` does: one check for each limit, over or not.

    Args:
        report: of a weighed page.
        budget: a ``budget.json``, by its path or as `Budget` objects.
        rules: limits as text, such as ``"app.*.js < 50kB"``: one, or several.
        max_weight: limit for the transfer size of the whole page: bytes, or a size such as ``"500kB"``.
        before: an earlier report of the page, for the ``maxGrowth`` of the budget.

    Raises:
        NotWeighed: the page could not be weighed, so there is nothing to check.
        BudgetError: the file is not a ``budget.json``, or the objects are not `Budget` objects; the
            message says where.
        ValueError: a rule or a size is invalid, or the budget has a ``maxGrowth`` and there is no
            earlier report, or one that cannot be compared with this one.
        OSError: the file cannot be read.
    """
    problem = outcome(report)
    if problem is not None:
        raise NotWeighed(report.url, problem)
    if isinstance(budget, str | Path):
        budgets = _read(Path(budget))
    else:
        budgets = budget
        if not all(isinstance(one, Budget) for one in budgets):
            raise BudgetError(
                "budget must be a file or a list of Budget objects, as `parse_budgets` returns"
            )
    limits: list[Limit] = [
        parse_rule(rule) for rule in ([rules] if isinstance(rules, str) else rules)
    ]
    if max_weight is not None:
        limits.append(at_most(parse_size(str(max_weight))))
    budget_here = budget_for(report.final_url or report.url, budgets)
    if before is None and budget_here is not None and budget_here.max_growth is not None:
        raise ValueError("the budget has a maxGrowth: pass the earlier report as before=")
    grown = [] if before is None else growth_of(before, report, budgets)
    if before is not None and grown:
        unproven = why_growth_is_unproven(before, report, grown)
        if unproven is not None:
            raise ValueError(f"the growth of {report.url} cannot be judged: {unproven}")
    return [*check(report, budgets, limits), *grown]


def _read(path: Path) -> Sequence[Budget]:
    try:
        return parse_budgets(path.read_bytes())
    except BudgetError as error:
        raise BudgetError(f"{path}: {error}") from None
