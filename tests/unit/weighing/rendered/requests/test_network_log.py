"""A browser's events become the assets of a report, with the right sizes and sums that always agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.report import Asset
from libra.weighing.rendered.requests.assets import assets_of, sums_of
from libra.weighing.rendered.requests.network_log import NetworkLog

PAGE = "https://example.com/"


class Browser:
    """Sends the events of requests, as a browser would."""

    def __init__(self) -> None:
        self.now = 0.0
        self.recording = NetworkLog(lambda: self.now)
        self.recording.main_frame = "main"

    def take(self, name: str, event: Mapping[str, Any]) -> None:
        self.now += 0.01
        self.recording.take(f"Network.{name}", event)

    def ask(
        self, at: str, url: str, type_: str = "Image", *, frame: str = "main", **more: Any
    ) -> None:
        request = {"url": url, "method": "GET"}
        event = {"requestId": at, "request": request, "type": type_, "frameId": frame, **more}
        self.take("requestWillBeSent", event)

    def answer(
        self,
        at: str,
        status: int = 200,
        type_: str = "Image",
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        response = {"status": status, "headers": headers or {}, "encodedDataLength": 100, **more}
        self.take("responseReceived", {"requestId": at, "type": type_, "response": response})

    def data(self, at: str, decoded: int, encoded: int = 0) -> None:
        self.take(
            "dataReceived", {"requestId": at, "dataLength": decoded, "encodedDataLength": encoded}
        )

    def finish(self, at: str, whole: int) -> None:
        self.take("loadingFinished", {"requestId": at, "encodedDataLength": whole})

    def fail(self, at: str, **more: Any) -> None:
        self.take("loadingFailed", {"requestId": at, "errorText": "net::ERR_FAILED", **more})

    def assets(self, failures: Mapping[str, str] | None = None) -> list[Asset]:
        return list(assets_of(self.recording.entries, "example.com", failures or {}))


@pytest.fixture
def browser() -> Browser:
    return Browser()


def test_the_transfer_size_is_what_arrived_without_the_head(browser: Browser) -> None:
    browser.ask("1", PAGE, "Document")
    browser.answer("1", 200, "Document", {"Content-Encoding": "br", "Content-Type": "TEXT/html; x"})
    browser.data("1", 5_000, 0)
    browser.finish("1", 1_100)
    (asset,) = browser.assets()
    assert (asset.transfer_bytes, asset.resource_bytes) == (1_000, 5_000)
    assert (asset.kind, asset.status, asset.http_status) == ("document", "fetched", 200)
    assert (asset.content_type, asset.encoding) == ("text/html", "br")
    assert asset.duration_ms == 30


def test_a_finish_that_leaves_out_the_head_is_not_taken_for_a_shorter_body(
    browser: Browser,
) -> None:
    browser.ask("1", PAGE + "broken.png")
    browser.answer("1")
    browser.data("1", 5_000)
    browser.finish("1", 5_000)
    assert browser.assets()[0].transfer_bytes == 5_000


def test_a_body_without_an_encoding_is_no_shorter_on_the_wire_than_decoded(
    browser: Browser,
) -> None:
    browser.ask("1", PAGE + "a.woff2", "Font")
    browser.answer("1", 200, "Font")
    browser.data("1", 76_084, 51_000)
    browser.finish("1", 51_719)
    assert browser.assets()[0].transfer_bytes == 76_084


def test_each_redirect_is_an_asset(browser: Browser) -> None:
    browser.ask("1", "http://example.com/", "Document")
    moved = {"status": 301, "headers": {"Location": PAGE}, "encodedDataLength": 200}
    browser.ask("1", PAGE, "Document", redirectResponse=moved)
    browser.answer("1", 200, "Document")
    browser.finish("1", 600)
    first, second = browser.assets()
    assert (first.url, first.http_status, first.transfer_bytes) == ("http://example.com/", 301, 0)
    assert (second.url, second.transfer_bytes, second.initiator) == (PAGE, 500, first.url)
    document = browser.recording.document()
    assert document is not None
    assert document.url == PAGE


def test_what_comes_from_the_cache_or_never_left_the_page_is_no_request(browser: Browser) -> None:
    browser.ask("1", PAGE + "a.png")
    browser.take("requestServedFromCache", {"requestId": "1"})
    browser.ask("2", PAGE + "b.png")
    browser.answer("2", fromDiskCache=True)
    browser.ask("3", "data:image/png;base64,AAAA")
    browser.ask("4", "blob:https://example.com/1-2-3")
    browser.finish("1", 0)
    browser.finish("3", 0)
    assert browser.assets() == []


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"errorText": "net::ERR_CONNECTION_RESET"}, "disconnected: the connection was reset"),
        ({"errorText": "net::ERR_CERT_DATE_INVALID"}, "tls: the certificate is not valid"),
        ({"errorText": "net::ERR_ODD"}, "browser: net::ERR_ODD"),
        ({"errorText": "net::ERR_ABORTED", "canceled": True}, "aborted: the page cancelled it"),
        (
            {"corsErrorStatus": {"corsError": "MissingAllowOriginHeader"}},
            "cors: the server does not let this page read it",
        ),
    ],
)
def test_failures_have_the_names_that_reports_use(
    browser: Browser, event: Mapping[str, Any], error: str
) -> None:
    browser.ask("1", PAGE + "x.js", "Script")
    browser.fail("1", **event)
    assert [(a.status, a.error) for a in browser.assets()] == [("failed", error)]


def test_what_the_pages_own_rules_block_was_never_requested(browser: Browser) -> None:
    browser.ask("1", PAGE + "x.js", "Script")
    browser.fail("1", blockedReason="csp")
    (asset,) = browser.assets()
    assert asset.status == "skipped"
    assert (asset.error or "").startswith("blocked: csp")
    assert sums_of((asset,))[0].requests == 0


def test_the_proxys_reason_is_better_than_the_browsers(browser: Browser) -> None:
    browser.ask("1", "http://inner.example/x.png")
    browser.fail("1", errorText="net::ERR_EMPTY_RESPONSE")
    browser.ask("2", "https://down.example:8443/x.png")
    browser.fail("2", errorText="net::ERR_TUNNEL_CONNECTION_FAILED")
    failures = {
        "inner.example:80": "denied: address not allowed",
        "down.example:8443": "refused: nothing listens at that address",
    }
    denied, refused = browser.assets(failures)
    assert (denied.status, denied.error) == ("skipped", "denied: address not allowed")
    assert (refused.status, refused.error) == ("failed", failures["down.example:8443"])


def test_an_answer_that_came_is_not_denied_afterwards(browser: Browser) -> None:
    browser.ask("1", "http://inner.example/x.png")
    browser.answer("1", 404)
    browser.finish("1", 150)
    failures = {"inner.example:80": "denied: address not allowed"}
    assert browser.assets(failures)[0].error == "http: 404 Not Found"


def test_a_player_that_has_enough_for_now_has_not_failed(browser: Browser) -> None:
    browser.ask("1", PAGE + "film.mp4", "Media")
    browser.answer("1", 206, "Media")
    browser.data("1", 70_000)
    browser.fail("1", canceled=True)
    (asset,) = browser.assets()
    assert (asset.status, asset.transfer_bytes, asset.kind) == ("fetched", 70_000, "media")


def test_icons_are_images_although_nobody_named_their_type(browser: Browser) -> None:
    for at, content_type in (("1", "image/x-icon"), ("2", "text/html")):
        browser.ask(at, PAGE + f"{at}.ico", "Other")
        browser.answer(at, 200, "Other", {"content-type": content_type})
        browser.finish(at, 200)
    assert [asset.kind for asset in browser.assets()] == ["image", "other"]


def test_a_frames_document_is_not_the_pages(browser: Browser) -> None:
    browser.ask("1", PAGE, "Document")
    browser.ask("2", PAGE + "frame", "Document", frame="other")
    document = browser.recording.document()
    assert document is not None
    assert document.url == PAGE


def test_who_asked_is_found_in_the_stack_of_a_script(browser: Browser) -> None:
    stack = {"callFrames": [{"url": ""}], "parent": {"callFrames": [{"url": PAGE + "app.js#x"}]}}
    browser.ask("1", PAGE + "a.json", "Fetch", initiator={"type": "script", "stack": stack})
    browser.ask("2", PAGE + "b.png", documentURL=PAGE)
    browser.ask("3", PAGE, "Document", documentURL=PAGE)
    assert [a.initiator for a in browser.assets()] == [PAGE + "app.js", PAGE, None]


def test_only_what_is_young_and_ends_is_waited_for(browser: Browser) -> None:
    browser.ask("1", PAGE + "a.png")
    browser.ask("2", PAGE + "events", "EventSource")
    browser.ask("3", PAGE + "film.mp4", "Media")
    assert browser.recording.in_flight(20.0) == 1
    browser.now = 30.0
    assert browser.recording.in_flight(20.0) == 0
    assert browser.recording.in_flight(float("inf")) == 1


def test_giving_up_keeps_what_has_arrived_and_says_what_is_missing(browser: Browser) -> None:
    browser.ask("1", PAGE + "never.png")
    browser.ask("2", PAGE + "half.js", "Script")
    browser.answer("2", 200, "Script")
    browser.data("2", 400)
    browser.ask("3", PAGE + "events", "EventSource")
    browser.recording.give_up(None, 20.0)
    assert [(a.status, a.error, a.transfer_bytes) for a in browser.assets()] == [
        ("failed", "timeout: no response within 20 s", 0),
        ("failed", "timeout: the body did not end within 20 s", 400),
        ("fetched", None, 0),
    ]


def test_the_script_of_a_worker_gets_its_sizes_from_elsewhere(browser: Browser) -> None:
    browser.ask("1", PAGE + "worker.js", "Script")
    browser.recording.end_unseen(PAGE + "worker.js")
    (entry,) = browser.recording.entries
    assert entry.unseen
    assert browser.recording.in_flight(20.0) == 0
    browser.recording.end(entry, 300, 900)
    browser.recording.add(PAGE + "part.js", "Script", 200, 50, 80, {"content-encoding": "gzip"})
    sizes = [(a.transfer_bytes, a.resource_bytes, a.kind) for a in browser.assets()]
    assert sizes == [(300, 900, "script"), (50, 80, "script")]


def test_the_script_of_a_shared_worker_is_what_the_proxy_saw(browser: Browser) -> None:
    browser.ask("1", PAGE + "shared.js", "Script")
    browser.ask("2", PAGE + "slow.js", "Script")
    # A script of the page's own, of which the browser will tell.
    browser.ask("3", PAGE + "own.js", "Script", loaderId="page")
    browser.recording.end_silent_scripts(
        {PAGE + "shared.js": 70, PAGE + "other.js": 5, PAGE + "own.js": 9}
    )
    assert [(a.status, a.transfer_bytes) for a in browser.assets()] == [
        ("fetched", 70),
        ("pending", 0),
        ("pending", 0),
    ]


class Counted(Browser):
    """A browser whose page may ask for three things."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped = 0
        self.recording = NetworkLog(lambda: self.now, 3, self.stop)

    def stop(self) -> None:
        self.stopped += 1


