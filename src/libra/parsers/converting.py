"""Converts reports in parsers: ten thousand assets take a second, and 100 MB meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from libra.parsers.pool import Account, Framed, Parsers
from libra.parsers.process import Parser
from libra.parsers.protocol import Order, Piece, encode
from libra.parsers.turns import YOUNG
from libra.weighing.options import DESKTOP
from libra.weighing.orders.source import Text

MOST = 128_000_000
"""The limit of bytes in the converted form of one report."""


async def convert_in(parsers: Parsers, reports: Sequence[bytes], form: str) -> bytes:
    """Like `libra.formats.converting.convert`. It waits in the slow lane with the pages that take long.

    However many downloads there are, short pages come first, and all others take turns.

    Raises:
        ParserRefused: a limit of the parsers forbids it, or its parsers died; with a named error.
    """
    pieces = [
        Piece(Text(number, "document", ""), (), len(data)) for number, data in enumerate(reports)
    ]

    def frame(_: Parser, seconds: float) -> Framed:
        return Framed(encode(Order(seconds, [], DESKTOP, pieces, form=form)), [*reports], most=MOST)

    return await parsers.carry_out(Account(YOUNG), frame, large=True)
