"""Waits for states of a Libra, by its events."""

# ruff: noqa: SLF001  (the one module, with `inside`, that looks into a Libra for its tests)
from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from libra.app import Libra, Watch
from libra.otp.testing import FakeClock, settle, tasks_under_way
from libra.report import FINISHED, Report

T = TypeVar("T")


async def settled(libra: Libra) -> None:
    """Wait until Libra knows whether there is a database, and has read the whole journal."""
    await libra._context.availability.opened.wait()
    await libra._context.availability.replayed.wait()
    await libra._context.availability.recalled.wait()


async def watches_restored(libra: Libra) -> None:
    """Wait until every watch that the database has is in memory."""
    await libra._context.availability.watches_known.wait()


@contextmanager
def following(libra: Libra, entry_id: str) -> Iterator[asyncio.Event]:
    """Follow a page or a watch for as long as the block lasts.

    The event is set at every change; clear it before each look. A page with a follower does not leave
    memory.
    """
    with libra._context.records.followers.subscribe(entry_id) as change:
        yield change


async def until(libra: Libra, page_id: str, wanted: Callable[[Report], bool]) -> Report:
    """Wait until the report of a page is as wanted, and return it.

    Raises:
        PageNotFound: there is no such page, or it was deleted meanwhile.
        PageUnknown: it is not in memory and the database does not answer.
    """
    with following(libra, page_id) as change:
        while not wanted(report := await libra.report(page_id)):
            await change.wait()
            change.clear()
        return report


async def until_watch(libra: Libra, watch_id: str, wanted: Callable[[Watch], bool]) -> Watch:
    """Wait until a watch is as wanted, and return it.

    Raises:
        WatchNotFound: there is no such watch, or it was deleted meanwhile.
        WatchUnknown: it may be in the database, which has not answered since the start.
    """
    with following(libra, watch_id) as change:
        while not wanted(watch := libra.watch_of(watch_id)):
            await change.wait()
            change.clear()
        return watch


async def finished(libra: Libra, page_id: str) -> Report:
    """Wait until a page is weighed or has failed, and return its report."""
    return await until(libra, page_id, lambda report: report.status in FINISHED)


async def stored(libra: Libra, page_id: str) -> Report:
    """Wait until the database has the newest state of a page, and return its report."""
    return await until(libra, page_id, lambda report: report.backup == "stored")


async def run_until(libra: Libra, event: Coroutine[Any, Any, T]) -> T:
    """Move the clock of a Libra, from timer to timer, until something has happened.

    The clock moves only while nothing else happens. It stands still while a process waits for a fetch
    or a save, however long that takes, so no deadline passes because the machine is slow.

    Raises:
        TypeError: the Libra was opened without a `FakeClock`.
    """
    runtime = libra._tree.runtime
    clock = runtime.clock
    if not isinstance(clock, FakeClock):
        event.close()
        raise TypeError("run_until needs a FakeClock: open the Libra with one")
    happening = asyncio.ensure_future(event)
    try:
        while not happening.done():
            await settle()
            working = [task for task in tasks_under_way(runtime) if not _waits_for_an_event(task)]
            if working or clock.next_due is None:
                await asyncio.wait({happening, *working}, return_when=asyncio.FIRST_COMPLETED)
            elif not happening.done():
                await clock.advance(clock.next_due - clock.time())
        return happening.result()
    finally:
        happening.cancel()


def _waits_for_an_event(task: asyncio.Task[Any]) -> bool:
    """Whether a task waits for other processes, and so perhaps for the clock, not for the world."""
    inner: Any = task.get_coro()
    while inspect.iscoroutine(inner):
        if inner.cr_code is asyncio.Event.wait.__code__:
            return True
        inner = inner.cr_await
    return False