def test_a_page_gets_as_many_assets_as_it_may_and_is_stopped_at_the_next() -> None:
    browser = Counted()
    for n in range(3):
        browser.ask(str(n), f"https://example.com/{n}")
    assert (browser.recording.full, browser.stopped) == (False, 0)
    for n in range(3, 9):
        browser.ask(str(n), f"https://example.com/{n}")
    assert (browser.recording.full, browser.stopped) == (True, 1)
    assert [asset.url[-1] for asset in browser.assets()] == ["0", "1", "2"]


def test_redirects_and_what_workers_ask_for_count_as_well() -> None:
    browser = Counted()
    browser.ask("1", "https://example.com/1")
    browser.ask("1", "https://example.com/2", redirectResponse={"status": 302, "headers": {}})
    assert browser.recording.begin_of_worker("https://example.com/3", "Fetch", "GET", None)
    assert not browser.recording.full
    assert not browser.recording.count_unseen()
    assert browser.recording.begin_of_worker("https://example.com/5", "Fetch", "GET", None) is None
    assert (len(browser.assets()), browser.stopped) == (3, 1)


def test_what_the_cache_has_is_no_asset_but_is_not_asked_for_endlessly() -> None:
    browser = Counted()
    for n in range(30):
        assert not browser.recording.full
        browser.ask(str(n), "https://example.com/same.png")
        browser.take("requestServedFromCache", {"requestId": str(n)})
    browser.ask("31", "https://example.com/same.png")
    assert (browser.recording.full, browser.stopped) == (True, 1)


