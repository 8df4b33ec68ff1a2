"""The ``An+B`` of ``:nth-child()`` (CSS Syntax 3, section 6)."""

from __future__ import annotations

import re

from libra.ascii import lowered
from libra.weighing.css.syntax import ComponentValue, stripped

_N = re.compile(r"([+-]?[0-9]*)n(?:-([0-9]+))?\Z", re.IGNORECASE | re.ASCII)
_N_DASH = re.compile(r"([+-]?[0-9]*)n-\Z", re.IGNORECASE | re.ASCII)
_INTEGER = re.compile(r"[+-]?[0-9]+\Z")
_KEYWORDS = {"odd": (2, 1), "even": (2, 0)}


def an_plus_b(  # noqa: PLR0911 - one for each form of the standard
    parts: list[ComponentValue],
) -> tuple[int, int] | None:
    """The two numbers, or None if the parts are not ``An+B``."""
    parts = stripped(parts)
    if not parts:
        return None
    first, rest = parts[0], parts[1:]
    if first.is_delim("+"):
        if not rest or rest[0].kind != "ident" or rest[0].value[:1] in "+-":
            return None
        text, rest = "+" + rest[0].value, rest[1:]
    elif first.kind == "dimension" and _INTEGER.match(first.value):
        text = first.value + first.unit
    elif first.kind == "number" and not rest and _INTEGER.match(first.value):
        return 0, int(first.value)
    elif first.kind == "ident":
        if not rest and lowered(first.value) in _KEYWORDS:
            return _KEYWORDS[lowered(first.value)]
        text = first.value
    else:
        return None
    whole = _N.match(text)
    if whole is not None:
        a = _coefficient(whole[1])
        if whole[2]:
            return (a, -int(whole[2])) if not stripped(rest) else None
        b = _offset(stripped(rest), signed=True)
        return None if b is None else (a, b)
    dash = _N_DASH.match(text)
    if dash is not None:
        b = _offset(stripped(rest), signed=False)
        return None if b is None or not stripped(rest) else (_coefficient(dash[1]), -b)
    return None


def _coefficient(text: str) -> int:
    return int(text + "1") if text in {"", "+", "-"} else int(text)


def _offset(parts: list[ComponentValue], *, signed: bool) -> int | None:
    """The number after the ``n``: with its own sign, or after a sign already read."""
    if not parts:
        return 0
    sign = 1
    if signed and (parts[0].is_delim("+") or parts[0].is_delim("-")):
        sign, parts, signed = -1 if parts[0].value == "-" else 1, stripped(parts[1:]), False
    if len(parts) != 1 or parts[0].kind != "number" or not _INTEGER.match(parts[0].value):
        return None
    if (parts[0].value[0] in "+-") is not signed:
        return None
    return sign * int(parts[0].value)
