"""Titles, addresses, types and errors are attackers' text: none of it may become markup."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from libra.app import PageList
from libra.health import Health, LoopLag, Node, Part
from libra.web.compression import compress
from libra.web.html import Renderer, Search, safe_href
from libra.web.looking_back import compare_view, history_view
from libra.web.observing import observer_view
from libra.weighing.report import Asset, Bytes, Finding, HostTotal, Report, Total, summarize
from support.examples import examples

HTML = Renderer()

hostile = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "</title><script>alert(1)</script>",
            "javascript:alert(1)",
            "{{ 7*7 }}",
            "]]>--><!--",
        ]
    ),
)


def hostile_report(text: str) -> Report:
    asset = Asset(
        text, "script", "failed", 200, 10, 10, text, text, text, True, True, True, 1, text
    )
    return Report(
        id="0199aaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa",
        url=text,
        final_url=text,
        title=text,
        status="weighed",
        submitted_at=datetime.now(UTC),
        body=Bytes(10, 10),
        total=Total(1, 10, 10),
        by_host={text: HostTotal(1, 10, 10)},
        assets=(asset,),
        error=text,
        findings=(Finding(text, text, 10, (text,)),),
        coverage=text,
        viewport=text,
    )


def assert_harmless(page: bytes) -> None:
    tree = LexborHTMLParser(page.decode())
    scripts = [node.attributes.get("src") or "" for node in tree.css("script")]
    assert len(scripts) == 1
    assert scripts[0].startswith("/static/live.js?v=")
    for node in tree.css("*"):
        for name, value in node.attributes.items():
            assert not name.startswith("on")
            assert name != "style"
            if name in ("href", "src", "action"):
                assert re.match(r"(https?://|[/#?])", value or "", re.IGNORECASE)
    assert not tree.css("img, iframe, object, embed, base, style")


@examples(75)
@given(hostile)
def test_nothing_of_a_weighed_page_becomes_markup_in_its_report(text: str) -> None:
    assert_harmless(HTML.page(hostile_report(text)))


@examples(75)
@given(hostile)
def test_nothing_of_a_weighed_page_becomes_markup_in_a_list(text: str) -> None:
    pages = PageList((summarize(hostile_report(text)),), next=text)
    assert_harmless(HTML.home(pages, Search(text, text, text, text)))


@examples(40)
@given(hostile)
def test_nothing_of_a_weighed_page_becomes_markup_where_one_looks_back(text: str) -> None:
    report = hostile_report(text)
    pages = PageList((summarize(report), summarize(report)))
    assert_harmless(HTML.history(history_view(text, pages)))
    assert_harmless(HTML.compare(compare_view(report, report)))
    assert_harmless(HTML.choose(report, pages.pages))


@examples(40)
@given(hostile)
def test_nothing_of_a_crash_becomes_markup_in_the_observer(text: str) -> None:
    sick = Node(text, 2, "worker", "quarantined", reason=text)
    tree = Node("libra", 1, "supervisor", "running", children=(sick,))
    now = datetime.now(UTC)
    lag = LoopLag(0, 0, 0, culprit=text)
    parts = {"database": Part("down", now, text)}
    health = Health("degraded", True, "1", now, parts, {}, 0, None, 1, lag)
    assert_harmless(HTML.observer(observer_view(health, tree)))


@given(hostile)
def test_nothing_that_was_typed_becomes_markup(text: str) -> None:
    assert_harmless(HTML.invalid(text, text))
    assert_harmless(HTML.problem(400, text, text))
    assert_harmless(HTML.login(then=text, name=None, wrong=text))
    assert_harmless(HTML.login(then=text, name=text, wrong=None))


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", " http://x", "//x", None]
)
def test_only_web_addresses_are_linked_to(url: str | None) -> None:
    assert safe_href(url) is None


def test_the_first_view_is_small() -> None:
    pages = PageList(tuple(summarize(hostile_report("https://example.com/")) for _ in range(20)))
    parts = [HTML.home(pages), *(file.content for file in HTML.files.values())]
    assert sum(len(compress(part, "gzip")[0]) for part in parts) < 20_000


def test_an_unfinished_page_renews_itself_without_scripts() -> None:
    report = Report(id="1", url="https://example.com/", status="fetching")
    page = HTML.page(report).decode()
    assert '<noscript><meta http-equiv="refresh"' in page
    assert 'data-events="/pages/1/events"' in page


def test_a_finished_page_stands_still() -> None:
    page = HTML.page(hostile_report("https://example.com/")).decode()
    assert "http-equiv" not in page
    assert "data-events" not in page
