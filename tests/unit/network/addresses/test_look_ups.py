"""Names are looked up in turns by site, and a slow name server holds up its own site alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from libra.network.addresses import look_ups
from libra.network.addresses.look_ups import LookUps
from libra.otp.testing import settle
from support.loop_clock import stopped_clock
from support.patience import FOR_EVER


class Server:
    """A name server that answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._loop = asyncio.get_running_loop()
        self._answers: dict[str, threading.Event] = {}

    def look_up(self, name: str) -> Callable[[], str]:
        answer = self._answers[name] = threading.Event()

        def work() -> str:
            self._loop.call_soon_threadsafe(self.asked.append, name)
            answer.wait(FOR_EVER)
            return name

        return work

    def answer(self, name: str) -> None:
        self._answers[name].set()


async def test_one_site_gets_a_few_threads_and_others_pass_it_by() -> None:
    names, server = LookUps(3, of_one_site=2), Server()
    slow = [
        asyncio.ensure_future(names.run("slow.test", server.look_up(f"slow{number}")))
        for number in range(5)
    ]
    await settle()
    other = asyncio.ensure_future(names.run("other.test", server.look_up("other")))
    await settle()
    server.answer("other")
    assert await other == "other"
    assert "slow2" not in server.asked
    for number in range(5):
        server.answer(f"slow{number}")
        assert await slow[number] == f"slow{number}"
    names.close()


async def test_sites_take_turns() -> None:
    names, server = LookUps(1), Server()
    order = ["a0", "a1", "a2", "b0", "c0"]
    tasks = {
        name: asyncio.ensure_future(names.run(f"{name[0]}.test", server.look_up(name)))
        for name in order
    }
    await settle()
    for name in ("a0", "a1", "b0", "c0", "a2"):
        server.answer(name)
        await tasks[name]
    assert server.asked == ["a0", "a1", "b0", "c0", "a2"]
    names.close()


async def test_a_name_waits_for_its_turn_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    names, server = LookUps(1), Server()
    first = asyncio.ensure_future(names.run("a.test", server.look_up("first")))
    await settle()
    with monkeypatch.context() as soon:
        soon.setattr(look_ups, "SECONDS", 0)
        with pytest.raises(OSError, match="look-ups of earlier host names take too long"):
            await names.run("a.test", server.look_up("second"))
    monkeypatch.setattr(look_ups, "WAITING", 1)
    third = asyncio.ensure_future(names.run("b.test", server.look_up("third")))
    await settle()
    with pytest.raises(OSError, match="too many host names are waiting"):
        await names.run("b.test", server.look_up("fourth"))
    server.answer("first")
    server.answer("third")
    assert [await first, await third] == ["first", "third"]
    assert server.asked == ["first", "third"]
    names.close()


async def test_who_gives_up_loses_nobody_a_thread() -> None:
    names, server = LookUps(1), Server()
    first = asyncio.ensure_future(names.run("a.test", server.look_up("first")))
    await settle()
    second = asyncio.ensure_future(names.run("a.test", server.look_up("second")))
    third = asyncio.ensure_future(names.run("a.test", server.look_up("third")))
    await settle()
    second.cancel()
    first.cancel()  # its thread goes on until the server has answered
    await settle()
    assert "third" not in server.asked
    server.answer("first")
    server.answer("third")
    assert await third == "third"
    assert server.asked == ["first", "third"]
    names.close()


async def test_a_turn_that_comes_as_its_time_is_over_goes_to_the_next() -> None:
    loop = asyncio.get_running_loop()
    work: list[asyncio.Future[str]] = []

    def run_in_executor(*_: object) -> asyncio.Future[str]:
        work.append(loop.create_future())
        return work[-1]

    names = LookUps(1)
    with stopped_clock() as move, pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "run_in_executor", run_in_executor)
        first = asyncio.ensure_future(names.run("a.test", str))
        await settle()
        late = asyncio.ensure_future(names.run("b.test", str))
        await settle()
        # In the next turn of the loop, first the look-up is over and then the time.
        work[0].set_result("first")
        move(look_ups.SECONDS)
        with pytest.raises(OSError, match="take too long"):
            await late
        assert await first == "first"
        last = asyncio.ensure_future(names.run("c.test", str))
        await settle()
        assert len(work) == 2
        work[1].set_result("last")
        assert await last == "last"
    names.close()


async def test_a_look_up_that_cannot_start_gives_its_turn_back() -> None:
    names = LookUps(1)
    names.close()
    for _ in range(2):
        with pytest.raises(RuntimeError):
            await names.run("a.test", str)
