"""The ASGI application: common handling of every request, around Litestar's routes."""

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
from libra.web.access.guard import Guard
from libra.web.access.rights import Caller
from libra.web.http.allowed_methods import AllowedMethods
from libra.web.http.idempotency import IdempotencyKeys
from libra.web.http.large_answers import Making
from libra.web.http.problems import RequestRefused
from libra.web.openapi.document import openapi_document
from libra.web.requests.project_budgets import ProjectBudgets
from libra.web.routes.health import health_routes
from libra.web.routes.history import history_routes
from libra.web.routes.home import home_routes
from libra.web.routes.login import access_routes, login_page
from libra.web.routes.pages import page_routes
from libra.web.routes.public import public_routes
from libra.web.routes.results import result_routes
from libra.web.routes.site import site_routes
from libra.web.routes.submit import submit_routes
from libra.web.routes.tokens import token_routes
from libra.web.routes.watch_changes import watch_change_routes
from libra.web.routes.watches import watch_routes
from libra.web.serving.unsent import WHOLE, ClientBacklog, Unsent
from libra.web.site.error_pages import rendered, response_to
from libra.web.site.live_updates import LiveUpdates
from libra.web.site.renderer import Renderer
from libra.web.telemetry.metrics import RequestCounts
from libra.web.telemetry.tracing import Telemetry

MAX_BODY = 64 * 1024
"""Largest body of a request, in bytes."""

log = logging.getLogger("libra.http")

Headers = list[tuple[bytes, bytes]]

AtHand = Callable[[str], tuple[int, bytes] | None]
"""Returns the version and the JSON of a page that can be answered without waiting, else None."""

