"""Pages over HTTP: reading, following, listing, deleting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, delete, get
from litestar.exceptions import NotFoundException, ValidationException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from libra.app import Behind, Libra, PageList, PageNotFound, PageUnknown, PageUnreadable
from libra.formats.converting import ArrangedPage, arrange_page, convert, page_form, read_page
from libra.formats.views.page_view import Look
from libra.report import FINISHED, Report, Status, decode, decode_summary
from libra.web.access.viewer import visitor_of
from libra.web.http.compression import compress, compressed_page
from libra.web.http.compression import page as html_page
from libra.web.http.event_stream import EVENT_STREAM, EventStream, last_event_id, require_room
from libra.web.http.large_answers import FORMATS, LARGE, LARGE_DOWNLOAD, Making
from libra.web.http.negotiation import etag_matches, newest_seen, wants_html
from libra.web.http.openapi_parts import answer, cursor, empty, header, problems
from libra.web.requests.page_request import JSON
from libra.web.site.renderer import Renderer
from libra.web.site.url_list_view import Lists, Search
from libra.web.site.watch_view import watches_of
from libra.web.telemetry.metrics import RequestCounts

AnyRequest = Request[Any, Any, Any]

SUFFIXES = ("json", *FORMATS)


def page_routes(
    libra: Libra, html: Renderer, counts: RequestCounts, making: Making
) -> list[HTTPRouteHandler]:
    """The handlers of `/pages` and the paths below it."""

    @get(
        "/pages/{page_id:str}",
        operation_id="readPage",
        summary="Read a report",
        description="HTML for a browser, otherwise JSON; `/pages/{page_id}.json` is always JSON. The "
        "ETag is the version. While the database is down, the response for a page that is not in "
        "memory is 503 with Retry-After, never 404.",
        response_headers=[header("ETag", "The version, quoted")],
        responses={
            200: answer(Report, "The report as it is now"),
            304: empty("The client's copy is current"),
            **problems(404, 503),
        },
        tags=["Pages"],
    )
    async def read(request: AnyRequest, page_id: FromPath[str]) -> Response[bytes]:
        try:
            return await _read(libra, html, making, request, page_id)
        except Behind:
            # The client's copy comes from another node and is newer than this node's.
            _, tag = newest_seen(request.headers.get("if-none-match"))
            return Response(b"", status_code=304, headers={**_FRESH, "ETag": tag})

    @get(
        "/pages/{page_id:str}/events",
        operation_id="followPage",
        summary="Follow a page",
        description="Server-sent events. On every change Libra sends a `report` event: its data is the "
        "whole report, its id the version. The stream ends when the page is finished. With "
        "`Last-Event-ID` Libra skips what the client has; 204 tells an EventSource to stop.",
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
        "/pages/{page_id:str}/screenshot",
        operation_id="readScreenshot",
        summary="Read a screenshot",
        description="With `--screenshots`, Libra keeps a screenshot of each page that it weighs in a "
        "browser, unless the submission has headers. The report says in `screenshot` whether there "
        "is one. Only the database has it.",
        responses={
            200: answer(
                bytes, "WebP: 12 kB at most, or 60 kB for the whole screenshot", "image/webp"
            ),
            **problems(404, 503),
        },
        tags=["Pages"],
    )
    async def screenshot(
        page_id: FromPath[str],
        size: Annotated[
            Literal["thumbnail", "whole"],
            QueryParameter(description="The thumbnail or the whole screenshot"),
        ] = "thumbnail",
    ) -> Response[bytes]:
        picture = await libra.picture(page_id, whole=size == "whole")
        headers = {"Cache-Control": "private, max-age=3600"}
        return Response(picture, media_type="image/webp", headers=headers)

    @get(
        "/pages",
        operation_id="listPages",
        summary="List pages",
        description="Newest first. While the database is down, the list has only the pages in memory "
        "and `partial` is true. A browser gets the start page.",
        responses={200: answer(PageList, "A page of the list"), **problems(400)},
        tags=["Pages"],
    )
    async def recent(
        request: AnyRequest,
        url: Annotated[
            str | None, QueryParameter(description="Only weigh-ins of this URL", max_length=4096)
        ] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=100, description="Maximum number")] = 20,
        after: Annotated[str | None, cursor()] = None,
        host: Annotated[
            str | None,
            QueryParameter(description="Only pages of this host or its subdomains", max_length=300),
        ] = None,
        text: Annotated[
            str | None,
            QueryParameter(
                description="Only pages with this text in the title or URL", max_length=300
            ),
        ] = None,
        status: Annotated[
            Status | None, QueryParameter(description="Only pages with this status")
        ] = None,
        since: Annotated[
            str | None,
            QueryParameter(description="Only pages submitted at or after this time", max_length=40),
        ] = None,
        until: Annotated[
            str | None,
            QueryParameter(description="Only pages submitted before this time", max_length=40),
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
            search = Search(url or "", host or "", text or "", after or "", "weigh-ins")
            visitor, lists = visitor_of(request), Lists.of_pages(pages)
            return html_page(request, html.home(lists, search, changes=changes, visitor=visitor))
        return Response(msgspec.json.encode(pages), media_type=JSON, headers=_FRESH)

    @delete(
        "/pages/{page_id:str}",
        operation_id="deletePage",
        summary="Delete a page",
        responses={204: empty("Gone"), **problems(403, 404, 503)},
        tags=["Pages"],
    )
    async def forget(page_id: FromPath[str]) -> None:
        await libra.forget(page_id)

    return [read, follow, screenshot, recent, forget]


async def _read(
    libra: Libra, html: Renderer, making: Making, request: AnyRequest, name: str
) -> Response[bytes]:
    page_id, dot, suffix = name.partition(".")
    if dot and suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise NotFoundException(f"There is no format {suffix[:20]!r}; the formats are {known}.")
    if suffix in FORMATS:
        return await _read_as(libra, making, request, page_id, suffix)
    if not dot and wants_html(request.headers.get("accept")):
        return await _read_html(libra, html, making, request, page_id)
    version, body = await libra.report_bytes(page_id, at_least=_seen_by(request))
    headers = {**_FRESH, "ETag": f'"{version}"'}
    if etag_matches(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(b"", status_code=304, headers=headers)
    return Response(body, media_type=JSON, headers=headers)


def _seen_by(request: AnyRequest) -> int:
    return newest_seen(request.headers.get("if-none-match"))[0]


async def _read_html(
    libra: Libra, html: Renderer, making: Making, request: AnyRequest, page_id: str
) -> Response[bytes]:
    changes = libra.changes  # read before the report, so that no change is missed
    version, data = await libra.report_bytes(page_id, at_least=_seen_by(request))
    wanted = ("sort", "find", "show", "page")
    look = Look.read(*(request.query_params.get(name, "") for name in wanted))
    visitor = visitor_of(request)
    watches = watches_of(libra, decode_summary(data).url, visitor)
    versions = "".join(f" {view.watch.version}" for view in watches)
    etag = html.tag(version, f"{look}{versions}", visitor)
    if etag_matches(request.headers.get("if-none-match"), etag):
        return Response(b"", status_code=304, headers={**_FRESH, "ETag": etag})

    accepted = request.headers.get("accept-encoding")

    def render(page: ArrangedPage) -> tuple[bytes, dict[str, str]]:
        # Only a viewer who may open the gate sees the addresses behind names.
        refused = libra.refused(page.report) if visitor.changes else ()
        body = html.page(page, watches=watches, changes=changes, visitor=visitor, refused=refused)
        return compress(body, accepted)

    async def arrange_and_render() -> tuple[bytes, dict[str, str]]:
        page = read_page(await libra.convert(data, form=page_form(look)))
        return await asyncio.to_thread(render, page)

    if len(data) <= LARGE:
        body, coded = render(arrange_page(decode(data), look))
    else:
        body, coded = await making.share(("html", page_id, etag, accepted), arrange_and_render)
    return compressed_page(body, coded, headers={"ETag": etag})


async def _read_as(
    libra: Libra, making: Making, request: AnyRequest, page_id: str, suffix: str
) -> Response[bytes]:
    version, data = await libra.report_bytes(page_id, at_least=_seen_by(request))
    etag = f'W/"{version}-{suffix}"'
    headers = {
        **_FRESH,
        "ETag": etag,
        "Content-Disposition": f'attachment; filename="{page_id}.{suffix}"',
    }
    if etag_matches(request.headers.get("if-none-match"), etag):
        return Response(b"", status_code=304, headers=headers)
    if len(data) <= LARGE_DOWNLOAD:
        body = convert([data], suffix)
    else:
        key = (suffix, page_id, version)
        body = await making.share(key, lambda: libra.convert(data, form=suffix))
    return Response(body, media_type=FORMATS[suffix], headers=headers)


async def _follow(
    libra: Libra, counts: RequestCounts, request: AnyRequest, page_id: str
) -> EventStream:
    seen = last_event_id(request.headers.get("last-event-id"))
    if seen:
        with suppress(Behind):  # the stream waits for the changes that follow
            version, data = await libra.report_bytes(page_id, at_least=seen)
            if version <= seen and decode_summary(data).status in FINISHED:
                return EventStream(None)
    require_room(counts)
    changes = libra.follow_bytes(page_id)
    # Taken here, so that a missing page is an error and not an empty stream.
    first = await anext(changes, None)
    return EventStream(_until_gone(changes), first=first, seen=seen, counts=counts)


async def _until_gone(
    changes: AsyncIterator[tuple[int, bytes]],
) -> AsyncIterator[tuple[int, bytes]]:
    """The changes of a page until it is finished or deleted; then there are no more."""
    with suppress(PageNotFound, PageUnknown, PageUnreadable):
        async for change in changes:
            yield change


def _moment(name: str, text: str | None) -> datetime | None:
    """A time of RFC 3339; UTC if it has no offset."""
    if text is None:
        return None
    try:
        # In a URL, an unescaped plus sign is a space.
        moment = msgspec.convert(text.replace(" ", "+"), datetime)
    except msgspec.ValidationError:
        wrong = {"key": name, "message": "Expected a time such as 2026-01-02T12:00:00Z"}
        raise ValidationException(extra=[wrong]) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


_FRESH = {"Cache-Control": "no-cache", "Vary": "Accept"}
