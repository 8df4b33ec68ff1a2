"""The names of failures: all of them are listed, and the documentation has the list."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from libra.failures import FAILURES, http_failure, is_one_of, name_of, table

ROOT = Path(__file__).parents[2]

#: Where failures come from. What is said of a submission, of the fields of a watch, or of an alert that
#: did not arrive is no failure of a page.
SOURCES = [
    path
    for room in ("network", "weighing", "parsers", "inspector")
    for path in (ROOT / "src/libra" / room).rglob("*.py")
    if path.name not in {"courier.py", "options.py", "watch_changes.py", "webhook.py"}
]

NAMED = re.compile(r"([a-z][a-z0-9-]*): ")


def names_in(path: Path) -> set[str]:
    """The names that the texts of a module begin with."""
    texts = [
        node.value
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return {found[1] for text in texts if (found := NAMED.match(text))}


def test_every_failure_that_the_code_names_is_listed_and_every_listed_one_is_named() -> None:
    assert set().union(*map(names_in, SOURCES)) | {"http"} == set(FAILURES)


def test_the_documentation_has_the_list() -> None:
    assert table() in (ROOT / "docs/weighing.md").read_text("utf-8")


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_known_by_its_name(name: str) -> None:
    assert name_of(f"{name}: whatever it says") == name
    assert is_one_of(f"{name}: whatever it says", (name,))
    assert not is_one_of(f"{name}: whatever it says", ())


@pytest.mark.parametrize("error", [None, "", "nothing that is listed", "https://a.test/: no"])
def test_what_is_no_failure_has_no_name(error: str | None) -> None:
    assert name_of(error) is None
    assert not is_one_of(error, FAILURES)


def test_an_answer_of_400_or_more_is_a_failure_also_with_a_number_of_its_own() -> None:
    assert http_failure(404) == "http: 404 Not Found"
    assert http_failure(599) == "http: 599"
