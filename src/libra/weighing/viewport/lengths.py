"""CSS lengths and resolutions, with their arithmetic, for a desktop browser's window (CSS Values 4)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial

from libra.ascii import lowered, trimmed
from libra.weighing.options import Viewport

_MAX_LENGTH = 10_000
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
_DPPX_PER_UNIT = {"x": 1.0, "dppx": 1.0, "dpi": 1 / 96, "dpcm": 2.54 / 96}
NUMBER = re.compile(
    r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)[ \t\n\f\r]*([a-z%]*)",
    re.IGNORECASE | re.ASCII,
)
_TOKEN = re.compile(
    r"[ \t\n\f\r]*(?:([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?[a-z%]*)"
    r"|(-?[a-z_-][\w-]*\(?)|([()+*/,-]))",
    re.IGNORECASE | re.ASCII,
)


def length_px(text: str, viewport: Viewport) -> float | None:
    """A CSS length in pixels, including ``calc()``, ``min()``, ``max()`` and ``clamp()``.

    Returns None for anything that is not a known length (percentages, ``auto``, unknown units).
    """
    text = lowered(trimmed(text))
    match = NUMBER.fullmatch(text)
    if match is not None:
        value = with_unit(match, viewport)
        if value is None or not math.isfinite(value) or (not match[2] and value != 0):
            return None
        return value
    if len(text) > _MAX_LENGTH or "(" not in text:
        return None
    return _Calculation(text, partial(with_unit, viewport=viewport)).value()


def resolution_dppx(text: str) -> float | None:
    """A CSS resolution in dots per pixel, including ``calc()`` and the like; None for anything else."""
    text = lowered(trimmed(text))
    match = NUMBER.fullmatch(text)
    if match is not None:
        return _with_resolution(match) if match[2] else None
    if len(text) > _MAX_LENGTH or "(" not in text:
        return None
    return _Calculation(text, _with_resolution).value()


def _with_resolution(match: re.Match[str]) -> float | None:
    """The dots per pixel of a number, which may be a factor without a unit."""
    unit = lowered(match[2])
    return float(match[1]) * _DPPX_PER_UNIT.get(unit, 0 if unit else 1)


def with_unit(match: re.Match[str], viewport: Viewport) -> float | None:
    """The pixels of a number with its unit, as `NUMBER` has found them; None for an unknown unit."""
    number, unit = float(match[1]), lowered(match[2])
    if not unit:
        return number
    if unit in _PX_PER_UNIT:
        return number * _PX_PER_UNIT[unit]
    # The small, large and dynamic viewports are the same on a desktop.
    relative = unit[1:] if len(unit) > 2 and unit[0] in "sld" and unit[1] == "v" else unit
    match relative:
        case "vw" | "vi" | "cqw" | "cqi":
            return number * viewport.width / 100
        case "vh" | "vb" | "cqh" | "cqb":
            return number * viewport.height / 100
        case "vmin" | "cqmin":
            return number * min(viewport.width, viewport.height) / 100
        case "vmax" | "cqmax":
            return number * max(viewport.width, viewport.height) / 100
        case _:
            return None


class _Calculation:
    """A recursive-descent evaluator for ``calc()`` and similar functions.

    `measured` is the value of a number with its unit, or None for an unknown unit.
    """

    def __init__(self, text: str, measured: Callable[[re.Match[str]], float | None]) -> None:
        self._tokens: list[str] = []
        self._measured = measured
        self._at = 0
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                break
            self._tokens.append(trimmed(match[0]))
            position = match.end()
        self._complete = not trimmed(text[position:])

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
        match = NUMBER.fullmatch(token)
        value = None if match is None else self._measured(match)
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
