"""Reports in other formats, made by parsers: ten thousand assets take a second, and 100 MB meanwhile."""

from __future__ import annotations

from libra.parsers.pool import Account, Framed, Parsers
from libra.parsers.process import Parser
from libra.parsers.protocol import Order, Piece, encode
from libra.parsers.turns import YOUNG
from libra.weighing.options import DESKTOP
from libra.weighing.source import Text

MOST = 128_000_000
"""Bytes of what is made of one report."""

_REPORT = Text(0, "document", "")


async def convert_in(parsers: Parsers, data: bytes, form: str) -> bytes:
    """As `libra.formats.converting.convert`. It takes its turn among the pages that take long.

    However many downloads there are, pages that need little come first, and all others in turn.

    Raises:
        Refused: the limits of a parser do not allow it, or its parsers died; with a named error.
    """
    piece = Piece(_REPORT, (), len(data))

    def frame(_: Parser, seconds: float) -> Framed:
        return Framed(encode(Order(seconds, [], DESKTOP, [piece], form=form)), [data], most=MOST)

    return await parsers.carry_out(Account(YOUNG), frame, large=True)
