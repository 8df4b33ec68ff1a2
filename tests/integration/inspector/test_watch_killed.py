"""A watch over `kill -9` while the database is away: the next program finishes its work."""

from __future__ import annotations

import os
import re
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from support.asking import PATIENCE, eventually
from support.nursery import Nursery, Program
from support.receiver import Receiver
from support.site import WebSite


@asynccontextmanager
async def serving(folder: Path, nursery: Nursery) -> AsyncIterator[tuple[Program, str]]:
    """A service whose database is in a directory that is not there."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LIBRA_")}
    process = await nursery.libra(
        *("serve", "--port", "0", "--allow", "127.0.0.0/8"),
        *("--data-dir", str(folder), "--database", f"sqlite:///{folder}/missing/libra.sqlite3"),
        stdout=PIPE,
        env=environment,
        cwd=folder,
    )
    assert process.stdout is not None
    try:
        line = (await process.stdout.readline()).decode()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        yield process, found[0]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def until_page_is_kept(session: aiohttp.ClientSession, address: str, watch: str) -> None:
    """Once the page of a watch is on the disk; the watch says before that which page it is."""

    async def is_kept() -> bool:
        async with session.get(f"{address}/watches/{watch}") as answer:
            page = (await answer.json())["page"]
        if page is None:
            return False
        async with session.get(f"{address}/pages/{page}") as answer:
            return answer.status == 200 and (await answer.json())["backup"] == "journaled"

    await eventually(is_kept, f"the page of {watch} is kept", within=PATIENCE)


async def test_a_watch_that_was_acknowledged_is_weighed_judged_and_told_after_a_kill(
    site: WebSite, tmp_path: Path, nursery: Nursery
) -> None:
    async with Receiver() as receiver, aiohttp.ClientSession() as session:
        wanted = {"url": site.url("/held"), "max_weight": 1, "webhook": receiver.url}
        async with serving(tmp_path, nursery) as (process, address):
            async with session.post(f"{address}/watches", json=wanted) as answer:
                assert answer.status == 201
                made = await answer.json()
            assert made["backup"] == "journaled"
            await site.until_held()
            await until_page_is_kept(session, address, made["id"])
            process.send_signal(signal.SIGKILL)
            await process.wait()
        site.gate.set()
        async with serving(tmp_path, nursery) as (process, address):
            (delivery,) = await receiver.until_received(1)
            assert delivery.json["watch"] == made["id"]
            async with session.get(f"{address}/watches/{made['id']}") as answer:
                after = await answer.json()
            assert after["status"] == "over-budget"
            assert after["next_at"] > made["created_at"]
            async with session.get(f"{address}/pages/{delivery.json['page']}") as answer:
                assert (await answer.json())["status"] == "weighed"
