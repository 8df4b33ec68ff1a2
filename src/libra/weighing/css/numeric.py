"""Numbers with and without units, and the types of ``calc()`` and similar functions (CSS Values 4)."""

from __future__ import annotations

from collections.abc import Sequence

from libra.ascii import lowered
from libra.weighing.css.chromium import chromium
from libra.weighing.css.syntax import ComponentValue, significant, split_at

_UNITS = {
    **dict.fromkeys(("deg", "grad", "rad", "turn"), "angle"),
    **dict.fromkeys(("s", "ms"), "time"),
    **dict.fromkeys(("dpi", "dpcm", "dppx", "x"), "resolution"),
    "fr": "flex",
}
_SAME = frozenset(
    {"min", "max", "clamp", "hypot", "mod", "rem", "round", "abs", "calc", "-webkit-calc", "random"}
)
_TO_NUMBER = frozenset({"sin", "cos", "tan", "pow", "sqrt", "log", "exp", "sign", "progress"})
_TO_ANGLE = frozenset({"asin", "acos", "atan", "atan2"})
_OF_NUMBERS = frozenset({"asin", "acos", "atan", "pow", "sqrt", "log", "exp"})
_OF_ANGLES = frozenset({"sin", "cos", "tan"})
_ROUNDING = frozenset({"nearest", "up", "down", "to-zero"})
_SHARING = frozenset({"auto", "element-shared", "element-scoped", "fixed"})
_CONSTANTS = frozenset({"pi", "e", "infinity", "-infinity", "nan"})
_COUNTS = {
    "calc": (1, 1), "-webkit-calc": (1, 1), "clamp": (3, 3), "mod": (2, 2), "rem": (2, 2),
    "round": (1, 2), "abs": (1, 1), "sign": (1, 1), "sin": (1, 1), "cos": (1, 1), "tan": (1, 1),
    "asin": (1, 1), "acos": (1, 1), "atan": (1, 1), "atan2": (2, 2), "pow": (2, 2), "sqrt": (1, 1),
    "log": (1, 2), "exp": (1, 1), "progress": (3, 3),
    "random": (2, 3),
}  # fmt: skip
MATH = _SAME | _TO_NUMBER | _TO_ANGLE
COUNTED = frozenset({"sibling-index", "sibling-count"})
"""Functions that count siblings, so that their value is known only for an element."""

_MIXED = frozenset({"length", "percentage", "length-percentage"})

_Powers = dict[str, int]
"""The type of a calculation: the power of each kind, as 2 for the length in ``1px * 1px``."""


def unit_type(part: ComponentValue) -> str | None:
    """The type of a dimension: ``length``, ``angle``, ``time``, ``resolution`` or ``flex``."""
    unit = lowered(part.unit)
    return _UNITS.get(unit, "length") if unit in chromium().units else None


def type_of(part: ComponentValue) -> str | None:
    """The type of a component; also ``number``, ``percentage`` and ``length-percentage``."""
    match part.kind:
        case "number" | "percentage":
            return part.kind
        case "dimension":
            return unit_type(part)
        case "function":
            name = lowered(part.value)
            if name in COUNTED:
                return None if significant(part.parts) else "number"
            return _named(_of_math(name, part.parts)) if name in MATH else None
        case _:
            return None


def _named(powers: _Powers | None) -> str | None:
    """The type of a calculation, which must be a number or have one dimension."""
    if powers is None or len(powers) > 1 or any(power != 1 for power in powers.values()):
        return None
    return next(iter(powers), "number")


def _powers_of(part: ComponentValue) -> _Powers | None:
    """The type of a component of a calculation, which may also be a constant or in parentheses."""
    if part.kind == "(":
        return _sum(part.parts)
    if part.is_word(*_CONSTANTS):
        return {}
    if part.kind == "function" and lowered(part.value) in MATH:
        return _of_math(lowered(part.value), part.parts)
    kind = type_of(part)
    return None if kind is None else {} if kind == "number" else {kind: 1}


