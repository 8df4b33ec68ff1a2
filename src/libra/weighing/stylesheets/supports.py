"""``@supports`` (CSS Conditional Rules 3 to 5), evaluated like Chromium."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from libra.ascii import is_digits, lowered
from libra.weighing.css.chromium import Property, chromium
from libra.weighing.css.conditions import Invalid, condition, inside, is_any_value
from libra.weighing.css.numeric import COUNTED, MATH, type_of, unit_type
from libra.weighing.css.properties import COLORS, is_color, is_image, matches
from libra.weighing.css.syntax import (
    ComponentValue,
    components,
    declaration_of,
    significant,
    split_at,
)
from libra.weighing.css.tokens import preprocessed
from libra.weighing.stylesheets.selectors import is_supported

WIDE = frozenset({"inherit", "initial", "unset", "revert", "revert-layer"})
"""Keywords that every property accepts."""

SUBSTITUTED = frozenset({"var", "env", "attr", "if"})
"""Functions whose value is known only at computed-value time. Until then a value with one is valid."""

_MAX_CONDITION = 10_000
_ANGLES = frozenset({"deg", "grad", "rad", "turn"})
_TIMES = frozenset({"s", "ms"})
_RESOLUTIONS = frozenset({"dpi", "dpcm", "dppx", "x"})


@lru_cache(maxsize=2_048)
def supports(text: str) -> bool | None:
    """Whether a condition holds; None if it is invalid, so that its rule is dropped."""
    if len(text) > _MAX_CONDITION:
        return None
    text = preprocessed(text)
    try:
        return condition(components(text), lambda part: _term(text, part)) is True
    except Invalid:
        return None


@lru_cache(maxsize=2_048)
def supports_import(text: str) -> bool | None:
    """Evaluate ``supports()`` in an ``@import``: its argument is a condition or a single declaration.

    If Chromium does not support the declaration, it does not fetch the stylesheet: None. If a condition
    does not hold, it still fetches the stylesheet but does not use it.
    """
    text = preprocessed(text)
    known = supports(text)
    if known is not None:
        return known
    return _declaration(components(text)) or None


def _term(text: str, part: ComponentValue) -> bool | None:
    if not is_any_value(part.parts):
        raise Invalid
    if part.kind == "(":
        return _declaration(part.parts) is True
    name, argument = lowered(part.value), significant(part.parts)
    if name == "selector":
        if any(one.is_delim("\\") for one in part.parts):
            return False  # at its end it would begin an escape
        return is_supported(inside(text, part))
    word = (
        lowered(argument[0].value) if len(argument) == 1 and argument[0].kind == "ident" else None
    )
    if name == "font-tech":
        return word in chromium().font_techs
    if name == "font-format":
        return word in chromium().font_formats
    if name == "at-rule":
        rule = argument[0] if len(argument) == 1 else None
        if rule is not None and rule.kind == "at-keyword" and lowered(rule.value) == "charset":
            raise Invalid  # it is no at-rule
        return (
            rule is not None
            and rule.kind == "at-keyword"
            and lowered(rule.value) in chromium().at_rules
        )
    return False


def _declaration(parts: Sequence[ComponentValue]) -> bool | None:
    """Whether a declaration is supported; None if it is not a declaration."""
    found = declaration_of(parts)
    if found is None or any(part.kind == ";" for part in parts):
        return None
    return is_valid(found.name, found.value)


@lru_cache(maxsize=8_192)
def is_valid_text(name: str, text: str) -> bool:
    """Whether Chromium accepts this value of a property, as far as the table tells."""
    return is_valid(name, components(text))


def is_valid(name: str, value: Sequence[ComponentValue]) -> bool:
    """Whether Chromium accepts this value of a property.

    Properties that cause requests have grammars of their own (`libra.weighing.css.properties`). For all
    others the table lists the kinds of components that Chromium accepts.
    """
    if not _in_order(value):
        return False
    substituted = _substitutes_in(value)
    if substituted is False or name[:2] == "--":
        return substituted is not False and len(name) > 2
    name = lowered(name)
    known = chromium().properties.get(name)
    parts = significant(value)
    if known is None or not parts:
        return False
    if substituted:
        return True
    if len(parts) == 1 and (parts[0].is_word(*WIDE) or parts[0].is_word("revert-rule")):
        return True
    judged = matches(name, parts)
    if judged is not None:
        return judged
    return _fits(known, parts) or (len(parts) > 1 and _shape(parts) in _shapes(name))


@lru_cache(maxsize=1_024)
def _shapes(name: str) -> frozenset[str]:
    """The shapes of a property's values with several components."""
    samples = chromium().properties[name].samples
    return frozenset(_shape(significant(components(sample))) for sample in samples)


