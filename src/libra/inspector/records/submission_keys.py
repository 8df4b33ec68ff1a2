"""Idempotency keys: which page belongs to a submission that may be sent again.

A key belongs to its page: it is journaled with the submission, is in the page's row and comes back
with the page. This table finds the page by its key. After a start the table is filled by the pages
that come back and from the database, which also has the keys of pages that stay out of memory.
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
"""How long a key is remembered."""

KEYS: Final = 50_000
"""The limit of remembered keys, some 20 MB; the oldest is forgotten first."""

DIGITS: Final = 32
"""The length of each of the two parts of a key."""


class SubmissionKey(NamedTuple):
    """The client's name for a submission, and its content; hashes of both.

    Attributes:
        name: hash of the client and its key.
        body: hash of the submitted content; empty for a page that was deleted.
    """

    name: str
    body: str

    @classmethod
    def parse(cls, text: str) -> SubmissionKey:
        """Parse a key from a row."""
        return cls(text[:DIGITS], text[DIGITS:])

    def __str__(self) -> str:
        """The key as a row has it."""
        return self.name + self.body


class Used(NamedTuple):
    """The use of a key: the content, the page, and when (Unix time)."""

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
    """The remembered keys.

    Args:
        size: the limit of keys.
        now: Unix time.
    """

    def __init__(self, size: int = KEYS, now: Callable[[], float] = time.time) -> None:
        self._size = size
        self._now = now
        self._used: OrderedDict[str, Used] = OrderedDict()

    def __len__(self) -> int:
        return len(self._used)

    def find(self, name: str) -> Used | None:
        """The use of a key, if that is known."""
        used = self._used.get(name)
        if used is not None and used.at + KNOWN.total_seconds() <= self._now():
            del self._used[name]
            return None
        return used

    def note(self, text: str | None, page_id: str) -> None:
        """Note that this page was submitted with this key; do nothing without a key."""
        if text is None:
            return
        name, body = SubmissionKey.parse(text)
        known = self.find(name)
        if known is None or known.page == page_id:
            self._add(name, Used(body, page_id, _submitted(page_id)))

    def read_file(self, path: Path) -> None:
        """Take over the file of an older Libra; delete it once all its keys are too old.

        A broken line, as after a crash, is skipped.
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
    """Keys of pages submitted before this are not needed."""
    return now.astimezone(UTC) - KNOWN


def note_all(keys: SubmissionKeys, rows: Iterable[tuple[str, str]]) -> None:
    """Note keys and pages from the database, newest first."""
    for text, page_id in reversed(list(rows)):
        keys.note(text, page_id)


def _submitted(page_id: str) -> float:
    """The time of a UUIDv7 (RFC 9562, section 5.7)."""
    with suppress(ValueError):
        return (UUID(page_id).int >> 80) / 1000
    return time.time()
