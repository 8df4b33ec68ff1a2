"""What a running Libra says of itself: plain data for `/health`, `/observer` and the metrics."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

PartStatus = Literal["ok", "degraded", "down"]


class Part(msgspec.Struct, frozen=True):
    """One thing that Libra is made of or depends on, and since when it is as it is."""

    status: PartStatus
    since: datetime
    detail: str | None = None


class LoopLag(msgspec.Struct, frozen=True):
    """How late the event loop ran its callbacks, in milliseconds, over the last minute or so."""

    last_ms: float
    p99_ms: float
    max_ms: float
    culprit: str | None = None


class Processes(msgspec.Struct, frozen=True):
    """What happened to processes since the start.

    ``crashed`` are those that ended for a reason that is not clean, ``restarted`` restarts by
    supervisors, ``refused`` messages that a full mailbox did not take, ``abandoned`` tasks that
    ignored their cancellation.
    """

    started: int = 0
    running: int = 0
    crashed: int = 0
    restarted: int = 0
    refused: int = 0
    abandoned: int = 0


class NodeHealth(msgspec.Struct, frozen=True):
    """A node of a cluster, as another has heard of it.

    Attributes:
        node: its name.
        role: ``web``, ``inspector`` or ``all``.
        version: of its program.
        pages: how many it is weighing.
        places: how many it weighs at a time.
        silent_seconds: how long it has said nothing.
        skew_seconds: by how much its clock is behind that of the one that has heard it, the way of the
            message included.
        journaled: what only its disk has.
        weighed: pages that it has finished since its start.
        second_lives: pages of others that it has begun again since its start.
        trouble: what it cannot reach, or null.
    """

    node: str
    role: str
    version: str
    pages: int
    places: int
    silent_seconds: float
    skew_seconds: float
    journaled: int
    weighed: int
    second_lives: int
    trouble: str | None = None


class Health(msgspec.Struct, frozen=True):
    """The truth about each part.

    ``status`` is ``degraded`` while any part is not ``ok``; ``accepting`` says whether pages can be
    submitted and read, which an outage of the database does not change. ``waiting_to_be_stored``
    counts pages whose newest version is not in the database yet. ``watches`` counts them by what is
    known of their page. ``nodes`` are those of the cluster, this one included, if there is one.
    """

    status: Literal["ok", "degraded"]
    accepting: bool
    version: str
    started_at: datetime
    parts: dict[str, Part]
    pages: dict[str, int]
    waiting_to_be_stored: int
    oldest_waiting_seconds: float | None
    quarantined: int
    loop_lag: LoopLag
    processes: Processes = Processes()
    watches: dict[str, int] = {}
    nodes: tuple[NodeHealth, ...] = ()


class Node(msgspec.Struct, frozen=True):
    """One process of the living tree, with those that it supervises.

    ``more`` counts children that were left out of ``children`` because there are too many to show.
    """

    name: str
    pid: int | None
    kind: Literal["supervisor", "worker"]
    state: Literal["running", "restarting", "quarantined", "stopping"]
    mailbox: int = 0
    restarts: int = 0
    reason: str | None = None
    children: tuple[Node, ...] = ()
    more: int = 0