def test_a_page_that_asks_for_nothing_of_the_network_is_stopped_some_time_too() -> None:
    browser = Counted()
    for n in range(31):
        assert not browser.recording.full
        browser.ask(str(n), f"data:text/plain,{n}")
    assert (browser.recording.full, browser.stopped) == (True, 1)


def test_what_is_asked_for_once_the_page_is_done_does_not_count(browser: Browser) -> None:
    browser.ask("1", PAGE, "Document")
    browser.answer("1", 200, "Document")
    browser.finish("1", 600)
    browser.recording.rest()
    browser.ask("2", PAGE + "late.png")
    assert browser.recording.begin_of_worker(PAGE + "later.js", "Script", "GET", None) is None
    browser.recording.give_up(None, 20.0)
    assert [(asset.url, asset.error) for asset in browser.assets()] == [(PAGE, None)]


URLS = st.sampled_from(
    [PAGE, PAGE + "a", "http://b.example/", "https://c.example:8443/x#y", "data:,x", "blob:x"]
)
IDS = st.sampled_from("123")
SIZES = st.integers(-1, 10_000)
STEPS = st.one_of(
    st.tuples(st.just("ask"), IDS, URLS, st.sampled_from(["Document", "Image", "Media", "XHR"])),
    st.tuples(st.just("hop"), IDS, URLS),
    st.tuples(st.just("answer"), IDS, st.sampled_from([0, 200, 206, 304, 404])),
    st.tuples(st.just("data"), IDS, SIZES, SIZES),
    st.tuples(st.just("finish"), IDS, SIZES),
    st.tuples(st.just("fail"), IDS, st.booleans()),
    st.tuples(st.just("cached"), IDS),
    st.tuples(st.just("worker"), URLS),
)


