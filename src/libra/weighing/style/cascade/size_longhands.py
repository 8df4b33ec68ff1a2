"""The longhands that decide how wide a box is, for container queries alone.

Only those of the horizontal axis: text is taken to run from left to right and from top to bottom.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from libra.ascii import lowered, words
from libra.weighing.css.scan import ScannedDeclaration
from libra.weighing.css.syntax import components, significant

_LOGICAL = {
    "inline-size": "width",
    "min-inline-size": "min-width",
    "max-inline-size": "max-width",
    "block-size": "height",
}
_SINGLE = frozenset(
    {
        "width", "min-width", "max-width", "height", "box-sizing", "float", "position", "flex",
        "flex-grow", "flex-basis", "writing-mode",
    }
)  # fmt: skip
_SIDES = {"inline-start": "left", "inline-end": "right", "left": "left", "right": "right"}
_NUMERIC = frozenset("0123456789.")
_EDGES = ("margin", "padding", "border")
_NO_WIDTH = re.compile(
    r"border-(?:image|radius|collapse|spacing|.*radius|.*color)|border-?(?:top|bottom|block).*"
)

SIZES = _SINGLE | {f"{edge}-{side}" for edge in _EDGES for side in ("left", "right")}
"""All of them."""


def size_longhands(found: ScannedDeclaration) -> Iterator[tuple[str, ScannedDeclaration]]:
    """The longhands that a declaration sets, each with the part of the value that concerns it.

    The width of a border is a value that contains one, or none.
    """
    name = _LOGICAL.get(found.name, found.name)
    if name in _SINGLE:
        yield name, found
        return
    edge, _, rest = name.partition("-")
    if edge not in _EDGES or _NO_WIDTH.fullmatch(name):
        return
    rest = rest.removesuffix("-width").removesuffix("-style")
    if rest in _SIDES:
        yield f"{edge}-{_SIDES[rest]}", found
    elif rest in {"", "width", "style", "inline"}:
        left, right = _of_sides(found.value, both=edge == "border" or rest == "inline")
        for side, text in (("left", left), ("right", right)):
            yield f"{edge}-{side}", found._replace(value=text)


def _of_sides(value: str, *, both: bool) -> tuple[str, str]:
    """The values for left and right in a shorthand of four sides, or of two."""
    pieces = [value[part.start : part.end] for part in significant(components(value))]
    if both:
        return value, value
    match pieces:
        case [_, right, _, left]:
            return left, right
        case [_, sides] | [_, sides, _]:
            return sides, sides
        case _:
            return value, value


def border_width(value: str) -> str:
    """The width in the value of a border; ``medium`` if it names only a style."""
    said = words(lowered(value))
    if said == ["0"] or "none" in said or "hidden" in said:
        return "0"
    return next((word for word in said if word[:1] in _NUMERIC), "3px")
