"""The protocol between the program and its parsers.

To a parser: the lengths of an order and of the bodies that follow it, the order, the bodies. For
bodies in the file of their page, the program sends the file descriptor and the places in it. Back:
the length of the answer, the processor time, a byte of flags, the answer.
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
"""The parser ends after this answer, because it has grown."""

FAILED = 2
"""The answer is the text of an error in the parser."""

LACKING = 4
"""The parser does not have a parse that it was expected to keep."""

MOST_ANSWER = 16_000_000
"""The limit of bytes in an answer about a page; a longer answer is refused."""

OUT_OF_MEMORY = 71
"""Exit status of a parser that could get no more memory."""


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """One body of an order.

    Attributes:
        text: The kind of the body, its id and its URL.
        places: Where its beginning is in the file: offsets and lengths.
        length: Bytes of the rest, which follows the order.
    """

    text: Text
    places: tuple[tuple[int, int], ...]
    length: int


class Order(msgspec.Struct, frozen=True, array_like=True):
    """An order for a parser: work out a style, convert reports, or read a body.

    Attributes:
        seconds: The limit of processor time, in seconds.
        forget: Bodies whose parses are needed no longer.
        viewport: The viewport of the page.
        pieces: The body, the reports, or those bodies of the style that the parser does not keep.
        most: The limit of listed references.
        keep: Whether to keep the parse.
        style: The document and its stylesheets.
        form: The form to convert the reports to.
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
    """Encode a message. Half surrogate pairs, which strangers can write, become question marks."""
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
