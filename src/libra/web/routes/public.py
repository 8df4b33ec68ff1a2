"""The public parts of a watch that somebody has made public: a page and a badge.

Whoever knows the id may see them: the id is long and random, and no list contains it. Both are made from
memory, and no page is weighed for them.
"""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from libra.app import Libra
from libra.web.http.compression import page
from libra.web.http.openapi_parts import answer, problems
from libra.web.site.public_view import Shown, badge_of, public_view
from libra.web.site.renderer import Renderer

AnyRequest = Request[Any, Any, Any]

MAX_AGE = 300
"""Seconds that a copy may be kept: every reader of the page that contains a badge requests it."""

_KEPT = {"Cache-Control": f"public, max-age={MAX_AGE}"}
_OPEN = {
    **_KEPT,
    # A badge is there to be embedded in other sites.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Content-Security-Policy": "default-src 'none'",
}


def public_routes(libra: Libra, html: Renderer) -> list[HTTPRouteHandler]:
    """The handlers of the paths below `/public`."""

    @get("/public/{public_id:str}", include_in_schema=False)
    async def status(request: AnyRequest, public_id: FromPath[str]) -> Response[bytes]:
        watch = libra.public_watch(public_id)
        shown = page(request, html.public(public_view(watch)))
        shown.headers.update({**_KEPT, "X-Robots-Tag": "noindex"})
        return shown

    @get(
        "/public/{public_id:str}/badge.svg",
        operation_id="readBadge",
        summary="Badge of a public watch",
        description="An image with the last weight of a watched page, which any site may show. It needs "
        "no token; the id is the field `public` of the watch. Libra weighs nothing for it, and it shows "
        "no URL. Clients may cache it for five minutes.",
        responses={
            200: answer(str, "The badge", "image/svg+xml"),
            **problems(400, 404, 429, 503),
        },
        tags=["Watches"],
    )
    async def badge(
        public_id: FromPath[str],
        show: Annotated[
            Shown, QueryParameter(description="The weight, the Teledrin score or the budget")
        ] = "weight",
    ) -> Response[bytes]:
        picture = html.badge(badge_of(libra.public_watch(public_id), show))
        return Response(picture, media_type="image/svg+xml", headers=_OPEN)

    return [status, badge]
