"""What `libra --version` and `libra --help` need not have, they do not import."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from libra.cli import libra
from libra.cli.lazy_commands import CommandPlace, LazyGroup

SRC = Path(__file__).parents[3] / "src"

WANTED = {"libra", "libra.__main__", "libra.cli", "libra.cli.lazy_commands", "libra.cli.streams"}


def file_of(module: str) -> Path | None:
    path = SRC / module.replace(".", "/")
    for found in (path / "__init__.py", path.with_suffix(".py")):
        if found.exists():
            return found
    return None


def imported(statements: list[ast.stmt]) -> Iterator[str]:
    """What runs when a module is imported, or its `main` is called: not what is for types only."""
    for node in statements:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from imported(node.orelse)
        elif isinstance(node, ast.FunctionDef) and node.name == "main":
            yield from imported(node.body)
        elif isinstance(node, (ast.If, ast.Try)):
            yield from imported([*node.body, *node.orelse])


def test_the_way_to_version_and_help_imports_little() -> None:
    reached: set[str] = set()
    others: set[str] = set()
    waiting = ["libra", "libra.__main__"]
    while waiting:
        module = waiting.pop()
        path = file_of(module)
        if module.partition(".")[0] != "libra":
            others.add(module.partition(".")[0])
        elif path is not None and module not in reached:
            reached.add(module)
            waiting += imported(ast.parse(path.read_text("utf-8")).body)
    assert reached == WANTED
    assert others - sys.stdlib_module_names == {"click"}


def test_help_lists_every_command_and_imports_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(libra, LazyGroup)
    monkeypatch.setattr("libra.cli.lazy_commands.import_module", None)
    places = {"later": CommandPlace("no.such.module", "later", "Does it later.")}
    group = LazyGroup(name="group", places=places)
    group.add_command(click.Command("now", help="Does it now."))
    said = CliRunner().invoke(group, ["--help"]).output
    assert "later  Does it later." in said
    assert "now    Does it now." in said


@pytest.mark.parametrize("name", list(libra.commands))
def test_each_command_is_where_the_list_says(name: str) -> None:
    command = libra.commands[name]
    assert command.name == name
    assert command.help
