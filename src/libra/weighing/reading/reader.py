"""The port for reading the bodies of a page, and the reader that runs inside this program.

A malicious page may make reading take for ever or use all memory. `libra.parsers` offers a reader whose
processes can be killed. This one is for trusted pages, and for systems without such processes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any, Protocol, TypeVar

from libra.urls import origin_of
from libra.weighing.bodies.body import INLINE_BYTES
from libra.weighing.bodies.kept import KeptBody, Spool
from libra.weighing.headers.document_headers import NO_HEADERS, DocumentHeaders
from libra.weighing.options import Options
from libra.weighing.orders.orders import Fetch, Reading
from libra.weighing.orders.source import Source, StyleWork, Text
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


class InPlaceReader:
    """Reads in this program: short bodies directly, others in a thread.

    Args:
        in_thread: Runs something in a thread.
        options: The options of the page.
    """

    def __init__(self, in_thread: InThread, options: Options) -> None:
        self._in_thread = in_thread
        self._options = options
        self._desk = SerialReader()
        self._shelf = Shelf(in_thread)
        self.spool = self._shelf.spool

    async def read(self, text: Text, body: KeptBody) -> tuple[Reading, Source | None]:
        """As `Reader.read`."""
        try:
            source = await self._shelf.put(text, body)
        except OSError as error:
            return not_kept(error), None

        def read() -> Reading:
            viewport, most = self._options.viewport, self._options.limits.assets
            return self._desk.read(text, source.body.read(), viewport, most=most, keep=True)

        # A document may take its parser long for its size; a stylesheet does not.
        inline = INLINE_BYTES if text.role == "stylesheet" else _INLINE_DOCUMENT
        if body.size <= inline and source.body.spool is None:
            reading = read()
        else:
            reading = await asyncio.shield(self._in_thread(read))
        if may_have_style(reading):
            return reading, source
        self._desk.forget([text.id])
        self._shelf.drop(source)
        return reading, None

    async def style(self, work: StyleWork) -> tuple[list[WantedByStyle], str | None]:
        """As `Reader.style`."""
        task, sources = StyleTask.of(work)

        def find(number: int) -> tuple[Text, bytes]:
            source = sources[number]
            return source.text, source.body.read()

        viewport = self._options.viewport
        return await asyncio.shield(
            self._in_thread(lambda: self._desk.style(task, find, viewport))
        ), None
