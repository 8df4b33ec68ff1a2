"""What pages, watches and those who keep them safe say to one another."""

from __future__ import annotations

from dataclasses import dataclass

from libra.report import Backup as Level
from libra.storage import Unavailable
from libra.storage.history import History
from libra.storage.journal.journal import Begun


@dataclass(frozen=True, slots=True)
class Offer:
    """To the database writer: a page has a state that the database has not."""

    page_id: str


@dataclass(frozen=True, slots=True)
class Keep:
    """To the journal writer: a page has a state that the journal has not. A call waits for it."""

    page_id: str


@dataclass(frozen=True, slots=True)
class Begin:
    """To the journal writer: a page begins a life, or (None) has ended it well."""

    page_id: str
    begun: Begun | None


@dataclass(frozen=True, slots=True)
class MayBegin:
    """To a page: that its life begins is written down, or cannot be."""


@dataclass(frozen=True, slots=True)
class ClockSet:
    """To pages and watches: the wall clock was set, so what is due by it is to be looked at again."""


@dataclass(frozen=True, slots=True)
class Settle:
    """To the journal writer, as a call: answered when the disk has all that it was told, or fails."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """To the journal writer: the database has these, each as of a version, or they have left memory."""

    stored: list[tuple[str, int]]
    known: History | None = None
    """The database as of then, to be remembered; None while what it lacks is being saved again."""


@dataclass(frozen=True, slots=True)
class Safe:
    """To a page or a watch: as of this version it is this safe."""

    version: int
    level: Level


@dataclass(frozen=True, slots=True)
class Unsafe:
    """To a page or a watch: where it was this safe it is no more."""

    level: Level


@dataclass(frozen=True, slots=True)
class Delete:
    """To the database writer: a page is to be forgotten in the database too."""

    page_id: str


@dataclass(frozen=True, slots=True)
class Drain:
    """To the database writer, as a call: answered when nothing waits, or nothing can be written."""


@dataclass(frozen=True, slots=True)
class Lost:
    """To the database writer: somebody found the database unavailable."""

    error: Unavailable


@dataclass(frozen=True, slots=True)
class DatabaseBacklog:
    """How many pages wait for the database, and for how many seconds the oldest has."""

    waiting: int
    oldest_seconds: float | None
