"""Custom properties that a stylesheet registers: ``@property`` (CSS Properties and Values API 1)."""

from __future__ import annotations

from typing import NamedTuple

from libra.ascii import lowered, trimmed
from libra.weighing.css.scan import declarations


class PropertyRule(NamedTuple):
    """A ``@property`` rule.

    Attributes:
        name: The custom property's name.
        inherits: Whether it inherits.
        initial: Its initial value.
        images: Whether its syntax lets it hold an address.
    """

    name: str
    inherits: bool
    initial: str
    images: bool = True


def read_property(name: str, body: str) -> PropertyRule | None:
    """Read a rule; None if it registers nothing.

    Args:
        name: The text between ``@property`` and its block.
        body: The text of the block.
    """
    if name[:2] != "--":
        return None
    found = {said.name: said.value for said in declarations(body)}
    if "syntax" not in found or "inherits" not in found:
        return None
    inherits = lowered(found["inherits"]) == "true"
    syntax = lowered(found["syntax"])
    return PropertyRule(
        trimmed(name),
        inherits,
        found.get("initial-value", ""),
        any(kind in syntax for kind in ("*", "<image>", "<url>")),
    )
