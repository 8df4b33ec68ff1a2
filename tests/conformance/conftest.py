"""A runtime on a fake clock, on asyncio's own loop and on uvloop, that must be left clean."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from libra.otp import CrashReport, Registry, Runtime
from libra.otp.testing import FakeClock, settle


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def crashes() -> list[CrashReport]:
    return []


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def runtime(clock: FakeClock, crashes: list[CrashReport]) -> AsyncIterator[Runtime]:
    runtime = Runtime(clock=clock, on_crash=crashes.append)
    yield runtime
    # Whatever a test did, stopping everything leaves nothing behind.
    end = asyncio.ensure_future(runtime.shutdown())
    await settle()
    for _ in range(20_000):
        if end.done():
            break
        await clock.advance(10)
    assert end.done(), "something does not end within two days"
    await end
    assert runtime.counts.alive == 0
    assert list(runtime.processes()) == []
    assert not runtime.abandoned
    assert clock.pending == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.fixture
def registry(runtime: Runtime) -> Registry:
    return runtime.start(Registry)
