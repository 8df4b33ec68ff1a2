"""Idempotency keys at several nodes, and what a node that is alone never loads."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import IdempotencyKey, Libra
from libra.cluster.engine.connection import Engine
from libra.cluster.engine.errors import InDoubt
from libra.testing import until
from support.joined import joined
from support.site import WebSite

ALONE = """
import asyncio, sys, tempfile
from pathlib import Path
from libra.app import Libra
from libra.settings import Settings
import libra.cli, libra.web.serving.program

async def main():
    async with Libra.open(Settings(data_dir=Path(tempfile.mkdtemp()))) as libra:
        libra.health()

asyncio.run(main())
found = [name for name in sys.modules if name.startswith(("nats.", "libra.cluster"))]
sys.exit(f"loaded: {found}" if found else 0)
"""


async def test_a_key_that_is_sent_to_two_nodes_at_once_names_one_page(
    node: NodeSettings, site: WebSite
) -> None:
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
    ):
        await joined(here, there)
        key = IdempotencyKey("0" * 32, "1" * 32)
        ids = await asyncio.gather(
            *(libra.weigh(site.url(), key=key) for libra in (here, there) * 5)
        )
        assert len(set(ids)) == 1
        used = await there.submitted(key.name)
        assert used is not None
        assert (used.page, used.body) == (ids[0], key.body)


async def test_a_page_in_doubt_keeps_the_id_that_its_key_names(
    node: NodeSettings, site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_to_it, silent = Engine.write, asyncio.Event()

    async def unanswered(engine: Engine, subject: str, data: bytes, **how: Any) -> int:
        if ".sub." in subject and silent.is_set():
            raise InDoubt("the engine has not answered")
        return await write_to_it(engine, subject, data, **how)

    async with (
        Libra.open(node("all-1", "all")) as here,
        Libra.open(node("web-1", "web")) as there,
    ):
        await joined(here, there)
        key = IdempotencyKey("0" * 32, "1" * 32)
        monkeypatch.setattr(Engine, "write", unanswered)
        silent.set()
        page_id = await here.weigh(site.url(), key=key)
        assert (await here.report(page_id)).backup == "journaled"
        # The other node asks the engine what the key names.
        assert await there.weigh(site.url(), key=key) == page_id
        silent.clear()
        for libra in (here, there):
            report = await until(libra, page_id, lambda r: r.backup == "stored")
            assert report.status == "weighed"


def test_without_a_cluster_nothing_of_it_is_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ALONE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
