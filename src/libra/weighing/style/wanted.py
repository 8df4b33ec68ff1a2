"""The assets that the style of a document needs, as plain data."""

from __future__ import annotations

from typing import NamedTuple


class WantedByStyle(NamedTuple):
    """An image or a font that a document's style needs, or a lazy asset that is near.

    Attributes:
        urls: The addresses, in the order in which they are tried.
        initiator: The stylesheet that names it.
        font: Whether it is a font.
        conditional: Whether it loads only under a condition that Libra cannot check.
        near: Whether it belongs to an element that waited for the style: a lazy one that is near, or an
            embedded one.
        hidden: Whether that element is not rendered. A frame still loads, an object does not.
    """

    urls: tuple[str, ...]
    initiator: str
    font: bool = False
    conditional: bool = False
    near: bool = False
    hidden: bool = False