def _shape(parts: Sequence[ComponentValue]) -> str:
    """The shape of a value: the kind of each component, or the keyword itself."""
    shape: list[str] = []
    for part in parts:
        match part.kind:
            case "ident":
                word = lowered(part.value)
                custom = word[:2] == "--" or word in _CUSTOM
                shape.append("name" if custom else "color" if word in COLORS else word)
            case "hash":
                shape.append("color")
            case "number":
                shape.append("length" if float(part.value) == 0 else "number")
            case "percentage":
                shape.append("length")
            case "dimension":
                shape.append(unit_type(part) or "?")
            case "function" if lowered(part.value) in MATH:
                kind = type_of(part) or "?"
                shape.append("length" if kind in {"percentage", "length-percentage"} else kind)
            case "function":
                shape.append("color" if is_color(part) else f"{lowered(part.value)}()")
            case "[":
                shape.append("[]")
            case "delim":
                shape.append(part.value)
            case kind:
                shape.append(kind)
    return " ".join(shape)


_CUSTOM = frozenset({"x", "y", "z", "a", "b", "c", "d"})
"""Names in samples that stand for arbitrary custom names."""


def is_substituted(parts: Sequence[ComponentValue]) -> bool:
    """Whether a value contains a valid ``var()`` or similar function."""
    return _substitutes_in(parts) is True


def _substitutes_in(parts: Sequence[ComponentValue]) -> bool | None:
    """Whether all ``var()`` and similar functions of a value are valid; None if there are none."""
    found: bool | None = None
    for part in parts:
        if part.kind == "function":
            name = lowered(part.value)
            if name in SUBSTITUTED:
                if not _substitutes(name, part.parts):
                    return False
                found = True
            elif name[:2] == "--":
                found = True
        within = _substitutes_in(part.parts) if part.parts else None
        if within is False:
            return False
        found = found or within
    return found


def _substitutes(name: str, parts: Sequence[ComponentValue]) -> bool:
    argument = significant(split_at(parts, ",")[0])
    if name == "if":
        return any(part.kind == ":" for part in parts)
    if not argument or argument[0].kind != "ident":
        return False
    if name == "var":
        return len(argument) == 1 and argument[0].value[:2] == "--"
    return True


def _in_order(parts: Sequence[ComponentValue]) -> bool:
    for part in parts:
        if part.kind in {"bad-string", "bad-url", ")", "]", "}", ";"} or part.is_delim("!"):
            return False
        if part.parts and part.kind != "{" and not _in_order_inside(part.parts):
            return False
    return True


def _in_order_inside(parts: Sequence[ComponentValue]) -> bool:
    return all(
        part.kind not in {"bad-string", "bad-url", ")", "]", "}"}
        and (not part.parts or _in_order_inside(part.parts))
        for part in parts
    )


def _fits(known: Property, parts: Sequence[ComponentValue]) -> bool:
    pieces = split_at(parts, ",")
    if len(pieces) > 1 and not known.listed:
        return False
    return all(_fits_piece(known, piece) for piece in pieces)