def _of_math(name: str, parts: Sequence[ComponentValue]) -> _Powers | None:
    pieces = split_at(parts, ",")
    if name == "round" and (first := significant(pieces[0])) and first[0].is_word(*_ROUNDING):
        if len(first) > 1:
            return None
        pieces = pieces[1:]
    if name == "random" and (first := significant(pieces[0])) and first[0].is_word(*_SHARING):
        pieces = pieces[1:]
    least, most = _COUNTS.get(name, (1, 100))
    if not least <= len(pieces) <= most:
        return None
    found: _Powers | None = None
    for place, piece in enumerate(pieces):
        words = significant(piece)
        if name == "clamp" and place != 1 and len(words) == 1 and words[0].is_word("none"):
            continue
        powers = _sum(piece)
        if powers is None:
            return None
        found = powers if found is None else _added(found, powers)
        if found is None:
            return None
    if found and (name in _OF_NUMBERS or (name == "round" and len(pieces) == 1)):
        return None
    if name in _OF_ANGLES and found not in ({}, {"angle": 1}):
        return None
    if name in _TO_NUMBER:
        return {}
    return {"angle": 1} if name in _TO_ANGLE else found


def _sum(parts: Sequence[ComponentValue]) -> _Powers | None:
    """The type of a sum. Signs between terms must have white space on both sides."""
    terms: list[list[ComponentValue]] = [[]]
    for place, part in enumerate(parts):
        if part.is_delim("+") or part.is_delim("-"):
            around = parts[max(0, place - 1) : place] + parts[place + 1 : place + 2]  # type: ignore[operator]
            if len(around) != 2 or any(one.kind != " " for one in around):
                return None
            terms.append([])
        else:
            terms[-1].append(part)
    found: _Powers | None = None
    for term in terms:
        powers = _product(significant(term))
        if powers is None:
            return None
        found = powers if found is None else _added(found, powers)
        if found is None:
            return None
    return found


def _product(parts: Sequence[ComponentValue]) -> _Powers | None:
    if len(parts) % 2 == 0:
        return None
    found = _powers_of(parts[0])
    for sign, part in zip(parts[1::2], parts[2::2], strict=True):
        powers = _powers_of(part)
        if found is None or powers is None or not (sign.is_delim("*") or sign.is_delim("/")):
            return None
        turn = 1 if sign.value == "*" else -1
        if powers:
            found = {
                kind: power
                for kind in {**found, **powers}
                if (power := found.get(kind, 0) + turn * powers.get(kind, 0))
            }
    return found


def _added(one: _Powers, other: _Powers) -> _Powers | None:
    if one == other:
        return one
    kinds = (_named(one), _named(other))
    return {"length-percentage": 1} if _MIXED.issuperset(kinds) else None


def is_length(part: ComponentValue, *, negative: bool = True, percentage: bool = False) -> bool:
    """Whether the component is a length, a zero, or a percentage if allowed."""
    if part.kind == "number":
        return float(part.value) == 0
    kind = type_of(part)
    if kind != "length" and not (percentage and kind in {"percentage", "length-percentage"}):
        return False
    return negative or part.kind == "function" or part.value[0] != "-" or float(part.value) == 0


def is_number(part: ComponentValue, *, negative: bool = True, percentage: bool = False) -> bool:
    """Whether the component is a number, or a percentage if allowed."""
    kind = type_of(part) if part.kind in {"number", "percentage", "function"} else None
    if kind != "number" and not (percentage and kind == "percentage"):
        return False
    return negative or part.kind == "function" or float(part.value) >= 0


def is_angle(part: ComponentValue, *, zero: bool = True) -> bool:
    """Whether the component is an angle, or a zero if allowed."""
    if part.kind == "number":
        return zero and float(part.value) == 0
    return type_of(part) == "angle"
