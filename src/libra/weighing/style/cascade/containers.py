"""Container queries (CSS Conditional Rules 5), as far as sizes are known without layout.

Of some containers only an upper bound is known, so that some queries are neither true nor false.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, cast

from libra.ascii import lowered, words
from libra.weighing.css.conditions import Invalid, condition, inside
from libra.weighing.css.syntax import ComponentValue, components, significant
from libra.weighing.options import Viewport
from libra.weighing.style.cascade.substitution import style_holds
from libra.weighing.style.spans import Span, has_font_units
from libra.weighing.viewport.lengths import length_px
from libra.weighing.viewport.media_queries import feature

_LOGICAL = re.compile(r"\b(inline|block)-size\b", re.ASCII)
_FEATURE = re.compile(r"(?:min-|max-)?(?:width|height|aspect-ratio)|orientation")
_OF_HEIGHT = re.compile(r"height|orientation|aspect-ratio")
_OF_BOTH = re.compile(r"orientation|aspect-ratio")
_OF_WINDOW = re.compile(r"[0-9.](?:[sld]?v(?:[whib]|min|max)|cq)")
_NUMBER = re.compile(r"([0-9]++(?:\.[0-9]++)?|\.[0-9]++)([a-z]*+)")
_WORD = re.compile(r"[a-z-]*+")
_CALCULATED = re.compile(r"\(|[0-9]e[-+]?[0-9]", re.ASCII)
_NEAR = 0.01
_LONGEST = 200


class Container(NamedTuple):
    """An element that is a container, with its names and its type (``size``, ``inline-size``).

    Attributes:
        names: Its names.
        type: Its type.
        width: What its width in pixels lies between.
        height: Its height in pixels; None if that is unknown.
    """

    names: frozenset[str]
    type: str
    width: Span
    height: float | None = None


def container_of(shorthand: str, kind: str, names: str, viewport: Viewport) -> Container | None:
    """The container that these values make of an element, whose size is unknown; None if none."""
    named, _, typed = shorthand.partition("/")
    types = words(lowered(kind or typed))
    typed = next((one for one in ("size", "inline-size") if one in types), "normal")
    listed = frozenset(words(names or named)) - {"none"}
    if typed == "normal" and not listed:
        return None
    return Container(listed, typed, Span(0.0, float(viewport.width)))


def holds(
    query: str,
    containers: Sequence[Container],
    variables: Mapping[str, str],
    viewport: Viewport,
    *,
    fonts: bool = False,
) -> bool | None:
    """Whether a query holds in these containers, the innermost last; None if that is unknown.

    Args:
        query: The query.
        containers: The containers.
        variables: The custom properties.
        viewport: The window.
        fonts: Whether stylesheets may set the sizes of fonts.
    """
    parts = significant(components(query))
    name = None
    if parts and parts[0].kind == "ident" and not parts[0].is_word("not"):
        name, parts = parts[0].value, parts[1:]
    around = [one for one in containers if name is None or name in one.names]
    if not parts:
        return bool(around)
    tall = _OF_HEIGHT.search(_LOGICAL.sub(_physical, lowered(query))) is not None
    able = [one for one in around if one.type == "size" or (one.type != "normal" and not tall)]
    unsure: list[None] = []

    def term(part: ComponentValue) -> bool | None:
        asked = inside(query, part)
        if part.kind == "function":
            known = lowered(part.value) == "style" and (name is None or around)
            return style_holds(asked, variables) if known else None
        asked = _LOGICAL.sub(_physical, lowered(asked))
        if not (able and asked.isascii()):
            return None  # a browser does not know it either
        judged = _size(asked, able[-1], viewport, fonts=fonts)
        if judged is None:
            unsure.append(None)
        return judged

    try:
        found = condition(parts, term)
    except Invalid:
        return False
    return found if found is not None or unsure else False


def _physical(found: re.Match[str]) -> str:
    return "width" if found[1] == "inline" else "height"


def _size(asked: str, container: Container, viewport: Viewport, *, fonts: bool) -> bool | None:
    """Whether a size query holds in a container that can answer it; None if that is unknown."""
    if len(asked) > _LONGEST:
        return None  # it may compare with many numbers
    if fonts and has_font_units(asked):
        return None
    height = container.height if _OF_HEIGHT.search(asked) else 1.0
    return _holds_in(asked, container.width, height, viewport)


@lru_cache(maxsize=1024)
def _holds_in(asked: str, width: Span, height: float | None, viewport: Viewport) -> bool | None:
    """Whether a size query holds for all widths within these bounds; None if only for some."""
    if not height or (_OF_BOTH.search(asked) and width.least != width.most):
        return None
    if _OF_WINDOW.search(asked) or not _is_about_size(asked):
        return None
    if width.least != width.most and _CALCULATED.search(asked):
        return None
    parts = components(asked)
    edges = {width.least, width.most}
    for number, unit in _NUMBER.findall(asked):
        at = length_px(number + (unit or "px"), viewport)
        if at is not None:
            edges.update(
                one for one in (at - _NEAR, at, at + _NEAR) if width.least < one < width.most
            )
    windows = [cast("Viewport", _Window(one, height, viewport.dpr)) for one in edges]
    found = {feature(parts, window) for window in windows}
    return found.pop() if len(found) == 1 else None


def _is_about_size(asked: str) -> bool:
    return any(_FEATURE.fullmatch(word) for word in _WORD.findall(asked))


class _Window(NamedTuple):
    """A container in the place of the window."""

    width: float
    height: float
    dpr: float
