"""The heart: orders, outcomes and sums, without any network."""

import random
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from libra.report import KINDS, Kind, Report, Total
from libra.weighing.options import Limits, Options
from libra.weighing.orders.orders import Fetch, Order, Outcome, Reading, Reference
from libra.weighing.roles import KIND_OF, Role
from libra.weighing.scripts.import_map import ImportMap
from libra.weighing.static.second_tries import SECOND_TRIES
from libra.weighing.static.step_queue import AT_ONCE
from libra.weighing.static.weighing import DEADLINE, Weighing
from support.examples import examples
from support.work import assert_linear, calls

PAGE = "https://example.com/"
BASE = Report(id="1", url=PAGE)


def record(weighing: Weighing, outcome: Outcome) -> list[Fetch]:
    """All orders that follow from an outcome."""
    orders = weighing.record(outcome)
    while weighing.more:
        orders += weighing.go_on()
    return fetches(orders)


def fetches(orders: list[Order]) -> list[Fetch]:
    found = [order for order in orders if isinstance(order, Fetch)]
    assert len(found) == len(orders)
    return found


def document(
    fetch: Fetch, *references: Reference, size: int = 100, has_icon: bool = True
) -> Outcome:
    """The document arrived whole and asks for these."""
    reading = Reading(references=list(references), title="Title", has_icon=has_icon)
    return arrived(fetch, size, reading=reading)


def arrived(fetch: Fetch, size: int = 10, *, reading: Reading | None = None) -> Outcome:
    return Outcome(
        fetch,
        http_status=200,
        transfer_bytes=size,
        resource_bytes=size * 2,
        whole=True,
        reading=reading,
    )


def redirected(fetch: Fetch, to: str) -> Outcome:
    return Outcome(
        fetch, http_status=302, transfer_bytes=3, resource_bytes=3, whole=True, redirect=to
    )


def failed(fetch: Fetch, error: str = "refused: nothing listens") -> Outcome:
    return Outcome(fetch, error=error)


def image(name: str, **flags: Any) -> Reference:
    return Reference(f"https://example.com/{name}", "image", **flags)


def begun(options: Options | None = None) -> tuple[Weighing, Fetch]:
    weighing = Weighing(PAGE, options or Options())
    (fetch,) = weighing.begin()
    return weighing, fetch


def require_sums_to_agree(report: Report) -> None:
    """The invariant: assets, kinds and hosts all add up to the total."""
    requested = [asset for asset in report.assets if asset.status != "skipped"]
    for parts in (report.by_kind.values(), report.by_host.values()):
        assert sum(part.requests for part in parts) == report.total.requests == len(requested)
        assert sum(part.transfer_bytes for part in parts) == report.total.transfer_bytes
        assert sum(part.resource_bytes for part in parts) == report.total.resource_bytes
    assert sum(asset.transfer_bytes for asset in report.assets) == report.total.transfer_bytes
    assert sum(asset.resource_bytes for asset in report.assets) == report.total.resource_bytes
    assert set(report.by_kind) == set(KINDS)
    for kind, total in report.by_kind.items():
        of_kind = [asset for asset in requested if asset.kind == kind]
        assert total.requests == len(of_kind)
        assert total.transfer_bytes == sum(asset.transfer_bytes for asset in of_kind)


def test_a_page_is_weighed_when_all_that_it_asks_for_has_arrived() -> None:
    weighing, fetch = begun()
    assert (weighing.pending, weighing.done) == (1, False)
    one, two = record(weighing, document(fetch, image("1"), image("2")))
    assert weighing.pending == 2
    assert record(weighing, arrived(one)) == []
    assert record(weighing, arrived(two)) == []
    report = weighing.report(BASE)
    assert weighing.done
    assert report.complete
    assert report.title == "Title"
    assert report.final_url == PAGE
    assert (report.total.requests, report.total.transfer_bytes, report.total.resource_bytes) == (
        3,
        120,
        240,
    )
    assert report.body.transfer_bytes == 100
    assert report.score is not None


def test_before_it_is_done_a_page_has_sums_but_no_score() -> None:
    weighing, fetch = begun()
    record(weighing, document(fetch, image("1")))
    report = weighing.report(BASE)
    assert (report.score, report.complete) == (None, False)
    assert [asset.status for asset in report.assets] == ["fetched", "pending"]
    require_sums_to_agree(report)


