"""The ASGI application: what holds for every request, around Litestar's routes."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any, cast

import msgspec
from litestar import Litestar, Request, Response
from litestar.types import Receive, Send

from libra.app import Libra
from libra.settings import Settings
from libra.web.html import renderer
from libra.web.metrics import RequestCounts
from libra.web.openapi import openapi_document
from libra.web.problems import PROBLEM_JSON, Problem, response_to
from libra.web.routes_health import health_routes
from libra.web.routes_pages import page_routes
from libra.web.routes_site import site_routes

MAX_BODY = 64 * 1024
"""Bytes of a request's body."""

Headers = list[tuple[bytes, bytes]]

AtHand = Callable[[str], tuple[int, bytes] | None]
"""The version and the JSON of a page that can be answered for without waiting, else None."""

SECURITY_HEADERS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
HTML_HEADERS: Headers = [
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]


class Application:
    """Libra over ASGI.

    Around the routes: HEAD is answered as GET without a body, writing requests of other sites are
    refused, safe headers are added, and answers are counted.
    """

    def __init__(self, libra: Libra, settings: Settings) -> None:
        self.libra = libra
        self.settings = settings
        self.counts = RequestCounts()
        self.at_hand: AtHand = libra.report_at_hand
        html = renderer()
        documented = [
            *page_routes(libra, html, self.counts),
            *health_routes(libra, self.counts),
        ]
        self.openapi = openapi_document(documented, version("libra-weigh"))

        def on_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
            return response_to(error, request, html)

        self._routes = Litestar(
            [*documented, *site_routes(libra, html, self.openapi)],
            exception_handlers={Exception: on_error},
            openapi_config=None,
            # Logging is the program's business; Litestar would configure the root logger.
            logging_config=None,
            request_max_body_size=MAX_BODY,
        )

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":  # uvicorn is told that there are no websockets
            raise RuntimeError(f"there is nothing here for {scope['type']}")
        method = scope["method"]
        answer = self._wrap(scope, send, body_wanted=method != "HEAD")
        if method == "HEAD" and not scope["path"].endswith("/events"):
            scope = {**scope, "method": "GET"}
        elif method not in ("GET", "OPTIONS") and _is_from_another_site(scope):
            await _refuse(answer)
            return
        await self._routes(scope, receive, answer)

    def _wrap(self, scope: Any, send: Send, *, body_wanted: bool) -> Send:
        async def answer(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers: Headers = [*message["headers"], *SECURITY_HEADERS]
                if any(k == b"content-type" and v.startswith(b"text/html") for k, v in headers):
                    headers += HTML_HEADERS
                message = {**message, "headers": headers}
                self.counts.count(_route(scope["path"]), scope["method"], message["status"])
            elif not body_wanted:
                message = {**message, "body": b""}
            await send(message)

        return cast("Send", answer)


def _route(path: str) -> str:
    """The route of a path as a label: few values, whatever clients ask for."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    if first == "pages":
        if path.rstrip("/") == "/pages":
            return "/pages"
        return "/pages/{id}/events" if path.rstrip("/").endswith("/events") else "/pages/{id}"
    known = ("", "observer", "docs", "openapi.json", "static", "health", "metrics")
    return f"/{first}" if first in known else "other"


def _is_from_another_site(scope: Any) -> bool:
    """Whether a browser sent this on behalf of another site (cross-site request forgery).

    Every current browser says so in ``Sec-Fetch-Site``; older ones in ``Origin``. What sends
    neither is no browser and carries nobody's authority.
    """
    headers: dict[bytes, bytes] = dict(scope["headers"])
    fetch_site = headers.get(b"sec-fetch-site")
    if fetch_site is not None:
        return fetch_site not in (b"same-origin", b"none")
    origin = headers.get(b"origin")
    if origin is None:
        return False
    return origin.partition(b"://")[2] != headers.get(b"host", b"")


async def _refuse(send: Callable[[Any], Any]) -> None:
    problem = Problem("Forbidden", 403, detail="This came from a page of another site.")
    headers = [(b"content-type", PROBLEM_JSON.encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": msgspec.json.encode(problem)})
