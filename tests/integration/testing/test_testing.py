"""`libra.testing` does what its documentation says."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

import libra.testing
from libra.app import Libra
from libra.settings import Settings
from libra.testing import (
    FakeClock,
    PageServer,
    crash,
    finished,
    html,
    process_of,
    run_until,
    settled,
    stored,
    until,
)

PAGE = (Path(__file__).parents[3] / "docs/reference/testing.md").read_text("utf-8")


async def test_the_example_of_the_documentation_runs(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(example, names)
    await names["test_a_page_is_weighed"](tmp_path)


def test_the_documentation_names_everything() -> None:
    missing = [name for name in libra.testing.__all__ if not re.search(rf"\b{name}\b", PAGE)]
    assert missing == ["Site"] or not missing  # the type of what is given to a server


async def test_a_held_page_waits_for_the_gate(settings: Settings) -> None:
    held = libra.testing.Page(b"<p>late", held=True)
    async with PageServer({"/": held}) as server, Libra.open(settings) as opened:
        page_id = await opened.weigh(server.url("/"))
        await server.until_held()
        assert (await opened.report(page_id)).status == "fetching"
        server.gate.set()
        assert (await finished(opened, page_id)).status == "weighed"
    assert server.hits["/"] == 1


async def test_the_clock_moves_only_while_nothing_is_under_way(settings: Settings) -> None:
    """Each timer of the page's life is hours long: none falls due while its server keeps it waiting."""
    clock = FakeClock()
    held = libra.testing.Page(b"<p>late", held=True)
    async with (
        PageServer({"/": held}) as server,
        Libra.open(settings, clock=clock, now=clock.now) as opened,
    ):
        await settled(opened)
        page_id = await opened.weigh(server.url("/"))
        before = clock.time()
        waiting = asyncio.ensure_future(run_until(opened, stored(opened, page_id)))
        await server.until_held()
        assert clock.time() == before
        server.gate.set()
        assert (await waiting).status == "weighed"
        expires = (await opened.report(page_id)).expires_at
        assert expires is not None
        assert expires > clock.now()


async def test_a_clock_of_the_event_loop_cannot_be_moved(settings: Settings) -> None:
    async with Libra.open(settings) as opened:
        with pytest.raises(TypeError, match="FakeClock"):
            await run_until(opened, settled(opened))


async def test_a_part_that_is_crashed_is_another_one_afterwards(settings: Settings) -> None:
    async with PageServer({"/": html("<p>x")}) as server, Libra.open(settings) as opened:
        page_id = await opened.weigh(server.url("/"))
        await finished(opened, page_id)
        for name in (page_id, "registry"):
            before = process_of(opened, name)
            assert before is not None
            await crash(opened, name)
            await until(opened, page_id, lambda report: report.status == "weighed")
            assert process_of(opened, name) is not before
        with pytest.raises(LookupError, match="nothing"):
            await crash(opened, "nothing")
