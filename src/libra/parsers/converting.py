"""Reports in other forms, made by parsers: ten thousand assets take a second, and 100 MB meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from libra.parsers.pool import Account, Framed, Parsers
from libra.parsers.process import Parser
from libra.parsers.protocol import Order, Piece, encode
from libra.parsers.turns import YOUNG
from libra.weighing.options import DESKTOP
from libra.weighing.orders.source import Text

MOST = 128_000_000
"""Bytes of what is made of one report."""


async def convert_in(parsers: Parsers, reports: Sequence[bytes], form: str) -> bytes:
    """As `libra.formats.converting.convert`. It takes its turn among the pages that take long.

    However many downloads there are, pages that need little come first, and all others in turn.

    Raises:
        Refused: the limits of a parser do not allow it, or its parsers died; with a named error.
    """
    pieces = [
        Piece(Text(number, "document", ""), (), len(data)) for number, data in enumerate(reports)
    ]

    def frame(_: Parser, seconds: float) -> Framed:
        return Framed(encode(Order(seconds, [], DESKTOP, pieces, form=form)), [*reports], most=MOST)

    return await parsers.carry_out(Account(YOUNG), frame, large=True)
