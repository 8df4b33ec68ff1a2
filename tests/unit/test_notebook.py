"""A report in a notebook: a piece of HTML in which nothing is foreign."""

from __future__ import annotations

from html.parser import HTMLParser

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from libra.report import Asset, Finding, Report, Score, Total
from libra.weighing.findings.not_the_page import LOGIN_PAGE, NOT_HTML

TAGS = {"div", "strong", "br", "code", "p", "table", "tr", "td", "span", "details", "summary"}


class Seen(HTMLParser):
    """The tags and attributes of a piece of HTML, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def report(title: str = "Home", url: str = "https://example.com/") -> Report:
    return Report(
        id="",
        url=url,
        title=title,
        status="weighed",
        complete=True,
        total=Total(2, 511_478, 902_144),
        by_kind={"document": Total(1, 11_478, 2), "image": Total(1, 500_000, 2)},
        score=Score(teledrin=93, verdict="A for effort.", lighthouse=100),
        assets=(
            Asset(url, "document", transfer_bytes=11_478),
            Asset(f"{url}photo.png", "image", transfer_bytes=500_000),
        ),
    )


def test_it_shows_weight_score_kinds_and_the_heaviest_first() -> None:
    seen = Seen(report()._repr_html_())
    assert "511.5 kB in 2 requests, 902.1 kB decoded; Teledrin score 93. A for effort." in seen.text
    assert "98 %" in seen.text
    assert seen.text.index("photo.png") > seen.text.index("Heaviest assets")
    assert "Partial" not in seen.text


def test_it_says_what_the_weight_lacks() -> None:
    partial = msgspec.structs.replace(report(), complete=False, coverage="built by scripts: …")
    text = Seen(partial._repr_html_()).text
    assert "Partial" in text
    assert "Built by scripts" in text
    other = (
        Finding(NOT_HTML, "The answer was not HTML."),
        Finding(LOGIN_PAGE, "It is a login."),
    )
    text = Seen(msgspec.structs.replace(report(), findings=other)._repr_html_()).text
    assert "The answer was not HTML." in text
    assert "It is a login." in text
    failed = msgspec.structs.replace(report(), status="failed", error="http: 404 <b>")
    assert "Not weighed: http: 404 <b>" in Seen(failed._repr_html_()).text


@given(st.text(), st.text())
def test_no_text_of_a_page_becomes_markup(title: str, rest: str) -> None:
    seen = Seen(report(title, f"https://example.com/{rest}")._repr_html_())
    assert set(seen.tags) <= TAGS
    assert seen.attributes <= {"style"}
    assert seen.open == []
