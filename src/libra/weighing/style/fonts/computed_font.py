"""The computed font of an element: family, weight and style, with inheritance (CSS Fonts 4)."""

from __future__ import annotations

from collections.abc import Mapping

from libra.ascii import lowered, trimmed
from libra.weighing.css.value_text import unescape
from libra.weighing.options import DESKTOP
from libra.weighing.style.cascade.cascade import Value
from libra.weighing.style.cascade.font_shorthand import font_parts
from libra.weighing.style.cascade.substitution import needs_substitution, substitute
from libra.weighing.stylesheets.fonts import (
    REGULAR,
    FontStyle,
    bolder,
    lighter,
    weight_of,
)

UNSET = frozenset({"inherit", "unset", "revert", "revert-layer"})


def computed_font(
    declared: tuple[Value | None, Value | None, Value | None],
    default: tuple[str | None, str | None, str | None],
    inherited: FontStyle,
    variables: Mapping[str, str],
) -> FontStyle:
    """The computed font of an element.

    Args:
        declared: The winning values of its family, weight and style.
        default: The same values in the browser's own stylesheet.
        inherited: The computed font of its parent.
        variables: The custom properties that ``var()`` may name.
    """
    return FontStyle(
        _families(declared[0], default[0], inherited.families, variables),
        _weight(declared[1], default[1], inherited.weight, variables),
        _italic(declared[2], default[2], inherited.italic, variables),
    )


def _families(
    value: Value | None, default: str | None, inherited: str, variables: Mapping[str, str]
) -> str:
    if value is None:
        return inherited if default is None else default
    text = computed(value, "font-family", variables)
    lower = lowered(trimmed(text))
    if lower in UNSET or not lower:
        return inherited
    return "" if lower == "initial" else unescape(text)


def computed(value: Value, name: str, variables: Mapping[str, str]) -> str:
    """A font property's value after substitution; "" if that makes it invalid."""
    if not needs_substitution(value.text):
        return value.text
    text = substitute(value.text, variables, DESKTOP)
    if text is None:
        return ""
    if value.name == "font":
        return next((part for longhand, part in font_parts(text) if longhand == name), "")
    return text


def _weight(
    value: Value | None, default: str | None, inherited: int, variables: Mapping[str, str]
) -> int:
    text = default or "inherit" if value is None else computed(value, "font-weight", variables)
    text = lowered(trimmed(text))
    if text == "bolder":
        return bolder(inherited)
    if text == "lighter":
        return lighter(inherited)
    if text == "initial":
        return REGULAR
    known = weight_of(text)
    if known is not None:
        return known
    if text in UNSET or value is None:
        return inherited
    return _weight(None, default, inherited, variables)


def _italic(
    value: Value | None, default: str | None, inherited: bool, variables: Mapping[str, str]
) -> bool:
    text = default or "inherit" if value is None else computed(value, "font-style", variables)
    text = lowered(trimmed(text))
    if text in UNSET or not text:
        return inherited
    return text.startswith(("italic", "oblique"))
