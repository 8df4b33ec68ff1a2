"""The commands of `libra`, each imported on first use.

`libra --version` and `libra --help` need no command, and importing them takes ten times as long as
everything else that those two do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any, NamedTuple

import click


class CommandPlace(NamedTuple):
    """The module of a command, and its line in the list of commands."""

    module: str
    name: str
    summary: str


class LazyGroup(click.Group):
    """A group whose commands are imported on first use.

    Args:
        places: the place of each command, by name.
        more: arguments for `click.Group`.
    """

    def __init__(self, *, places: Mapping[str, CommandPlace], **more: Any) -> None:
        super().__init__(commands=_Commands(places), **more)
        self._places = places

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any of them."""
        rows = [
            (name, place.summary if place else self.commands[name].get_short_help_str())
            for name, place in ((name, self._places.get(name)) for name in sorted(self.commands))
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class _Commands(MutableMapping[str, click.Command]):
    def __init__(self, places: Mapping[str, CommandPlace]) -> None:
        self._places = dict(places)
        self._found: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._found:
            place = self._places[name]
            self._found[name] = getattr(import_module(place.module), place.name)
        return self._found[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._places.pop(name, None)
        self._found[name] = command

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self._places.pop(name, None)
        self._found.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places | self._found)

    def __len__(self) -> int:
        return len(self._places | self._found)