SECURITY_HEADERS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    # Not no-referrer: browsers would then send `Origin: null` with Libra's own forms, too.
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
        self.guard = Guard(settings, libra.neighbours)
        self._budgets = ProjectBudgets(settings.project_budgets)
        self.counts = RequestCounts()
        self.unsent = Unsent(settings.unsent)
        self.at_hand: AtHand = libra.report_at_hand
        self.pulse = LiveUpdates(libra)
        self.base = settings.base_path
        html = self._html = Renderer(self.pulse.outage, self.base, destinations=libra.destinations)
        making = Making()
        keys = IdempotencyKeys(libra.submitted)
        documented = [
            *submit_routes(libra, html, self.guard, keys),
            *page_routes(libra, html, self.counts, making),
            *watch_routes(libra, html, self.guard),
            *watch_change_routes(libra, html, self.guard),
            *public_routes(libra, html),
            *result_routes(libra, self.guard, lambda: self._budgets),
            *health_routes(libra, self.counts, self.guard),
        ]
        self.openapi = openapi_document(documented, version("libra-weigh"), self.base)

        def on_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
            return response_to(error, request, html)

        handlers = [
            *documented,
            *home_routes(libra, html, self.pulse),
            *site_routes(libra, html, self.pulse, self.counts, self.openapi),
            *history_routes(libra, html, self.pulse, making),
            *access_routes(self.guard, html),
            *token_routes(self.guard, html),
        ]
        self._methods = AllowedMethods(handlers)
        self._routes = Litestar(
            handlers,
            exception_handlers={Exception: on_error},
            openapi_config=None,
            # The program configures logging; Litestar would configure the root logger.
            logging_config=None,
            request_max_body_size=MAX_BODY,
        )

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":  # uvicorn is told that there are no websockets
            raise RuntimeError(f"Libra does not serve {scope['type']}")
        if "//" in scope["path"]:
            # The router reads //metrics as /metrics, so every check of the path must do so, too.
            scope = {**scope, "path": _SLASHES.sub("/", scope["path"])}
        if self.base:
            scope = _below(scope, self.base)
        call = _Call(scope)
        # For every log line of this request. A request has its own task, and so its own context.
        bind_contextvars(request_id=call.id)
        if self._telemetry is not None:
            headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
            with self._telemetry.request(call.method, call.route, headers) as call.answered:
                await self._answer(call, scope, receive, send)
        else:
            await self._answer(call, scope, receive, send)

    async def _answer(self, call: _Call, scope: Any, receive: Receive, send: Send) -> None:
        method = call.method
        backlog: ClientBacklog | None = scope.get("state", {}).get("backlog")
        answer = self._wrap(call, send, backlog, body_wanted=method != "HEAD")
        try:
            call.client = self.guard.judge(scope)
        except RequestRefused as refused:
            call.refused = self.guard.key(scope)
            await self._refuse(refused, scope, answer)
            return
        state = {**scope.get("state", {}), "client": call.client, "request_id": call.id}
        # The guard has read the signed-in user; nothing after it may read the user from a header.
        headers = self.guard.without_user(scope["headers"])
        scope = {**scope, "state": state, "headers": headers}
        if method == "OPTIONS" and (allowed := self._methods.of(scope["path"])):
            # Litestar knows only the methods of one handler of a path.
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
        """Use new tokens, limits, budgets, names and proxies, from the next request on.

        Raises:
            SettingsError: they cannot be used; the old ones stay in force.
        """
        budgets = ProjectBudgets(settings.project_budgets)
        self.guard.reload(settings)
        self._budgets = budgets

    def _wrap(
        self, call: _Call, send: Send, backlog: ClientBacklog | None, *, body_wanted: bool
    ) -> Send:
        async def answer(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers: Headers = [*message["headers"]]
                said = {name for name, _ in headers}  # a badge sets its own: it is for other sites
                headers += [one for one in SECURITY_HEADERS if one[0] not in said]
                if self.base:
                    headers = [_leading(field, self.base) for field in headers]
                if any(k == b"content-type" and v.startswith(b"text/html") for k, v in headers):
                    headers += HTML_HEADERS
                status = message["status"]
                if (age := self.libra.neighbours.age) and not call.writes and call.route in _AGES:
                    headers.append((b"age", str(age).encode()))
                if status == 405 and (allowed := self._methods.of(call.path)):
                    # Litestar knows of no HEAD.
                    headers = [one for one in headers if one[0] != b"allow"]
                    headers.append((b"allow", allowed.encode()))
                if call.writes or status >= 400:
                    # Requests that people may ask about later. Reads are too many for that.
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

    async def _refuse(
        self, refused: RequestRefused, scope: Any, send: Callable[[Any], Any]
    ) -> None:
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
    """One request, for counting and logging."""

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
        self.client: Caller | None = None
        self.refused: str | None = None
        self.answered: Callable[[int], None] | None = None
        self.method = scope["method"]
        self.path = scope["path"]
        self.route = _route(self.path)
        self.writes = self.method not in ("GET", "HEAD", "OPTIONS")
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        self.id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex

    def log(self, status: int, seconds: float) -> None:
        """Log one line for each request that writes or fails; at level `debug`, for each request."""
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


def _below(scope: Any, base: str) -> Any:
    """A request as if the base path were not part of its path.

    Some proxies remove the base path, and so may clients that reach Libra directly.
    """
    path: str = scope["path"]
    if path != base and not path.startswith(f"{base}/"):
        return scope
    raw = scope.get("raw_path")
    if raw is not None and raw.startswith(base.encode()):
        raw = raw[len(base) :] or b"/"
    return {**scope, "path": path[len(base) :] or "/", "raw_path": raw}


def _leading(field: tuple[bytes, bytes], base: str) -> tuple[bytes, bytes]:
    """A header of an answer; a redirect to a path of Libra gets the base path in front."""
    name, value = field
    if name.lower() != b"location" or not value.startswith(b"/"):
        return field
    before = base.encode()
    return field if value.startswith(before + b"/") else (name, before + value)


_SLASHES = re.compile("/{2,}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

_AGES = frozenset(
    {"/", "/pages", "/pages/{id}", "/pages/{id}/events", "/history", "/compare", "/watches"}
)
"""Routes whose answers may be older than what other nodes know, and then say how old."""

_ROUTES = frozenset(
    {"", "docs", "events", "health", "login", "logout", "metrics", "observer", "openapi.json"}
    | {"compare", "favicon.ico", "history", "history.csv", "public", "robots.txt", "static"}
    | {"tokens", "watches"}
)


def _route(path: str) -> str:
    """The route of a path as a metric label: few values, whatever path clients request."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    if first == "pages":
        path = path.rstrip("/")
        if path in ("/pages", "/pages/bulk"):
            return path
        ending = next((one for one in ("/events", "/screenshot") if path.endswith(one)), "")
        return f"/pages/{{id}}{ending}"
    return f"/{first}" if first in _ROUTES else "other"
