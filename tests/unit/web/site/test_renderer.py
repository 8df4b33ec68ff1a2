"""Titles, addresses, types and errors are attackers' text: none of it may become markup."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from libra.app import PageList, UrlList, UrlSummary
from libra.formats.converting import arrange_comparison, arrange_page
from libra.observability.health import Health, LoopLag, Node, NodeHealth, Part
from libra.report import Asset, Bytes, Finding, HostTotal, Report, Total, summarize
from libra.web.http.compression import compress
from libra.web.requests.weigh_form import WeighForm
from libra.web.site.history_view import history_view
from libra.web.site.observer_view import observer_view
from libra.web.site.renderer import Renderer
from libra.web.site.templates import safe_href
from libra.web.site.url_list_view import Lists, Search
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
    assert_harmless(HTML.page(arrange_page(hostile_report(text))))


@examples(75)
@given(hostile)
def test_nothing_of_a_weighed_page_becomes_markup_in_a_list(text: str) -> None:
    pages = PageList((summarize(hostile_report(text)),), next=text)
    search = Search(text, text, text, text, text, tag=text)
    assert_harmless(HTML.home(Lists.of_pages(pages), search))
    newest = summarize(hostile_report(text))
    urls = UrlList((UrlSummary(newest, (1, 2)), UrlSummary(newest)), next=text)
    for grouped in (True, False):
        lists = Lists.of_urls(urls, {newest.url: "ok"}, tags=(text,), grouped=grouped)
        assert_harmless(HTML.home(lists, Search(text=text, tag=text)))


@examples(40)
@given(hostile)
def test_nothing_of_a_weighed_page_becomes_markup_where_one_looks_back(text: str) -> None:
    report = hostile_report(text)
    pages = PageList((summarize(report), summarize(report)))
    assert_harmless(HTML.history(history_view(text, pages)))
    assert_harmless(HTML.compare(arrange_comparison(report, report)))
    assert_harmless(HTML.choose(report, pages.pages))


@examples(40)
@given(hostile)
def test_nothing_of_a_crash_becomes_markup_in_the_observer(text: str) -> None:
    sick = Node(text, 2, "worker", "quarantined", reason=text)
    tree = Node("libra", 1, "supervisor", "running", children=(sick,))
    now = datetime.now(UTC)
    lag = LoopLag(0, 0, 0, culprit=text)
    parts = {"database": Part("down", now, text)}
    other = NodeHealth(text, text, text, 1, 2, 9.0, 0.0, 1, 0, 0, text)
    health = Health("degraded", True, "1", now, parts, {}, 0, None, 1, lag, nodes=(other,))
    view = observer_view(health, tree, {text: text}, {text: tree})
    assert_harmless(HTML.observer(view))


@given(hostile)
def test_nothing_that_was_typed_becomes_markup(text: str) -> None:
    asked = WeighForm({"url": text, "urls": text, "method": text, "viewport": text}, text)
    assert_harmless(HTML.invalid(asked))
    assert_harmless(HTML.invalid(asked.refused_in_part(1, [(text, text)])))
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
    files = [HTML.files[name].content for name in ("style.css", "live.js")]
    parts = [HTML.home(Lists.of_pages(pages)), *files]
    assert sum(len(compress(part, "gzip")[0]) for part in parts) < 20_000


def test_an_unfinished_page_renews_itself_without_scripts() -> None:
    report = Report(id="1", url="https://example.com/", status="fetching")
    page = HTML.page(arrange_page(report)).decode()
    assert '<noscript><meta http-equiv="refresh"' in page
    assert 'data-events="/pages/1/events"' in page


def test_what_is_being_weighed_is_offered_neither_again_nor_for_comparison() -> None:
    report = Report(id="1", url="https://example.com/", status="weighing")
    for status in ("weighing", "weighed"):
        page = HTML.page(arrange_page(msgspec.structs.replace(report, status=status))).decode()
        assert ("Weigh again" in page) == (status == "weighed")
        assert ("/compare?b=1" in page) == (status == "weighed")
    crashed = msgspec.structs.replace(report, error="quarantined: it crashed")
    assert "Weigh again" in HTML.page(arrange_page(crashed)).decode()


def test_people_are_told_which_parameter_is_wrong() -> None:
    page = HTML.problem(400, "Bad Request", "`errors` names it.", ("range: <x> is none",)).decode()
    assert "<li>range: &lt;x&gt; is none</li>" in page
    assert "names it" not in page
    assert "<code>a</code>" in HTML.problem(404, "Not Found", "`a`").decode()


def test_a_finished_page_stands_still() -> None:
    page = HTML.page(arrange_page(hostile_report("https://example.com/"))).decode()
    assert "http-equiv" not in page
    assert "data-events" not in page
