"""The page on the Python API has every public name, and each says what it is for."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its types are no part of it

import libra

PAGE = (Path(__file__).parents[2] / "docs/reference/python.md").read_text("utf-8")

FOR_THE_SERVER = {
    "changes",
    "destinations",
    "find_watch",
    "follow_bytes",
    "neighbours",
    "public_watch",
    "quarantined",
    "report_at_hand",
    "report_bytes",
    "submitted",
    "tags",
    "tally",
    "title_of",
    "tree",
    "trees",
    "wait_down",
    "watched",
    "watched_weights",
}
"""Methods of `Libra` that the web server and its tests need, and programs do not."""


def directives() -> dict[str, list[str] | None]:
    """Each name on the page, with the members that it is to show; None for all."""
    found: dict[str, list[str] | None] = {}
    for name, block in re.findall(r"^::: libra\.(\w+)\n((?: {4}.*\n)*)", PAGE, re.MULTILINE):
        options = yaml.safe_load(block) or {}
        found[name] = options.get("options", {}).get("members")
    return found


def members(kind: type) -> dict[str, Any]:
    """The public methods and properties of a class of ours, and of what it is made of in its package."""
    package = kind.__module__.rpartition(".")[0]
    return {
        name: value
        for part in reversed(kind.__mro__)
        if part is kind or (package != "libra" and part.__module__.startswith(f"{package}."))
        for name, value in vars(part).items()
        if not name.startswith("_")
        and isinstance(value, property | classmethod | staticmethod | type(members))
    }


def test_every_public_name_is_on_the_page() -> None:
    assert set(directives()) == set(libra.__all__)


@pytest.mark.parametrize("name", libra.__all__)
def test_a_public_name_says_what_it_is_for(name: str) -> None:
    value = getattr(libra, name)
    assert inspect.getdoc(value)
    if isinstance(value, type):
        assert value.__doc__, "what is inherited does not count"
        for member, found in members(value).items():
            assert inspect.getdoc(found), f"{name}.{member}"


def test_every_method_of_libra_is_on_the_page_or_for_the_server() -> None:
    shown = directives()["Libra"]
    assert shown is not None
    assert sorted([*shown, *FOR_THE_SERVER]) == sorted(members(libra.Libra))


def test_what_settings_show_is_there() -> None:
    shown = directives()["Settings"]
    assert shown is not None
    assert set(shown) <= set(members(libra.Settings))
