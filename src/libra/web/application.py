"""The ASGI application: what holds for every request, around Litestar's routes."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from importlib.metadata import version
from time import perf_counter
from typing import Any, cast
from uuid import uuid4

from litestar import Litestar, Request, Response
from litestar.types import Receive, Send
from structlog.contextvars import bind_contextvars

from libra.app import Libra
from libra.settings import Settings
from libra.web.access import Client
from libra.web.guard import Guard
from libra.web.html import Renderer
from libra.web.idempotency import Keys
from libra.web.making import Making
from libra.web.methods import Methods
from libra.web.metrics import RequestCounts
from libra.web.openapi import openapi_document
from libra.web.problems import Refused, rendered, response_to
from libra.web.pulse import Pulse
from libra.web.routes_access import access_routes, login_page
from libra.web.routes_health import health_routes
from libra.web.routes_history import history_routes
from libra.web.routes_pages import page_routes
from libra.web.routes_site import site_routes
from libra.web.routes_submit import submit_routes
from libra.web.routes_watches import watch_routes
from libra.web.telemetry import Telemetry
from libra.web.unsent import WHOLE, Backlog, Unsent

MAX_BODY = 64 * 1024
"""Bytes of a request's body."""

log = logging.getLogger("libra.http")

Headers = list[tuple[bytes, bytes]]

AtHand = Callable[[str], tuple[int, bytes] | None]
"""The version and the JSON of a page that can be answered for without waiting, else None."""

