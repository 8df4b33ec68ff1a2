"""Media queries, evaluated for a desktop browser's window (Media Queries 4).

An unknown feature is false, as the standard says; a query that cannot be parsed is ``not all``.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

from libra.ascii import lowered, trimmed
from libra.weighing.css.conditions import Invalid, condition, inside
from libra.weighing.css.numeric import type_of
from libra.weighing.css.scan import without_comments
from libra.weighing.css.syntax import ComponentValue, components, significant, split_at, stripped
from libra.weighing.css.tokens import preprocessed
from libra.weighing.options import DESKTOP, Viewport
from libra.weighing.viewport.lengths import length_px, resolution_dppx

_MAX_QUERY = 10_000
_COMPARISON = re.compile(r"(<=|>=|<|>|=)")

_KEYWORDS = {
    "prefers-color-scheme": "light",
    "prefers-reduced-motion": "no-preference",
    "prefers-reduced-data": "no-preference",
    "prefers-reduced-transparency": "no-preference",
    "prefers-contrast": "no-preference",
    "forced-colors": "none",
    "hover": "hover",
    "any-hover": "hover",
    "pointer": "fine",
    "any-pointer": "fine",
    "update": "fast",
    "scripting": "enabled",
    "display-mode": "browser",
    "color-gamut": "srgb",
    "dynamic-range": "standard",
    "overflow-block": "scroll",
    "overflow-inline": "scroll",
    "scan": "",
    "device-posture": "continuous",
}
_OFF_WORDS = frozenset({"none", "no-preference", ""})


@lru_cache(maxsize=4096)
def media_matches(query_list: str, viewport: Viewport) -> bool:
    """Whether a media query list holds on a screen with this viewport. An empty list holds."""
    if len(query_list) > _MAX_QUERY:
        return False
    text = lowered(preprocessed(query_list))
    parts = stripped(components(text))
    return not parts or any(_query(query, text, viewport) for query in split_at(parts, ","))


def media_holds(text: str, viewport: Viewport) -> bool | None:
    """Whether the content of ``media()`` holds: a condition, or a feature without parentheses.

    Returns None if that is unknown, as for media types.
    """
    if len(text) > _MAX_QUERY:
        return None
    text = lowered(preprocessed(text))
    parts = significant(components(text))
    if parts and (parts[0].kind == "(" or parts[0].is_word("not")):
        return _holds(parts, text, viewport)
    return feature(text, viewport)


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


def _query(query: list[ComponentValue], text: str, viewport: Viewport) -> bool:
    parts = significant(query)
    if not parts:
        return False
    negated = parts[0].is_word("not")
    if (negated or parts[0].is_word("only")) and len(parts) > 1 and parts[1].kind == "ident":
        parts = parts[1:]
    elif parts[0].kind != "ident" or negated:
        return _holds(parts, text, viewport) is True
    if parts[0].is_word("and", "or", "not", "only", "layer"):
        return False
    holds = parts[0].is_word("all", "screen")
    if len(parts) > 1:
        if not parts[1].is_word("and"):
            return False
        condition = _holds(parts[2:], text, viewport, no_or=True)
        if condition is None:
            return False
        holds = holds and condition
    return not holds if negated else holds


def _holds(
    parts: list[ComponentValue], text: str, viewport: Viewport, *, no_or: bool = False
) -> bool | None:
    """A condition: ``not X``, ``X and Y``, ``X or Y``, ``(X)``, ``(feature)``. None is *unknown*."""
    try:
        return condition(parts, lambda part: _term(part, text, viewport), no_or=no_or)
    except Invalid:
        return None


def _term(part: ComponentValue, text: str, viewport: Viewport) -> bool | None:
    return None if part.kind == "function" else feature(inside(text, part), viewport)


def feature(text: str, viewport: Viewport) -> bool | None:
    """Whether a feature in lower case holds; None if that is unknown."""
    name, colon, value = without_comments(text).partition(":")
    name = trimmed(name)
    if colon:
        return _plain(name, trimmed(value), viewport)
    if _COMPARISON.search(text):
        return _range(text, viewport)
    return _boolean(name, viewport)


def _plain(name: str, value: str, viewport: Viewport) -> bool | None:
    if name.startswith("-webkit-"):
        name = name[8:].replace("device-pixel-ratio", "resolution")
        if name.endswith("resolution") and not value.endswith(("x", "i", "m")):
            value = f"calc({value} * 1x)"
    prefix, _, rest = name.partition("-")
    actual = _actual(rest if prefix in {"min", "max"} else name, viewport)
    if actual is not None:
        wanted = _value(name, value, viewport)
        if wanted is None:
            return None
        if prefix == "min":
            return actual >= wanted
        if prefix == "max":
            return actual <= wanted
        return math.isclose(actual, wanted)
    if name == "orientation":
        return value == ("portrait" if viewport.height >= viewport.width else "landscape")
    if name in _KEYWORDS:
        return value == _KEYWORDS[name]
    if name == "grid":
        return value == "0"
    return None


def _range(text: str, viewport: Viewport) -> bool | None:
    parts = [trimmed(part) for part in _COMPARISON.split(text)]
    if len(parts) not in {3, 5}:
        return None
    if len(parts) == 5 and {parts[1][0], parts[3][0]} not in ({"<"}, {">"}):
        return None
    name = next((part for part in parts[::2] if _actual(part, viewport) is not None), "")
    values = [
        _actual(name, viewport) if part == name else _value(name, part, viewport)
        for part in parts[::2]
    ]
    result = True
    for left, operator, right in zip(values[:-1], parts[1::2], values[1:], strict=True):
        if left is None or right is None:
            return None
        result = result and _compare(left, operator, right)
    return result


def _compare(left: float, operator: str, right: float) -> bool:
    return {
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
        "=": math.isclose(left, right),
    }[operator]


def _boolean(name: str, viewport: Viewport) -> bool | None:
    if name == "-webkit-transform-3d":
        return True
    if name == "transform-3d":
        return None
    actual = _actual(name, viewport)
    if actual is not None:
        return actual != 0
    if name in _KEYWORDS:
        return _KEYWORDS[name] not in _OFF_WORDS
    if name == "orientation":
        return True
    return False if name == "grid" else None


def _actual(name: str, viewport: Viewport) -> float | None:
    match name:
        case "width" | "device-width":
            return float(viewport.width)
        case "height" | "device-height":
            return float(viewport.height)
        case "aspect-ratio" | "device-aspect-ratio":
            return viewport.width / viewport.height
        case "resolution":
            return viewport.dpr
        case "color":
            return 8.0
        case "monochrome" | "color-index":
            return 0.0
        case "horizontal-viewport-segments" | "vertical-viewport-segments" | "transform-3d":
            return 1.0
        case _:
            return None


def _value(name: str, text: str, viewport: Viewport) -> float | None:
    """The value of a feature: a length in px, a resolution in dppx, a ratio or an integer."""
    parts = significant(components(text))
    if len(parts) == 3 and parts[1].is_delim("/") and name.endswith("aspect-ratio"):
        top, bottom = _number(text[: parts[1].start]), _number(text[parts[1].end :])
        return top / bottom if top is not None and bottom else None
    if len(parts) != 1:
        return None
    kind = type_of(parts[0])
    if name.endswith("aspect-ratio"):
        return float(parts[0].value) if parts[0].kind == "dimension" else _number(text)
    if name.endswith("resolution"):
        density = resolution_dppx(text) if kind == "resolution" else None
        return None if density is None or density < 0 else density
    if not name.endswith(("width", "height")):
        return None if "." in text else _number(text)
    pixels = length_px(text, viewport) if kind in {"length", "number"} else None
    return None if kind == "number" and pixels else pixels  # only a zero may lack its unit


def _number(text: str) -> float | None:
    """A number, which may be calculated."""
    parts = significant(components(text))
    if len(parts) != 1 or type_of(parts[0]) != "number":
        return None
    return float(parts[0].value) if parts[0].kind == "number" else length_px(text, DESKTOP)
