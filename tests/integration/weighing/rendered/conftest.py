"""Browsers that the tests share, and a clock of theirs that can be moved.

A browser takes a second or more of a processor to start, and gives every page a context of its own. So
the tests of a process share a pool of browsers, and the event loop that it lives on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_network

import pytest
import pytest_asyncio

from libra.network.addresses.gate import Gate
from libra.network.politeness import Politeness
from libra.testing.pages import PageServer
from libra.weighing.rendered import BrowserPool
from libra.weighing.rendered import visit as page
from libra.weighing.rendered.browsers import browser, pool
from libra.weighing.rendered.requests import service_workers
from support.loop_clock import Clock
from support.visits import ICON, image

GATE = Gate(allow=[ip_network("127.0.0.1/32")])
AGES = 100.0


@pytest.fixture(autouse=True)
def _at_its_own_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, no answer comes too late. A test says when it has seen enough."""
    monkeypatch.setattr(page, "QUIET_SECONDS", 0.2)
    for module, names in {
        browser: ("LAUNCH_SECONDS", "ANSWER_SECONDS"),
        page: ("_OPEN_SECONDS", "_CLOSE_SECONDS", "_ASK_SECONDS", "_LOOK_SECONDS"),
        service_workers: ("_ASK_SECONDS",),
    }.items():
        for name in names:
            monkeypatch.setattr(module, name, AGES)


@pytest.fixture(scope="session")
def _browsers_stay() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "IDLE_SECONDS", 1e9)
        yield


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _shared(chromium: str, _browsers_stay: None) -> AsyncIterator[BrowserPool]:
    async with BrowserPool(executable=chromium, gate=GATE, size=2) as shared:
        yield shared


@pytest.fixture
def browsers(_shared: BrowserPool) -> BrowserPool:
    """The pool of all tests that leave its browsers alive. No server has asked to be left alone yet."""
    _shared.politeness = Politeness()
    return _shared


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def victims(engine: str, _browsers_stay: None) -> AsyncIterator[BrowserPool]:
    """A pool for the tests of a file that do evil to its browsers. It recovers: that is the point."""
    async with BrowserPool(executable=engine, gate=GATE, size=2) as own:
        yield own


@pytest_asyncio.fixture(loop_scope="session")
async def web() -> AsyncIterator[PageServer]:
    async with PageServer({ICON: image(100)}) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def clock() -> Clock:
    return Clock(asyncio.get_running_loop())
