"""Reads the bodies of one page in parsers: see `libra.weighing.reading.reader.Reader`."""

from __future__ import annotations

import msgspec

from libra.parsers.pool import Account, Framed, ParserRefused, Parsers
from libra.parsers.process import Parser
from libra.parsers.protocol import Order, Piece, encode
from libra.weighing.bodies.kept import KeptBody
from libra.weighing.options import Options
from libra.weighing.orders.orders import Reading
from libra.weighing.orders.source import Source
from libra.weighing.reading.known_readings import KnownReadings
from libra.weighing.reading.reader import InThread, KeepingReader
from libra.weighing.reading.serial_reader import SerialReader, StyleTask
from libra.weighing.style.wanted import WantedByStyle

IN_PLACE = 2_048
"""Largest body in bytes that is read in the program, because a parser would cost more than it saves. The
time for that is linear in the bytes, and a test checks the worst bodies."""

LARGE = 1_000_000
"""Bodies larger than this (bytes) skip the fast lane."""

_DOCUMENTS = frozenset({"document", "frame", "object"})

_reading = msgspec.msgpack.Decoder(Reading)
_wanted = msgspec.msgpack.Decoder(list[WantedByStyle])


class ParserReader(KeepingReader):
    """The reader of one page.

    Args:
        parsers: The parsers of the program.
        in_thread: Runs a function in a thread.
        options: The options of the page.
        known: Results that pages share.
    """

    def __init__(
        self,
        parsers: Parsers,
        in_thread: InThread,
        options: Options,
        known: KnownReadings | None = None,
    ) -> None:
        super().__init__(in_thread, options, known)
        self._parsers = parsers
        self._account = Account()

    async def _read(self, source: Source) -> tuple[Reading, int]:
        text, body, options = source.text, source.body, self._options
        if is_small(body):
            reading = SerialReader().read(
                text, body.memory, options.viewport, most=options.limits.assets, keep=False
            )
            return reading, len(msgspec.msgpack.encode(reading))
        document = text.role in _DOCUMENTS

        def frame(parser: Parser, seconds: float) -> Framed:
            if body.size > LARGE:
                parser.forgotten.extend(parser.kept.clear())  # the large body needs the room
            keep = text.role != "module" and parser.kept.fits(body.size, document=document)
            order = Order(
                seconds,
                _forgotten(parser),
                options.viewport,
                [Piece(text, body.places, len(body.memory))],
                options.limits.assets,
                keep,
            )
            if keep:
                gone = parser.kept.add(text.id, body.size, document=document)
                parser.forgotten.extend(gone)
            return Framed(encode(order), [body.memory], _file(source))

        try:
            answer = await self._parsers.carry_out(self._account, frame, large=body.size > LARGE)
        except ParserRefused as refused:
            return Reading(error=str(refused)), 0
        return _reading.decode(answer), len(answer)

    async def _style(
        self, task: StyleTask, sources: dict[int, Source]
    ) -> tuple[list[WantedByStyle], int, str | None]:
        def frame(parser: Parser, seconds: float) -> Framed:
            sent = [source for number, source in sources.items() if number not in parser.kept]
            order = Order(
                seconds,
                _forgotten(parser),
                self._options.viewport,
                [
                    Piece(source.text, source.body.places, len(source.body.memory))
                    for source in sent
                ],
                style=task,
            )
            file = next((file for source in sent if (file := _file(source)) >= 0), -1)
            return Framed(encode(order), [source.body.memory for source in sent], file)

        size = sum(source.body.size for source in sources.values())
        try:
            answer = await self._parsers.carry_out(self._account, frame, large=size > LARGE)
        except ParserRefused as refused:
            return [], 0, str(refused)
        return _wanted.decode(answer), len(answer), None

    def _forget(self, source: Source) -> None:
        """Do nothing: a parser drops what it has by itself."""


def is_small(body: KeptBody) -> bool:
    """Whether a body may be read in the program.

    One with ``srcdoc`` may not: each ``srcdoc`` is a document that takes 200 kB.
    """
    return body.size <= IN_PLACE and body.spool is None and b"srcdoc" not in body.memory.lower()


def _file(source: Source) -> int:
    spool = source.body.spool
    return -1 if spool is None else spool.fd


def _forgotten(parser: Parser) -> list[int]:
    forgotten, parser.forgotten = parser.forgotten, []
    return forgotten