def _fits_piece(known: Property, parts: Sequence[ComponentValue]) -> bool:
    """Whether the property accepts each component, and none occurs too often."""
    counts: dict[str, int] = {}
    if not parts:
        return False
    for place, part in enumerate(parts):
        if part.is_delim("/"):
            if place in {0, len(parts) - 1} or not any("/" in one for one in known.samples):
                return False
            counts.clear()
            continue
        kind = _kind(known, part)
        if kind is None:
            return False
        if part.kind == "ident" and kind == "word":
            kind = lowered(part.value)
        counts[kind] = counts.get(kind, 0) + 1
        if counts[kind] > known.kinds.get(kind, 6 if kind == "function" else 2):
            return False
    lengths = sum(counts.get(kind, 0) for kind in ("length", "percentage", "zero"))
    most = max((known.kinds.get(kind, 0) for kind in ("length", "percentage", "zero")), default=0)
    return not lengths or lengths <= max(most, 1)


def _kind(  # noqa: C901, PLR0911 - one branch for each kind of component
    known: Property, part: ComponentValue
) -> str | None:
    """The kind under which the property accepts a component."""
    kinds = known.kinds
    match part.kind:
        case "ident":
            word = lowered(part.value)
            if word in known.words:
                return "word"
            if word[:2] == "--":
                return "dashed" if "dashed" in kinds else None
            if "hash" in kinds and "color" in kinds and _is_color(word):
                return "color"
            return "name" if "name" in kinds else None
        case "hash":
            return "hash" if "hash" in kinds and _is_hex(part.value) else None
        case "string":
            return "string" if "string" in kinds else None
        case "url":
            return "url" if "url" in kinds else None
        case "number":
            return _number(kinds, part)
        case "percentage":
            return "percentage" if "percentage" in kinds else None
        case "dimension":
            return _dimension(kinds, part)
        case "function":
            return _function(known, part)
        case "[":
            return "name" if "flex" in kinds else None
        case _:
            return None


def _number(kinds: dict[str, int], part: ComponentValue) -> str | None:
    value = float(part.value)
    if not value and "zero" in kinds:
        return "zero"
    if value < 0 and "negative" not in kinds:
        return None
    if not value.is_integer() or not is_digits(part.value.lstrip("+-")):
        return "number" if "number" in kinds else None
    if value > 1000 and "hundreds" in kinds and "integer" not in kinds:
        return None
    if value >= 100:
        return "hundreds" if "hundreds" in kinds else None
    return "integer" if "integer" in kinds else "zero" if not value and "length" in kinds else None


def _dimension(kinds: dict[str, int], part: ComponentValue) -> str | None:
    unit = lowered(part.unit)
    if unit not in chromium().units:
        return None
    kind = (
        "angle" if unit in _ANGLES
        else "time" if unit in _TIMES
        else "resolution" if unit in _RESOLUTIONS
        else "flex" if unit == "fr"
        else "length"
    )  # fmt: skip
    if kind not in kinds:
        return None
    if (
        kind == "length"
        and part.value[0] == "-"
        and float(part.value)
        and "negative-length" not in kinds
    ):
        return None
    return kind


def _function(known: Property, part: ComponentValue) -> str | None:
    name = lowered(part.value)
    if name == "url":
        return "url" if "url" in known.kinds else None
    if name in MATH or name in COUNTED:
        return _calculated(known.kinds, type_of(part))
    # Where any name is allowed, so is that of a color; only real colors may be hashes.
    if "hash" in known.kinds and (judged := is_color(part)) is not None:
        return "function" if judged else None
    if any(one.startswith("linear-gradient(") for one in known.functions):
        image = is_image(part)
        if image is not None:
            return "function" if image else None
    if not any(one.partition("(")[0] == name for one in known.functions):
        return None
    return "function"


def _calculated(kinds: dict[str, int], kind: str | None) -> str | None:
    """The kind of a calculation, if the property accepts it."""
    if kind == "number":
        return next((name for name in ("integer", "number", "hundreds") if name in kinds), None)
    if kind == "length-percentage":
        return "length" if "length" in kinds and "percentage" in kinds else None
    return kind if kind is not None and kind in kinds else None


def _is_color(word: str) -> bool:
    return word in COLORS


def _is_hex(value: str) -> bool:
    return len(value) in {3, 4, 6, 8} and all(c in "0123456789abcdefABCDEF" for c in value)
