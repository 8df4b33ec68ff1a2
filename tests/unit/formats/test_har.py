"""Reports as HAR 1.2.

The structures below are the format as its specification describes it, with what must be there and
what type it has; fields whose name begins with an underscore are free.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Literal

import msgspec
import pytest

from libra.formats import to_har
from libra.weighing.report import Report
from unit.formats.samples import failed, hostile, ordinary, partial

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
    assert len(log.entries) == len(report.assets)


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
    assert entry["_error"] == "timeout: no answer within 20 s"


def test_a_status_that_nobody_knows_has_no_words() -> None:
    report = ordinary()
    odd = msgspec.structs.replace(report.assets[0], http_status=799)
    log = _read(msgspec.structs.replace(report, assets=(odd,)))
    assert (log.entries[0].response.status, log.entries[0].response.status_text) == (799, "")
