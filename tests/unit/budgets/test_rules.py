"""Limits in a line: what they mean, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.budgets.budget import SUBJECTS, Limit, check, unmatched
from libra.budgets.lighthouse import BudgetError, parse_budgets
from libra.budgets.rules import parse_rule
from libra.report import Asset, HostTotal, Report, Total


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("app.*.js < 50kB", Limit("app.*.js", "size", 50_000, "file")),
        (" vendor/*.js<=1.5 MB ", Limit("vendor/*.js", "size", 1_500_000, "file")),
        ("script < 300KiB", Limit("script", "size", 307_200)),
        ("font < 4 requests", Limit("font", "count", 4)),
        ("third-party < 1 request", Limit("third-party", "count", 1)),
        ("third-party Ads.example.net < 9kB", Limit("ads.example.net", "size", 9_000, "host")),
    ],
)
def test_a_rule_is_a_limit(text: str, limit: Limit) -> None:
    assert parse_rule(text) == limit


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("app.js 50kB", "is not a rule"),
        ("app.js < much", "is not a size"),
        ("scripts < 5kB", "Did you mean 'script'?"),
        ("third-party  < -1", "is not a size"),
        ("two words.js < 1kB", "is neither a file nor a kind"),
        ("< 5kB", "is not a rule"),
    ],
)
def test_what_is_no_rule_is_refused_with_what_is_taken(text: str, says: str) -> None:
    with pytest.raises(ValueError, match="write WHAT < SIZE") as refused:
        parse_rule(text)
    assert says in str(refused.value)


@given(st.text())
def test_any_text_is_a_limit_or_refused(text: str) -> None:
    try:
        limit = parse_rule(text)
    except ValueError:
        return
    assert limit.most >= 0
    assert limit.about != "kind" or limit.subject in SUBJECTS


def test_a_budget_file_has_rules_for_the_pages_of_its_path() -> None:
    (budget,) = parse_budgets('[{"path": "/shop", "rules": ["app.js < 1kB", "font < 2 requests"]}]')
    assert budget.limits == (Limit("app.js", "size", 1_000, "file"), Limit("font", "count", 2))
    for wrong in ('["scripts < 1kB"]', "[1]", '"app.js < 1kB"'):
        with pytest.raises(BudgetError, match=r"^\[0\]\.rules"):
            parse_budgets(f'[{{"rules": {wrong}}}]')


def report(*assets: tuple[str, int]) -> Report:
    return Report(
        id="",
        url="https://example.com/",
        status="weighed",
        assets=tuple(
            Asset(url, "script", "fetched", 200, transfer_bytes=weight) for url, weight in assets
        ),
        by_host={"cdn.example.net": HostTotal(third_party=True)},
        total=Total(len(assets), sum(weight for _, weight in assets)),
    )


PAGE = report(
    ("https://example.com/assets/app.3f2a9c1d.js", 40),
    ("https://example.com/assets/chunk.1f2a9c1d.js", 10),
    ("https://example.com/assets/chunk.2f2a9c1d.js", 30),
    ("https://a.cdn.example.net/lib.js", 7),
    ("https://cdn.example.net:8443/lib.js", 5),
    ("https://notcdn.example.net/lib.js", 3),
)


@pytest.mark.parametrize(
    ("rule", "measured"),
    [
        ("app.*.js < 1B", 40),
        ("app.js < 1B", 40),
        ("assets/app.js < 1B", 40),
        ("/assets/app.js < 1B", 40),
        ("/app.js < 1B", 0),
        ("chunk.*.js < 1B", 30),
        ("chunk.*.js < 1 request", 2),
        ("third-party cdn.example.net < 1B", 12),
        ("third-party cdn.example.net < 1 request", 2),
        ("third-party example.org < 1B", 0),
    ],
)
def test_a_rule_measures_the_files_or_the_host_that_it_names(rule: str, measured: int) -> None:
    (judged,) = check(PAGE, limits=[parse_rule(rule)])
    assert judged.measured == measured
    assert bool(unmatched([PAGE], [judged])) == (measured == 0)


def test_a_limit_of_a_kind_is_never_without_something_to_guard() -> None:
    assert unmatched([PAGE], check(PAGE, limits=[parse_rule("font < 1kB")])) == []


def test_the_same_rule_twice_is_the_tighter_one() -> None:
    (judged,) = check(PAGE, limits=[parse_rule("app.js < 9kB"), parse_rule("app.js < 2kB")])
    assert judged.limit.most == 2_000
    assert judged.sentence() == "app.js size is 40 B, within its budget of 2.0 kB"
