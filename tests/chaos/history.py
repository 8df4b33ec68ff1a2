"""What clients saw: every call with its answer and its times, and what was done to the servers.

Times are seconds of the monotonic clock of the process that runs the clients. A history is kept in
memory and written as JSON lines when a run has failed, so that it can be read and checked again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from chaos.quiet import seconds_active, seconds_lost
from libra.report import FINISHED, Backup, Status

Kind = Literal[
    "submit", "push", "read", "event", "listed", "follow", "delete", "list", "unknown", "ready", "ping",
    "retry", "edit watch",
]  # fmt: skip
"""What a client did. The last two are done to clusters alone.

``push`` sends a result of CI, which is a page that comes in finished. ``event`` is one report of a
followed page and ``listed`` one entry of a list; their calls as a whole
are ``follow`` and ``list``. ``unknown`` reads an id that never was, ``ready`` asks whether Libra
accepts work, and ``ping`` reads from a server that has nothing to do with Libra or its database: how
long that takes is the noise of the machine. ``retry`` asks for a finished page to be weighed again.
"""

SAFE: frozenset[Backup] = frozenset({"journaled", "stored"})
"""The states of backup in which a page must survive SIGKILL."""


class Call(msgspec.Struct, frozen=True, omit_defaults=True, tag="call"):
    """One call and its answer.

    Attributes:
        kind: what the client did.
        started: when it began, in seconds.
        ended: when the answer was complete, or when it was clear that none would come.
        code: the HTTP status; None if no whole answer came.
        page: the id of the page that it was about.
        version: that of the report in the answer.
        backup: that of the report.
        status: that of the report.
        content: a digest of the report without its version and its backup; None for lists.
        url: what was submitted.
        pages: the ids in a list, in its order.
        partial: whether a list was said to be from memory alone.
        after: how many seconds the client was told to wait, if it was.
        error: what went wrong, in words.
    """

    kind: Kind
    started: float
    ended: float
    code: int | None = None
    page: str | None = None
    version: int | None = None
    backup: Backup | None = None
    status: Status | None = None
    content: str | None = None
    url: str | None = None
    pages: tuple[str, ...] | None = None
    partial: bool = False
    after: str | None = None
    error: str | None = None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.started

    @property
    def acknowledges(self) -> bool:
        """Whether the answer says that Libra has taken a page in."""
        return (self.kind, self.code) in (("submit", 202), ("push", 200))

    @property
    def saw(self) -> bool:
        """Whether the answer holds a state of a page."""
        return self.page is not None and self.version is not None

    @property
    def given_up(self) -> bool:
        """Whether it had no answer for so long that the client waited no longer."""
        return self.code is None and self.error == repr(TimeoutError())

    @property
    def finished(self) -> bool:
        """Whether it holds a result."""
        return self.status in FINISHED


What = Literal[
    "begins", "broken", "mending", "mended", "ends", "killing", "dead", "serving", "restored"
]
"""What was done: the first five to the database, the others to Libra itself.

A fault ``begins`` before anything is touched and is ``broken`` when it is in force; ``mending`` and
``mended`` likewise; it ``ends`` when the backlog is drained. Libra is ``dead`` when its process has
ended, ``serving`` when the next one has accepted its first request, and ``restored`` when all that
it is to know is in memory again or can be looked up.
"""


class Mark(msgspec.Struct, frozen=True, tag="mark"):
    """A moment at which something was done, and to what."""

    what: What
    at: float
    name: str = ""


class Strain(msgspec.Struct, frozen=True, tag="strain"):
    """How the machine was doing by then, in seconds since some moment (`chaos.quiet`).

    Attributes:
        at: when that was.
        waited: for how long it may have held a program up.
        libra: for how long Libra has run or waited for a processor; 0 if that is unknown.
        clients: the same of the clients.
    """

    at: float
    waited: float
    libra: float = 0.0
    clients: float = 0.0


Entry: TypeAlias = Call | Mark | Strain


class History:
    """All calls and marks of a run, in the order in which they were noted."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.calls: list[Call] = []
        self.marks: list[Mark] = []
        self.strains: list[Strain] = []
        self.libra: int | None = None
        """The process that runs Libra now, if there is one."""
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Note a call, a mark or how strained the machine is."""
        if isinstance(entry, Call):
            self.calls.append(entry)
        elif isinstance(entry, Mark):
            self.marks.append(entry)
        else:
            self.strains.append(entry)

    def feel(self) -> None:
        """Note how strained the machine is now."""
        libra = 0.0 if self.libra is None else seconds_active(self.libra)
        clients = seconds_active(os.getpid())
        self.add(Strain(time.monotonic(), seconds_lost(), libra, clients))

    def mark(self, what: What, name: str = "") -> Mark:
        """Note that something is done now."""
        mark = Mark(what, time.monotonic(), name)
        self.add(mark)
        return mark

    def between(self, start: float, end: float, *kinds: Kind) -> Iterator[Call]:
        """The calls of some kinds that started in an interval."""
        return (c for c in self.calls if c.kind in kinds and start <= c.started < end)

    def fault_at(self, moment: float) -> str | None:
        """The fault that was going on then, or the last one before; None before the first.

        Kills and starts in the middle of a fault do not end it.
        """
        named = [mark.name for mark in self.marks if mark.name and mark.at <= moment]
        return named[-1] if named else None

    def ended_since(self, moment: float) -> Iterator[Call]:
        """The calls that were noted after a moment, the newest first."""
        return takewhile(lambda call: call.ended >= moment, reversed(self.calls))

    def write(self, path: Path) -> None:
        """Write it as JSON lines."""
        with path.open("wb") as file:
            for entry in (*self.marks, *self.strains, *self.calls):
                file.write(_encoder.encode(entry) + b"\n")

    @classmethod
    def read(cls, path: Path) -> History:
        """Read what `write` wrote."""
        with path.open("rb") as file:
            return cls(map(_decoder.decode, file))


def digest(report: dict[str, Any]) -> str:
    """What a report says, whatever its version and backup and the order of its fields."""
    said = {name: value for name, value in report.items() if name not in ("version", "backup")}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def percentile(values: Iterable[float], percent: float) -> float:
    """The value that so many percent of all do not exceed, by nearest rank; 0 of none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)
