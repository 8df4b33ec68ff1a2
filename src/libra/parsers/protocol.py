"""What the program and its parsers say to each other.

To a parser: the lengths of an order and of the bodies that follow it, the order, the bodies. Bodies that
are in the file of their page come as its descriptor and places in it. Back: the length of an answer, the
processor time that it took, a byte of flags, the answer.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from libra.weighing.options import Viewport
from libra.weighing.orders.source import Text
from libra.weighing.reading.serial_reader import StyleTask

REQUEST = struct.Struct("!cI")
"""To the template: ``F`` with a socket, to fork a parser that serves it; or with the number of a process
``S`` to stop that parser where it is, ``C`` to have it continue, ``K`` to kill it."""

NEWS = struct.Struct("!cIIQI")
"""From the template: ``F`` and the number of a process that has been forked; ``E`` when one has ended,
with its status, its processor time in microseconds and the most memory that it had, in kilobytes."""

ORDER_HEAD = struct.Struct("!II")
ANSWER_HEAD = struct.Struct("!IdB")

LAST = 1
"""The parser ends after this answer: it has grown."""

FAILED = 2
"""The answer says what went wrong in the parser, as text."""

LACKING = 4
"""The parser does not have what it was believed to keep."""

MOST_ANSWER = 16_000_000
"""Bytes of an answer about a page. What is longer is no answer."""

OUT_OF_MEMORY = 71
"""Exit status of a parser that got no more memory."""


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """One body of an order.

    Attributes:
        text: What it is.
        places: Where it begins, in the file: offsets and lengths.
        length: Of the rest, which follows the order.
    """

    text: Text
    places: tuple[tuple[int, int], ...]
    length: int


class Order(msgspec.Struct, frozen=True, array_like=True):
    """What a parser is to do: work out a style, turn reports into another form, or read a body.

    Attributes:
        seconds: Of a processor that it may take.
        forget: Bodies whose parses are needed no longer.
        viewport: Of the page.
        pieces: The body, the reports, or those bodies of the style's that the parser does not keep.
        most: References that are listed.
        keep: Whether the parse is kept.
        style: The document and its style sheets.
        form: What is made of the reports.
    """

    seconds: float
    forget: list[int]
    viewport: Viewport
    pieces: list[Piece]
    most: int = 0
    keep: bool = False
    style: StyleTask | None = None
    form: str = ""


_encoder = msgspec.msgpack.Encoder()


def encode(message: Any) -> bytes:
    """A message as bytes. Half characters, which strangers can write, become question marks."""
    try:
        return _encoder.encode(message)
    except UnicodeEncodeError:
        return _encoder.encode(_mended(msgspec.to_builtins(message)))


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(item) for item in value]
    return value
