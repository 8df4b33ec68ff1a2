"""The port for reading the bodies of a page, and the reader that runs inside this program.

A malicious page may make reading take for ever or use all memory. `libra.parsers` offers a reader whose
processes can be killed. This one is for trusted pages, and for systems without such processes.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any, Protocol, TypeVar, cast

import msgspec

from libra.urls import origin_of
from libra.weighing.bodies.body import INLINE_BYTES
from libra.weighing.bodies.kept import KeptBody, Spool
from libra.weighing.headers.document_headers import NO_HEADERS, DocumentHeaders
from libra.weighing.options import Options
from libra.weighing.orders.orders import Fetch, Reading
from libra.weighing.orders.source import Source, StyleWork, Text
from libra.weighing.reading.known_readings import (
    LONGEST_SECONDS,
    KnownReadings,
    key_of_reading,
    key_of_style,
)
from libra.weighing.reading.serial_reader import SerialReader, StyleTask
from libra.weighing.roles import DOCUMENT_ROLES
from libra.weighing.style.wanted import WantedByStyle

T = TypeVar("T")

InThread = Callable[[Callable[[], Any]], asyncio.Future[Any]]
"""Runs something in a thread."""

_INLINE_DOCUMENT = 24_576
"""Maximum HTML or script bytes read on the event loop; the worst input takes about 20 ms."""

ROOM = 1_000_000
"""Bytes of received bodies that one page keeps in memory; the rest is in its file."""

_numbers = count()


class Reader(Protocol):
    """Reads the bodies of one page.

    Attributes:
        spool: The file for large bodies.
    """

    spool: Spool

    async def read(self, text: Text, body: KeptBody) -> tuple[Reading, Source | None]:
        """Find the references of a body. Also returns the body, if a document's style may need it.

        A body that cannot be read gives a `Reading` with a named error.
        """

    async def style(self, work: StyleWork) -> tuple[list[WantedByStyle], str | None]:
        """The references of a document's style, and why some may be missing, as a named error."""


def text_of(fetch: Fetch, content_type: str | None, headers: DocumentHeaders = NO_HEADERS) -> Text:
    """The context of a fetched body for its reader."""
    wanted, client = fetch.reference, fetch.client
    encoding = wanted.encoding or client.encoding
    if wanted.role in DOCUMENT_ROLES and client.origin != origin_of(wanted.url):
        encoding = ""  # a document does not inherit from one of another origin
    return Text(
        next(_numbers),
        wanted.role,
        wanted.url,
        content_type,
        wanted.applies,
        wanted.integrity,
        fetch.import_map,
        headers,
        encoding,
        wanted.unseen,
    )


def may_have_style(reading: Reading) -> bool:
    """Whether the body will be needed again to work out a style."""
    return reading.sheet is not None or any(
        outline.sheets or outline.asks for outline in reading.documents
    )


class Shelf:
    """The received bodies of one page: a part in memory, the rest in the page's file."""

    __slots__ = ("_in_thread", "_room", "spool")

    def __init__(self, in_thread: InThread) -> None:
        self.spool = Spool()
        self._in_thread = in_thread
        self._room = ROOM

    async def put(self, text: Text, body: KeptBody) -> Source:
        """Keep a body.

        Raises:
            OSError: There is no room for it.
        """
        if len(body.memory) > self._room:
            body = await asyncio.shield(self._in_thread(partial(body.stowed, self.spool)))
        self._room -= len(body.memory)
        return Source(text, body)

    def drop(self, source: Source) -> None:
        """Give back the memory of a body that is no longer needed."""
        self._room += len(source.body.memory)


def not_kept(error: OSError) -> Reading:
    """The reading of a body for which there was no room."""
    return Reading(
        error=f"not-kept: the body could not be stored on disk: {error.strerror or error}"
    )


