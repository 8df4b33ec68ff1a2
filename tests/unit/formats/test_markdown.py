"""Reports as Markdown."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.budgets.lighthouse import at_most, check
from libra.formats import to_markdown
from libra.formats.comparison import compare
from support.samples import EVIL, PAGE, asset, failed, hostile, ordinary, partial, weighed


def test_each_page_has_a_row_with_weight_and_score() -> None:
    assert "| `https://example.com/` | 795.9 kB | 5 | 85 Could be better. | ✅ weighed |" in (
        to_markdown([ordinary()])
    )


def test_a_breach_is_a_line_and_marks_its_page() -> None:
    checks = check(ordinary(), limits=[at_most(500_000)])
    text = to_markdown([ordinary()], checks)
    assert "❌ over budget" in text
    assert f"- `https://example.com/`: {checks[0].sentence()}" in text


def test_a_page_within_its_budget_says_so() -> None:
    checks = check(ordinary(), limits=[at_most(10**6)])
    assert "✅ within budget" in to_markdown([ordinary()], checks)


def test_a_partial_result_says_what_it_lacks() -> None:
    text = to_markdown([partial()])
    assert "⚠️ partial: 1 failed request and 1 skipped request" in text
    assert "- `https://cdn.other.net/slow.js`: timeout: no response within 20 s" in text


def test_a_page_that_could_not_be_weighed_says_why() -> None:
    assert "❌ could not be weighed: dns: no address" in to_markdown([failed()])


def test_what_changed_is_told_by_kind_and_by_asset() -> None:
    before = weighed([asset(PAGE, "document", 1000), asset(f"{PAGE}a.js", "script", 500)])
    after = weighed([asset(PAGE, "document", 1000), asset(f"{PAGE}b.js", "script", 900)])
    text = to_markdown([after], comparisons=[compare(before, after)])
    assert "1.9 kB, +400 B (+26.7 %): 1 added and 1 removed" in text
    assert "| Scripts | 500 B | 900 B | +400 B | +0 |" in text
    assert "| removed | -500 B | `https://example.com/a.js` |" in text


def _outside_code(text: str) -> str:
    return re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)


@pytest.mark.parametrize(
    "evil",
    [
        EVIL,
        "[click](javascript:alert(1))",
        "![x](https://tracker.example/x.png)",
        "<img src=x onerror=alert(1)>",
        "**bold** `code` ~~gone~~",
        "a | b",
        "@torvalds see https://evil.example or www.evil.example",
        "fixes #12 and owner/name#3",
        "one\n\n# two\n\n| x |\n",
    ],
)
def test_no_markup_of_a_page_survives(evil: str) -> None:
    url = PAGE + evil
    report = weighed([asset(url, "script", 5, error=evil)], title=evil, complete=False)
    text = _outside_code(
        to_markdown([msgspec.structs.replace(report, url=url), failed(error=evil)])
    )
    text = text.replace("<details>", "").replace("</details>", "")
    text = re.sub(r"<summary>[^<>]*</summary>", "", text)
    assert "<" not in text
    assert not re.search(r"(?<!\\)[\[`*~]", text)
    assert not re.search(r"@\w|(?<!&)#\d", text)
    assert not re.search(r"(?<!\\):(?=//)|www(?<!\\)\.", text)


@given(st.text())
def test_every_table_keeps_its_columns(text: str) -> None:
    report = weighed([asset(f"{PAGE}{text}", "script", 5, error=text)], title=text)
    for line in to_markdown([msgspec.structs.replace(report, url=PAGE + text)]).splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) in {4, 5, 6}
            assert line.endswith("|")


def test_a_hostile_page_is_told_on_single_lines() -> None:
    lines = to_markdown([hostile()]).splitlines()
    assert sum("could not" in line for line in lines) == 0
    assert all("\x1b" not in line for line in lines)


def test_many_pages_keep_their_order() -> None:
    pages = [weighed([asset(f"https://{n}.example/", "document", n)], url=f"https://{n}.example/")
             for n in range(1, 5)]  # fmt: skip
    rows = [line for line in to_markdown(pages).splitlines() if "✅" in line]
    assert [re.findall(r"https://(\d)", row)[0] for row in rows] == ["1", "2", "3", "4"]
