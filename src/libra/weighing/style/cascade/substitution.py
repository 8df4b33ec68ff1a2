"""Substitutes ``var()``, ``env()``, ``if()`` and ``attr()`` in values, as at computed-value time.

Custom Properties 1 and CSS Values 5: a failed substitution makes the whole declaration invalid. That
shows only now, when the earlier declarations have already been discarded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from libra.ascii import lowered, trimmed, words
from libra.weighing.css.conditions import Invalid, condition, inside
from libra.weighing.css.syntax import ComponentValue, components, significant, split_at, stripped
from libra.weighing.options import Viewport
from libra.weighing.stylesheets.marks import may_fetch
from libra.weighing.stylesheets.supports import supports_import
from libra.weighing.viewport.media_queries import media_holds

_MAX_VALUE = 10_000
_MAX_DEPTH = 8
_FUNCTIONS = frozenset({"var", "env", "if"})
_SAFE_AREAS = frozenset(f"safe-area-inset-{side}" for side in ("top", "right", "bottom", "left"))


def needs_substitution(text: str) -> bool:
    """Whether a value, in any case, contains a function to substitute."""
    if "(" not in text:
        return False
    lower = lowered(text)
    return any(f"{name}(" in lower for name in _FUNCTIONS)


def has_attributes(text: str) -> bool:
    """Whether a value contains ``attr()``, which is also substituted."""
    return "attr(" in lowered(text)


def substitute(
    text: str,
    variables: Mapping[str, str],
    viewport: Viewport,
    *,
    attributes: bool = False,
) -> str | None:
    """A value after substitution, or None if that makes it invalid.

    Args:
        text: The value.
        variables: The custom properties of the element.
        viewport: The window for ``media()`` in ``if()``.
        attributes: Whether to substitute ``attr()`` too, as for an element without that attribute.
    """
    try:
        return _Substitution(variables, viewport, attributes=attributes).of(text, frozenset(), 0)
    except Invalid:
        return None


class _Cycle(Invalid):
    """A custom property depends on itself, which makes all properties of the cycle invalid."""


class _Substitution:
    def __init__(
        self, variables: Mapping[str, str], viewport: Viewport, *, attributes: bool
    ) -> None:
        self._functions = _FUNCTIONS | {"attr"} if attributes else _FUNCTIONS
        self._variables = variables
        self._viewport = viewport
        self._room = 10 * _MAX_VALUE

    def of(self, text: str, inside_of: frozenset[str], depth: int) -> str:
        self._room -= len(text)
        if depth > _MAX_DEPTH or self._room < 0:
            raise Invalid
        if not needs_substitution(text) and not (
            "attr" in self._functions and has_attributes(text)
        ):
            return text
        made, at = "", 0
        for part in _outermost(components(text), self._functions):
            made += text[at : part.start]
            made += self._one(text, part, inside_of, depth)
            at = part.end
        return made + text[at:]

    def _one(self, text: str, part: ComponentValue, inside_of: frozenset[str], depth: int) -> str:
        name = lowered(part.value)
        if name == "if":
            return self._if(text, part, inside_of, depth)
        pieces = split_at(part.parts, ",")
        first = significant(pieces[0])
        if not first or first[0].kind != "ident" or (name == "var" and len(first) != 1):
            raise Invalid
        if name == "attr" and len(pieces) == 1:
            return '""'
        called = first[0].value
        value = self._value(name, called, inside_of, depth)
        if value is not None:
            return value
        if len(pieces) == 1:
            raise Invalid
        end = part.end - 1 if part.closed else part.end
        comma = next(one for one in part.parts if one.kind == ",")
        made = self.of(text[comma.end : end], inside_of, depth + 1)
        if name == "attr" and may_fetch(lowered(made)):
            raise Invalid  # an attribute may not make a request (CSS Values 5, section 7.7)
        return made

    def _value(self, name: str, called: str, inside_of: frozenset[str], depth: int) -> str | None:
        if name == "attr":
            return None
        if name == "env":
            return "0px" if lowered(called) in _SAFE_AREAS else None
        found = self._variables.get(called)
        if called in inside_of:
            raise _Cycle(called)
        if found is None or lowered(trimmed(found)) == "initial":
            return None
        try:
            return self.of(found, inside_of | {called}, depth + 1)
        except _Cycle as cycle:
            if cycle.args != (called,):
                raise
            return None
        except Invalid:
            return None

    def _if(self, text: str, part: ComponentValue, inside_of: frozenset[str], depth: int) -> str:
        for branch in split_at(part.parts, ";"):
            place = next((at for at, one in enumerate(branch) if one.kind == ":"), None)
            if place is None:
                continue
            test, value = stripped(branch[:place]), stripped(branch[place + 1 :])
            if (len(test) == 1 and test[0].is_word("else")) or self._holds(test, text):
                chosen = text[value[0].start : value[-1].end] if value else ""
                return self.of(chosen, inside_of, depth + 1)
        raise Invalid

    def _holds(self, test: Sequence[ComponentValue], text: str) -> bool:
        return condition(test, lambda part: self._term(part, text)) is True

    def _term(self, part: ComponentValue, text: str) -> bool | None:
        argument = inside(text, part)
        match lowered(part.value):
            case "media":
                return media_holds(argument, self._viewport)
            case "supports":
                return supports_import(argument) is True
            case "style":
                return style_holds(argument, self._variables)
            case _:
                return None


def style_holds(argument: str, variables: Mapping[str, str]) -> bool:
    """Whether ``style(--name: value)`` holds for an element with these custom properties."""
    name, colon, wanted = argument.partition(":")
    found = variables.get(trimmed(name))
    if not colon:
        return found is not None
    return found is not None and words(found) == words(wanted)


def _outermost(
    parts: Sequence[ComponentValue], functions: AbstractSet[str]
) -> list[ComponentValue]:
    """The outermost functions to substitute, in order."""
    found: list[ComponentValue] = []
    for part in parts:
        if part.kind == "function" and lowered(part.value) in functions:
            found.append(part)
        elif part.parts:
            found += _outermost(part.parts, functions)
    return found
