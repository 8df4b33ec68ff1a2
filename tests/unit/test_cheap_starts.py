"""What makes a run of the tests quick changes nothing that they see."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
from _pytest.assertion import rewrite
from litestar.utils.signature import ParsedSignature

from support.compiled import compile_it
from support.signatures import remembering


def handler(default: int) -> Callable[..., str]:
    """A closure, as handlers are: its code is always the same."""

    def answer(number: int = default) -> str:
        return str(number)

    return answer


def test_a_signature_that_is_remembered_is_the_one_that_would_be_read() -> None:
    read = remembering(ParsedSignature.from_fn)
    for default in (1, 1, 2, 1):
        function = handler(default)
        assert read(function, {}) == ParsedSignature.from_fn(function, {})


def test_a_signature_of_the_same_code_is_read_once() -> None:
    asked: list[object] = []

    def from_fn(function: Callable[..., object], namespace: dict[str, object]) -> ParsedSignature:
        asked.append(function)
        return ParsedSignature.from_fn(function, namespace)

    read = remembering(from_fn)
    assert read(handler(1), {}) is read(handler(1), {})
    assert len(asked) == 1


@pytest.mark.parametrize(("name", "finds"), [("test_it", True), ("it", False)])
def test_a_file_is_compiled_as_its_import_would(
    pytestconfig: pytest.Config, tmp_path: Path, name: str, *, finds: bool
) -> None:
    path = tmp_path / f"{name}.py"
    path.write_text("assert 1 == 1")
    compile_it(pytestconfig, path, name)
    with_assertions = rewrite.get_cache_dir(path) / f"{name}{rewrite.PYC_TAIL}"
    assert (rewrite._read_pyc(path, with_assertions) is not None) is finds
    assert Path(importlib.util.cache_from_source(path)).exists() is not finds
