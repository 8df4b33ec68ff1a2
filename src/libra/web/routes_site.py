"""What people open: the start page, the observer, the API's reference, and the files they use."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, QueryParameter

from libra.app import Libra
from libra.web.html import Renderer
from libra.web.problems import TYPES

RECENT = 20
"""Pages listed on the start page."""


def site_routes(libra: Libra, html: Renderer, document: dict[str, Any]) -> list[HTTPRouteHandler]:
    """The handlers of pages for people.

    Args:
        libra: what is shown.
        html: renders it.
        document: the OpenAPI document.
    """
    encoded = msgspec.json.encode(document)
    reference = html.docs(document, TYPES)

    @get("/", include_in_schema=False)
    async def home(
        url: Annotated[str, QueryParameter(max_length=4096)] = "",
        after: Annotated[str | None, QueryParameter(max_length=64)] = None,
    ) -> Response[bytes]:
        pages = await libra.recent(limit=RECENT, after=after, url=url or None)
        return _page(html.home(pages, url=url, after=after))

    @get("/observer", include_in_schema=False)
    async def observer() -> Response[bytes]:
        return _page(html.observer(libra.tree(), libra.health()))

    @get("/docs", include_in_schema=False)
    async def docs() -> Response[bytes]:
        return _page(reference)

    @get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response[bytes]:
        return Response(encoded, media_type="application/json", headers=_FRESH)

    @get("/static/{name:str}", include_in_schema=False)
    async def static(name: FromPath[str], v: FromQuery[str] = "") -> Response[bytes]:
        file = html.files.get(name)
        if file is None:
            raise NotFoundException
        # Only an address that names this very content may be kept for ever.
        cache = "public, max-age=31536000, immutable" if v == file.digest else "no-cache"
        return Response(file.content, media_type=file.media_type, headers={"Cache-Control": cache})

    return [home, observer, docs, openapi, static]


_FRESH = {"Cache-Control": "no-cache"}


def _page(content: bytes) -> Response[bytes]:
    return Response(content, media_type="text/html", headers=_FRESH)
