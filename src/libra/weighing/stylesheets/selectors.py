"""Selectors as a page at rest sees them (Selectors 4).

An element is matched as it is right after loading: nothing is hovered, focused or visited, and a
pseudo-element exists where its element does. What can hold is told in a form that an engine can answer
which knows neither states nor pseudo-elements (`selector_reader`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from libra.weighing.css.conditions import Invalid
from libra.weighing.stylesheets.selector_reader import CLASS_OR_ID, read_selectors
from libra.weighing.viewport.media_queries import split_top_level

_KEPT_SELECTOR = 500


class SelectorPart(NamedTuple):
    """One selector of a list, as it holds at rest.

    Attributes:
        plain: Without states and pseudo-elements.
        pseudo: The pseudo-element that it is about (``before``), or "".
        specificity: As one number that compares as the standard's three do.
        names: The ``.classes`` and ``#ids`` without which it cannot match.
    """

    plain: str
    pseudo: str
    specificity: int
    names: frozenset[str]


def at_rest(selector: str) -> str:
    """The part of a selector list that can hold at rest, without pseudo-elements; "" if nothing can."""
    return ",".join(part.plain for part in parts_of(selector))


def may_hold(selector: str, names: set[str]) -> bool:
    """A quick look whether a list of selectors has one without a class or id that is not among `names`.

    Most rules of a large style sheet are done with by this.
    """
    if "(" in selector or "[" in selector or "\\" in selector:
        return True
    if "," not in selector:
        return names.issuperset(CLASS_OR_ID.findall(selector))
    return any(names.issuperset(CLASS_OR_ID.findall(part)) for part in selector.split(","))


def parts_of(selector: str) -> tuple[SelectorPart, ...]:
    """The selectors of a list that can hold at rest; none if the list is invalid."""
    return _parts(selector) if len(selector) > _KEPT_SELECTOR else _known_parts(selector)


def is_valid(selector: str) -> bool:
    """Whether Chromium reads a list of selectors."""
    try:
        read_selectors(selector)
    except Invalid:
        return False
    return True


def is_supported(selector: str) -> bool:
    """Whether ``@supports selector()`` holds: for one selector, without forgiving any part of it."""
    try:
        found = read_selectors(selector, strict=True)
    except Invalid:
        return False
    return len(found) == 1


def specificity(selector: str) -> int:
    """Of one selector: ids, then classes and their like, then elements (Selectors 4, section 17).

    Of an invalid one 0.
    """
    try:
        return max(one.specificity for one in read_selectors(selector))
    except (Invalid, ValueError):
        return 0


def names_in(selector: str) -> list[set[str]]:
    """For each part of a list from `at_rest` the names (``p``, ``.class``, ``#id``) that it needs."""
    parts: list[set[str]] = []
    for part in split_top_level(selector, ","):
        plain = _IN_BRACKETS.sub("", part)
        # What stands in parentheses may be an alternative or a negation: it is not needed.
        outside = _PARENTHESES.sub("", plain) if "(" in plain else plain
        parts.append({name if name[0] in ".#" else name.lower() for name in _NAME.findall(outside)})
    return parts


_IN_BRACKETS = re.compile(r"\[[^\]]*+\]?")
_PARENTHESES = re.compile(r":[\w-]++(?:\((?:[^()]++|\((?:[^()]++|\([^()]*+\)?)*+\)?)*+\)?)?")
_NAME = re.compile(r"[.#]?-?[A-Za-z_][\w-]*+")


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