def test_what_is_asked_for_twice_is_fetched_once() -> None:
    weighing, fetch = begun()
    sheet = Reference("https://example.com/a.css", "stylesheet")
    orders = record(weighing, document(fetch, image("1"), sheet, image("1")))
    assert len(orders) == 2
    assert record(weighing, arrived(orders[1], reading=Reading([image("1"), image("2")]))) != []
    assert len(weighing.report(BASE).assets) == 4


def test_a_preload_and_its_consumer_are_one_request_read_as_the_consumer_needs() -> None:
    weighing, fetch = begun()
    url = "https://example.com/a.js"
    (order,) = record(weighing, document(fetch, Reference(url, "script"), Reference(url, "module")))
    assert order.reference.role == "module"


def test_what_is_lazy_is_listed_but_not_fetched_until_something_needs_it_now() -> None:
    weighing, fetch = begun()
    sheet = Reference("https://example.com/a.css", "stylesheet")
    (order,) = record(weighing, document(fetch, image("1", lazy=True), sheet))
    report = weighing.report(BASE)
    (lazy,) = (asset for asset in report.assets if asset.lazy)
    assert (lazy.status, lazy.transfer_bytes, report.total.requests) == ("skipped", 0, 2)
    (woken,) = record(weighing, arrived(order, reading=Reading([image("1")])))
    record(weighing, arrived(woken))
    report = weighing.report(BASE)
    assert [asset.status for asset in report.assets] == ["fetched"] * 3
    assert not any(asset.lazy for asset in report.assets)
    require_sums_to_agree(report)


def test_an_icon_is_implied_where_none_is_named() -> None:
    weighing, fetch = begun()
    reading = Reading(has_icon=False, import_map=ImportMap(fetch.url))
    (icon,) = record(weighing, arrived(fetch, reading=reading))
    assert (icon.url, icon.reference.kind) == ("https://example.com/favicon.ico", "image")
    weighing, fetch = begun()
    assert record(weighing, document(fetch, has_icon=True)) == []


def test_each_hop_of_a_redirect_is_an_asset_and_the_last_one_is_the_page() -> None:
    weighing, fetch = begun()
    (hop,) = record(weighing, redirected(fetch, "https://www.example.com/"))
    (last,) = record(weighing, redirected(hop, "https://www.example.com/home"))
    (asset,) = record(weighing, document(last, Reference("https://example.com/x.png", "image")))
    record(weighing, arrived(asset))
    report = weighing.report(BASE)
    assert report.final_url == "https://www.example.com/home"
    assert report.total.transfer_bytes == 3 + 3 + 100 + 10
    assert [asset.http_status for asset in report.assets] == [302, 302, 200, 200]
    assert report.body.transfer_bytes == 100


def test_first_and_third_party_are_judged_from_where_the_page_is_in_the_end() -> None:
    weighing = Weighing("https://short.example/x", Options())
    (fetch,) = weighing.begin()
    (last,) = record(weighing, redirected(fetch, PAGE))
    record(weighing, document(last))
    report = weighing.report(BASE)
    assert [asset.third_party for asset in report.assets] == [True, False]
    assert report.by_host["short.example"].third_party
    assert not report.by_host["example.com"].third_party


@pytest.mark.parametrize("limit", [0, 3, 10])
def test_redirects_end_at_their_limit(limit: int) -> None:
    weighing, fetch = begun(Options(limits=Limits(redirects=limit)))
    orders = [fetch]
    for n in range(50):
        if not orders:
            break
        orders = record(weighing, redirected(orders[0], f"{PAGE}{n}"))
    assert weighing.done
    assert weighing.failed is not None
    assert weighing.failed.startswith("redirect-loop: ")
    assert len(weighing.report(BASE).assets) == limit + 1


def test_a_redirect_to_where_one_has_been_is_a_loop() -> None:
    weighing, fetch = begun()
    (hop,) = record(weighing, redirected(fetch, f"{PAGE}a"))
    assert record(weighing, redirected(hop, PAGE)) == []
    assert weighing.failed == "redirect-loop: 2 redirects"


