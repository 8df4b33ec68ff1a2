"""What a Libra remembers of its database from one life to the next, and how it notices a loss.

It remembers its own name, the database as of its last batch, the losses so far and the recent
deletions: a database that has gone back in time lacks those deletions and must get them again. The
notes are in two small files beside the journal, and are written before the journal drops what a batch
has stored. They are not synced, as the journal's drops are not: if a power cut destroys notes, Libra
does not notice a loss that happens while it is stopped. Until a deletion is written, it is kept in
memory: a backup may be restored right after it.
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
"""The limit of remembered losses; beyond it the oldest are forgotten."""

TIDY_BYTES: Final = 1_000_000
"""When the file of deletions has grown by this many bytes, the old ones are removed from it."""

MAX_IN_MEMORY: Final = 100_000
"""The limit of deletions that are kept in memory, without a disk or while the disk fails."""


class Loss(msgspec.Struct, frozen=True):
    """Data that a database had and lacks now.

    Attributes:
        noticed_at: when the loss was noticed.
        since: the time of the last batch that the database has; None if it has none of this Libra.
        until: the time of the last batch that it had; None if unknown.
        reason: the reason in words for people.
    """

    noticed_at: datetime
    since: datetime | None
    until: datetime | None
    reason: str

    @property
    def span(self) -> str:
        """The time of the lost data, in words."""
        until = self.until or self.noticed_at
        if self.since is None:
            return f"before {until:%Y-%m-%d %H:%M:%S} UTC"
        return f"between {self.since:%Y-%m-%d %H:%M:%S} and {until:%Y-%m-%d %H:%M:%S} UTC"


def with_loss(losses: tuple[Loss, ...], loss: Loss) -> tuple[Loss, ...]:
    """The losses with one more; one that is found again after a restart counts once."""
    last = losses[-1] if losses else None
    if last is not None and (last.since, last.until) == (loss.since, loss.until):
        losses = losses[:-1]
    return (*losses, loss)[-MAX_LOSSES:]


class Recollection(Protocol):
    """The notes. All but the attributes and `deleted` is for a thread that may wait for the disk.

    Attributes:
        instance: the name of this Libra, which it keeps as long as its data directory.
        known: the database as of the last batch, as given to `remember`.
        losses: the losses, oldest first.
    """

    instance: str
    known: History | None
    losses: tuple[Loss, ...]

    def recall(self) -> None:
        """Read the notes of a former life; call this once, before all else."""

    def deleted(self, gone: Iterable[Deleted]) -> None:
        """Note deletions that the database has: `deletions` returns them from now on.

        It does not wait, so a deletion is always either among those to be saved or among these. The
        next `remember` writes them down.
        """

    def remember(self, known: History | None) -> None:
        """Write down the deletions of `deleted`, and the state of the database unless it is None.

        Raises:
            OSError: it could not be written down; it is remembered in this life.
        """

    def lose(self, loss: Loss) -> None:
        """Note a loss; raises as `remember` does."""

    def deletions(self, now: datetime) -> Iterator[Deleted]:
        """The deletions that are recent enough to be repeated.

        Raises:
            OSError: they cannot be read.
        """


class _NotesFile(msgspec.Struct, frozen=True):
    """The content of the smaller file."""

    instance: str
    known: History | None = None
    losses: tuple[Loss, ...] = ()


class InMemory:
    """Remembers as long as the program lives; for a program that must leave nothing on its disk.

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
        """Do nothing: there are no notes."""

    def deleted(self, gone: Iterable[Deleted]) -> None:
        """Keep them in memory."""
        self._deleted.extend(gone)

    def remember(self, known: History | None) -> None:
        """Keep it in memory."""
        self.known = known or self.known

    def lose(self, loss: Loss) -> None:
        """Keep it in memory."""
        self.losses = with_loss(self.losses, loss)

    def deletions(self, now: datetime) -> Iterator[Deleted]:
        """The deletions of this life."""
        return (one for one in list(self._deleted) if one.at > now - self._keep)


class OnDisk:
    """Remembers in two files of the data directory.

    Args:
        directory: the folder of the files; it must exist when this is used.
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
        self._failing = False
        self._lock = Lock()  # for the next attribute; never held while waiting for the disk
        self._unwritten: dict[tuple[str, str], Deleted] = {}

    def recall(self) -> None:
        """Read the notes; unreadable notes count as missing."""
        try:
            notes = msgspec.json.decode(self._notes.read_bytes(), type=_NotesFile)
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError) as error:
            log.warning(
                "%s cannot be read, so a database that has gone back in time would go unnoticed: %s",
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
        """Write the deletions first: without them the rest must not be written.

        The first failure is logged; the following ones are not, until it works again.
        """
        try:
            self._write_deletions()
            if known is not None:
                self.known = known
                self._write_notes()
        except OSError as error:
            if not self._failing:
                log.warning(
                    "the notes of the database cannot be written; if the database goes back in time "
                    "while Libra is stopped, that may go unnoticed: %s",
                    error,
                )
            self._failing = True
            raise
        self._failing = False

    def lose(self, loss: Loss) -> None:
        """Write the loss down."""
        self.losses = with_loss(self.losses, loss)
        self._write_notes()

    def deletions(self, now: datetime) -> Iterator[Deleted]:
        """Read line by line; skip an incomplete line."""
        since = now - self._keep
        # Those in memory first: a deletion that is being written may come twice, but is never left
        # out.
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

    def _write_deletions(self) -> None:
        # It begins with a newline, because the last line of a former life may be incomplete.
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

    def _in_memory(self) -> list[Deleted]:
        with self._lock:
            return list(self._unwritten.values())

    def _tidy(self, now: datetime) -> None:
        self._replace(self._deleted, (msgspec.json.encode(one) for one in self.deletions(now)))
        self._grown = 0

    def _write_notes(self) -> None:
        if not self._recalled:
            return  # the disk was missing at the start: the notes of a former life on it are worth more
        notes = _NotesFile(self.instance, self.known, self.losses)
        self._replace(self._notes, [msgspec.json.encode(notes)])

    def _replace(self, path: Path, lines: Iterable[bytes]) -> None:
        new = path.with_suffix(".new")
        with new.open("wb") as file:
            file.writelines(line + b"\n" for line in lines)
        new.replace(path)
