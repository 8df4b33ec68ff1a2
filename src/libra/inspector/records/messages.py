"""Messages between pages, watches and the processes that keep them safe."""

from __future__ import annotations

from dataclasses import dataclass

from libra.report import Backup as Level
from libra.storage import Unavailable
from libra.storage.history import History
from libra.storage.journal.journal import Begun


@dataclass(frozen=True, slots=True)
class Offer:
    """To the database writer: a page has a state that the database lacks."""

    page_id: str


@dataclass(frozen=True, slots=True)
class Keep:
    """To the journal writer: a page has a state that the journal lacks. A call waits for it."""

    page_id: str


@dataclass(frozen=True, slots=True)
class Begin:
    """To the journal writer: a page begins a life, or (None) has ended it well."""

    page_id: str
    begun: Begun | None


@dataclass(frozen=True, slots=True)
class MayBegin:
    """To a page: the beginning of its life is written down, or cannot be."""


@dataclass(frozen=True, slots=True)
class ClockSet:
    """To pages and watches: the wall clock was set, so check again what is due."""


@dataclass(frozen=True, slots=True)
class Settle:
    """To the journal writer, as a call: answered when all is on the disk, or the disk fails."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """To the journal writer: the database has these, each as of a version, or they have left memory."""

    stored: list[tuple[str, int]]
    known: History | None = None
    """The database as of then, to note in the journal; None while the database has a gap."""


@dataclass(frozen=True, slots=True)
class Safe:
    """To a page or a watch: as of this version it has this level of safety."""

    version: int
    level: Level


@dataclass(frozen=True, slots=True)
class Unsafe:
    """To a page or a watch: it has lost this level of safety.

    With `until_journaled` it shows that once it is journaled again, or when it gets `TellLoss`.
    """

    level: Level
    until_journaled: bool = False


@dataclass(frozen=True, slots=True)
class TellLoss:
    """To a page: show what it has lost, because the journal cannot have it now."""


@dataclass(frozen=True, slots=True)
class Delete:
    """To the database writer: delete a page from the database too."""

    page_id: str


@dataclass(frozen=True, slots=True)
class Drain:
    """To the database writer, as a call: answered when nothing waits, or nothing can be written."""


@dataclass(frozen=True, slots=True)
class Lost:
    """To the database writer: a caller found the database unavailable."""

    error: Unavailable


@dataclass(frozen=True, slots=True)
class DatabaseBacklog:
    """How many pages wait for the database, and for how many seconds the oldest one has waited."""

    waiting: int
    oldest_seconds: float | None
