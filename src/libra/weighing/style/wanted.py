"""What the style of a document asks for, as plain data."""

from __future__ import annotations

from typing import NamedTuple


class WantedByStyle(NamedTuple):
    """An image or a font that a document's style asks for, or something lazy that is near.

    Attributes:
        urls: In the order in which they are tried.
        initiator: The style sheet that names it.
        font: Whether it is a font.
        conditional: Whether it is loaded only if something holds that is not known here.
        near: Whether it is what an element names that is lazy but near.
        hidden: Whether that element is not rendered: a frame is loaded all the same, an object is not.
    """

    urls: tuple[str, ...]
    initiator: str
    font: bool = False
    conditional: bool = False
    near: bool = False
    hidden: bool = False
