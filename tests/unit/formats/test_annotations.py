"""What is wrong, as GitHub's workflow commands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from libra.budgets.budget import at_most, check
from libra.formats.annotations import to_annotations
from libra.report import KINDS, Finding, Report, Total


def report(url: str = "https://example.com/", **fields: object) -> Report:
    total = Total(1, 2_000, 2_000)
    base = Report(
        id="",
        url=url,
        status="weighed",
        complete=True,
        total=total,
        by_kind=dict.fromkeys(KINDS, Total()) | {"document": total},
    )
    return Report(**{name: getattr(base, name) for name in base.__struct_fields__} | fields)


def test_a_page_that_is_all_right_says_nothing() -> None:
    page = report()
    assert to_annotations([page], check(page, limits=[at_most(5_000)])) == ""


def test_each_trouble_is_a_command_of_its_own() -> None:
    heavy = report()
    broken = report("https://example.com/b", status="failed", error="http: 404 Not Found")
    doubtful = report("https://example.com/c", findings=(Finding("login-page", "It is a login."),))
    limits = check(heavy, limits=[at_most(1_000)])
    said = to_annotations([heavy, broken, doubtful], limits)
    assert said.splitlines() == [
        f"::error title=Over budget::https://example.com/: {limits[0].sentence()}",
        "::error title=Could not be weighed::https://example.com/b: http: 404 Not Found",
        "::warning title=Login page::https://example.com/c: It is a login.",
    ]


@given(st.text())
def test_no_text_of_a_page_begins_a_command(text: str) -> None:
    said = to_annotations([report(text, status="failed", error=f"x\n::error::{text}")], [])
    assert len(said.splitlines()) == 1
    assert said.startswith("::error title=Could not be weighed::")
