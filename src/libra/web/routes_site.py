"""What people open: the start page, the observer, the API's reference, and the files they use."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, QueryParameter

from libra.app import Libra, PageNotFound
from libra.web.compression import compress_once, page
from libra.web.events import EventStream, require_room
from libra.web.html import Renderer, Search
from libra.web.metrics import RequestCounts
from libra.web.observing import observer_view
from libra.web.problems import TYPES
from libra.web.pulse import Pulse
from libra.web.schema import cursor
from libra.web.submission import form_field
from libra.web.visitor import visitor_of

AnyRequest = Request[Any, Any, Any]

RECENT = 20
"""Pages listed on the start page."""


def site_routes(
    libra: Libra, html: Renderer, pulse: Pulse, counts: RequestCounts, document: dict[str, Any]
) -> list[HTTPRouteHandler]:
    """The handlers of pages for people.

    Args:
        libra: what is shown.
        html: renders it.
        pulse: tells open pages that something changed.
        counts: where the open streams are counted.
        document: the OpenAPI document.
    """
    encoded = msgspec.json.encode(document)

    @get("/", include_in_schema=False)
    async def home(
        request: AnyRequest,
        url: Annotated[str, QueryParameter(max_length=4096)] = "",
        host: Annotated[str, QueryParameter(max_length=300)] = "",
        text: Annotated[str, QueryParameter(max_length=300)] = "",
        after: Annotated[str | None, cursor()] = None,
    ) -> Response[bytes]:
        search = Search(url.strip(), host.strip().lower(), text.strip(), after or "")
        # Before the list is read, so that no change is missed by whoever has seen this number.
        changes = pulse.changes
        pages = await libra.recent(
            limit=RECENT,
            after=search.after or None,
            url=search.url or None,
            host=search.host or None,
            text=search.text or None,
        )
        visitor = visitor_of(request)
        return page(request, html.home(pages, search, changes=changes, visitor=visitor))

    @get("/events", include_in_schema=False)
    async def events() -> EventStream:
        require_room(counts)
        return EventStream(pulse.beats(html.banner), name=b"pulse", counts=counts)

    @post("/pages/{page_id:str}/delete", include_in_schema=False)
    async def forget(request: AnyRequest, page_id: FromPath[str]) -> Response[bytes]:
        back = form_field(await request.body(), "back") or "/"
        with suppress(PageNotFound):  # somebody else was faster, and it is gone as was asked for
            await libra.forget(page_id)
        return see_other(back if back.startswith("/?") and _is_plain(back) else "/")

    @get("/observer", include_in_schema=False)
    async def observer(request: AnyRequest) -> Response[bytes]:
        view = observer_view(libra.health(), libra.tree())
        return page(request, html.observer(view, visitor=visitor_of(request)))

    @post("/observer/retry", include_in_schema=False)
    async def retry(request: AnyRequest) -> Response[bytes]:
        with suppress(PageNotFound):  # it is no longer quarantined
            libra.retry(form_field(await request.body(), "page") or "")
        return see_other("/observer")

    @get("/docs", include_in_schema=False)
    async def docs(request: AnyRequest) -> Response[bytes]:
        return page(request, html.docs(document, TYPES))

    @get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response[bytes]:
        headers = {"Cache-Control": "no-cache"}
        return Response(encoded, media_type="application/json", headers=headers)

    @get("/static/{name:str}", include_in_schema=False)
    async def static(
        request: AnyRequest, name: FromPath[str], v: FromQuery[str] = ""
    ) -> Response[bytes]:
        file = html.files.get(name)
        if file is None:
            raise NotFoundException
        # Only an address that names this very content may be kept for ever.
        cache = "public, max-age=31536000, immutable" if v == file.digest else "no-cache"
        body, coded = compress_once(file.content, request.headers.get("accept-encoding"))
        headers = {"Cache-Control": cache, "Vary": "Accept-Encoding", **coded}
        return Response(body, media_type=file.media_type, headers=headers)

    return [home, events, forget, observer, retry, docs, openapi, static]


def see_other(path: str) -> Response[bytes]:
    """The answer to a form: what to look at now."""
    return Response(b"", status_code=303, headers={"Location": path})


def _is_plain(path: str) -> bool:
    return path.isascii() and path.isprintable() and len(path) <= 8192