def test_a_redirect_back_is_followed_if_a_cookie_was_set_on_the_way() -> None:
    weighing, fetch = begun()
    with_cookie = msgspec.structs.replace(redirected(fetch, PAGE), set_cookies=True)
    (again,) = record(weighing, with_cookie)
    assert (again.url, again.hops, again.index) == (PAGE, (PAGE,), 1)
    assert record(weighing, document(again)) == []
    report = weighing.report(BASE)
    assert [(asset.url, asset.http_status) for asset in report.assets[:2]] == [
        (PAGE, 302),
        (PAGE, 200),
    ]
    assert weighing.failed is None
    require_sums_to_agree(report)


def test_a_redirect_back_with_a_cookie_each_time_ends_at_the_limit() -> None:
    weighing, fetch = begun(Options(limits=Limits(redirects=4)))
    orders = [fetch]
    while orders:
        with_cookie = msgspec.structs.replace(redirected(orders[0], PAGE), set_cookies=True)
        orders = record(weighing, with_cookie)
    assert weighing.failed == "redirect-loop: 5 redirects"
    assert len(weighing.report(BASE).assets) == 5


def test_a_redirect_is_asked_for_in_the_name_of_whoever_asked_first() -> None:
    weighing, fetch = begun()
    (hop,) = record(weighing, redirected(fetch, "https://other.example/"))
    assert (hop.initiator, hop.document) == (None, "")
    (part,) = record(weighing, document(hop, image("https://img.example/a.png"), has_icon=True))
    assert (part.document, part.same_site) == ("https://other.example", False)
    (moved,) = record(weighing, redirected(part, "https://other.example/b.png"))
    assert (moved.initiator, moved.document) == ("https://other.example/", "https://other.example")
    assert moved.same_site


def test_a_redirect_of_an_asset_that_ends_badly_fails_alone() -> None:
    weighing, fetch = begun()
    (asset,) = record(weighing, document(fetch, image("1")))
    assert record(weighing, redirected(asset, asset.url)) == []
    report = weighing.report(BASE)
    assert weighing.failed is None
    assert report.assets[1].error == "redirect-loop: 1 redirects"
    assert not report.complete


def test_fonts_modules_and_what_says_crossorigin_need_to_be_allowed_by_other_origins() -> None:
    weighing, fetch = begun()
    elsewhere = "https://elsewhere.example"
    orders = record(
        weighing,
        document(
            fetch,
            image("1"),
            Reference("https://example.com/2", "font"),
            Reference(f"{elsewhere}/3", "font"),
            Reference(f"{elsewhere}/4", "module"),
            Reference(f"{elsewhere}/5", "image"),
            Reference(f"{elsewhere}/6", "image", cors=True),
            Reference(f"{elsewhere}/7", "image", cors=True),
            Reference(f"{elsewhere}/7", "image"),
        ),
    )
    page = "https://example.com"
    assert [order.reader for order in orders] == ["", "", page, page, "", page, ""]


def test_own_headers_go_to_the_pages_origin_only() -> None:
    weighing, fetch = begun()
    assert fetch.own_origin
    orders = record(
        weighing,
        document(
            fetch,
            image("1"),
            Reference("http://example.com/2", "image"),
            Reference("https://example.com:8443/3", "image"),
            Reference("https://sub.example.com/4", "image"),
        ),
    )
    assert [order.own_origin for order in orders] == [True, False, False, False]


def test_a_document_that_cannot_be_had_fails_the_page_with_its_error() -> None:
    weighing, fetch = begun()
    assert record(weighing, failed(fetch, "dns: the name does not resolve")) == []
    report = weighing.report(BASE)
    assert weighing.done
    assert weighing.failed == report.error == "dns: the name does not resolve"
    assert (report.score, report.complete, report.final_url) == (None, False, None)


def test_a_document_of_an_error_fails_the_page_and_is_weighed() -> None:
    weighing, fetch = begun()
    outcome = Outcome(
        fetch,
        http_status=404,
        transfer_bytes=50,
        resource_bytes=50,
        whole=True,
        error="http: 404 Not Found",
    )
    assert record(weighing, outcome) == []
    assert weighing.failed == "http: 404 Not Found"
    assert weighing.report(BASE).total.transfer_bytes == 50


