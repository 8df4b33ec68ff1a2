"""How Libra is: for orchestrators, for monitoring and for people."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from libra.app import Libra
from libra.health import Health
from libra.web.guard import Guard
from libra.web.metrics import TEXT, RequestCounts, exposition
from libra.web.schema import answer


class Alive(msgspec.Struct, frozen=True):
    """The answer of the two probes: ``ok``, or ``starting`` while pages are not accepted yet."""

    status: str


def health_routes(libra: Libra, counts: RequestCounts, guard: Guard) -> list[HTTPRouteHandler]:
    """The handlers of `/health`, its probes and `/metrics`."""

    @get(
        "/health/live",
        operation_id="isAlive",
        summary="Is the process alive?",
        description="Fails only if the event loop no longer answers: a reason to restart.",
        responses={200: answer(Alive, "Alive")},
        tags=["Health"],
    )
    async def live() -> Response[bytes]:
        return _respond(Alive("ok"))

    @get(
        "/health/ready",
        operation_id="isReady",
        summary="Does it accept work?",
        description="An outage of the database does not change this.",
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
        summary="The truth about each part",
        description="200 also while a part is down: `status` is `degraded` then.",
        responses={200: answer(Health, "Every part, and since when it is as it is")},
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
        text = exposition(libra.health(), counts, libra.tally, connections=guard.connections)
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
