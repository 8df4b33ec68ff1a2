"""The ``sizes`` of an image, as Chromium reads it.

Chromium reads calculations in it with a parser of its own, which knows four functions, no constants and
no division by zero, and does not ask for white space around signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from libra.ascii import lowered
from libra.weighing.css.numeric import type_of
from libra.weighing.css.syntax import ComponentValue, components, significant, split_at
from libra.weighing.options import Viewport
from libra.weighing.viewport.lengths import length_of, value_of
from libra.weighing.viewport.media_queries import media_condition

_MAX_KEPT = 1_000
"""The longest ``sizes`` whose width is kept for the next image."""

_COUNTS = {"calc": (1, 1), "min": (1, 1_000), "max": (1, 1_000), "clamp": (3, 3)}


class _Invalid(ValueError):
    """Chromium refuses the calculation."""


class _Amount(NamedTuple):
    value: float
    is_length: bool


def source_size(sizes: str | None, viewport: Viewport) -> float:
    """The image width in CSS pixels that ``sizes`` gives in this viewport."""
    if not sizes:
        return float(viewport.width)
    return (_often_said if len(sizes) <= _MAX_KEPT else _source_size)(sizes, viewport)


def _source_size(sizes: str, viewport: Viewport) -> float:
    for entry in split_at(components(sizes), ","):
        parts = significant(entry)
        if len(parts) == 1 and parts[0].is_word("auto"):
            break  # the case of an image that is not lazy
        pixels = _size_of(parts[-1], viewport) if parts else None
        if pixels is not None and (len(parts) == 1 or media_condition(parts[:-1], viewport)):
            return pixels
    return float(viewport.width)


_often_said = lru_cache(maxsize=1_024)(_source_size)


def _size_of(part: ComponentValue, viewport: Viewport) -> float | None:
    """The length that ends an entry; None if Chromium refuses it. A calculation below zero is zero."""
    if part.kind == "function":
        try:
            found = _amount(part, viewport)
        except _Invalid:
            return None
        return max(0.0, found.value) if found.is_length else None
    pixels = length_of(part, viewport) if part.kind in {"dimension", "number"} else None
    return None if pixels is None or pixels < 0 else pixels


def _amount(part: ComponentValue, viewport: Viewport) -> _Amount:
    if part.kind in {"number", "dimension"}:
        is_length = part.kind == "dimension"
        value = value_of(part, viewport) if not is_length or type_of(part) == "length" else None
        if value is None:
            raise _Invalid
        return _Amount(value, is_length)
    if part.kind == "(":
        return _sum(part.parts, viewport)
    name = lowered(part.value) if part.kind == "function" else ""
    pieces = split_at(part.parts, ",")
    least, most = _COUNTS.get(name, (0, -1))
    if not least <= len(pieces) <= most:
        raise _Invalid
    amounts = [_sum(piece, viewport) for piece in pieces]
    values = [amount.value for amount in amounts]
    if len({amount.is_length for amount in amounts}) != 1:
        raise _Invalid
    if name == "clamp":
        value = max(values[0], min(values[1], values[2]))
    else:
        value = max(values) if name == "max" else min(values)
    return _Amount(value, amounts[0].is_length)


def _sum(parts: Sequence[ComponentValue], viewport: Viewport) -> _Amount:
    # Chromium overlooks empty parentheses.
    words = [part for part in significant(parts) if part.kind != "(" or significant(part.parts)]
    terms: list[list[ComponentValue]] = [[]]
    signs = [1]
    for part in words:
        if part.is_delim("+") or part.is_delim("-"):
            terms.append([])
            signs.append(1 if part.value == "+" else -1)
        else:
            terms[-1].append(part)
    amounts = [_product(term, viewport) for term in terms]
    if len({amount.is_length for amount in amounts}) != 1:
        raise _Invalid
    total = sum(sign * amount.value for sign, amount in zip(signs, amounts, strict=True))
    return _Amount(total, amounts[0].is_length)


def _product(parts: Sequence[ComponentValue], viewport: Viewport) -> _Amount:
    if len(parts) % 2 == 0:
        raise _Invalid
    value, is_length = _amount(parts[0], viewport)
    for sign, part in zip(parts[1::2], parts[2::2], strict=True):
        other = _amount(part, viewport)
        if sign.is_delim("*") and not (is_length and other.is_length):
            value, is_length = value * other.value, is_length or other.is_length
        elif sign.is_delim("/") and not other.is_length and other.value:
            value /= other.value
        else:
            raise _Invalid
    return _Amount(value, is_length)
