"""Pages over HTTP: read, follow, list, delete."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get
from litestar.exceptions import NotFoundException, ValidationException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from libra.app import Libra, PageList, PageNotFound, PageUnknown
from libra.formats.converting import convert
from libra.web.compression import compress, compressed_page
from libra.web.compression import page as html_page
from libra.web.events import EVENT_STREAM, EventStream, last_event_id, require_room
from libra.web.html import Renderer, Search
from libra.web.making import FORMATS, LARGE_DOWNLOAD, Making
from libra.web.metrics import RequestCounts
from libra.web.negotiation import etag_matches, wants_html
from libra.web.schema import answer, cursor, empty, header, problems
from libra.web.submission import JSON
from libra.web.visitor import visitor_of
from libra.web.watching import watches_of
from libra.weighing.report import FINISHED, Report, Status, decode, decode_summary

AnyRequest = Request[Any, Any, Any]

SUFFIXES = ("json", *FORMATS)


def page_routes(
    libra: Libra, html: Renderer, counts: RequestCounts, making: Making
) -> list[HTTPRouteHandler]:
    """The handlers of `/pages` and what is below it."""

    @get(
        "/pages/{page_id:str}",
        operation_id="readPage",
        summary="Read a report",
        description="HTML for a browser, else JSON; `/pages/{page_id}.json` is always JSON. The "
        "entity tag is the version. While the database is down, a page that is not in memory is "
        "503 with Retry-After and never 404.",
        response_headers=[header("ETag", "The version, quoted")],
        responses={
            200: answer(Report, "The report as it is now"),
            304: empty("The copy that the client has is current"),
            **problems(404, 503),
        },
        tags=["Pages"],
    )
    async def read(request: AnyRequest, page_id: FromPath[str]) -> Response[bytes]:
        return await _read(libra, html, making, request, page_id)

    @get(
        "/pages/{page_id:str}/events",
        operation_id="followPage",
        summary="Follow a page",
        description="Server-sent events: `report` with the whole report as data and its version as "
        "id, on every change, until the page is finished. `Last-Event-ID` leaves out what the "
        "client has; 204 tells an EventSource that nothing more will come.",
        responses={
            200: answer(str, "The changes as they happen", EVENT_STREAM),
            204: empty("The page is finished and the client has it all"),
            **problems(404, 503),
        },
        tags=["Pages"],
    )
    async def follow(request: AnyRequest, page_id: FromPath[str]) -> EventStream:
        return await _follow(libra, counts, request, page_id)

    @get(
        "/pages",
        operation_id="listPages",
        summary="List pages",
        description="Newest first. While the database is down the list is from memory alone and "
        "`partial` is true. A browser gets the start page.",
        responses={200: answer(PageList, "A page of the list"), **problems(400)},
        tags=["Pages"],
    )
    async def recent(
        request: AnyRequest,
        url: Annotated[
            str | None, QueryParameter(description="Only weigh-ins of this URL", max_length=4096)
        ] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=100, description="How many at most")] = 20,
        after: Annotated[str | None, cursor()] = None,
        host: Annotated[
            str | None,
            QueryParameter(description="Only pages of this host or below it", max_length=300),
        ] = None,
        text: Annotated[
            str | None,
            QueryParameter(description="Only with this in title or URL", max_length=300),
        ] = None,
        status: Annotated[
            Status | None, QueryParameter(description="Only pages that are there in their life")
        ] = None,
        since: Annotated[
            str | None,
            QueryParameter(description="Only pages submitted then or later", max_length=40),
        ] = None,
        until: Annotated[
            str | None, QueryParameter(description="Only pages submitted before", max_length=40)
        ] = None,
    ) -> Response[bytes]:
        changes = libra.changes
        pages = await libra.recent(
            limit=limit,
            after=after,
            url=url,
            host=host,
            text=text,
            status=status,
            since=_moment("since", since),
            until=_moment("until", until),
        )
        if wants_html(request.headers.get("accept")):
            search = Search(url or "", host or "", text or "", after or "")
            visitor = visitor_of(request)
            return html_page(request, html.home(pages, search, changes=changes, visitor=visitor))
        return Response(msgspec.json.encode(pages), media_type=JSON, headers=_FRESH)

    @delete(
        "/pages/{page_id:str}",
        operation_id="deletePage",
        summary="Forget a page",
        responses={204: empty("Gone"), **problems(403, 404, 503)},
        tags=["Pages"],
    )
    async def forget(page_id: FromPath[str]) -> None:
        await libra.forget(page_id)

    return [read, follow, recent, forget]


async def _read(
    libra: Libra, html: Renderer, making: Making, request: AnyRequest, name: str
) -> Response[bytes]:
    page_id, dot, suffix = name.partition(".")
    if dot and suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise NotFoundException(f"There is no format {suffix[:20]!r}; known are {known}.")
    if suffix in FORMATS:
        return await _read_as(libra, making, request, page_id, suffix)
    if not dot and wants_html(request.headers.get("accept")):
        return await _read_html(libra, html, making, request, page_id)
    version, body = await libra.report_bytes(page_id)
    headers = {**_FRESH, "ETag": f'"{version}"'}
    if etag_matches(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(b"", status_code=304, headers=headers)
    return Response(body, media_type=JSON, headers=headers)


async def _read_html(
    libra: Libra, html: Renderer, making: Making, request: AnyRequest, page_id: str
) -> Response[bytes]:
    changes = libra.changes  # before the report is read, so that no change is missed
    version, data = await libra.report_bytes(page_id)
    sort = request.query_params.get("sort", "")[:20]
    visitor = visitor_of(request)
    watches = watches_of(libra, decode_summary(data).url, visitor)
    versions = "".join(f" {view.watch.version}" for view in watches)
    etag = html.tag(version, f"{sort}{versions}", visitor)
    if etag_matches(request.headers.get("if-none-match"), etag):
        return Response(b"", status_code=304, headers={**_FRESH, "ETag": etag})

    accepted = request.headers.get("accept-encoding")

    def make() -> tuple[bytes, dict[str, str]]:
        report = decode(data)
        body = html.page(report, sort=sort, watches=watches, changes=changes, visitor=visitor)
        return compress(body, accepted)

    body, coded = await making.make(("html", page_id, etag, accepted), len(data), make)
    return compressed_page(body, coded, headers={"ETag": etag})


async def _read_as(
    libra: Libra, making: Making, request: AnyRequest, page_id: str, suffix: str
) -> Response[bytes]:
    version, data = await libra.report_bytes(page_id)
    etag = f'W/"{version}-{suffix}"'
    headers = {
        **_FRESH,
        "ETag": etag,
        "Content-Disposition": f'attachment; filename="{page_id}.{suffix}"',
    }
    if etag_matches(request.headers.get("if-none-match"), etag):
        return Response(b"", status_code=304, headers=headers)
    if len(data) <= LARGE_DOWNLOAD:
        body = convert(data, suffix)
    else:
        key = (suffix, page_id, version)
        body = await making.share(key, lambda: libra.convert(data, suffix))
    return Response(body, media_type=FORMATS[suffix], headers=headers)


async def _follow(
    libra: Libra, counts: RequestCounts, request: AnyRequest, page_id: str
) -> EventStream:
    seen = last_event_id(request.headers.get("last-event-id"))
    if seen:
        version, data = await libra.report_bytes(page_id)
        if version <= seen and decode_summary(data).status in FINISHED:
            return EventStream(None)
    require_room(counts)
    changes = libra.follow_bytes(page_id)
    # Taken here, so that a page that is not there is an error and not an empty stream.
    first = await anext(changes, None)
    return EventStream(_until_gone(changes), first=first, seen=seen, counts=counts)


async def _until_gone(
    changes: AsyncIterator[tuple[int, bytes]],
) -> AsyncIterator[tuple[int, bytes]]:
    """The changes of a page until it is finished or deleted: either way there are no more."""
    with suppress(PageNotFound, PageUnknown):
        async for change in changes:
            yield change


def _moment(name: str, text: str | None) -> datetime | None:
    """A time of RFC 3339; UTC, if it does not say otherwise."""
    if text is None:
        return None
    try:
        # In a URL a plus sign that is not escaped is a space.
        moment = msgspec.convert(text.replace(" ", "+"), datetime)
    except msgspec.ValidationError:
        wrong = {"key": name, "message": "Expected a time such as 2026-01-02T12:00:00Z"}
        raise ValidationException(extra=[wrong]) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


_FRESH = {"Cache-Control": "no-cache", "Vary": "Accept"}
