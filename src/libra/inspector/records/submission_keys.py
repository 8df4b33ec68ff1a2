"""Idempotency keys: which page came of a submission that may be sent again.

A key is a page's own: it is journaled with the submission, stands in the row of the page and comes
back with it. This table finds the page. After a start it is filled as pages come back, and from the
database, which also has the keys of pages that are not to be in memory any more.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from libra.decoding import Undecodable, decode_json_as

KNOWN: Final = timedelta(days=1)
"""How long a key is known."""

KEYS: Final = 50_000
"""Keys that are known at a time, some 20 MB; the oldest is forgotten first."""

DIGITS: Final = 32
"""How long the two parts of a key are, each."""


class SubmissionKey(NamedTuple):
    """What a client calls a submission, and what it asked for; hashes of both.

    Attributes:
        name: of the client and its key.
        body: of what was submitted; empty of a page that was deleted.
    """

    name: str
    body: str

    @classmethod
    def parse(cls, text: str) -> SubmissionKey:
        """A key as it stands in a row."""
        return cls(text[:DIGITS], text[DIGITS:])

    def __str__(self) -> str:
        """As it stands in a row."""
        return self.name + self.body


class Used(NamedTuple):
    """What a key was used for, which page came of it, and when (Unix time)."""

    body: str
    page: str
    at: float


class _Line(msgspec.Struct, array_like=True):
    """A key in the file of an older Libra."""

    key: str
    fingerprint: str
    page: str
    at: float


class SubmissionKeys:
    """The keys that are known.

    Args:
        size: how many there may be.
        now: Unix time.
    """

    def __init__(self, size: int = KEYS, now: Callable[[], float] = time.time) -> None:
        self._size = size
        self._now = now
        self._used: OrderedDict[str, Used] = OrderedDict()

    def __len__(self) -> int:
        return len(self._used)

    def find(self, name: str) -> Used | None:
        """What a key was used for, if that is known."""
        used = self._used.get(name)
        if used is not None and used.at + KNOWN.total_seconds() <= self._now():
            del self._used[name]
            return None
        return used

    def note(self, text: str | None, page_id: str) -> None:
        """This page was submitted with this key; does nothing if there is none."""
        if text is None:
            return
        name, body = SubmissionKey.parse(text)
        known = self.find(name)
        if known is None or known.page == page_id:
            self._add(name, Used(body, page_id, _submitted(page_id)))

    def read_file(self, path: Path) -> None:
        """Take over what an older Libra kept in a file, which goes when all in it is too old.

        A line that is none, as after a crash, is passed over.
        """
        with suppress(OSError):
            for line in path.read_bytes().splitlines()[-self._size :]:
                with suppress(Undecodable):
                    known = decode_json_as(line, _Line)
                    if known.at + KNOWN.total_seconds() > self._now():
                        self._add(known.key, Used(known.fingerprint, known.page, known.at))
            if not self._used:
                path.unlink(missing_ok=True)

    def _add(self, name: str, used: Used) -> None:
        self._used[name] = used
        while len(self._used) > self._size:
            self._used.popitem(last=False)


def oldest_known(now: datetime) -> datetime:
    """Pages submitted before this have keys that nobody needs to know."""
    return now.astimezone(UTC) - KNOWN


def note_all(keys: SubmissionKeys, rows: Iterable[tuple[str, str]]) -> None:
    """Note keys and pages as the database has them, the newest first."""
    for text, page_id in reversed(list(rows)):
        keys.note(text, page_id)


def _submitted(page_id: str) -> float:
    """The time of a UUIDv7 (RFC 9562, section 5.7)."""
    with suppress(ValueError):
        return (UUID(page_id).int >> 80) / 1000
    return time.time()
