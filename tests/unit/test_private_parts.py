"""Where Libra uses what a library does not promise, no version of it comes in unseen."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from libra.web.serving import fast_path as protocol

ROOT = Path(__file__).parents[2]

PROMISED = {
    "aiohttp": {"aiohttp", "aiohttp.abc", "aiohttp.web"},
    "uvicorn": {"uvicorn"},
}
"""The modules that a library documents, of those whose other ones have no underscore to say so."""


def imports() -> Iterator[tuple[str, str]]:
    """Each module and name that Libra imports from others."""
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield from ((node.module, name.name) for name in node.names)


def is_private(module: str) -> bool:
    library = module.partition(".")[0]
    return (
        any(part.startswith("_") for part in module.split(".")[1:])
        or module not in PROMISED.get(library, {module})
    ) and library not in ("libra", "__future__")


@cache
def private() -> list[tuple[str, str]]:
    """Worked out when a test asks: to read all of Libra takes a second, in each process of a run."""
    return sorted({(module, name) for module, name in imports() if is_private(module)})


def libraries() -> set[str]:
    return {module.partition(".")[0] for module, _ in private()}


def requirements() -> Iterator[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for text in project["dependencies"]:
        yield Requirement(text)
    for extra in project["optional-dependencies"].values():
        yield from map(Requirement, extra)


def test_the_list_is_of_what_there_is() -> None:
    assert libraries() >= {"playwright", "uvicorn"}


def test_a_library_whose_private_parts_are_used_is_bounded() -> None:
    """The version that was tried, and no later minor one: its makers may move what they please."""
    for library in libraries():
        assert_bounded(library)


def assert_bounded(library: str) -> None:
    pinned = re.search(rf"^{library}==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned is not None, library
    tried = Version(pinned[1])
    after = Version(f"{tried.major}.{tried.minor + 1}")
    for requirement in requirements():
        if requirement.name == library:
            assert tried in requirement.specifier, requirement
            assert after not in requirement.specifier, f"{requirement}: bound it with <{after}"


def test_every_private_part_is_where_it_was() -> None:
    gone = [part for part in private() if not hasattr(import_module(part[0]), part[1])]
    assert gone == []


def test_what_the_connection_overrides_and_uses_of_uvicorn_is_there() -> None:
    parameters = list(inspect.signature(HttpToolsProtocol.__init__).parameters)
    assert parameters[1:5] == ["config", "server_state", "app_state", "_loop"]
    theirs = set(dir(HttpToolsProtocol)) | set(assigned(HttpToolsProtocol))
    ours = {name for name in vars(protocol.FastPathProtocol) if not name.startswith("__")}
    used = {
        node.attr
        for node in ast.walk(ast.parse(inspect.getsource(protocol.FastPathProtocol)))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
    assert used - ours - set(assigned(protocol.FastPathProtocol)) <= theirs
    overridden = {name for name in ours if not name.startswith("_")}
    assert overridden <= set(dir(HttpToolsProtocol)), (
        "uvicorn would never call what is missing there"
    )


def assigned(kind: type[Any]) -> Iterator[str]:
    """The attributes that a class gives to its objects."""
    for node in ast.walk(ast.parse(inspect.getsource(kind))):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                yield target.attr
