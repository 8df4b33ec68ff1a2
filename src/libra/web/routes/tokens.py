"""Making and revoking tokens in the browser, for viewers with full rights."""

from __future__ import annotations

import asyncio
from typing import Any, cast, get_args

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from libra.credentials.tokens import Role
from libra.web.access.guard import Guard
from libra.web.access.rights import Caller
from libra.web.access.viewer import visitor_of
from libra.web.http.problems import RequestRefused
from libra.web.requests.page_request import form_fields
from libra.web.site.renderer import Renderer

AnyRequest = Request[Any, Any, Any]

LONGEST = 3650
"""Days that a token may last; a token without an end never expires."""


def token_routes(guard: Guard, html: Renderer) -> list[HTTPRouteHandler]:
    """The handlers of `/tokens`; all work without JavaScript. Programs use `libra token`."""

    def page(request: AnyRequest, status: int = 200, **more: str | None) -> Response[bytes]:
        body = html.tokens(guard.made, guard.access.given, visitor=visitor_of(request), **more)
        # The page may contain a secret, or the list of tokens: no cache may keep it.
        headers = {"Cache-Control": "no-store"}
        return Response(body, status_code=status, media_type="text/html", headers=headers)

    @get("/tokens", include_in_schema=False)
    async def show(request: AnyRequest) -> Response[bytes]:
        return page(request)

    @post("/tokens", include_in_schema=False, request_max_body_size=8 * 1024)
    async def make(request: AnyRequest) -> Response[bytes]:
        fields = {name: text.strip() for name, text in form_fields(await request.body()).items()}
        client: Caller = request.scope["state"]["client"]
        name, role = fields.get("name", ""), fields.get("role", "read")
        try:
            if role not in get_args(Role):
                raise ValueError("the role must be read, push or full")
            secret = await asyncio.to_thread(
                guard.make_token,
                client,
                name,
                cast("Role", role),
                fields.get("project") or None,
                _days(fields.get("days", "")),
            )
        except ValueError as error:
            return page(request, 400, wrong=str(error))
        except OSError as error:
            return page(request, 503, wrong=f"the token cannot be stored: {error.strerror}")
        return page(request, 201, secret=secret, name=name)

    @post("/tokens/{name:str}/revoke", include_in_schema=False)
    async def revoke(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
        client: Caller = request.scope["state"]["client"]
        try:
            found = await asyncio.to_thread(guard.revoke_token, client, name)
        except ValueError as error:
            return page(request, 409, wrong=str(error))
        except OSError as error:
            return page(
                request,
                503,
                wrong=f"the token is still valid, because the disk cannot be written: {error.strerror}",
            )
        if not found:
            raise RequestRefused(404, None, "No token of this name was made here.")
        return Response(b"", status_code=303, headers={"Location": "/tokens"})

    return [show, make, revoke]


def _days(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LONGEST:
        raise ValueError(f"the days must be a number from 1 to {LONGEST}, or empty")
    return int(text)
