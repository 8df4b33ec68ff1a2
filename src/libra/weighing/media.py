"""Media queries and lengths, evaluated for a desktop browser's window (Media Queries 4, CSS Values 4).

What is not known is false, as the standard says; a query that cannot be parsed is ``not all``.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

from libra.weighing.options import Viewport

_MAX_QUERY = 10_000
_MAX_DEPTH = 24
_EM = 16.0
"""Font-relative units in media queries and ``sizes`` refer to the initial font size."""

_PX_PER_UNIT = {
    "px": 1.0,
    "em": _EM,
    "rem": _EM,
    "ex": _EM / 2,
    "ch": _EM / 2,
    "in": 96.0,
    "cm": 96 / 2.54,
    "mm": 9.6 / 2.54,
    "q": 2.4 / 2.54,
    "pt": 96 / 72,
    "pc": 16.0,
}
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([a-z%]*)", re.IGNORECASE)
_TOKEN = re.compile(
    r"\s*(?:([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?[a-z%]*)|(-?[a-z_-][\w-]*\(?)|([()+*/,-]))",
    re.IGNORECASE,
)
_COMPARISON = re.compile(r"(<=|>=|<|>|=)")
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)

_KEYWORDS = {
    "prefers-color-scheme": "light",
    "prefers-reduced-motion": "no-preference",
    "prefers-reduced-data": "no-preference",
    "prefers-reduced-transparency": "no-preference",
    "prefers-contrast": "no-preference",
    "forced-colors": "none",
    "inverted-colors": "none",
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
}
_OFF_WORDS = frozenset({"none", "no-preference", ""})


@lru_cache(maxsize=4096)
def media_matches(query_list: str, viewport: Viewport) -> bool:
    """Whether a media query list holds on a screen with this viewport. An empty list does."""
    if len(query_list) > _MAX_QUERY:
        return False
    text = _COMMENT.sub(" ", query_list).strip().lower()
    if not text:
        return True
    return any(_query(query.strip(), viewport) for query in split_top_level(text, ","))


def length_px(text: str, viewport: Viewport) -> float | None:
    """A CSS length in pixels, ``calc()``, ``min()``, ``max()`` and ``clamp()`` included.

    Returns None for what is no length here (percentages, ``auto``, unknown units).
    """
    text = text.strip().lower()
    match = _NUMBER.fullmatch(text)
    if match is not None:
        value = _with_unit(match, viewport)
        if value is None or not math.isfinite(value) or (not match[2] and value != 0):
            return None
        return value
    if len(text) > _MAX_QUERY or "(" not in text:
        return None
    return _Calculation(text, viewport).value()


def split_top_level(text: str, separator: str) -> list[str]:
    """Split at a separator that is not inside parentheses. An empty text has no parts."""
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


def _query(query: str, viewport: Viewport) -> bool:
    match = re.match(r"(?:(not|only)\s+)?([a-z-][\w-]*)(?=\s|\Z)", query)
    if match is None or match[2] == "not":
        return _condition(query, viewport, 0) is True
    modifier, kind = match.groups()
    if kind in {"and", "or", "only", "layer"}:
        return False
    holds: bool | None = kind in {"all", "screen"}
    rest = query[match.end() :].strip()
    if rest:
        if not re.match(r"and[\s(]", rest):
            return False
        condition = _condition(rest[3:].strip(), viewport, 0)
        if condition is None:
            return False
        holds = holds and condition
    return not holds if modifier == "not" else bool(holds)


def _condition(text: str, viewport: Viewport, depth: int) -> bool | None:
    """A condition: ``not X``, ``X and Y``, ``X or Y``, ``(X)``, ``(feature)``. None is *unknown*."""
    if depth > _MAX_DEPTH:
        return None
    text = text.strip()
    if text.startswith("not") and text[3:4] in {" ", "(", "\t", "\n"}:
        inner = _condition(text[3:], viewport, depth + 1)
        return None if inner is None else not inner
    terms, words = _terms(text)
    if not terms or len(set(words)) > 1:
        return None
    values = [_term(term, viewport, depth) for term in terms]
    if words and words[0] == "or":
        return True if True in values else (None if None in values else False)
    return False if False in values else (None if None in values else True)


def _terms(text: str) -> tuple[list[str], list[str]]:
    """The parenthesised terms of a condition and the words between them."""
    terms: list[str] = []
    words: list[str] = []
    depth = start = 0
    between = 0
    for match in re.finditer(r"[()]", text):
        if match[0] == "(":
            if depth == 0:
                word = text[between : match.start()].strip()
                start = match.end()
                if terms:
                    words.append(word)
                elif word:
                    return [], []
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                terms.append(text[start : match.start()])
                between = match.end()
    if depth:
        terms.append(text[start:])  # what is left open is closed at the end, as CSS has it
        between = len(text)
    if text[between:].strip() or any(word not in {"and", "or"} for word in words):
        return [], []
    return terms, words


def _term(text: str, viewport: Viewport, depth: int) -> bool | None:
    text = text.strip()
    if text.startswith("(") or re.match(r"not[\s(]", text):
        return _condition(text, viewport, depth + 1)
    name, colon, value = text.partition(":")
    name = name.strip()
    if colon:
        return _plain(name, value.strip(), viewport)
    if _COMPARISON.search(text):
        return _range(text, viewport)
    return _boolean(name, viewport)


def _plain(name: str, value: str, viewport: Viewport) -> bool | None:
    if name.startswith("-webkit-"):
        name = name[8:].replace("device-pixel-ratio", "resolution")
        value = value if value.endswith(("x", "i", "m")) else value + "x"
    prefix, _, rest = name.partition("-")
    actual = _actual(rest if prefix in {"min", "max"} else name, viewport)
    if actual is not None:
        wanted = _value(value, viewport)
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
    parts = [part.strip() for part in _COMPARISON.split(text)]
    if len(parts) not in {3, 5}:
        return None
    values: list[float | None] = []
    for part in parts[::2]:
        actual = _actual(part, viewport)
        values.append(_value(part, viewport) if actual is None else actual)
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
        case _:
            return None


def _value(text: str, viewport: Viewport) -> float | None:
    """A length in px, a resolution in dppx, a ratio or an integer."""
    numerator, slash, denominator = text.partition("/")
    if slash:
        top, bottom = _NUMBER.fullmatch(numerator.strip()), _NUMBER.fullmatch(denominator.strip())
        if top is None or bottom is None or not float(bottom[1]):
            return None
        return float(top[1]) / float(bottom[1])
    match = _NUMBER.fullmatch(text)
    if match is None:
        return length_px(text, viewport)
    number, unit = float(match[1]), match[2].lower()
    match unit:
        case "":
            return number
        case "x" | "dppx":
            return number
        case "dpi":
            return number / 96
        case "dpcm":
            return number * 2.54 / 96
        case _:
            return _with_unit(match, viewport)


def _with_unit(match: re.Match[str], viewport: Viewport) -> float | None:
    number, unit = float(match[1]), match[2].lower()
    if not unit:
        return number
    if unit in _PX_PER_UNIT:
        return number * _PX_PER_UNIT[unit]
    # The small, large and dynamic viewports are one and the same on a desktop.
    relative = unit[1:] if len(unit) > 2 and unit[0] in "sld" and unit[1] == "v" else unit
    match relative:
        case "vw" | "vi":
            return number * viewport.width / 100
        case "vh" | "vb":
            return number * viewport.height / 100
        case "vmin":
            return number * min(viewport.width, viewport.height) / 100
        case "vmax":
            return number * max(viewport.width, viewport.height) / 100
        case _:
            return None


class _Calculation:
    """A recursive-descent evaluator for ``calc()`` and its friends."""

    def __init__(self, text: str, viewport: Viewport) -> None:
        self._tokens: list[str] = []
        self._viewport = viewport
        self._at = 0
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                break
            self._tokens.append(match[0].strip())
            position = match.end()
        self._complete = not text[position:].strip()

    def value(self) -> float | None:
        if not self._complete:
            return None
        try:
            result = self._sum(0)
        except (ValueError, ZeroDivisionError, OverflowError, IndexError):
            return None
        return result if self._at == len(self._tokens) and math.isfinite(result) else None

    def _sum(self, depth: int) -> float:
        result = self._product(depth)
        while self._peek() in {"+", "-"}:
            sign = 1 if self._next() == "+" else -1
            result += sign * self._product(depth)
        return result

    def _product(self, depth: int) -> float:
        result = self._factor(depth)
        while self._peek() in {"*", "/"}:
            if self._next() == "*":
                result *= self._factor(depth)
            else:
                result /= self._factor(depth)
        return result

    def _factor(self, depth: int) -> float:
        if depth > _MAX_DEPTH:
            raise ValueError
        token = self._next()
        if token.endswith("("):
            arguments = [self._sum(depth + 1)]
            while self._peek() == ",":
                self._next()
                arguments.append(self._sum(depth + 1))
            if self._peek():
                self._expect(")")
            return _apply(token[:-1], arguments)
        match = _NUMBER.fullmatch(token)
        value = None if match is None else _with_unit(match, self._viewport)
        if value is None:
            raise ValueError(token)
        return value

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _expect(self, token: str) -> None:
        if self._next() != token:
            raise ValueError(token)


def _apply(name: str, arguments: list[float]) -> float:
    match name, arguments:
        case (("" | "calc" | "-webkit-calc"), [value]):
            return value
        case "min", _:
            return min(arguments)
        case "max", _:
            return max(arguments)
        case "clamp", [low, value, high]:
            return max(low, min(value, high))
        case _:
            raise ValueError(name)
