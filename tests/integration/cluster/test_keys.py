"""Idempotency keys at several nodes, and what a node that is alone never loads."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from integration.cluster.conftest import NodeSettings
from libra.app import IdempotencyKey, Libra
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


def test_without_a_cluster_nothing_of_it_is_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ALONE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
