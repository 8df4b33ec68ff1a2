"""Keys: what they remember, for how long, and through what."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from libra.web import idempotency
from libra.web.idempotency import KNOWN, Keys
from libra.web.problems import Refused


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """Counts what is submitted."""

    def __init__(self) -> None:
        self.submitted = 0

    async def __call__(self) -> str:
        self.submitted += 1
        return f"page-{self.submitted}"


async def test_a_key_does_its_work_once() -> None:
    keys, desk = Keys(None), Desk()
    assert await keys.once("me", "a", "body", desk) == ("page-1", False)
    assert await keys.once("me", "a", "body", desk) == ("page-1", True)
    assert await keys.once("you", "a", "body", desk) == ("page-2", False)
    with pytest.raises(Refused) as refused:
        await keys.once("me", "a", "another body", desk)
    assert refused.value.problem.status == 422
    assert desk.submitted == 2


async def test_a_key_is_forgotten_after_a_day() -> None:
    clock, desk = Clock(), Desk()
    keys = Keys(None, now=clock)
    await keys.once("me", "a", "body", desk)
    clock.now += KNOWN - 1
    assert await keys.once("me", "a", "body", desk) == ("page-1", True)
    clock.now += 1
    assert await keys.once("me", "a", "another", desk) == ("page-2", False)


async def test_while_the_first_is_under_way_the_second_waits_for_its_outcome() -> None:
    keys, gate = Keys(None), asyncio.Event()
    begun = asyncio.Event()

    async def slow() -> str:
        begun.set()
        await gate.wait()
        return "page"

    async def failing() -> str:
        begun.set()
        await gate.wait()
        raise ValueError

    first = asyncio.ensure_future(keys.once("me", "a", "body", slow))
    await begun.wait()
    second = asyncio.ensure_future(keys.once("me", "a", "body", slow))
    gate.set()
    assert (await first, await second) == (("page", False), ("page", True))

    gate.clear()
    begun.clear()
    lost = asyncio.ensure_future(keys.once("me", "b", "body", failing))
    await begun.wait()
    heir = asyncio.ensure_future(keys.once("me", "b", "body", Desk()))
    gate.set()
    with pytest.raises(ValueError):
        await lost
    assert await heir == ("page-1", False)


async def test_as_many_keys_as_there_is_room_for_are_known() -> None:
    keys, desk = Keys(None, size=10), Desk()
    for number in range(100):
        await keys.once("me", str(number), "body", desk)
    assert len(keys) == 10
    assert (await keys.once("me", "99", "body", desk))[1]
    assert not (await keys.once("me", "5", "body", desk))[1]


async def test_keys_survive_a_restart_and_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path, desk = tmp_path / "below" / "keys", Desk()
    keys = Keys(path)
    for name in "abc":
        await keys.once("me", name, "body", desk)
    content = path.read_bytes()
    for end in range(len(content)):
        path.write_bytes(content[:end])
        again = Keys(path)
        complete = content[: end + 1].count(b'"page-')
        assert complete - 1 <= len(again) <= complete
        new = await again.once("me", "new", "body", desk)
        assert await Keys(path).once("me", "new", "body", desk) == (new[0], True)


@pytest.mark.parametrize("content", [b"\xff\n", b"[]\n", b"{}\n[1,2,3,4]\n", b"\x00" * 99])
async def test_a_file_of_something_else_is_no_reason_not_to_start(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "keys"
    path.write_bytes(content)
    assert len(Keys(path)) == 0


async def test_the_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    path, desk = tmp_path / "keys", Desk()
    keys = Keys(path, size=10)
    for number in range(100):
        await keys.once("me", str(number), "body", desk)
    assert len(path.read_bytes().split()) <= 21
    assert (await Keys(path, size=10).once("me", "99", "body", desk))[1]


async def test_a_disk_that_fails_refuses_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    keys, desk = Keys(tmp_path / "file" / "keys"), Desk()
    assert await keys.once("me", "a", "body", desk) == ("page-1", False)
    assert await keys.once("me", "a", "body", desk) == ("page-1", True)


async def test_a_disk_that_hangs_keeps_nobody_waiting_and_gets_all_of_it_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, desk, gate = tmp_path / "keys", Desk(), asyncio.Event()
    monkeypatch.setattr(idempotency, "PATIENCE", 0.01)
    real = asyncio.to_thread

    async def hanging(*arguments: object) -> None:
        await gate.wait()
        await real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "to_thread", hanging)
    keys = Keys(path)
    for name in "abc":
        await keys.once("me", name, "body", desk)
    assert not path.exists()
    gate.set()
    assert keys._writing is not None
    await keys._writing
    assert len(Keys(path)) == 3
