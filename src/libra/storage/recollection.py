"""What a Libra remembers of its database from one life to the next, and how it tells a loss.

Its own name, the database as of its last batch, what was lost so far, and what was deleted of late: a
database that has gone back knows nothing of those deletions and has to be told again. It stands in two
small files beside the journal, and is written before the journal drops what a batch has stored. Not
synced, as that is not either: what a power cut takes of it is a loss that is not noticed while Libra
is stopped. Until a deletion is written it is told from memory: a backup may be restored right after it.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Final, Protocol
from uuid import uuid4

import msgspec

from libra.storage.history import History
from libra.storage.rows.entries import Deleted

log = logging.getLogger("libra.backup")

MAX_LOSSES: Final = 10
"""Losses that are remembered; of more the oldest are forgotten."""

TIDY_BYTES: Final = 1_000_000
"""When the file of deletions has grown by so much, those that are too old are taken out of it."""

MAX_IN_MEMORY: Final = 100_000
"""Deletions that are remembered where there is no disk to do that, or where it fails."""


class Loss(msgspec.Struct, frozen=True):
    """What a database had and has no more.

    Attributes:
        noticed_at: when that was noticed.
        since: the time of the last batch that it has; None if it has none of this Libra.
        until: the time of the last batch that it had; None if that is not known.
        reason: in words for people.
    """

    noticed_at: datetime
    since: datetime | None
    until: datetime | None
    reason: str

    @property
    def span(self) -> str:
        """From when to when, in words."""
        until = self.until or self.noticed_at
        if self.since is None:
            return f"before {until:%Y-%m-%d %H:%M:%S} UTC"
        return f"between {self.since:%Y-%m-%d %H:%M:%S} and {until:%Y-%m-%d %H:%M:%S} UTC"


class Recollection(Protocol):
    """Remembers. All but the attributes and `deleted` is for a thread that may wait for the disk.

    Attributes:
        instance: the name of this Libra, which it keeps as long as its data directory.
        known: the database as of the last batch, as `remember` was told.
        losses: what was lost, the oldest first.
    """

    instance: str
    known: History | None
    losses: tuple[Loss, ...]

    def recall(self) -> None:
        """Find out what a former life left; to be done once, before all else."""

    def deleted(self, gone: Iterable[Deleted]) -> None:
        """The database has these deletions: `deletions` tells of them from now on.

        It waits for nothing, so that there is no moment at which neither the deletions that are to be
        saved nor these have them. The next `remember` writes them down.
        """

    def remember(self, known: History | None) -> None:
        """Write down what `deleted` was told, and the database as of its last batch if it is as it was.

        Raises:
            OSError: it could not be written down; it is remembered in this life.
        """

    def lose(self, loss: Loss) -> None:
        """Something was lost; raises as `remember` does."""

    def deletions(self, now: datetime) -> Iterator[Deleted]:
        """What was deleted and is not too old to be told again.

        Raises:
            OSError: it cannot be read.
        """


class _NotesFile(msgspec.Struct, frozen=True):
    """What is in the smaller file."""

    instance: str
    known: History | None = None
    losses: tuple[Loss, ...] = ()


class InMemory:
    """Remembers as long as the program lives; for one that is to leave nothing on its disk.

    Args:
        keep: seconds that a deletion is remembered.
    """

    def __init__(self, keep: float) -> None:
        self.instance = uuid4().hex
        self.known: History | None = None
        self.losses: tuple[Loss, ...] = ()
        self._keep = timedelta(seconds=keep)
        self._deleted: deque[Deleted] = deque(maxlen=MAX_IN_MEMORY)

    def recall(self) -> None:
        """There is nothing."""

    def deleted(self, gone: Iterable[Deleted]) -> None:
        """Remember them."""
        self._deleted.extend(gone)

    def remember(self, known: History | None) -> None:
        """Remember it."""
        self.known = known or self.known

    def lose(self, loss: Loss) -> None:
        """Remember it."""
        self.losses = (*self.losses, loss)[-MAX_LOSSES:]

    def deletions(self, now: datetime) -> Iterator[Deleted]:
        """Those of this life."""
        return (one for one in list(self._deleted) if one.at > now - self._keep)


class OnDisk:
    """Remembers in two files of the data directory.

    Args:
        directory: it must exist when this is used.
        keep: seconds that a deletion is remembered.
    """

    def __init__(self, directory: Path, keep: float) -> None:
        self.instance = uuid4().hex
        self.known: History | None = None
        self.losses: tuple[Loss, ...] = ()
        self._notes = directory / "database.json"
        self._deleted = directory / "deletions.jsonl"
        self._keep = timedelta(seconds=keep)
        self._grown = 0
        self._recalled = False
        self._lock = Lock()  # of what follows, never held while the disk is waited for
        self._unwritten: dict[tuple[str, str], Deleted] = {}

    def recall(self) -> None:
        """Read the notes; where they cannot be read it is as if there were none."""
        try:
            notes = msgspec.json.decode(self._notes.read_bytes(), type=_NotesFile)
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError) as error:
            log.warning(
                "%s cannot be read, whether the database has gone back is not known: %s",
                self._notes,
                error,
            )
        else:
            since = datetime.now(UTC) - self._keep
            self.instance, self.known = notes.instance, notes.known
            self.losses = tuple(loss for loss in notes.losses if loss.noticed_at > since)
        self._recalled = True
        self._write_notes()

    def deleted(self, gone: Iterable[Deleted]) -> None:
        """Keep them in memory until they are in the file."""
        with self._lock:
            self._unwritten |= {(one.of, one.id): one for one in gone}
            for key in list(islice(self._unwritten, max(0, len(self._unwritten) - MAX_IN_MEMORY))):
                del self._unwritten[key]

    def remember(self, known: History | None) -> None:
        """The deletions first: without them the rest must not be known."""
        # It begins with the end of a line, as the last life may not have come to the end of its own.
        if deleted := self._in_memory():
            data = b"\n".join([b"", *map(msgspec.json.encode, deleted), b""])
            with self._deleted.open("ab") as file:
                file.write(data)
            with self._lock:
                for one in deleted:
                    self._unwritten.pop((one.of, one.id), None)
            self._grown += len(data)
            if self._grown > TIDY_BYTES:
                self._tidy(max(one.at for one in deleted))
        if known is not None:
            self.known = known
            self._write_notes()

    def lose(self, loss: Loss) -> None:
        """Write it down."""
        self.losses = (*self.losses, loss)[-MAX_LOSSES:]
        self._write_notes()

    def deletions(self, now: datetime) -> Iterator[Deleted]:
        """Line by line; one that was not written to its end is passed over."""
        since = now - self._keep
        # Those in memory first: so one that is being written meanwhile is told twice, and not left out.
        yield from (one for one in self._in_memory() if one.at > since)
        try:
            file = self._deleted.open("rb")
        except FileNotFoundError:
            return
        with file:
            for line in file:
                try:
                    one = msgspec.json.decode(line, type=Deleted)
                except msgspec.MsgspecError:
                    continue
                if one.at > since:
                    yield one

    def _in_memory(self) -> list[Deleted]:
        with self._lock:
            return list(self._unwritten.values())

    def _tidy(self, now: datetime) -> None:
        self._replace(self._deleted, (msgspec.json.encode(one) for one in self.deletions(now)))
        self._grown = 0

    def _write_notes(self) -> None:
        if not self._recalled:
            return  # there was no disk at the start: what a former life left on it is worth more
        notes = _NotesFile(self.instance, self.known, self.losses)
        self._replace(self._notes, [msgspec.json.encode(notes)])

    def _replace(self, path: Path, lines: Iterable[bytes]) -> None:
        new = path.with_suffix(".new")
        with new.open("wb") as file:
            file.writelines(line + b"\n" for line in lines)
        new.replace(path)
