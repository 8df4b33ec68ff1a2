"""Expands the selectors of nested rules (CSS Nesting 1)."""

from __future__ import annotations

from collections.abc import Sequence

from libra.weighing.css.syntax import ComponentValue as Component
from libra.weighing.css.syntax import components, split_at, stripped
from libra.weighing.css.tokens import preprocessed
from libra.weighing.stylesheets.selector_reader import COMBINATORS, MAX_SELECTOR


def nested(selector: str, parent: str, *, descend: bool) -> list[str]:
    """The expanded selectors of a nested rule, in which ``&`` stands for the parent.

    Args:
        selector: The selector as written; an invalid one stays invalid.
        parent: The replacement for ``&``, as one compound.
        descend: Whether a selector without ``&`` matches only inside the parent.
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
            break  # keep only the first selectors of a list that becomes too long
        for place in reversed(places):
            whole = whole[: place - start] + parent + whole[place - start + 1 :]
        relative = own[0].kind == "delim" and own[0].value in COMBINATORS
        if relative or (descend and not places):
            whole = f"{parent} {whole}"
        made.append(whole)
    return made


def _ampersands(parts: Sequence[Component]) -> list[Component]:
    found: list[Component] = []
    for part in parts:
        if part.is_delim("&"):
            found.append(part)
        elif part.kind in {"function", "("}:
            found += _ampersands(part.parts)
    return found
