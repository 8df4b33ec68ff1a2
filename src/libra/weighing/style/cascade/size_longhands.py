"""The longhands that decide how wide a box is, for container queries alone.

Only those of the horizontal axis: text is taken to run from left to right and from top to bottom.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from libra.ascii import lowered, words
from libra.weighing.css.scan import ScannedDeclaration
from libra.weighing.css.syntax import components, significant
from libra.weighing.style.cascade.substitution import needs_substitution

_ALIASES = {
    "inline-size": "width",
    "min-inline-size": "min-width",
    "max-inline-size": "max-width",
    "block-size": "height",
    "min-block-size": "min-height",
    "max-block-size": "max-height",
    "-webkit-box-sizing": "box-sizing",
    "-webkit-flex": "flex",
    "-webkit-flex-grow": "flex-grow",
    "-webkit-flex-basis": "flex-basis",
    "-webkit-box-flex": "flex-grow",
    **{
        f"-webkit-{edge}-{end}": f"{edge}-inline-{end}"
        for edge in ("margin", "padding")
        for end in ("start", "end")
    },
}
SINGLE = frozenset(
    {
        "width", "min-width", "max-width", "height", "min-height", "max-height", "box-sizing",
        "position", "flex", "flex-grow", "flex-basis",
    }
)  # fmt: skip
_SIDES = {"inline-start": "left", "inline-end": "right", "left": "left", "right": "right"}
_EDGE = re.compile(
    r"(margin|padding|border)(?:-(inline-start|inline-end|left|right|inline))?(?:-(width|style))?"
)

SIZES = SINGLE | {
    f"{edge}-{side}"
    for edge in ("margin", "padding", "border-width", "border-style")
    for side in ("left", "right")
}
"""All of them."""

LINES = frozenset(
    {"none", "hidden", "dotted", "dashed", "solid", "double", "groove", "ridge", "inset", "outset"}
)
_THICKNESSES = {"thin": "1px", "medium": "3px", "thick": "5px"}


def size_longhands(found: ScannedDeclaration) -> Iterator[tuple[str, ScannedDeclaration]]:
    """The longhands that a declaration sets, each with the part of the value that concerns it.

    The value of an edge stays whole if it is to be substituted, or is invalid.
    """
    name = _ALIASES.get(found.name, found.name)
    if name in SINGLE:
        yield name, found
        return
    edge = _EDGE.fullmatch(name)
    if edge is None:
        return
    kind, side, aspect = edge.groups()
    if kind != "border":
        for place, text in _of_sides(found.value, side):
            yield f"{kind}-{place}", found._replace(value=text)
    elif aspect is not None:
        for place, text in _of_sides(found.value, side):
            yield f"border-{aspect}-{place}", found._replace(value=text)
    else:
        for place in [_SIDES[side]] if side in _SIDES else ["left", "right"]:
            for what, text in zip(("width", "style"), _border(found.value), strict=True):
                yield f"border-{what}-{place}", found._replace(value=text)


def thickness(width: str, style: str) -> str:
    """How thick a border is with these values, as a length."""
    return "0px" if style in {"none", "hidden"} else _THICKNESSES.get(width, width)


def _of_sides(value: str, side: str | None) -> list[tuple[str, str]]:
    """The values for left and right in a longhand, or in a shorthand of two or four sides."""
    if side in _SIDES:
        return [(_SIDES[side], value)]
    pieces = [value[part.start : part.end] for part in significant(components(value))]
    most = 2 if side == "inline" else 4
    if needs_substitution(value) or not 0 < len(pieces) <= most:
        left = right = value
    elif side == "inline":
        left, right = pieces[0], pieces[-1]
    elif len(pieces) == 4:
        right, left = pieces[1], pieces[3]
    else:
        left = right = pieces[min(1, len(pieces) - 1)]
    return [("left", left), ("right", right)]


def _border(value: str) -> tuple[str, str]:
    """The width and the style in the value of ``border``."""
    said = words(lowered(value))
    if needs_substitution(value) or said == ["inherit"] or _MATH.search(lowered(value)):
        return value, value
    style = next((word for word in said if word in LINES), "none")
    width = next((word for word in said if word in _THICKNESSES or word[:1] in _NUMERIC), "3px")
    return width, style


_NUMERIC = frozenset("0123456789.")
_MATH = re.compile(r"(?:calc|min|max|clamp|round|abs)\(")
