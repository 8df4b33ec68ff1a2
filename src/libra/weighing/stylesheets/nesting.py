"""Selectors of nested rules (CSS Nesting 1) and of ``@scope`` (CSS Cascade 6), made whole."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from libra.weighing.css.syntax import ComponentValue as Component
from libra.weighing.css.syntax import components, split_at, stripped
from libra.weighing.css.tokens import preprocessed
from libra.weighing.stylesheets.selectors import COMBINATORS, LEGACY_ELEMENTS, MAX_SELECTOR


def nested(selector: str, parent: str, *, descend: bool) -> list[str]:
    """The selectors of a nested rule made whole (CSS Nesting 1): ``&`` is the parent.

    Args:
        selector: As written; an invalid one stays so.
        parent: What ``&`` stands for, as one compound.
        descend: Whether one without ``&`` is about what is in the parent.
    """
    text = preprocessed(selector)
    made: list[str] = []
    for part in split_at(components(text), ","):
        own = stripped(part)
        if not own:
            made.append("")
            continue
        start, end = own[0].start, own[-1].end
        places = [one.start for one in _ampersands(own)]
        whole = text[start:end]
        if len(whole) + (len(places) + 1) * len(parent) > MAX_SELECTOR:
            break  # of a list that becomes too long the first ones
        for place in reversed(places):
            whole = whole[: place - start] + parent + whole[place - start + 1 :]
        relative = own[0].kind == "delim" and own[0].value in COMBINATORS
        if relative or (descend and not places):
            whole = f"{parent} {whole}"
        made.append(whole)
    return made


def scoped(selector: str, root: str, limits: Sequence[str]) -> list[str]:
    """The selectors of a rule in ``@scope``: about what is in a root, or with ``:scope`` the root.

    Args:
        selector: As written.
        root: The list of scope roots as one compound.
        limits: Whole selectors of where the scope ends; what they match is outside already.
    """
    within = f":where({root})"
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
        if limits:
            ends = ",".join(f"{limit},{limit} *" for limit in limits)
            cut = _before_pseudo_element(stripped(components(whole)), len(whole))
            whole = f"{whole[:cut]}:not(:where({ends})){whole[cut:]}"
        for place in reversed(_scopes(components(whole))):
            # A pseudo-class counts as a class, whatever the root is.
            whole = f"{whole[:place]}{within}:not([\\0]){whole[place + 6 :]}"
        made.append(whole)
    return made


def _before_pseudo_element(parts: Sequence[Component], end: int) -> int:
    """Where the pseudo-element of a selector begins, or its end."""
    for place, part in enumerate(parts[:-1]):
        after = parts[place + 1]
        if part.kind == ":" and (after.kind == ":" or after.is_word(*LEGACY_ELEMENTS)):
            return part.start
    return end


def _ampersands(parts: Sequence[Component]) -> list[Component]:
    found: list[Component] = []
    for part in parts:
        if part.is_delim("&"):
            found.append(part)
        elif part.kind in {"function", "("}:
            found += _ampersands(part.parts)
    return found


def _scopes(parts: Sequence[Component]) -> list[int]:
    found: list[int] = []
    for colon, part in pairwise(parts):
        if colon.kind == ":" and part.is_word("scope"):
            found.append(colon.start)
    for part in parts:
        if part.kind == "function":
            found += _scopes(part.parts)
    return sorted(found)
