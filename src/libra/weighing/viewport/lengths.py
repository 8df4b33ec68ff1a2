"""CSS lengths and resolutions, with their arithmetic, for a desktop browser's window (CSS Values 4)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from libra.ascii import lowered
from libra.weighing.css.numeric import MATH, type_of
from libra.weighing.css.syntax import ComponentValue, components, significant, split_at
from libra.weighing.options import Viewport

_MAX_LENGTH = 10_000
_LARGEST = 3.4028234663852886e38
"""The largest number of Chromium, which takes an infinite length for this."""

_EM = 16.0
"""Font-relative units in media queries and ``sizes`` refer to the initial font size."""

_PX_PER_UNIT = {
    "px": 1.0,
    "in": 96.0,
    "cm": 96 / 2.54,
    "mm": 9.6 / 2.54,
    "q": 2.4 / 2.54,
    "pt": 96 / 72,
    "pc": 16.0,
    **dict.fromkeys(("em", "rem", "ic", "ric"), _EM),
    **dict.fromkeys(("ex", "rex", "ch", "rch"), _EM / 2),
    **dict.fromkeys(("cap", "rcap"), _EM * 0.66),  # that of Times; it depends on the font
    **dict.fromkeys(("lh", "rlh"), 18.0),  # the normal height of a line; it depends on the font
}
_DPPX_PER_UNIT = {"x": 1.0, "dppx": 1.0, "dpi": 1 / 96, "dpcm": 2.54 / 96}
_OF_OTHER_UNITS = {
    **_DPPX_PER_UNIT,
    "deg": math.pi / 180,
    "grad": math.pi / 200,
    "rad": 1.0,
    "turn": math.tau,
    "s": 1.0,
    "ms": 0.001,
}
_CONSTANTS = {
    "pi": math.pi,
    "e": math.e,
    "infinity": math.inf,
    "-infinity": -math.inf,
    "nan": math.nan,
}
_PLAIN = re.compile(
    r"[ \t\n\f\r]*+([+-]?(?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++)(?:e[+-]?[0-9]++)?)([a-z]*+)[ \t\n\f\r]*+",
    re.IGNORECASE | re.ASCII,
)
_ROUNDING = ("nearest", "up", "down", "to-zero")


def length_px(text: str, viewport: Viewport) -> float | None:
    """A CSS length in pixels, which may be calculated.

    Returns None for anything that is not a known length (percentages, ``auto``, unknown units).
    """
    match = _PLAIN.fullmatch(text)
    if match is None:
        part = _only_part(text)
        return None if part is None else length_of(part, viewport)
    number, unit = float(match[1]), lowered(match[2])
    if not unit:
        return None if number else 0.0
    factor = _px_per_unit(unit, viewport)
    return None if factor is None else _limited(number * factor)


def length_of(part: ComponentValue, viewport: Viewport) -> float | None:
    """The pixels of a component; None if it is no length."""
    if part.kind == "number":
        return None if float(part.value) else 0.0
    return value_of(part, viewport) if type_of(part) == "length" else None


def resolution_dppx(text: str) -> float | None:
    """A CSS resolution in dots per pixel, which may be calculated; None for anything else."""
    part = _only_part(text)
    if part is None or type_of(part) != "resolution":
        return None
    return value_of(part, Viewport())


def value_of(part: ComponentValue, viewport: Viewport) -> float | None:
    """The value of a component that has a type, in pixels, dots per pixel, radians or seconds.

    Returns None if the value is unknown, as it is for counts of siblings.
    """
    try:
        return _limited(_value(part, viewport))
    except (ValueError, OverflowError):
        return None


def _limited(value: float) -> float:
    return 0.0 if math.isnan(value) else max(-_LARGEST, min(value, _LARGEST))


def _only_part(text: str) -> ComponentValue | None:
    if len(text) > _MAX_LENGTH:
        return None
    parts = significant(components(text))
    return parts[0] if len(parts) == 1 else None


def _px_per_unit(unit: str, viewport: Viewport) -> float | None:
    if unit in _PX_PER_UNIT:
        return _PX_PER_UNIT[unit]
    # The small, large and dynamic viewports are the same on a desktop.
    relative = unit[1:] if len(unit) > 2 and unit[0] in "sld" and unit[1] == "v" else unit
    match relative:
        case "vw" | "vi" | "cqw" | "cqi":
            return viewport.width / 100
        case "vh" | "vb" | "cqh" | "cqb":
            return viewport.height / 100
        case "vmin" | "cqmin":
            return min(viewport.width, viewport.height) / 100
        case "vmax" | "cqmax":
            return max(viewport.width, viewport.height) / 100
        case _:
            return None


def _value(part: ComponentValue, viewport: Viewport) -> float:
    """The value of a component whose type has been judged."""
    match part.kind:
        case "number":
            return float(part.value)
        case "dimension":
            unit = lowered(part.unit)
            factor = _OF_OTHER_UNITS.get(unit)
            if factor is None:
                factor = _px_per_unit(unit, viewport)
            if factor is None:
                raise ValueError(unit)
            return float(part.value) * factor
        case "ident":
            return _CONSTANTS[lowered(part.value)]
        case "(":
            return _sum(part.parts, viewport)
        case "function":
            return _function(part, viewport)
        case _:
            raise ValueError(part.kind)


def _sum(parts: Sequence[ComponentValue], viewport: Viewport) -> float:
    total = -0.0  # so that a negative zero stays one
    sign, term = 1, list[ComponentValue]()
    for part in significant(parts):
        if part.is_delim("+") or part.is_delim("-"):
            total += sign * _product(term, viewport)
            sign, term = 1 if part.value == "+" else -1, []
        else:
            term.append(part)
    return total + sign * _product(term, viewport)


def _product(parts: Sequence[ComponentValue], viewport: Viewport) -> float:
    result = _value(parts[0], viewport)
    for sign, part in zip(parts[1::2], parts[2::2], strict=True):
        value = _value(part, viewport)
        result = result * value if sign.is_delim("*") else _divided(result, value)
    return result


def _divided(one: float, other: float) -> float:
    if other:
        return one / other
    return math.copysign(math.inf, one) * math.copysign(1, other) if one else math.nan


def _function(part: ComponentValue, viewport: Viewport) -> float:
    name, pieces = lowered(part.value), split_at(part.parts, ",")
    if name not in MATH:
        raise ValueError(name)
    strategy = "nearest"
    if name == "round" and significant(pieces[0])[0].is_word(*_ROUNDING):
        strategy = lowered(significant(pieces.pop(0))[0].value)
    if name == "clamp":
        low, value, high = (None if _is_none(piece) else _sum(piece, viewport) for piece in pieces)
        return _clamped(low, value, high)
    values = [_sum(piece, viewport) for piece in pieces]
    if name == "round":
        return _rounded(strategy, *values)
    if any(map(math.isnan, values)):
        return math.nan
    return _applied(name, values)


def _is_none(piece: Sequence[ComponentValue]) -> bool:
    words = significant(piece)
    return len(words) == 1 and words[0].is_word("none")


def _clamped(low: float | None, value: float | None, high: float | None) -> float:
    if value is None:
        raise ValueError
    if any(one is not None and math.isnan(one) for one in (low, value, high)):
        return math.nan
    least = value if high is None else min(value, high)
    return least if low is None else max(low, least)


def _rounded(strategy: str, value: float, step: float = 1.0) -> float:
    """``round()`` (CSS Values 4, section 10.3)."""
    if math.isnan(value) or math.isnan(step) or not step:
        return math.nan
    if math.isinf(value):
        return math.nan if math.isinf(step) else value
    if math.isinf(step):
        away = (strategy == "up" and value > 0) or (strategy == "down" and value < 0)
        return math.copysign(math.inf if away else 0.0, value)
    step = abs(step)
    low = math.floor(value / step) * step
    if low == value:
        return value
    high = low + step
    match strategy:
        case "up" | "down":
            up = strategy == "up"
        case "to-zero":
            up = value < 0
        case _:
            up = value - low >= high - value
    return high if up else low


def _applied(  # noqa: C901, PLR0911, PLR0912 - one branch for each function
    name: str, values: Sequence[float]
) -> float:
    match name, values:
        case (("calc" | "-webkit-calc"), [value]):
            return value
        case "min", _:
            return min(values)
        case "max", _:
            return max(values)
        case "abs", [value]:
            return abs(value)
        case "sign", [value]:
            return math.copysign(1, value) if value else value
        case (("mod" | "rem"), [value, step]):
            if not step or math.isinf(value):
                return math.nan
            if math.isinf(step):
                return math.nan if name == "mod" and value * step < 0 else value
            return (
                value - step * math.floor(value / step) if name == "mod" else math.fmod(value, step)
            )
        case "hypot", _:
            return math.hypot(*values)
        case "sqrt", [value]:
            return math.sqrt(value) if value >= 0 else math.nan
        case "pow", [base, exponent]:
            return _power(base, exponent)
        case "exp", [value]:
            return _power(math.e, value)
        case "log", [value]:
            return _logarithm(value)
        case "log", [value, base]:
            return _divided(_logarithm(value), _logarithm(base))
        case (("sin" | "cos" | "tan"), [value]):
            return _of_angle(name, value)
        case (("asin" | "acos"), [value]):
            return getattr(math, name)(value) if -1 <= value <= 1 else math.nan
        case "atan", [value]:
            return math.atan(value)
        case "atan2", [one, other]:
            return math.atan2(one, other)
        case "progress", [value, start, end]:
            return max(0.0, min(_divided(value - start, end - start), 1.0))
        case _:
            raise ValueError(name)


def _power(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and exponent % 2 else math.inf
    except ValueError:
        return math.nan if base else math.inf


def _logarithm(value: float) -> float:
    return math.log(value) if value > 0 else math.nan if value else -math.inf


def _of_angle(name: str, value: float) -> float:
    if math.isinf(value):
        return math.nan
    quarters = value / (math.pi / 2)
    if abs(quarters - round(quarters)) < 1e-12:
        turn = round(quarters) % 4
        sine, cosine = (0.0, 1.0, 0.0, -1.0)[turn], (1.0, 0.0, -1.0, 0.0)[turn]
        return {"sin": sine, "cos": cosine, "tan": _divided(sine, cosine)}[name]
    return {"sin": math.sin, "cos": math.cos, "tan": math.tan}[name](value)
