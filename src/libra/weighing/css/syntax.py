"""Component values, declarations and rules (CSS Syntax 3, section 5).

`libra.weighing.stylesheets.stylesheet` reads whole stylesheets quickly. This module follows the standard
to the letter for the parts that need it: conditions, selectors and values. Tests check that both agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from libra.ascii import lowered
from libra.weighing.css.tokens import Token, preprocessed, tokens

_CLOSES = {"(": ")", "[": "]", "{": "}", "function": ")"}
MAX_DEPTH = 100
"""Maximum depth of nested blocks. A value with deeper nesting is never valid."""


class ComponentValue(msgspec.Struct, gc=False):
    """A component value: a token, or a block or function with its content.

    Attributes:
        kind: The kind of the token, or of a block's opening token; ``)``, ``]`` and ``}`` are errors.
        value: As in `Token`; for a function, its name.
        unit: As in `Token`.
        parts: The content of a block or function.
        start: Its start offset in the text.
        end: Its end offset.
        closed: Whether a block has its closing bracket.
    """

    kind: str
    value: str
    unit: str
    parts: list[ComponentValue]
    start: int
    end: int
    closed: bool = True

    def is_delim(self, character: str) -> bool:
        """Whether it is this delimiter."""
        return self.kind == "delim" and self.value == character

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these identifiers, in any case."""
        return self.kind == "ident" and lowered(self.value) in words


class Declaration(NamedTuple):
    """A declaration as written: `value` without ``!important``."""

    name: str
    value: list[ComponentValue]
    important: bool


class AtRule(NamedTuple):
    """An at-rule; `block` is None if it ends with a semicolon."""

    name: str
    prelude: list[ComponentValue]
    block: ComponentValue | None


class QualifiedRule(NamedTuple):
    """Any rule other than an at-rule."""

    prelude: list[ComponentValue]
    block: ComponentValue


class ParseError(NamedTuple):
    """A part of the text that the parser skips."""

    reason: str


Rule = AtRule | QualifiedRule | ParseError
Item = AtRule | QualifiedRule | Declaration | ParseError


def components(text: str) -> list[ComponentValue]:
    """All component values of a text."""
    text = preprocessed(text)
    return nested(tokens(text), len(text))


def nested(found: Iterable[Token], end: int) -> list[ComponentValue]:
    """Put tokens into their blocks. Closes blocks that are still open at the end."""
    top: list[ComponentValue] = []
    here = top
    stack: list[tuple[list[ComponentValue], str, ComponentValue]] = []
    for kind, value, unit, start, stop in found:
        if stack and kind == stack[-1][1]:
            here, _, block = stack.pop()
            block.end = stop
            continue
        part = ComponentValue(kind, value, unit, [], start, stop)
        here.append(part)
        closes = _CLOSES.get(kind)
        if closes is not None and len(stack) < MAX_DEPTH:
            stack.append((here, closes, part))
            here = part.parts
    for _, _, block in stack:
        block.end, block.closed = end, False
    return top


def significant(parts: Sequence[ComponentValue]) -> list[ComponentValue]:
    """The parts without white space."""
    return [part for part in parts if part.kind != " "]


def stripped(parts: Sequence[ComponentValue]) -> list[ComponentValue]:
    """The parts without white space at both ends."""
    start, end = 0, len(parts)
    while start < end and parts[start].kind == " ":
        start += 1
    while end > start and parts[end - 1].kind == " ":
        end -= 1
    return list(parts[start:end])


def split_at(parts: Sequence[ComponentValue], kind: str) -> list[list[ComponentValue]]:
    """Split at separators of one kind, such as commas, that are outside blocks."""
    pieces: list[list[ComponentValue]] = [[]]
    for part in parts:
        if part.kind == kind:
            pieces.append([])
        else:
            pieces[-1].append(part)
    return pieces


def rules_in(parts: Sequence[ComponentValue], *, top_level: bool) -> Iterator[Rule]:
    """Parse a list of rules; at the top of a stylesheet ``<!--`` and ``-->`` are white space."""
    at = 0
    while at < len(parts):
        part = parts[at]
        if part.kind == " " or (top_level and part.kind in {"<!--", "-->"}):
            at += 1
        elif part.kind == "at-keyword":
            rule, at = _at_rule(parts, at)
            yield rule
        else:
            found, at = _qualified_rule(parts, at, nested_in=False)
            yield found


def items_in(parts: Sequence[ComponentValue]) -> Iterator[Item]:
    """Parse a block's contents: declarations and nested rules (section 5.4.4)."""
    at = 0
    while at < len(parts):
        part = parts[at]
        if part.kind in {" ", ";"}:
            at += 1
        elif part.kind == "at-keyword":
            rule, at = _at_rule(parts, at)
            yield rule
        else:
            end = at
            while end < len(parts) and parts[end].kind != ";":
                end += 1
            found = declaration_of(parts[at:end])
            if found is not None:
                at = end
                yield found
            else:
                item, at = _qualified_rule(parts, at, nested_in=True)
                yield item


def declaration_of(parts: Sequence[ComponentValue]) -> Declaration | None:
    """Parse all of the parts as one declaration; None if they are not one."""
    parts = stripped(parts)
    if not parts or parts[0].kind != "ident":
        return None
    at = 1
    while at < len(parts) and parts[at].kind == " ":
        at += 1
    if at >= len(parts) or parts[at].kind != ":":
        return None
    name, value, important = parts[0].value, stripped(parts[at + 1 :]), False
    words = [place for place, part in enumerate(value) if part.kind != " "][-2:]
    if len(words) == 2 and value[words[0]].is_delim("!") and value[words[1]].is_word("important"):
        value, important = stripped(value[: words[0]]), True
    if name[:2] != "--" and len(value) > 1 and any(part.kind == "{" for part in value):
        return None
    return Declaration(name, value, important)


def _at_rule(parts: Sequence[ComponentValue], at: int) -> tuple[AtRule, int]:
    name, start = parts[at].value, at + 1
    for place in range(start, len(parts)):
        kind = parts[place].kind
        if kind == ";":
            return AtRule(name, list(parts[start:place]), None), place + 1
        if kind == "{":
            return AtRule(name, list(parts[start:place]), parts[place]), place + 1
    return AtRule(name, list(parts[start:]), None), len(parts)


def _qualified_rule(
    parts: Sequence[ComponentValue], at: int, *, nested_in: bool
) -> tuple[QualifiedRule | ParseError, int]:
    for place in range(at, len(parts)):
        kind = parts[place].kind
        if kind == "{":
            return QualifiedRule(list(parts[at:place]), parts[place]), place + 1
        if kind == ";" and nested_in:
            return ParseError("invalid"), place + 1
    return ParseError("invalid"), len(parts)