@given(st.lists(STEPS, max_size=40), st.booleans())
def test_whatever_happens_the_sums_agree(steps: list[Any], gives_up: bool) -> None:
    browser = Browser()
    for what, *rest in steps:
        if what == "ask":
            browser.ask(rest[0], rest[1], rest[2])
        elif what == "hop":
            browser.ask(rest[0], rest[1], redirectResponse={"status": 302})
        elif what == "answer":
            browser.answer(rest[0], rest[1])
        elif what == "data":
            browser.data(*rest)
        elif what == "finish":
            browser.finish(*rest)
        elif what == "fail":
            browser.fail(rest[0], canceled=rest[1])
        elif what == "cached":
            browser.take("requestServedFromCache", {"requestId": rest[0]})
        else:
            browser.recording.end_unseen(rest[0])
    if gives_up:
        browser.recording.give_up("timeout: x", 20.0)
        assert browser.recording.in_flight(1e9) == 0
    assets = tuple(browser.assets({"b.example:80": "denied: address not allowed"}))
    total, kinds, hosts = sums_of(assets)
    for sums in (kinds.values(), hosts.values()):
        assert sum(each.requests for each in sums) == total.requests
        assert sum(each.transfer_bytes for each in sums) == total.transfer_bytes
        assert sum(each.resource_bytes for each in sums) == total.resource_bytes
    assert total.transfer_bytes == sum(asset.transfer_bytes for asset in assets)
    assert all(asset.transfer_bytes >= 0 <= asset.resource_bytes for asset in assets)
    assert gives_up <= all(asset.status != "pending" for asset in assets)
