"""The names of cascade layers (CSS Cascade 5, section 6.4)."""

from __future__ import annotations

import re

from libra.ascii import trimmed
from libra.weighing.css.name_characters import NAME_OR_BACKSLASH, NAME_START
from libra.weighing.css.scan import without_comments

_MAX_NAME = 500


class LayerNames:
    """The cascade layers of a stylesheet, in the order of their first mention."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def in_order(self) -> tuple[str, ...]:
        """The full names."""
        return tuple(self._names)

    def add(self, outer: str, name: str) -> str:
        """Add a layer inside `outer` ("" for none) and return its full name, unique if it is unnamed."""
        name = trimmed(name) or f"\0{len(self._names)}"
        name = (f"{outer}.{name}" if outer else name)[:_MAX_NAME]
        self._names[name] = None
        return name

    def add_all(self, outer: str, names: str) -> None:
        """Add the layers of ``@layer a, b;`` in their order."""
        for name in names.split(","):
            self.add(outer, without_comments(name))


def are_layers(names: str) -> bool:
    """Whether this is a list of layer names."""
    return all(_LAYER.match(name) is not None for name in without_comments(names).split(","))


def is_layer(name: str) -> bool:
    """Whether this is the name of one layer."""
    return _LAYER.match(without_comments(name)) is not None


_LAYER = re.compile(
    rf"[ \t\n\f\r]*+(?:-?(?:{NAME_START}|\\)|--){NAME_OR_BACKSLASH}*+"
    rf"(?:\.{NAME_OR_BACKSLASH}++)*+[ \t\n\f\r]*+\Z",
    re.IGNORECASE | re.ASCII,
)
