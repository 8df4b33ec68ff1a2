"""Results of reading bodies and of working out styles, for the next page with the same bodies.

The pages of a site share their stylesheets, and a watch weighs the same page again and again. A result
depends only on the bytes and on their context, and a digest of both is its key. Pages of different
people share these results, so no page can forge a key.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Generic, TypeVar

import msgspec

from libra.weighing.bodies.kept import KeptBody
from libra.weighing.options import Options
from libra.weighing.orders.orders import Reading
from libra.weighing.orders.source import Text
from libra.weighing.reading.serial_reader import StyleTask
from libra.weighing.style.wanted import WantedByStyle

READINGS_BYTES = 16_000_000
"""Bytes of readings that are kept, as a parser sends them; in memory they take about as much."""

STYLES_BYTES = 4_000_000
"""Bytes of the results of styles that are kept, as a parser sends them."""

LONGEST_SECONDS = 0.2
"""A result that took longer is not kept. It may be a rough one, since a limit of time may have been met;
all of them are longer than this.
"""

_SHARE = 16
"""No result takes more than this part of the room."""

T = TypeVar("T")


class Recent(Generic[T]):
    """The most recently used results.

    Args:
        room: Their size in bytes, all together.
    """

    __slots__ = ("_found", "_left", "_room")

    def __init__(self, room: int) -> None:
        self._room = self._left = room
        self._found: OrderedDict[bytes, tuple[T, int]] = OrderedDict()

    def get(self, key: bytes) -> T | None:
        """The result with this key, if it is here."""
        entry = self._found.get(key)
        if entry is None:
            return None
        self._found.move_to_end(key)
        return entry[0]

    def put(self, key: bytes, result: T, size: int) -> None:
        """Keep a result of this size in bytes; those that were not used for longest make room."""
        size += len(key)
        if key in self._found or size > self._room // _SHARE:
            return
        self._found[key] = result, size
        self._left -= size
        while self._left < 0:
            _, (_, freed) = self._found.popitem(last=False)
            self._left += freed


class KnownReadings:
    """The results that the pages of one program share."""

    def __init__(self) -> None:
        self.readings: Recent[Reading] = Recent(READINGS_BYTES)
        self.styles: Recent[list[WantedByStyle]] = Recent(STYLES_BYTES)


def key_of_reading(text: Text, body: KeptBody, options: Options) -> bytes | None:
    """The key of the reading of a body; None if the body is too large to be kept in memory."""
    if body.spool is not None:
        return None
    context = (msgspec.structs.replace(text, id=0), options.viewport, options.limits.assets)
    found = hashlib.sha256(msgspec.msgpack.encode(context))
    found.update(body.memory)
    return found.digest()


def key_of_style(task: StyleTask, keys: Mapping[int, bytes]) -> bytes | None:
    """The key of the style of a document.

    Args:
        task: The document and its stylesheets.
        keys: The keys of the readings of their bodies, by their ids.

    Returns:
        None if a body has no key.
    """
    document = keys.get(task.document)
    parts = [(number if number < 0 else keys.get(number), layer) for number, layer in task.parts]
    if document is None or any(part is None for part, _ in parts):
        return None
    return hashlib.sha256(msgspec.msgpack.encode((document, task.number, parts))).digest()