class KeepingReader(ABC):
    """Reads each body once: keeps bodies that a style needs again, and asks for known results first.

    Args:
        in_thread: Runs something in a thread.
        options: The options of the page.
        known: Results that pages share; without them the page reads everything itself.
    """

    def __init__(
        self, in_thread: InThread, options: Options, known: KnownReadings | None = None
    ) -> None:
        self._in_thread = in_thread
        self._options = options
        self._known = known
        self._keys: dict[int, bytes] = {}
        self._shelf = Shelf(in_thread)
        self.spool = self._shelf.spool

    async def read(self, text: Text, body: KeptBody) -> tuple[Reading, Source | None]:
        """As `Reader.read`."""
        known, key, reading = self._known, None, None
        if known is not None:
            key = key_of_reading(text, body, self._options)
            reading = None if key is None else known.readings.get(key)
        if reading is not None and not may_have_style(reading):
            return reading, None
        try:
            source = await self._shelf.put(text, body)
        except OSError as error:
            return not_kept(error), None
        if reading is None:
            began = time.perf_counter()
            reading, size = await self._read(source)
            quick = time.perf_counter() - began < LONGEST_SECONDS
            if known is not None and key is not None and quick and reading.error is None:
                known.readings.put(key, reading, size)
        if may_have_style(reading):
            if key is not None:
                self._keys[text.id] = key
            return reading, source
        self._forget(source)
        self._shelf.drop(source)
        return reading, None

    async def style(self, work: StyleWork) -> tuple[list[WantedByStyle], str | None]:
        """As `Reader.style`."""
        task, sources = StyleTask.of(work)
        known = self._known
        key = None if known is None else key_of_style(task, self._keys)
        wanted = None if known is None or key is None else known.styles.get(key)
        if wanted is not None:
            return wanted, None
        began = time.perf_counter()
        wanted, size, error = await self._style(task, sources)
        quick = time.perf_counter() - began < LONGEST_SECONDS
        if known is not None and key is not None and quick and error is None:
            known.styles.put(key, wanted, size)
        return wanted, error

    @abstractmethod
    async def _read(self, source: Source) -> tuple[Reading, int]:
        """The reading of a body, and its size in bytes when it is encoded."""

    @abstractmethod
    async def _style(
        self, task: StyleTask, sources: dict[int, Source]
    ) -> tuple[list[WantedByStyle], int, str | None]:
        """What `style` returns, with the size of the list in bytes when it is encoded."""

    @abstractmethod
    def _forget(self, source: Source) -> None:
        """Drop what was kept of a body for its style, as it has none."""


class InPlaceReader(KeepingReader):
    """Reads in this program: short bodies directly, others in a thread.

    Args:
        in_thread: Runs something in a thread.
        options: The options of the page.
        known: Results that pages share.
    """

    def __init__(
        self, in_thread: InThread, options: Options, known: KnownReadings | None = None
    ) -> None:
        super().__init__(in_thread, options, known)
        self._desk = SerialReader()

    async def _read(self, source: Source) -> tuple[Reading, int]:
        text, body = source.text, source.body

        def read() -> tuple[Reading, int]:
            viewport, most = self._options.viewport, self._options.limits.assets
            reading = self._desk.read(text, body.read(), viewport, most=most, keep=True)
            return reading, len(msgspec.msgpack.encode(reading))

        # A document may take its parser long for its size; a stylesheet does not.
        inline = INLINE_BYTES if text.role == "stylesheet" else _INLINE_DOCUMENT
        if body.size <= inline and body.spool is None:
            return read()
        return cast("tuple[Reading, int]", await asyncio.shield(self._in_thread(read)))

    async def _style(
        self, task: StyleTask, sources: dict[int, Source]
    ) -> tuple[list[WantedByStyle], int, str | None]:
        def find(number: int) -> tuple[Text, bytes]:
            source = sources[number]
            return source.text, source.body.read()

        viewport = self._options.viewport
        wanted = await asyncio.shield(
            self._in_thread(lambda: self._desk.style(task, find, viewport))
        )
        return wanted, len(msgspec.msgpack.encode(wanted)), None

    def _forget(self, source: Source) -> None:
        self._desk.forget([source.text.id])
