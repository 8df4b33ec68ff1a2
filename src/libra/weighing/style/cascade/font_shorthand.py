"""The font properties that the ``font`` shorthand sets (CSS Fonts 4, section 2.7)."""

from __future__ import annotations

from libra.ascii import lowered, trimmed
from libra.weighing.css.numeric import unit_type
from libra.weighing.css.syntax import components, significant
from libra.weighing.css.tokens import preprocessed
from libra.weighing.stylesheets.fonts import weight_of
from libra.weighing.stylesheets.supports import WIDE, is_valid_text

FONT_PROPERTIES = frozenset({"font-family", "font-weight", "font-style"})
"""The properties that decide which face a text uses."""

_SYSTEM_FONTS = frozenset({"caption", "icon", "menu", "message-box", "small-caption", "status-bar"})


def font_parts(value: str) -> list[tuple[str, str]]:
    """The properties that the ``font`` shorthand sets; empty if it is invalid."""
    lower = lowered(trimmed(value))
    if not is_valid_text("font", value):
        return []
    if lower in WIDE:
        return [(name, lower) for name in sorted(FONT_PROPERTIES)]
    if lower in _SYSTEM_FONTS:
        return [("font-family", "system-ui"), ("font-weight", "normal"), ("font-style", "normal")]
    text = preprocessed(value)
    weight = style = "normal"
    parts = iter(significant(components(text)))
    for part in parts:
        word = lowered(part.value)
        if part.is_word("italic", "oblique"):
            style = word
        elif part.is_word("bolder", "lighter") or (
            part.kind in {"ident", "number"} and word != "normal" and weight_of(word) is not None
        ):
            weight = word
        elif not (part.is_word(*_BEFORE_SIZE) or unit_type(part) == "angle"):
            break  # this is the size
    family = next(parts, None)
    if family is not None and family.is_delim("/"):
        next(parts, None)
        family = next(parts, None)
    if family is None:
        return []
    return [
        ("font-family", text[family.start :]),
        ("font-weight", weight),
        ("font-style", style),
    ]


_BEFORE_SIZE = frozenset(
    {
        "normal", "small-caps", "ultra-condensed", "extra-condensed", "condensed",
        "semi-condensed", "semi-expanded", "expanded", "extra-expanded", "ultra-expanded",
    }
)  # fmt: skip
"""Keywords that may precede the size in ``font``, besides those for style and weight."""
