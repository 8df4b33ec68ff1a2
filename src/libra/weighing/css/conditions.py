"""Conditions with ``not``, ``and``, ``or`` and parentheses, shared by all kinds of queries.

They have three values (Media Queries 4, section 3.1). A valid but unknown condition is neither true nor
false, and stays so when it is negated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from libra.ascii import lowered, trimmed
from libra.weighing.css.syntax import ComponentValue, significant

Term = Callable[[ComponentValue], "bool | None"]
"""Evaluates a function, or parentheses without a condition; None is *unknown*."""

_MAX_DEPTH = 24


class Invalid(ValueError):
    """The text is not a valid condition, selector or value."""


def condition(
    parts: Sequence[ComponentValue], term: Term, *, depth: int = 0, no_or: bool = False
) -> bool | None:
    """Evaluate a condition.

    Args:
        parts: The whole condition.
        term: Evaluates each term of the condition.
        depth: How many parentheses are around it.
        no_or: Whether to reject ``or``, as after a media type.

    Raises:
        Invalid: The parts are not a condition.
    """
    parts = significant(parts)
    if not parts or depth > _MAX_DEPTH:
        raise Invalid
    if parts[0].is_word("not"):
        if len(parts) != 2:
            raise Invalid
        found = _term(parts[1], term, depth)
        return None if found is None else not found
    found = _term(parts[0], term, depth)
    word = None
    if len(parts) % 2 == 0:
        raise Invalid
    for between, part in zip(parts[1::2], parts[2::2], strict=True):
        if not between.is_word("and", "or") or (no_or and between.is_word("or")):
            raise Invalid
        if word is not None and word != lowered(between.value):
            raise Invalid
        word = lowered(between.value)
        other = _term(part, term, depth)
        if word == "and":
            found = False if False in (found, other) else None if None in (found, other) else True
        else:
            found = True if True in (found, other) else None if None in (found, other) else False
    return found


def _term(part: ComponentValue, term: Term, depth: int) -> bool | None:
    if part.kind == "(":
        try:
            return condition(part.parts, term, depth=depth + 1)
        except Invalid:
            return term(part)
    if part.kind == "function":
        return term(part)
    raise Invalid


def inside(text: str, part: ComponentValue) -> str:
    """The text inside a block or function."""
    head = 1 if part.kind != "function" else text.index("(", part.start, part.end) + 1 - part.start
    return trimmed(text[part.start + head : part.end - 1 if part.closed else part.end])


def is_any_value(parts: Sequence[ComponentValue]) -> bool:
    """Whether parts contain no errors (``<any-value>``)."""
    return all(
        part.kind not in {"bad-string", "bad-url", ")", "]", "}"} and is_any_value(part.parts)
        for part in parts
    )