SECURITY_HEADERS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    # Not no-referrer: browsers would then send `Origin: null` with our own forms as well.
    (b"referrer-policy", b"same-origin"),
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

    Around the routes: the guard lets a request in or refuses it, HEAD is answered as GET without a
    body, safe headers are added, and answers are counted and logged.
    """

    def __init__(
        self, libra: Libra, settings: Settings, telemetry: Telemetry | None = None
    ) -> None:
        self._telemetry = telemetry
        self.libra = libra
        self.settings = settings
        self.guard = Guard(settings)
        self.counts = RequestCounts()
        self.unsent = Unsent(settings.unsent)
        self.at_hand: AtHand = libra.report_at_hand
        self.pulse = Pulse(libra)
        html = self._html = Renderer(self.pulse.outage)
        making = Making()
        keys = Keys(libra.submitted)
        documented = [
            *submit_routes(libra, html, self.guard, keys),
            *page_routes(libra, html, self.counts, making),
            *watch_routes(libra, html, self.guard),
            *health_routes(libra, self.counts, self.guard),
        ]
        self.openapi = openapi_document(documented, version("libra-weigh"))

        def on_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
            return response_to(error, request, html)

        handlers = [
            *documented,
            *site_routes(libra, html, self.pulse, self.counts, self.openapi),
            *history_routes(libra, html, self.pulse, making),
            *access_routes(self.guard, html),
        ]
        self._methods = Methods(handlers)
        self._routes = Litestar(
            handlers,
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
        if "//" in scope["path"]:
            # The router reads //metrics as /metrics. Whoever judges the path must do so as well.
            scope = {**scope, "path": _SLASHES.sub("/", scope["path"])}
        call = _Call(scope)
        # On every line that is logged on behalf of this request. It has a task of its own, and so
        # a context of its own.
        bind_contextvars(request_id=call.id)
        if self._telemetry is not None:
            headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
            with self._telemetry.request(call.method, call.route, headers) as call.answered:
                await self._answer(call, scope, receive, send)
        else:
            await self._answer(call, scope, receive, send)

    async def _answer(self, call: _Call, scope: Any, receive: Receive, send: Send) -> None:
        method = call.method
        backlog: Backlog | None = scope.get("state", {}).get("backlog")
        answer = self._wrap(call, send, backlog, body_wanted=method != "HEAD")
        try:
            call.client = self.guard.judge(scope)
        except Refused as refused:
            call.refused = self.guard.key(scope)
            await self._refuse(refused, scope, answer)
            return
        state = {**scope.get("state", {}), "client": call.client, "request_id": call.id}
        scope = {**scope, "state": state}
        if method == "OPTIONS" and (allowed := self._methods.of(scope["path"])):
            # Litestar knows the methods of one handler of a path only.
            await _send(answer, 204, {"Allow": allowed}, b"")
            return
        if method == "HEAD" and not scope["path"].endswith("/events"):
            scope["method"] = "GET"

        async def received() -> Any:
            message = await receive()
            if message["type"] == "http.disconnect":
                state["gone"] = True
            return message

        await self._routes(scope, received, answer)

    def reload(self, settings: Settings) -> None:
        """Take on other tokens, limits, names and proxies, from the next request on.

        Raises:
            SettingsError: they cannot be used; everything stays as it was.
        """
        self.guard.reload(settings)

    def _wrap(self, call: _Call, send: Send, backlog: Backlog | None, *, body_wanted: bool) -> Send:
        async def answer(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers: Headers = [*message["headers"], *SECURITY_HEADERS]
                if any(k == b"content-type" and v.startswith(b"text/html") for k, v in headers):
                    headers += HTML_HEADERS
                status = message["status"]
                if call.writes or status >= 400:
                    # What may be asked about later. Mere reads are too many, and unremarkable.
                    headers.append((b"x-request-id", call.id.encode()))
                message = {**message, "headers": headers}
                seconds = perf_counter() - call.started
                self.counts.count(call.route, call.method, status, seconds)
                if call.answered is not None:
                    call.answered(status)
                call.log(status, seconds)
            elif not body_wanted:
                message = {**message, "body": b""}
            elif backlog is not None and len(message.get("body", b"")) > WHOLE:
                await backlog.send(send, message)
                return
            await send(message)

        return cast("Send", answer)

    async def _refuse(self, refused: Refused, scope: Any, send: Callable[[Any], Any]) -> None:
        fields = dict(scope["headers"])
        accept = fields.get(b"accept", b"").decode("latin-1")
        body, media_type, more = rendered(refused.problem, accept, self._html)
        if refused.problem.status == 401 and media_type == "text/html":
            body = login_page(self._html, scope, detail=None)
        headers = {"Content-Type": media_type, "Content-Length": str(len(body))}
        headers |= {"Cache-Control": "no-store"} | more | refused.headers
        await _send(send, refused.problem.status, headers, body)


async def _send(
    send: Callable[[Any], Any], status: int, headers: Mapping[str, str], body: bytes
) -> None:
    fields = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


class _Call:
    """One request, as far as it is counted and logged."""

    __slots__ = (
        "answered",
        "client",
        "id",
        "method",
        "path",
        "refused",
        "route",
        "started",
        "writes",
    )

    def __init__(self, scope: Any) -> None:
        self.started = perf_counter()
        self.client: Client | None = None
        self.refused: str | None = None
        self.answered: Callable[[int], None] | None = None
        self.method = scope["method"]
        self.path = scope["path"]
        self.route = _route(self.path)
        self.writes = self.method not in ("GET", "HEAD", "OPTIONS")
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        self.id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex

    def log(self, status: int, seconds: float) -> None:
        """One line for each request that writes or fails; with `debug`, for each."""
        level = logging.ERROR if status == 500 else logging.DEBUG
        if level == logging.DEBUG and (self.writes or status >= 400):
            level = logging.INFO
        if not log.isEnabledFor(level):
            return
        client = self.client
        log.log(
            level,
            "%s %s %d",
            self.method,
            self.path[:200],
            status,
            extra={
                "method": self.method,
                "route": self.route,
                "status": status,
                "duration_ms": round(seconds * 1000, 2),
                "client": client.key if client is not None else self.refused,
            },
        )


_SLASHES = re.compile("/{2,}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

_ROUTES = frozenset(
    {"", "docs", "events", "health", "login", "logout", "metrics", "observer", "openapi.json"}
    | {"compare", "history", "static", "watches"}
)


def _route(path: str) -> str:
    """The route of a path as a label: few values, whatever clients ask for."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    if first == "pages":
        path = path.rstrip("/")
        if path in ("/pages", "/pages/bulk"):
            return path
        return "/pages/{id}/events" if path.endswith("/events") else "/pages/{id}"
    return f"/{first}" if first in _ROUTES else "other"
