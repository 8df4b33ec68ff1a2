"""The frames of animations: ``@keyframes`` rules (CSS Animations 1, section 3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from libra.weighing.css.scan import past_space, stop
from libra.weighing.css.syntax import ComponentValue, components, significant, split_at


class Frame(NamedTuple):
    """A block of an animation: whether it is a first frame, a last frame, and its declarations."""

    first: bool
    last: bool
    block: str


class Keyframes(NamedTuple):
    """A ``@keyframes`` rule: its name, its blocks, its cascade layer, and whether it is prefixed."""

    name: str
    blocks: tuple[Frame, ...]
    layer: str = ""
    prefixed: bool = False


def read_keyframes(name: str, body: str) -> Keyframes | None:
    """Read a rule; None if its name is invalid.

    Args:
        name: The text between ``@keyframes`` and its block.
        body: The text of the block.
    """
    named = significant(components(name))
    if len(named) != 1 or named[0].kind not in {"ident", "string"}:
        return None
    return Keyframes(named[0].value, tuple(_frames(body)))


def _frames(body: str) -> Iterator[Frame]:
    """The blocks of an animation, without those that have an invalid place."""
    at, end = 0, len(body)
    while at < end:
        start, at = past_space(body, at), stop(body, at, "{")
        after = stop(body, at + 1, "}")
        selectors = split_at(components(body[start:at]), ",")
        places = [_place(significant(one)) for one in selectors]
        if at < end and None not in places:
            yield Frame(0.0 in places, 100.0 in places, body[at + 1 : after])
        at = after + 1


def _place(parts: list[ComponentValue]) -> float | None:
    """The place in an animation, in percent."""
    if len(parts) != 1:
        return None
    if parts[0].kind == "percentage":
        place = float(parts[0].value)
        return place if 0 <= place <= 100 else None
    return 0.0 if parts[0].is_word("from") else 100.0 if parts[0].is_word("to") else None