def test_a_document_cut_short_is_weighed_with_what_it_asked_for_so_far() -> None:
    weighing, fetch = begun()
    outcome = document(fetch, image("1"))
    outcome = msgspec.structs.replace(outcome, whole=False, error="cut-short: it ended early")
    (order,) = record(weighing, outcome)
    record(weighing, arrived(order))
    report = weighing.report(BASE)
    assert weighing.failed is None
    assert not report.complete
    assert report.error == "cut-short: it ended early"
    assert report.score is not None


def test_an_error_answer_to_an_asset_is_an_answer() -> None:
    weighing, fetch = begun()
    (order,) = record(weighing, document(fetch, image("1")))
    record(
        weighing,
        Outcome(
            order,
            http_status=404,
            transfer_bytes=9,
            resource_bytes=9,
            whole=True,
            error="http: 404",
        ),
    )
    report = weighing.report(BASE)
    assert report.assets[1].status == "failed"
    assert report.total.transfer_bytes == 109
    assert report.complete


@pytest.mark.parametrize("role", ["script", "module", "stylesheet", "font"])
def test_of_a_script_sheet_or_font_that_is_an_error_no_body_is_read(role: Role) -> None:
    weighing, fetch = begun()
    reference = Reference("https://example.com/gone", role)
    (order,) = record(weighing, document(fetch, reference))
    record(
        weighing,
        Outcome(order, http_status=404, transfer_bytes=9, resource_bytes=9, error="http: 404"),
    )
    assert weighing.report(BASE).total.transfer_bytes == 100


def test_what_is_denied_is_skipped_and_is_no_request() -> None:
    weighing, fetch = begun()
    (order,) = record(weighing, document(fetch, image("1")))
    record(weighing, Outcome(order, error="denied: not a public address", denied=True))
    report = weighing.report(BASE)
    assert (report.assets[1].status, report.total.requests, report.complete) == (
        "skipped",
        1,
        False,
    )
    require_sums_to_agree(report)


@pytest.mark.parametrize("error", ["refused: x", "dns: x", "unreachable: x", "disconnected: x"])
def test_what_could_not_be_reached_is_tried_once_more_at_the_end(error: str) -> None:
    weighing, fetch = begun()
    lost, other = record(weighing, document(fetch, image("lost"), image("other")))
    assert record(weighing, failed(lost, error)) == []
    assert weighing.pending == 1
    assert record(weighing, arrived(other)) == [lost]
    require_sums_to_agree(weighing.report(BASE))
    assert record(weighing, arrived(lost)) == []
    report = weighing.report(BASE)
    assert weighing.done
    assert report.complete
    assert report.total == Total(3, 120, 240)
    require_sums_to_agree(report)


def test_the_second_failure_is_the_last() -> None:
    weighing, fetch = begun()
    (lost,) = record(weighing, document(fetch, image("lost")))
    (again,) = record(weighing, failed(lost))
    assert record(weighing, failed(again, "dns: no such name")) == []
    assert weighing.done
    assert weighing.report(BASE).assets[1].error == "dns: no such name"


@pytest.mark.parametrize(
    "error", ["timeout: no response", "tls: x", "denied: x", "cut-short: x", "too-large: x"]
)
def test_what_was_reached_is_not_tried_again(error: str) -> None:
    weighing, fetch = begun()
    (lost,) = record(weighing, document(fetch, image("lost")))
    assert record(weighing, failed(lost, error)) == []
    assert weighing.done


def test_the_document_is_not_tried_again() -> None:
    weighing, fetch = begun()
    assert record(weighing, failed(fetch)) == []
    assert weighing.failed == "refused: nothing listens"


def test_a_style_sheet_is_tried_again_before_the_style_is_worked_out() -> None:
    weighing, fetch = begun()
    sheet, picture = record(
        weighing, document(fetch, Reference(f"{PAGE}a.css", "stylesheet"), image("1"))
    )
    assert record(weighing, failed(sheet)) == [sheet]
    assert record(weighing, arrived(picture)) == []
    assert weighing.pending == 1
    record(weighing, arrived(sheet))
    assert weighing.report(BASE).complete


