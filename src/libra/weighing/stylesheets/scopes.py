"""Expands the selectors of rules in ``@scope`` (CSS Cascade 6, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

from libra.weighing.css.syntax import ComponentValue as Component
from libra.weighing.css.syntax import components, significant, split_at, stripped
from libra.weighing.css.tokens import preprocessed
from libra.weighing.stylesheets.nesting import nested
from libra.weighing.stylesheets.pseudo_elements import LEGACY_ELEMENTS
from libra.weighing.stylesheets.selector_reader import MAX_SELECTOR
from libra.weighing.stylesheets.selectors import is_valid


class Scope(NamedTuple):
    """The subjects of the rules in an ``@scope``.

    Attributes:
        root: The list of scope roots as one compound.
        limits: Expanded selectors of the scope's limits; elements that match them are outside.
    """

    root: str
    limits: tuple[str, ...]


OWNER = "libra-owner"
"""The attribute of the parent of a ``<style>`` with scopes, with what `place_of` gives for it."""


def place_of(text: str) -> str:
    """The name of a stylesheet in the document by its preprocessed text."""
    return f"{crc32(text.encode('utf-8', 'replace')):x}"


def read_scope(
    condition: str, parent: str | None, around: Scope | None, place: str
) -> Scope | None:
    """Read ``(roots) to (limits)``; None if that is invalid.

    Without roots the root is the parent of the ``<style>``. That of a ``<link>`` is not followed.

    Args:
        condition: The text between ``@scope`` and its block.
        parent: The meaning of ``&`` at its place: a list of selectors, or None outside of style rules.
        around: The enclosing scope.
        place: The name of the stylesheet, from `place_of`.
    """
    parts = significant(components(condition))
    root = f':is([{OWNER}~="{place}"])'
    limits: tuple[str, ...] = ()
    try:
        if parts and parts[0].kind == "(":
            inner = condition[parts[0].start + 1 : parts[0].end - parts[0].closed]
            lists = nested(inner, f":is({parent})", descend=False) if parent else [inner]
            root = f":is({','.join(part for part in lists if is_valid(part))})"
            parts = parts[1:]
        if parts and parts[0].is_word("to") and len(parts) == 2 and parts[1].kind == "(":
            inner = condition[parts[1].start + 1 : parts[1].end - parts[1].closed]
            limits = tuple(_limits(inner, root))
            parts = [] if limits else parts
    except ValueError:
        return None
    if parts or root == ":is()" or len(root) > MAX_SELECTOR:
        return None
    if around is not None:
        root = f":is({','.join(scoped(root, around))})"
    return Scope(root, limits)


def scoped(selector: str, scope: Scope) -> list[str]:
    """The expanded selectors of a rule in ``@scope``, for elements inside a root or the root itself.

    Args:
        selector: The selector as written.
        scope: The scope of the rule.
    """
    within = f":where({scope.root})"
    text = preprocessed(selector)
    made: list[str] = []
    for part in split_at(components(text), ","):
        own = stripped(part)
        if not own:
            made.append("")
            continue
        whole = text[own[0].start : own[-1].end]
        descend = not _scopes(own)
        (whole,) = nested(whole, within, descend=descend) or ("",)
        if scope.limits:
            ends = ",".join(f"{limit},{limit} *" for limit in scope.limits)
            cut = _before_pseudo_element(stripped(components(whole)), len(whole))
            whole = f"{whole[:cut]}:not(:where({ends})){whole[cut:]}"
        for place in reversed(_scopes(components(whole))):
            # ``:scope`` has the specificity of a class, whatever the root is.
            whole = f"{whole[:place]}{within}:not([\\0]){whole[place + 6 :]}"
        made.append(whole)
    return made


def _before_pseudo_element(parts: Sequence[Component], end: int) -> int:
    """The offset of a selector's pseudo-element, or of its end."""
    for place, part in enumerate(parts[:-1]):
        after = parts[place + 1]
        if part.kind == ":" and (after.kind == ":" or after.is_word(*LEGACY_ELEMENTS)):
            return part.start
    return end


def _limits(text: str, root: str) -> list[str]:
    """The limits of a scope: selectors relative to its root."""
    made = []
    for part in nested(text, f":where({root})", descend=False):
        whole = part.replace(":scope", f":is({root})")
        made.append(whole if root in whole else f":is({root}) {whole}")
    return [part for part in made if is_valid(part)]


def _scopes(parts: Sequence[Component]) -> list[int]:
    found: list[int] = []
    for colon, part in pairwise(parts):
        if colon.kind == ":" and part.is_word("scope"):
            found.append(colon.start)
    for part in parts:
        if part.kind == "function":
            found += _scopes(part.parts)
    return sorted(found)
