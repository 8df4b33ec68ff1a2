"""Which elements of a drawing (SVG) have style and boxes. The rules differ from those of HTML.

Every element outside ``display: none`` has style, and so causes requests for the images that it names.
Descriptive elements (``desc``, ``title``) and unknown ones have no box, so nothing inside them has
style. Elements that are drawn only where something names them (``defs``, a ``symbol``) are still laid
out, including their text. All rules are Chromium's.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from selectolax.lexbor import LexborNode

from libra.ascii import lowered

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
    """The position of an element, as far as drawings are concerned.

    Attributes:
        drawing: Whether its content belongs to a drawing.
        text: The text for which lines are made: all of it, only the drawing's, or none.
    """

    drawing: bool = False
    text: Literal["all", "drawn", "none"] = "all"

    @property
    def has_lines(self) -> bool:
        """Whether lines are made for text at this place."""
        return self.text == "all" or (self.text == "drawn" and self.drawing)

    def inside(self, tag: str, display: str) -> Place:
        """The place of the content of an element with this name."""
        tag = lowered(tag)
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
    """Whether an SVG element remains despite ``display: none``, because others may name it."""
    return lowered(tag) in _NEVER_GONE


def has_boxes_inside(node: LexborNode) -> bool:
    """Whether the content of an SVG element may have boxes."""
    tag = lowered(node.tag or "")
    if tag in _IN_TEXT:
        parent = node.parent
        return parent is not None and lowered(parent.tag or "") in _IN_TEXT | {"text", "a"}
    return tag in _WITH_BOXES_INSIDE