def test_giving_up_says_why_a_part_was_not_reached() -> None:
    weighing, fetch = begun()
    lost, other = record(weighing, document(fetch, image("lost"), image("other")))
    record(weighing, failed(lost))
    weighing.give_up()
    assert [asset.error for asset in weighing.report(BASE).assets[1:]] == [
        "refused: nothing listens",
        DEADLINE,
    ]
    assert record(weighing, arrived(other)) == []


def test_only_so_many_are_tried_again() -> None:
    weighing, fetch = begun()
    images = [image(str(number)) for number in range(SECOND_TRIES + 5)]
    orders = record(weighing, document(fetch, *images))
    again = [order for lost in orders for order in record(weighing, failed(lost))]
    assert len(again) == SECOND_TRIES
    assert [order for lost in again for order in record(weighing, failed(lost))] == []
    assert weighing.done


def test_giving_up_fails_what_is_pending_and_ignores_what_still_comes() -> None:
    weighing, fetch = begun()
    one, two = record(weighing, document(fetch, image("1"), image("2")))
    record(weighing, arrived(one))
    weighing.give_up("timeout: the page's deadline passed")
    assert weighing.done
    assert record(weighing, arrived(two)) == []
    report = weighing.report(BASE)
    assert weighing.failed is None
    assert [asset.status for asset in report.assets] == ["fetched", "fetched", "failed"]
    assert (report.complete, report.error) == (False, "timeout: the page's deadline passed")
    assert report.total.transfer_bytes == 110


def test_giving_up_before_the_document_came_fails_the_page() -> None:
    weighing, _ = begun()
    weighing.give_up("timeout: the page's deadline passed")
    assert weighing.failed == "timeout: the page's deadline passed"


def test_giving_up_when_all_is_done_changes_nothing() -> None:
    weighing, fetch = begun()
    record(weighing, document(fetch))
    before = weighing.report(BASE)
    weighing.give_up("timeout: too late")
    assert weighing.report(BASE) == before


def test_more_assets_than_allowed_are_left_out_and_it_is_said() -> None:
    weighing, fetch = begun(Options(limits=Limits(assets=3)))
    orders = record(weighing, document(fetch, *(image(str(n)) for n in range(10))))
    for order in orders:
        record(weighing, arrived(order))
    report = weighing.report(BASE)
    assert len(report.assets) == 3
    assert not report.complete
    assert report.error == "too-many-assets: more than 3; 8 were left out"


def test_a_page_that_grows_too_heavy_is_not_followed_further() -> None:
    weighing, fetch = begun(Options(limits=Limits(page_bytes=1_000)))
    (sheet,) = record(
        weighing, document(fetch, Reference("https://example.com/a.css", "stylesheet"))
    )
    assert record(weighing, arrived(sheet, 2_000, reading=Reading([image("1")]))) == []
    report = weighing.report(BASE)
    assert report.error is not None
    assert report.error.startswith("page-too-large: more than 1,000 bytes")
    assert report.total.transfer_bytes == 2_100


@pytest.mark.parametrize(
    ("role", "limit"), [("frame", "frame_depth"), ("stylesheet", "import_depth")]
)
def test_nesting_ends_at_its_limit(role: Role, limit: str) -> None:
    weighing, fetch = begun(Options(limits=msgspec.structs.replace(Limits(), **{limit: 2})))
    orders = record(weighing, document(fetch, Reference(f"{PAGE}0", role)))
    depth = 0
    while orders:
        depth += 1
        reading = Reading([Reference(f"{PAGE}{depth}", role)])
        orders = record(weighing, arrived(orders[0], reading=reading))
    assert depth == 2 + (role == "stylesheet")
    assert (weighing.report(BASE).error or "").startswith("too-deep: ")


def test_an_object_counts_as_what_it_turns_out_to_be() -> None:
    weighing, fetch = begun()
    (order,) = record(weighing, document(fetch, Reference("https://example.com/o", "object")))
    assert weighing.report(BASE).by_kind["other"].requests == 1
    record(weighing, msgspec.structs.replace(arrived(order), kind="document"))
    report = weighing.report(BASE)
    assert (report.by_kind["other"].requests, report.by_kind["document"].requests) == (0, 2)
    require_sums_to_agree(report)


