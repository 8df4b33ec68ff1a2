"""Reports as HAR 1.2.

The structures below are the format as its specification describes it, with what must be there and
what type it has; fields whose name begins with an underscore are free.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import structs

from libra.formats import to_har
from libra.report import Finding, Report, Score
from libra.report import Timings as Steps
from support.samples import PAGE, asset, failed, hostile, ordinary, partial, weighed

OrUnknown = Annotated[float, msgspec.Meta(ge=-1)]
Known = Annotated[float, msgspec.Meta(ge=0)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class NameValue(msgspec.Struct, rename="camel"):
    name: str
    value: str
    comment: str = ""


class Cookie(NameValue): ...


class Creator(msgspec.Struct, rename="camel"):
    name: str
    version: str


class PageTimings(msgspec.Struct, rename="camel"):
    on_content_load: OrUnknown = -1
    on_load: OrUnknown = -1
    comment: str = ""


class Page(msgspec.Struct, rename="camel"):
    started_date_time: Moment
    id: str
    title: str
    page_timings: PageTimings
    comment: str = ""


class Request(msgspec.Struct, rename="camel"):
    method: str
    url: str
    http_version: str
    cookies: list[Cookie]
    headers: list[NameValue]
    query_string: list[NameValue]
    headers_size: Annotated[int, msgspec.Meta(ge=-1)]
    body_size: Annotated[int, msgspec.Meta(ge=-1)]


class Content(msgspec.Struct, rename="camel"):
    size: int
    mime_type: str
    compression: int = 0
    text: str = ""


class Response(msgspec.Struct, rename="camel"):
    status: int
    status_text: str
    http_version: str
    cookies: list[Cookie]
    headers: list[NameValue]
    content: Content
    redirect_url: str = msgspec.field(name="redirectURL")
    headers_size: Annotated[int, msgspec.Meta(ge=-1)]
    body_size: Annotated[int, msgspec.Meta(ge=-1)]


class Timings(msgspec.Struct, rename="camel"):
    send: Known
    wait: Known
    receive: Known
    dns: OrUnknown = -1
    connect: OrUnknown = -1
    blocked: OrUnknown = -1
    ssl: OrUnknown = -1
    comment: str = ""


class Entry(msgspec.Struct, rename="camel"):
    started_date_time: Moment
    time: Known
    request: Request
    response: Response
    cache: dict[str, object]
    timings: Timings
    pageref: str | None = None
    comment: str = ""


class Log(msgspec.Struct, rename="camel"):
    version: Literal["1.2"]
    creator: Creator
    pages: list[Page]
    entries: list[Entry]


class Har(msgspec.Struct, rename="camel"):
    log: Log


def _read(*reports: Report) -> Log:
    return msgspec.json.decode(to_har(reports), type=Har).log


@pytest.mark.parametrize("report", [ordinary(), partial(), hostile(), failed()])
def test_every_report_makes_a_valid_archive(report: Report) -> None:
    log = _read(report)
    assert len(log.entries) == sum(asset.status != "skipped" for asset in report.assets)
    assert sum(entry.response.body_size for entry in log.entries) == report.total.transfer_bytes


def test_only_names_of_the_format_or_with_an_underscore_are_used() -> None:
    shapes = {
        "log": Log, "pages": Page, "entries": Entry, "request": Request, "response": Response,
        "content": Content, "timings": Timings, "pageTimings": PageTimings, "creator": Creator,
        "queryString": NameValue, "headers": NameValue,
    }  # fmt: skip

    def walk(name: str, value: object) -> None:
        if isinstance(value, list):
            for item in value:
                walk(name, item)
        elif isinstance(value, dict):
            for key, item in value.items():
                if name in shapes and not key.startswith("_"):
                    assert key in shapes[name].__struct_encode_fields__, f"{name}.{key}"
                walk(key, item)

    walk("har", json.loads(to_har([ordinary(), hostile()])))


def test_entries_belong_to_their_page() -> None:
    log = _read(ordinary(), failed())
    assert [page.id for page in log.pages] == ["page_1", "page_2"]
    assert [entry.pageref for entry in log.entries] == ["page_1"] * 5 + ["page_2"]


def test_sizes_keep_their_meaning() -> None:
    response = _read(ordinary()).entries[0].response
    assert response.body_size == 45_896
    assert response.content.size == 3 * 45_896
    assert response.content.compression == response.content.size - response.body_size


def test_the_time_of_an_entry_is_the_sum_of_its_parts() -> None:
    for entry in _read(ordinary()).entries:
        timings = entry.timings
        assert entry.time == timings.send + timings.wait + timings.receive


def test_queries_are_taken_apart() -> None:
    query = _read(ordinary()).entries[1].request.query_string
    assert [(item.name, item.value) for item in query] == [("a", "1"), ("b", "")]


def test_a_request_without_an_answer_has_status_0_and_its_error() -> None:
    entry = json.loads(to_har([partial()]))["log"]["entries"][1]
    assert entry["response"]["status"] == 0
    assert entry["_error"] == "timeout: no response within 20 s"


def test_a_status_that_nobody_knows_has_no_words() -> None:
    report = ordinary()
    odd = msgspec.structs.replace(report.assets[0], http_status=799)
    log = _read(msgspec.structs.replace(report, assets=(odd,)))
    assert (log.entries[0].response.status, log.entries[0].response.status_text) == (799, "")


def test_each_entry_starts_when_its_request_did() -> None:
    page = asset(PAGE, "document", 10, started_ms=0, duration_ms=40)
    part = asset(f"{PAGE}a.js", "script", 10, started_ms=55, duration_ms=5)
    finished = datetime(2025, 3, 1, 12, 0, 9, 812_000, tzinfo=UTC)
    # It had waited for its turn for nine seconds.
    report = weighed([page, part], finished_at=finished, duration_ms=812)
    log = _read(report)
    began = datetime(2025, 3, 1, 12, 0, 9, tzinfo=UTC)
    assert log.pages[0].started_date_time == began
    assert [entry.started_date_time - began for entry in log.entries] == [
        timedelta(0),
        timedelta(milliseconds=55),
    ]


def test_an_entry_says_so_when_its_start_is_not_known() -> None:
    (entry,) = _read(failed()).entries
    assert entry.comment == "startedDateTime is that of the page"


def test_a_redirect_names_where_it_led() -> None:
    first, second = f"{PAGE}old", f"{PAGE}new"
    hop = asset(first, "document", 0, http_status=301)
    target = asset(second, "document", 10, initiator=first)
    child = asset(f"{PAGE}a.js", "script", 10, initiator=second)
    entries = _read(weighed([hop, target, child])).entries
    assert [entry.response.redirect_url for entry in entries] == [second, "", ""]


def test_what_was_not_requested_is_no_entry_but_is_told() -> None:
    log = json.loads(to_har([partial()]))["log"]
    assert all("film" not in entry["request"]["url"] for entry in log["entries"])
    assert [item["url"] for item in log["pages"][0]["_skipped"]] == [f"{PAGE}film.mp4"]


def test_the_steps_of_a_request_add_up_to_its_time() -> None:
    report = ordinary()
    first_asset = structs.replace(
        report.assets[0],
        duration_ms=100,
        protocol="h2",
        timings=Steps(lookup_ms=5, connect_ms=10, tls_ms=20, first_byte_ms=30, body_ms=25),
    )
    kept = structs.replace(first_asset, timings=Steps(first_byte_ms=30, body_ms=25))
    first, second = _read(structs.replace(report, assets=(first_asset, kept))).entries
    assert (first.request.http_version, first.response.http_version) == ("h2", "h2")
    steps = first.timings
    assert (steps.dns, steps.connect, steps.ssl, steps.wait, steps.receive) == (5, 30, 20, 30, 25)
    assert first.time == steps.blocked + 5 + 30 + 30 + 25 == 100
    assert (second.timings.dns, second.timings.connect, second.timings.ssl) == (-1, -1, -1)
    assert second.time == 100


def test_a_page_has_its_suggestions() -> None:
    found = Finding("uncompressed-text", "One text is sent uncompressed.", 500, (PAGE,))
    report = weighed([asset(PAGE, "document", 900)], findings=(found,))
    (page,) = json.loads(to_har([report]))["log"]["pages"]
    assert msgspec.convert(page["_suggestions"], list[Finding]) == [found]
    (page,) = json.loads(to_har([weighed([asset(PAGE, "document", 900)])]))["log"]["pages"]
    assert "_suggestions" not in page


def test_a_page_says_why_its_weight_can_mislead() -> None:
    bound = Score(teledrin=93, bound="at_most", verdict=None, lighthouse=99)
    shell = structs.replace(partial(), coverage="scripts build it", score=bound)
    page = json.loads(to_har([shell]))["log"]["pages"][0]
    assert page["_scoreBound"] == "at_most"
    assert [remark["code"] for remark in page["_remarks"]] == ["partial", "built-by-scripts"]
    assert "partial: " in page["comment"]
    assert "scripts build it" in page["comment"]
    assert "comment" not in json.loads(to_har([ordinary()]))["log"]["pages"][0]
