"""Custom properties that a stylesheet registers: ``@property`` (CSS Properties and Values API 1)."""

from __future__ import annotations

from typing import NamedTuple

from libra.weighing.css.scan import declarations


class PropertyRule(NamedTuple):
    """A ``@property`` rule: a custom property's name, whether it inherits, and its initial value."""

    name: str
    inherits: bool
    initial: str


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
    inherits = found["inherits"].lower() == "true"
    return PropertyRule(name.strip(), inherits, found.get("initial-value", ""))
