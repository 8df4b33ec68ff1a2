"""How Libra is: for orchestrators, for monitoring and for people."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from libra.app import Libra
from libra.observability.health import Health
from libra.web.access.guard import Guard
from libra.web.http.openapi_parts import answer
from libra.web.telemetry.metrics import TEXT, RequestCounts, exposition


class Alive(msgspec.Struct, frozen=True):
    """The answer of the two probes: ``ok``, or ``starting`` while pages are not accepted yet."""

    status: str


def health_routes(libra: Libra, counts: RequestCounts, guard: Guard) -> list[HTTPRouteHandler]:
    """The handlers of `/health`, its probes and `/metrics`."""

    @get(
        "/health/live",
        operation_id="isAlive",
        summary="Is the process alive?",
        description="Fails only if the event loop hangs. Restart Libra then.",
        responses={200: answer(Alive, "Alive")},
        tags=["Health"],
    )
    async def live() -> Response[bytes]:
        return _respond(Alive("ok"))

    @get(
        "/health/ready",
        operation_id="isReady",
        summary="Does it accept work?",
        description="Stays ready while the database is down.",
        responses={200: answer(Alive, "Accepting work"), 503: answer(Alive, "Not accepting work")},
        tags=["Health"],
    )
    async def ready() -> Response[bytes]:
        if libra.health().accepting:
            return _respond(Alive("ok"))
        return _respond(Alive("starting"), 503)

    @get(
        "/health",
        operation_id="readHealth",
        summary="The state of each part",
        description="Also 200 while a part is down; then `status` is `degraded`.",
        responses={200: answer(Health, "Each part, its state and since when")},
        tags=["Health"],
    )
    async def health() -> Response[bytes]:
        return _respond(libra.health())

    @get(
        "/metrics",
        operation_id="readMetrics",
        summary="Metrics for Prometheus",
        responses={200: answer(str, "Text exposition format 0.0.4", "text/plain")},
        tags=["Health"],
    )
    async def metrics() -> Response[bytes]:
        text = exposition(
            libra.health(),
            counts,
            libra.tally,
            connections=guard.connections,
            weights=libra.watched_weights(),
        )
        return Response(text.encode(), media_type=TEXT, headers=_NOT_STORED)

    return [live, ready, health, metrics]


_NOT_STORED = {"Cache-Control": "no-store"}


def _respond(body: Any, status: int = 200) -> Response[bytes]:
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        media_type="application/json",
        headers=_NOT_STORED,
    )