def video_of_two_sources() -> tuple[Weighing, Fetch]:
    weighing, fetch = begun()
    following = Reference("https://example.com/2", "media")
    first = Reference("https://example.com/1", "media", otherwise=(following,))
    (order,) = record(weighing, document(fetch, first))
    return weighing, order


@pytest.mark.parametrize(
    "answer",
    [
        {"http_status": 404, "transfer_bytes": 10},
        {"http_status": 200, "transfer_bytes": 10, "content_type": "text/html"},
        {"http_status": 200},
        {"error": "busy: the server asked for a pause of 99 s"},
    ],
    ids=["error", "page", "empty", "none"],
)
def test_where_a_source_cannot_play_the_next_one_is_tried(answer: dict[str, Any]) -> None:
    weighing, order = video_of_two_sources()
    (following,) = record(weighing, Outcome(order, **answer))
    assert following.url == "https://example.com/2"


@pytest.mark.parametrize(
    "error",
    [
        None,
        "too-large: more than 5 bytes",
        "timeout: the body did not end within 1 s",
        "cut-short: ",
    ],
)
def test_a_source_that_began_to_play_is_the_last(error: str | None) -> None:
    weighing, order = video_of_two_sources()
    playing = msgspec.structs.replace(arrived(order), error=error, content_type="video/mp4")
    assert record(weighing, playing) == []


def test_what_is_asked_for_by_two_elements_has_the_alternatives_of_both() -> None:
    weighing, fetch = begun()
    both = [Reference("https://example.com/1", "media", otherwise=(image(name),)) for name in "23"]
    (order,) = record(weighing, document(fetch, *both))
    alternatives = record(weighing, Outcome(order, http_status=404))
    assert [order.url for order in alternatives] == [
        "https://example.com/2",
        "https://example.com/3",
    ]


def test_thousands_of_references_are_taken_in_linear_time() -> None:
    def prepare(size: int) -> Callable[[], object]:
        weighing, fetch = begun()
        outcome = document(fetch, *(image(str(n)) for n in range(size)))

        def record() -> None:
            orders = weighing.record(outcome)
            while weighing.more:
                orders += weighing.go_on()
            assert len(orders) == size

        return record

    assert calls(prepare(4_000)) < 10 * calls(prepare(500))
    assert_linear(prepare, 4_000)


ROLES: list[Role] = list(KIND_OF)
HOSTS = ["example.com", "www.example.com", "cdn.example", "example.com:8443", "127.0.0.1", "[::1]"]
references = st.builds(
    Reference,
    st.builds("https://{}/{}".format, st.sampled_from(HOSTS), st.integers(0, 12)),
    st.sampled_from(ROLES),
    lazy=st.booleans(),
    conditional=st.booleans(),
)


class AnyOrderOfOutcomes(RuleBasedStateMachine):
    """Whatever comes, in whatever order: the sums agree at every moment, and it ends."""

    @initialize(assets=st.integers(1, 30), page_bytes=st.sampled_from([50, 10**9]))
    def begin(self, assets: int, page_bytes: int) -> None:
        limits = Limits(assets=assets, page_bytes=page_bytes, redirects=3)
        self.weighing = Weighing(PAGE, Options(limits=limits))
        self.orders = self.weighing.begin()
        self.given = len(self.orders)

    def take(self, orders: Iterable[Fetch]) -> None:
        new = list(orders)
        self.orders += new
        self.given += len(new)

    @precondition(lambda self: self.orders)
    @rule(
        data=st.data(),
        found=st.lists(references, max_size=6),
        transfer=st.integers(0, 100),
        resource=st.integers(0, 100),
        status=st.sampled_from([None, 200, 404]),
        error=st.sampled_from([None, "cut-short: x"]),
        kind=st.sampled_from([None, *KINDS]),
        denied=st.booleans(),
    )
    def an_outcome_arrives(
        self,
        data: st.DataObject,
        found: list[Reference],
        transfer: int,
        resource: int,
        status: int | None,
        error: str | None,
        kind: Kind | None,
        denied: bool,
    ) -> None:
        order = self.orders.pop(data.draw(st.integers(0, len(self.orders) - 1)))
        if status is None or denied:
            outcome = Outcome(order, error="refused: x", denied=denied and order.hops == ())
        else:
            outcome = Outcome(
                order, http_status=status, transfer_bytes=transfer, resource_bytes=resource, error=error,
                kind=kind, whole=error is None, reading=Reading(found),
            )  # fmt: skip
        self.take(record(self.weighing, outcome))
        assert record(self.weighing, outcome) == [], "an outcome counts once"

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), to=references)
    def a_redirect_arrives(self, data: st.DataObject, to: Reference) -> None:
        order = self.orders.pop(data.draw(st.integers(0, len(self.orders) - 1)))
        self.take(record(self.weighing, redirected(order, to.url)))

    @precondition(lambda self: self.orders)
    @rule()
    def it_is_given_up(self) -> None:
        self.weighing.give_up("timeout: x")
        for order in self.orders:
            assert record(self.weighing, arrived(order)) == []
        self.orders = []

    @rule()
    def it_is_read(self) -> None:
        self.weighing.report(BASE)

    @invariant()
    def the_sums_agree(self) -> None:
        if not hasattr(self, "weighing"):
            return
        report = self.weighing.report(BASE)
        require_sums_to_agree(report)
        assert self.weighing.pending == len(self.orders)
        assert self.weighing.done == (not self.orders)
        assert len(report.assets) <= self.weighing.options.limits.assets
        assert len({asset.url for asset in report.assets}) == len(report.assets)
        assert not (report.complete and any(asset.status == "pending" for asset in report.assets))


