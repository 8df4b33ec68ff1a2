"""What of a drawing (SVG) has style and boxes, which is decided otherwise there than in HTML.

Every element that is not under ``display: none`` has style, and with it the images that it names; what
only describes a drawing (``desc``, ``title``) or is unknown has no box, so that nothing in it has style.
What is drawn only where something names it (``defs``, a ``symbol``) is laid out all the same, text
included. All of it is as in Chromium.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from selectolax.lexbor import LexborNode

_WITH_BOXES_INSIDE = frozenset(
    {
        "a", "circle", "clippath", "defs", "ellipse", "filter", "foreignobject", "g", "image", "line",
        "lineargradient", "marker", "mask", "path", "pattern", "polygon", "polyline",
        "radialgradient", "rect", "stop", "svg", "switch", "symbol", "text",
    }
)  # fmt: skip
_IN_TEXT = frozenset({"tspan", "textpath"})
_NEVER_GONE = frozenset({"g", "marker"})
_DRAWN_WHERE_NAMED = frozenset({"clippath", "defs", "marker", "mask", "pattern", "symbol"})
_WITHOUT_TEXT = frozenset({"filter", "lineargradient", "radialgradient"})


class Place(NamedTuple):
    """Where an element is.

    Attributes:
        drawing: Whether what is in it is of a drawing.
        text: Of which text lines are made: of all, of the drawing's alone, of none.
    """

    drawing: bool = False
    text: Literal["all", "drawn", "none"] = "all"

    @property
    def has_lines(self) -> bool:
        """Whether lines are made of text that stands here."""
        return self.text == "all" or (self.text == "drawn" and self.drawing)

    def inside(self, tag: str, display: str) -> Place:
        """The place of what is in an element of this name here."""
        tag = tag.lower()
        if tag == "svg":
            return self._replace(drawing=True)
        if not self.drawing:
            return self
        if tag == "foreignobject":
            return Place(text="all" if self.text == "all" else "none")
        if tag in _WITHOUT_TEXT:
            return self._replace(text="none")
        if self.text == "all" and (tag in _DRAWN_WHERE_NAMED or display == "none"):
            return self._replace(text="drawn")
        return self


HTML = Place()


def is_never_gone(tag: str) -> bool:
    """Whether an element of a drawing is there in spite of ``display: none``: it may be named."""
    return tag.lower() in _NEVER_GONE


def has_boxes_inside(node: LexborNode) -> bool:
    """Whether what is in an element of a drawing may have boxes."""
    tag = (node.tag or "").lower()
    if tag in _IN_TEXT:
        parent = node.parent
        return parent is not None and (parent.tag or "").lower() in _IN_TEXT | {"text", "a"}
    return tag in _WITH_BOXES_INSIDE
