"""Container queries (CSS Conditional Rules 5), as far as sizes are known without layout.

A container is at most as wide as the window. Its exact width is unknown here, so many queries are
neither true nor false.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from libra.ascii import lowered, trimmed, words
from libra.weighing.css.conditions import Invalid, condition, inside
from libra.weighing.css.syntax import ComponentValue, components, significant
from libra.weighing.options import Viewport
from libra.weighing.style.cascade.substitution import style_holds

_WIDTH = re.compile(
    r"(?:(min|max)-(?:width|inline-size)[ \t\n]*:[ \t\n]*|(?:width|inline-size)[ \t\n]*([<>])=?[ \t\n]*)"
    r"([0-9.]+)(px|r?em)\Z"
)
_PX = {"px": 1.0, "em": 16.0, "rem": 16.0}
_BLOCK_AXIS = re.compile(r"height|block-size|orientation|aspect-ratio")


class Container(NamedTuple):
    """An element that is a container, with its names and its type (``size``, ``inline-size``)."""

    names: frozenset[str]
    type: str


def container_of(shorthand: str, kind: str, names: str) -> Container | None:
    """The container that these values make of an element, or None."""
    named, _, typed = shorthand.partition("/")
    typed = lowered(trimmed(kind or typed or "normal"))
    listed = frozenset(words(names or named)) - {"none"}
    if typed == "normal" and not listed:
        return None
    return Container(listed, typed)


def holds(
    query: str,
    containers: Sequence[Container],
    variables: Mapping[str, str],
    viewport: Viewport,
) -> bool | None:
    """Whether a query holds in these containers, the innermost last; None if that is unknown."""
    parts = significant(components(query))
    name = None
    if parts and parts[0].kind == "ident" and not parts[0].is_word("not"):
        name, parts = parts[0].value, parts[1:]
    around = [one for one in containers if name is None or name in one.names]
    if not parts:
        return bool(around)
    sized = [one for one in around if one.type != "normal"]
    unsure: list[None] = []

    def term(part: ComponentValue) -> bool | None:
        asked = inside(query, part)
        if part.kind == "function":
            if lowered(part.value) == "style" and (name is None or around):
                return style_holds(asked, variables)
            return False
        judged = _size(lowered(asked), sized, viewport)
        if judged is None:
            unsure.append(None)
        return judged

    try:
        found = condition(parts, term)
    except Invalid:
        return False
    return found if found is not None or unsure else False


def _size(asked: str, containers: Sequence[Container], viewport: Viewport) -> bool | None:
    if not asked.isascii():
        return False  # no feature, number or unit has other letters
    if _BLOCK_AXIS.search(asked):
        return None if any(one.type == "size" for one in containers) else False
    if not containers:
        return False
    match = _WIDTH.match(asked)
    if match is None:
        return None
    bound, sign, number, unit = match.groups()
    try:
        width = float(number) * _PX[unit]
    except ValueError:
        return False
    if bound == "min" or sign == ">":
        return False if width > viewport.width else True if width <= _LEAST else None
    return True if width >= viewport.width else False if width <= _LEAST else None


_LEAST = 100.0
"""Assumed minimum width in pixels of any container."""