TestAnyOrderOfOutcomes = AnyOrderOfOutcomes.TestCase
TestAnyOrderOfOutcomes.settings = examples(40)


@given(st.lists(references, max_size=30))
def test_a_document_with_any_references_gives_each_url_one_order(found: list[Reference]) -> None:
    weighing, fetch = begun()
    orders = record(weighing, document(fetch, *found))
    urls = [order.url for order in orders]
    assert len(urls) == len(set(urls))
    eager = {reference.url for reference in found if not reference.lazy} - {PAGE}
    assert set(urls) == eager


@given(st.integers(0, 4 * AT_ONCE), st.integers(0, 2**32))
def test_what_a_large_document_names_is_ordered_in_pieces_and_in_its_order(
    size: int, seed: int
) -> None:
    """Whatever arrives in between, nothing is lost, and a style waits for the last of it."""
    chance = random.Random(seed)
    weighing, fetch = begun()
    urls = [f"https://example.com/{n}" for n in range(size)]
    reading = Reading(
        [image(str(n)) for n in range(size)], has_icon=False, import_map=ImportMap(fetch.url)
    )
    waiting = fetches(weighing.record(arrived(fetch, reading=reading)))
    ordered = list(waiting)
    turns = 0
    while waiting or weighing.more:
        assert not weighing.done
        if weighing.more and (not waiting or chance.random() < 0.5):
            found = fetches(weighing.go_on())
            turns += 1
        else:
            arrival = arrived(waiting.pop(chance.randrange(len(waiting))))
            found = fetches(weighing.record(arrival))
        assert len(found) <= AT_ONCE
        ordered += found
        waiting += found
    assert weighing.done
    assert turns <= 1 + (size + 1) // AT_ONCE
    assert [order.url for order in ordered] == [*urls, "https://example.com/favicon.ico"]
    assert [asset.url for asset in weighing.report(BASE).assets][1:] == [o.url for o in ordered]


def test_a_page_that_is_given_up_names_what_it_had_no_time_to_order() -> None:
    weighing, fetch = begun()
    ordered = weighing.record(document(fetch, *(image(str(n)) for n in range(3 * AT_ONCE))))
    assert len(ordered) == AT_ONCE
    weighing.give_up()
    assert weighing.done
    assert not weighing.more
    assert weighing.go_on() == []
    assets = weighing.report(BASE).assets
    assert len(assets) == 1 + 3 * AT_ONCE
    assert {asset.error for asset in assets[1:]} == {DEADLINE}


def test_the_start_of_a_request_is_told_from_that_of_the_page() -> None:
    weighing, fetch = begun()
    page = msgspec.structs.replace(document(fetch, image("a.png")), started=1000.0)
    (asset,) = record(weighing, page)
    record(weighing, msgspec.structs.replace(arrived(asset), started=1000.25))
    assert [asset.started_ms for asset in weighing.report(BASE).assets] == [0, 250]
