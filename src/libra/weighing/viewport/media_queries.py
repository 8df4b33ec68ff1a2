"""Media queries, evaluated for a desktop browser's window (Media Queries 4).

A query has three values: one about an unknown feature or value is neither true nor false, and stays so
when it is negated. A query that cannot be parsed is ``not all``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from libra.ascii import is_digits, lowered
from libra.weighing.css.conditions import Invalid, condition, is_any_value
from libra.weighing.css.numeric import type_of
from libra.weighing.css.syntax import ComponentValue, components, significant, split_at, stripped
from libra.weighing.css.tokens import preprocessed
from libra.weighing.options import Viewport
from libra.weighing.viewport.lengths import length_of, value_of

_MAX_QUERY = 10_000


class _Words(NamedTuple):
    """A feature whose values are words: those that Chromium knows, and the one that holds."""

    known: frozenset[str]
    holds: str


def _words(known: str, holds: str) -> _Words:
    return _Words(frozenset(known.split(" ")), holds)


_KEYWORDS = {
    "prefers-color-scheme": _words("light dark", "light"),
    "prefers-reduced-motion": _words("no-preference reduce", "no-preference"),
    "prefers-reduced-transparency": _words("no-preference reduce", "no-preference"),
    "prefers-contrast": _words("no-preference more less custom", "no-preference"),
    "forced-colors": _words("none active", "none"),
    "hover": _words("none hover", "hover"),
    "any-hover": _words("none hover", "hover"),
    "pointer": _words("none fine coarse", "fine"),
    "any-pointer": _words("none fine coarse", "fine"),
    "update": _words("none fast slow", "fast"),
    "scripting": _words("none enabled initial-only", "enabled"),
    "display-mode": _words(
        "browser fullscreen standalone minimal-ui picture-in-picture window-controls-overlay tabbed"
        " unframed",
        "browser",
    ),
    "color-gamut": _words("srgb p3 rec2020", "srgb"),
    "dynamic-range": _words("standard high", "standard"),
    "overflow-block": _words("none paged scroll", "scroll"),
    "overflow-inline": _words("none scroll", "scroll"),
    "scan": _words("progressive interlace", ""),
    "device-posture": _words("continuous folded", "continuous"),
    "orientation": _words("landscape portrait", "landscape"),
}
_OFF_WORDS = frozenset({"none", "no-preference", ""})

_LENGTHS = frozenset({"width", "height", "device-width", "device-height"})
_RATIOS = frozenset({"aspect-ratio", "device-aspect-ratio"})
_SEGMENTS = frozenset({"horizontal-viewport-segments", "vertical-viewport-segments"})
_INTEGERS = frozenset({"color", "color-index", "monochrome", *_SEGMENTS})
_DENSITY = "-webkit-device-pixel-ratio"
_RANGES = _LENGTHS | _RATIOS | _INTEGERS | {"resolution", _DENSITY}
_MIN_OR_MAX = re.compile(r"(-webkit-)?(min|max)-(.+)", re.DOTALL | re.ASCII)


@lru_cache(maxsize=4096)
def media_matches(query_list: str, viewport: Viewport) -> bool:
    """Whether a media query list holds on a screen with this viewport. An empty list holds."""
    if len(query_list) > _MAX_QUERY:
        return False
    parts = stripped(components(preprocessed(query_list)))
    return not parts or any(_query(query, viewport) for query in split_at(parts, ","))


def media_condition(parts: Sequence[ComponentValue], viewport: Viewport) -> bool:
    """Whether a condition without a media type holds."""
    try:
        return condition(parts, lambda part: _term(part, viewport)) is True
    except Invalid:
        return False


def media_holds(text: str, viewport: Viewport) -> bool | None:
    """Whether the content of ``media()`` holds: a condition, or a feature without parentheses.

    Returns None if that is unknown, as for media types.
    """
    if len(text) > _MAX_QUERY:
        return None
    parts = components(preprocessed(text))
    try:
        return condition(parts, lambda part: _term(part, viewport))
    except Invalid:
        return feature(parts, viewport)


def split_top_level(text: str, separator: str) -> list[str]:
    """Split at separators that are outside parentheses. An empty text has no parts."""
    if "(" not in text:
        return text.split(separator) if text else []
    parts: list[str] = []
    depth = start = 0
    for match in re.finditer(r"[()" + re.escape(separator) + "]", text):
        character = match[0]
        if character == "(":
            depth += 1
        elif character == ")":
            depth = max(0, depth - 1)
        elif depth == 0:
            parts.append(text[start : match.start()])
            start = match.end()
    parts.append(text[start:])
    return parts


def _query(query: list[ComponentValue], viewport: Viewport) -> bool:
    parts = significant(query)
    try:
        return bool(parts) and _query_of(parts, viewport) is True
    except Invalid:
        return False


def _query_of(parts: list[ComponentValue], viewport: Viewport) -> bool | None:
    """Whether a query holds; None if that is unknown."""

    def term(part: ComponentValue) -> bool | None:
        return _term(part, viewport)

    negated = parts[0].is_word("not")
    if (negated or parts[0].is_word("only")) and len(parts) > 1 and parts[1].kind == "ident":
        parts = parts[1:]
    elif parts[0].kind != "ident" or negated:
        return condition(parts, term)
    if parts[0].is_word("and", "or", "not", "only", "layer"):
        return False
    holds: bool | None = parts[0].is_word("all", "screen")
    if len(parts) > 1:
        if not parts[1].is_word("and"):
            return False
        found = condition(parts[2:], term, no_or=True)
        holds = found if holds else False
    return None if holds is None else holds is not negated


def _term(part: ComponentValue, viewport: Viewport) -> bool | None:
    if not is_any_value(part.parts):
        raise Invalid
    return None if part.kind == "function" else feature(part.parts, viewport)


def feature(parts: Sequence[ComponentValue], viewport: Viewport) -> bool | None:
    """Whether a feature, as it is between its parentheses, holds; None if that is unknown."""
    parts = stripped(parts)
    words = significant(parts)
    if not words:
        return None
    if len(words) == 1:
        return _boolean(_name(words[0]), viewport)
    if words[1].kind == ":":
        return _plain(_name(words[0]), words[2:], viewport)
    return _range(parts, viewport)


def _name(part: ComponentValue) -> str:
    """The word that a component is, in lower case; nothing if it is none."""
    return lowered(part.value) if part.kind == "ident" else ""


def _boolean(name: str, viewport: Viewport) -> bool | None:
    if name in _RANGES:
        return _actual(name, viewport) != 0
    if name in _KEYWORDS:
        return _KEYWORDS[name].holds not in _OFF_WORDS
    return {"grid": False, "-webkit-transform-3d": True}.get(name)


def _plain(name: str, value: list[ComponentValue], viewport: Viewport) -> bool | None:
    if name in _KEYWORDS:
        return _word(name, value, viewport)
    if name == "grid":
        number = _number(value, viewport)
        return number == 0 if number in {0, 1} else None
    if name == "-webkit-transform-3d":
        number = _number(value, viewport)
        return None if number is None else int(number) == 1
    bound = ""
    match = _MIN_OR_MAX.fullmatch(name)
    if match is not None:
        bound, name = match[2], (match[1] or "") + match[3]
    if name not in _RANGES or (bound and name in _SEGMENTS):
        return None
    wanted = _wanted(name, value, viewport)
    if wanted is None:
        return None
    return _compare(_actual(name, viewport), {"min": ">=", "max": "<="}.get(bound, "="), wanted)


def _word(name: str, value: list[ComponentValue], viewport: Viewport) -> bool | None:
    word = _name(value[0]) if len(value) == 1 else ""
    known, holds = _KEYWORDS[name]
    if word not in known:
        return None
    if name == "orientation" and viewport.height >= viewport.width:
        holds = "portrait"
    return word == holds


def _range(parts: Sequence[ComponentValue], viewport: Viewport) -> bool | None:
    """A feature between comparisons, such as ``400px <= width < 800px``."""
    sides, operators = _sides(parts)
    if not operators or len(operators) > 2 or not all(sides):
        return None
    place = 0 if len(operators) == 1 and _is_range(sides[0]) else 1
    if not _is_range(sides[place]):
        return None
    if len(operators) == 2 and {operators[0][0], operators[1][0]} not in ({"<"}, {">"}):
        return None
    name = _name(sides[place][0])
    values = [
        _actual(name, viewport) if at == place else _wanted(name, side, viewport)
        for at, side in enumerate(sides)
    ]
    result = True
    for left, operator, right in zip(values[:-1], operators, values[1:], strict=True):
        if left is None or right is None:
            return None
        result = result and _compare(left, operator, right)
    return result


def _sides(parts: Sequence[ComponentValue]) -> tuple[list[list[ComponentValue]], list[str]]:
    """The values around the operators, and the operators. One has no white space within it."""
    sides: list[list[ComponentValue]] = [[]]
    operators: list[str] = []
    before = False
    for part in parts:
        if before and part.is_delim("=") and operators[-1] in {"<", ">"}:
            operators[-1] += "="
            before = False
        elif part.kind == "delim" and part.value in {"<", ">", "="}:
            operators.append(part.value)
            sides.append([])
            before = True
        else:
            before = False
            if part.kind != " ":
                sides[-1].append(part)
    return sides, operators


def _is_range(side: list[ComponentValue]) -> bool:
    return len(side) == 1 and _name(side[0]) in _RANGES


def _compare(left: float, operator: str, right: float) -> bool:
    same = math.isclose(left, right)
    return {
        "<": left < right and not same,
        "<=": left <= right or same,
        ">": left > right and not same,
        ">=": left >= right or same,
        "=": same,
    }[operator]


def _actual(name: str, viewport: Viewport) -> float:
    match name:
        case "width" | "device-width":
            return float(viewport.width)
        case "height" | "device-height":
            return float(viewport.height)
        case "aspect-ratio" | "device-aspect-ratio":
            return viewport.width / viewport.height
        case "resolution" | "-webkit-device-pixel-ratio":
            return viewport.dpr
        case "color":
            return 8.0
        case "horizontal-viewport-segments" | "vertical-viewport-segments":
            return 1.0
        case _:
            return 0.0


def _wanted(name: str, value: list[ComponentValue], viewport: Viewport) -> float | None:
    """The value for a feature: a length in px, a resolution in dppx, a ratio or a number."""
    if name in _RATIOS:
        return _ratio(value, viewport)
    if name in _INTEGERS:
        return _integer(value, viewport)
    if len(value) != 1:
        return None
    if name in _LENGTHS:
        found = length_of(value[0], viewport)
        return 0.0 if found is None and _number(value, viewport) == 0 else found
    if name == _DENSITY:
        return _number(value, viewport)
    return _density(value[0], viewport)


def _density(part: ComponentValue, viewport: Viewport) -> float | None:
    density = value_of(part, viewport) if type_of(part) == "resolution" else None
    if density is None or density < 0:
        return None
    if part.kind == "dimension" and lowered(part.unit) == "dpcm":
        # Chromium compares these to two places only, so that 37.8dpcm are one dot per pixel.
        return viewport.dpr if round(density, 2) == round(viewport.dpr, 2) else density
    return density


def _ratio(value: list[ComponentValue], viewport: Viewport) -> float | None:
    """A ratio. Chromium also takes a length or a resolution for one."""
    if len(value) == 3 and value[1].is_delim("/"):
        top, bottom = _number(value[:1], viewport), _number(value[2:], viewport)
        if top is None or bottom is None or top < 0 or bottom < 0:
            return None
        return top / bottom if bottom else math.inf
    if len(value) != 1 or value[0].kind == "ident":
        return None
    if type_of(value[0]) not in {"number", "length", "resolution"}:
        return None
    found = value_of(value[0], viewport)
    return None if found is None or found < 0 else found


def _integer(value: list[ComponentValue], viewport: Viewport) -> float | None:
    """An integer as written, or a calculated number, which is rounded."""
    number = _number(value, viewport)
    if number is None or value[0].kind == "number":
        return number if value and is_digits(value[0].value.lstrip("+-")) else None
    return math.floor(number + 0.5)


def _number(value: list[ComponentValue], viewport: Viewport) -> float | None:
    if len(value) != 1 or type_of(value[0]) != "number" or value[0].kind == "ident":
        return None
    return value_of(value[0], viewport)
