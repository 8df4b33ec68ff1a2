"""Pages beside lists and reports: the observer, the reference of the API, and files."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from libra.app import Libra, PageNotFound
from libra.web.access.viewer import visitor_of
from libra.web.http.compression import compress_once, page
from libra.web.http.event_stream import EventStream, require_room
from libra.web.http.problems import TYPES
from libra.web.requests.page_request import form_field
from libra.web.site.live_updates import LiveUpdates
from libra.web.site.observer_view import observer_view
from libra.web.site.renderer import Renderer
from libra.web.telemetry.metrics import RequestCounts

AnyRequest = Request[Any, Any, Any]


ROBOTS = b"""User-agent: *
Disallow: /compare
Disallow: /events
Disallow: /history
Disallow: /observer
Disallow: /pages
Disallow: /watches
Disallow: /*?
"""
"""The paths that crawlers must leave alone: reports are about other sites, and lists are endless."""

_A_DAY = {"Cache-Control": "public, max-age=86400"}


def site_routes(
    libra: Libra,
    html: Renderer,
    pulse: LiveUpdates,
    counts: RequestCounts,
    document: dict[str, Any],
) -> list[HTTPRouteHandler]:
    """The handlers of pages for people.

    Args:
        libra: the Libra to show.
        html: renders the pages.
        pulse: tells open pages about changes.
        counts: counts the open streams.
        document: the OpenAPI document.
    """
    encoded = msgspec.json.encode(document)

    @get("/events", include_in_schema=False)
    async def events() -> EventStream:
        require_room(counts)
        return EventStream(pulse.beats(html.banner), name=b"pulse", counts=counts)

    @post("/pages/{page_id:str}/delete", include_in_schema=False)
    async def forget(request: AnyRequest, page_id: FromPath[str]) -> Response[bytes]:
        back = form_field(await request.body(), "back") or "/"
        with suppress(PageNotFound):  # somebody else was faster: the page is gone, as requested
            await libra.forget(page_id)
        return see_other(back if back.startswith("/?") and _is_plain(back) else "/")

    @get("/observer", include_in_schema=False)
    async def observer(request: AnyRequest) -> Response[bytes]:
        trees = await libra.trees()
        view = observer_view(
            libra.health(), libra.tree(), libra.quarantined(), trees, libra.title_of
        )
        return page(request, html.observer(view, visitor=visitor_of(request)))

    @post("/observer/retry", include_in_schema=False)
    async def retry(request: AnyRequest) -> Response[bytes]:
        with suppress(PageNotFound):  # it is no longer quarantined
            await libra.retry(form_field(await request.body(), "page") or "")
        return see_other("/observer")

    @get("/docs", include_in_schema=False)
    async def docs(request: AnyRequest) -> Response[bytes]:
        return page(request, html.docs(document, TYPES))

    @get("/docs/try", include_in_schema=False)
    async def try_it(request: AnyRequest) -> Response[bytes]:
        return page(request, html.try_it())

    @get("/robots.txt", include_in_schema=False)
    async def robots() -> Response[bytes]:
        return Response(ROBOTS, media_type="text/plain", headers=_A_DAY)

    @get("/favicon.ico", include_in_schema=False)
    async def favicon() -> Response[bytes]:
        icon = html.files["favicon.ico"]
        return Response(icon.content, media_type=icon.media_type, headers=_A_DAY)

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
        # Only an address of exactly this content may be cached for ever.
        cache = "public, max-age=31536000, immutable" if v == file.digest else "no-cache"
        body, coded = await compress_once(file.content, request.headers.get("accept-encoding"))
        headers = {"Cache-Control": cache, "Vary": "Accept-Encoding", **coded}
        return Response(body, media_type=file.media_type, headers=headers)

    return [events, forget, observer, retry, docs, try_it, robots, favicon, openapi, static]


def see_other(path: str) -> Response[bytes]:
    """The answer to a form: a redirect to the page to show next."""
    return Response(b"", status_code=303, headers={"Location": path})


def _is_plain(path: str) -> bool:
    return path.isascii() and path.isprintable() and len(path) <= 8192
