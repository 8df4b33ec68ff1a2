"""The documentation: what it tells people to type is what there is, and it leaves no page out."""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import pytest
import yaml  # type: ignore[import-untyped]  # its types are no part of it

from libra.cli import libra
from libra.settings import WEIGH_KEYS, Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
GUIDES = [*sorted((DOCS / "how-to").glob("*.md")), DOCS / "tutorial.md", ROOT / "README.md"]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, *languages: str) -> Iterator[str]:
    """The blocks of code of a page that are in one of these languages."""
    for language, code in re.findall(
        r"^```(\w*)\n(.*?)^```", path.read_text("utf-8"), re.DOTALL | re.MULTILINE
    ):
        if language in languages:
            yield code


def commands(path: Path) -> Iterator[list[str]]:
    """The arguments of each `libra` that a guide has people type or put into a file."""
    if path.name == "README.md":
        for code in re.findall(r"`libra (\w[^`]*)`", path.read_text("utf-8")):
            yield shlex.split(code)
    for code in blocks(path, "", "console", "yaml"):
        for line in code.replace("\\\n", " ").splitlines():
            found = re.search(r"(?:^[$#]? *|- (?:run: )?|/bin/|\w=\S* |\" )libra (\w.*)", line)
            if found:
                words = shlex.split(re.sub(r"(\|\||[|;>&]| {2,}# ).*", "", found[1]))
                yield [word for word in words if word != "…"]


COMMANDS = [(name_of(path), words) for path in GUIDES for words in commands(path)]


@pytest.mark.parametrize(("page", "words"), COMMANDS, ids=lambda value: str(value)[:60])
def test_every_command_is_one(
    page: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parsed, and not run: a flag that is gone or was never there is an error of usage."""
    monkeypatch.chdir(tmp_path)
    Path("budget.json").write_text(next(blocks(DOCS / "how-to/ci.md", "json")))
    for name in ("live.json", "pages.txt", "tokens.txt"):
        Path(name).write_text("")  # read when the command runs
    command: click.Command = libra
    context = click.Context(libra, info_name="libra")
    while isinstance(command, click.Group):
        _, found, words = command.resolve_command(context, words)
        assert found is not None, page
        command = found
        context = click.Context(command, parent=context)
    with command.make_context(command.name, list(words), parent=context):
        pass  # it closes the files that it has opened


def test_there_are_commands_in_each_guide() -> None:
    with_some = {page for page, _ in COMMANDS}
    assert {"docs/tutorial.md", "docs/how-to/ci.md", "README.md"} <= with_some
    assert len(COMMANDS) > 20


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_example_is_well_formed(page: Path) -> None:
    for code in blocks(page, "python"):
        compile(code, name_of(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for code in blocks(page, "yaml"):
        yaml.safe_load(code)
    for code in blocks(page, "json"):
        json.loads(code)
    for code in blocks(page, "toml"):
        keys = {key.replace("-", "_") for key in tomllib.loads(code)}
        assert keys <= set(Settings.__struct_fields__) | WEIGH_KEYS


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_nobody_is_told_to_install_what_is_not_there(page: Path) -> None:
    """Nothing is on an index yet; a wheel that is named is the one that `make dist` builds."""
    text = page.read_text("utf-8")
    assert not re.search(r"\b(pip|pipx|uv)\b[^\n]*\binstall\b[^\n`]*\blibra-weigh\b", text)
    assert set(re.findall(r"libra_weigh-([0-9.]+)-py3", text)) <= {version("libra-weigh")}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), target


def test_the_site_has_each_page_once() -> None:
    def files(entry: Any) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        else:
            for inner in entry.values() if isinstance(entry, dict) else entry:
                yield from files(inner)

    listed = list(files(yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]))
    assert sorted(listed) == sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


@pytest.mark.parametrize("front", ["README.md", "docs/index.md"])
def test_the_front_leads_to_every_guide_and_reference(front: str) -> None:
    text = (ROOT / front).read_text("utf-8")
    for path in [*(DOCS / "how-to").glob("*.md"), *(DOCS / "reference").glob("*.md")]:
        assert f"{path.relative_to(DOCS)})" in text, path.name
