"""`check_budget` and `compare`, as programs import them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from libra import BudgetError, NotWeighed, check_budget, compare, parse_budgets
from libra.report import KINDS, Asset, Report, Total


def report(weight: int, host: str = "example.com", *, failed: bool = False) -> Report:
    total = Total(1, weight, weight)
    return Report(
        id="",
        url=f"https://{host}/",
        status="failed" if failed else "weighed",
        error="http: 404 Not Found" if failed else None,
        complete=not failed,
        total=total,
        by_kind=dict.fromkeys(KINDS, Total()) | {"script": total},
        assets=(Asset(f"https://{host}/app.js", "script", "fetched", 200, weight),),
    )


def test_every_kind_of_limit_is_a_check(tmp_path: Path) -> None:
    budget = '[{"resourceSizes": [{"resourceType": "script", "budget": 2}]}]'
    (tmp_path / "budget.json").write_text(budget)
    page = report(3_000)
    from_file = check_budget(
        page, tmp_path / "budget.json", rules=["app.js < 4kB"], max_weight="1kB"
    )
    assert [(check.subject, check.over) for check in from_file] == [
        ("app.js size", False), ("total size", True), ("script size", True),
    ]  # fmt: skip
    assert check_budget(page, parse_budgets(budget)) == from_file[2:]
    assert check_budget(page) == []
    assert check_budget(page, rules="app.js < 4kB") == from_file[:1]


def test_growth_is_judged_by_an_earlier_report() -> None:
    budgets = parse_budgets('[{"maxGrowth": "10%"}]')
    for weight, over in ((1_100, False), (1_101, True)):
        (check,) = check_budget(report(weight), budgets, before=report(1_000))
        assert check.over == over
    with pytest.raises(ValueError, match="before="):
        check_budget(report(1_000), budgets)
    with pytest.raises(ValueError, match="the earlier result has no weight"):
        check_budget(report(1_000), budgets, before=report(1, failed=True))
    part = msgspec.structs.replace(report(1_000), complete=False)
    with pytest.raises(ValueError, match="only a part of the earlier page"):
        check_budget(report(1_101), budgets, before=part)
    assert not check_budget(report(1_100), budgets, before=part)[0].over


def test_what_cannot_be_judged_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotWeighed, match="404"):
        check_budget(report(1, failed=True), max_weight=10)
    with pytest.raises(ValueError, match="is not a rule"):
        check_budget(report(1), rules=["scripts"])
    with pytest.raises(ValueError, match="not a size"):
        check_budget(report(1), max_weight="much")
    (tmp_path / "budget.json").write_text("{}")
    with pytest.raises(BudgetError, match=r"budget\.json: it must be a list"):
        check_budget(report(1), str(tmp_path / "budget.json"))
    with pytest.raises(BudgetError, match="parse_budgets"):
        check_budget(report(1), [{"path": "/"}])  # type: ignore[list-item]


def test_what_changed_is_told_by_path_whatever_the_host() -> None:
    difference = compare(report(1_000), report(1_500, "preview.example.org"))
    assert difference.total.transfer_bytes == 500
    assert [change.what for change in difference.changes] == ["changed"]
