"""Logging in and out, for browsers. Programs send their token with each request."""

from __future__ import annotations

from http.cookies import Morsel
from typing import Any

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler

from libra.web.access.guard import Guard
from libra.web.access.rights import COOKIE, SESSION, Caller, Right
from libra.web.http.problems import RequestRefused
from libra.web.requests.page_request import form_field
from libra.web.site.renderer import Renderer

AnyRequest = Request[Any, Any, Any]


def access_routes(guard: Guard, html: Renderer) -> list[HTTPRouteHandler]:
    """The handlers of `/login` and `/logout`; both work without JavaScript."""

    @get("/login", include_in_schema=False)
    async def show(request: AnyRequest) -> Response[bytes]:
        return _page(login_page(html, request.scope, then=request.query_params.get("next", "/")))

    @post("/login", include_in_schema=False, request_max_body_size=8 * 1024)
    async def login(request: AnyRequest) -> Response[bytes]:
        body = await request.body()
        then = local_path(form_field(body, "next"))
        client: Caller = request.scope["state"]["client"]
        try:
            session = guard.login((form_field(body, "token") or "").strip(), client)
        except RequestRefused as refused:
            detail = str(refused)
            page = login_page(html, request.scope, then=then, detail=detail)
            headers = refused.headers
            if refused.problem.retry_after is not None:
                headers["Retry-After"] = str(refused.problem.retry_after)
            return _page(page, refused.problem.status, headers)
        return _to(then, cookie(session, secure=client.secure, path=html.base or "/"))

    @post("/logout", include_in_schema=False)
    async def logout(request: AnyRequest) -> Response[bytes]:
        client: Caller = request.scope["state"]["client"]
        gone = cookie("", secure=client.secure, seconds=0, path=html.base or "/")
        return _to("/login", gone)

    return [show, login, logout]


def login_page(
    html: Renderer, scope: Any, *, then: str | None = None, detail: str | None = None
) -> bytes:
    """The page that asks for a token, or shows who is logged in.

    Args:
        html: renders it.
        scope: of the request that led here.
        then: the path to open afterwards; by default the requested page.
        detail: what was wrong with the token that was sent.
    """
    if then is None:
        query = scope.get("query_string", b"").decode("latin-1")
        asked = scope.get("raw_path", b"/").decode("latin-1") + (f"?{query}" if query else "")
        then = asked if scope["method"] in ("GET", "HEAD") else "/"
    client: Caller | None = scope.get("state", {}).get("client")
    name = client.name if client is not None else None
    leaves = client is not None and client.token is not None
    full = client is not None and Right.CHANGE in client.rights
    return html.login(then=local_path(then), name=name, leaves=leaves, full=full, wrong=detail)


def local_path(text: str | None) -> str:
    r"""A path on this server, or ``/``: no link to Libra may lead users elsewhere.

    Browsers take some paths for another host (``//host``, ``/\host``, and both with tabs or line breaks
    in between, which they leave out). Such a path counts as ``/``.
    """
    if not text or not text.startswith("/") or text[1:2] in ("/", "\\"):
        return "/"
    if any(character <= " " or character == "\x7f" for character in text) or len(text) > 4096:
        return "/"
    return text if text.isascii() and not text.startswith(("/login", "/logout")) else "/"


def cookie(value: str, *, secure: bool, seconds: int = SESSION, path: str = "/") -> str:
    """The ``Set-Cookie`` of a session: scripts cannot read it, and other sites never send it.

    Args:
        value: the session.
        secure: whether the cookie is for HTTPS only.
        seconds: how long the browser keeps it.
        path: the path that it is sent to, with all paths below.
    """
    morsel: Morsel[str] = Morsel()
    morsel.set(COOKIE, value, value)
    morsel.update({"path": path, "max-age": str(seconds), "samesite": "Strict"})
    morsel["httponly"] = True
    if secure:
        morsel["secure"] = True
    return morsel.OutputString()


def _to(path: str, set_cookie: str) -> Response[bytes]:
    headers = {"Location": path, "Set-Cookie": set_cookie, "Cache-Control": "no-store"}
    return Response(b"", status_code=303, headers=headers)


def _page(
    content: bytes, status: int = 200, headers: dict[str, str] | None = None
) -> Response[bytes]:
    return Response(
        content,
        status_code=status,
        media_type="text/html",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )
