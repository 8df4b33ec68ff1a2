"""Selectors for a page at rest (Selectors 4).

Elements match as they are right after loading: nothing is hovered, focused or visited, and a
pseudo-element exists where its element does. `selector_reader` rewrites the selectors that can match for
an engine that knows neither states nor pseudo-elements.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from libra.ascii import lowered
from libra.weighing.css.conditions import Invalid
from libra.weighing.css.name_characters import NAME, NAME_START
from libra.weighing.stylesheets.selector_reader import CLASS_OR_ID, read_selectors
from libra.weighing.viewport.media_queries import split_top_level

_KEPT_SELECTOR = 500


class SelectorPart(NamedTuple):
    """One selector of a list, rewritten for a page at rest.

    Attributes:
        plain: The selector without states and pseudo-elements.
        pseudo: The pseudo-element that it selects (``before``), or "".
        specificity: One number that compares like the standard's three numbers.
        names: The ``.classes`` and ``#ids`` that it needs to match.
    """

    plain: str
    pseudo: str
    specificity: int
    names: frozenset[str]


def at_rest(selector: str) -> str:
    """The selectors of a list that can match at rest, without pseudo-elements; "" if none can."""
    return ",".join(part.plain for part in parts_of(selector))


def may_hold(selector: str, names: set[str]) -> bool:
    """Quickly check whether one selector of a list needs no class or id outside `names`.

    This rejects most rules of a large stylesheet.
    """
    if "(" in selector or "[" in selector or "\\" in selector:
        return True
    if "," not in selector:
        return names.issuperset(CLASS_OR_ID.findall(selector))
    return any(names.issuperset(CLASS_OR_ID.findall(part)) for part in selector.split(","))


def parts_of(selector: str) -> tuple[SelectorPart, ...]:
    """The selectors of a list that can match at rest; none if the list is invalid."""
    return _parts(selector) if len(selector) > _KEPT_SELECTOR else _known_parts(selector)


def is_valid(selector: str) -> bool:
    """Whether Chromium accepts a list of selectors."""
    try:
        read_selectors(selector)
    except Invalid:
        return False
    return True


def is_supported(selector: str) -> bool:
    """Whether ``@supports selector()`` holds: accepts one selector without any invalid part."""
    try:
        found = read_selectors(selector, strict=True)
    except Invalid:
        return False
    return len(found) == 1


def specificity(selector: str) -> int:
    """The specificity: ids, then classes and the like, then types (Selectors 4, section 17).

    Returns 0 for an invalid selector.
    """
    try:
        return max(one.specificity for one in read_selectors(selector))
    except (Invalid, ValueError):
        return 0


def names_in(selector: str) -> list[set[str]]:
    """For each part of a list from `at_rest`, the names (``p``, ``.class``, ``#id``) that it needs."""
    parts: list[set[str]] = []
    for part in split_top_level(selector, ","):
        plain = _IN_BRACKETS.sub("", part)
        # Names in parentheses may be alternatives or negated, so they are not needed.
        outside = _PARENTHESES.sub("", plain) if "(" in plain else plain
        parts.append(
            {name if name[0] in ".#" else lowered(name) for name in _NAME.findall(outside)}
        )
    return parts


_IN_BRACKETS = re.compile(r"\[[^\]]*+\]?")
_PARENTHESES = re.compile(
    rf":{NAME}++(?:\((?:[^()]++|\((?:[^()]++|\([^()]*+\)?)*+\)?)*+\)?)?", re.ASCII
)
_NAME = re.compile(rf"[.#]?-?{NAME_START}{NAME}*+", re.ASCII)


def _parts(selector: str) -> tuple[SelectorPart, ...]:
    try:
        found = read_selectors(selector)
    except Invalid:
        return ()
    return tuple(
        SelectorPart(one.text, one.pseudo, one.specificity, frozenset(one.names))
        for one in found
        if one.holds
    )


_known_parts = lru_cache(maxsize=16_384)(_parts)


def escaped(selector: str) -> str:
    """A selector in which lexbor reads the same names as Chromium.

    In Chromium all of U+0080 and above is part of names. lexbor follows the newer draft (CSS Syntax 3,
    "non-ASCII ident code point"), in which a no-break space, an arrow or a star ends a name unless it is
    escaped.
    """
    return _ESCAPED_OR_ODD.sub(
        lambda found: f"\\{ord(found[0][-1]):x} " if found[1] else found[0], selector
    )


_ESCAPED_OR_ODD = re.compile(
    r"\\[\x00-\x7f]|\\?([\x80-\xb6\xb8-\xbf\xd7\xf7\u037e\u2000-\u200b\u200e-\u203e\u2041-\u206f"
    r"\u2190-\u2bff\u2ff0-\u3000\ud800-\uf8ff\ufdd0-\ufdef\ufffe\uffff])"
)
