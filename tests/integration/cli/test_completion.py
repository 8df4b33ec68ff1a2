"""The shell completes the command as the reference says."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command import Command
from support.nursery import Nursery


@pytest.fixture
def libra(tmp_path: Path, nursery: Nursery) -> Command:
    return Command(tmp_path, nursery)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
async def test_a_shell_is_given_its_script(libra: Command, shell: str) -> None:
    ended = await libra(_LIBRA_COMPLETE=f"{shell}_source")
    assert ended.code == 0
    assert "_LIBRA_COMPLETE=" in ended.out


async def test_flags_and_their_values_are_completed(libra: Command) -> None:
    asked = {"_LIBRA_COMPLETE": "zsh_complete", "COMP_CWORD": "3"}
    ended = await libra(COMP_WORDS="libra weigh --format ju", **asked)
    assert "junit" in ended.out.split()
    ended = await libra(COMP_WORDS="libra weigh x --cra", **asked)
    assert "--crawl" in ended.out.split()
