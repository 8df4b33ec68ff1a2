"""Inspectors that die, as programs of their own."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from integration.cluster.conftest import NodeSettings
from libra.app import Libra
from libra.report import FINISHED
from libra.settings import Settings
from libra.testing import finished, until
from support.asking import PATIENCE, eventually
from support.command import Command
from support.joined import joined
from support.nursery import Nursery, Program
from support.site import ASSETS, WebSite


async def start(nursery: Nursery, folder: Path, settings: Settings) -> Program:
    """`libra serve` with the settings of a node."""
    return await nursery.libra(
        "serve",
        f"--cluster={','.join(settings.cluster)}",
        f"--role={settings.role}",
        f"--node={settings.node}",
        f"--database={settings.database}",
        f"--data-dir={settings.data_dir}",
        "--cluster-replicas=1",
        "--cluster-shards=2",
        "--allow=127.0.0.0/8",
        "--page-timeout=300",
        "--asset-timeout=300",
        cwd=folder,
        env=Command.environment(),
    )


async def test_the_page_of_an_inspector_that_is_killed_goes_on_elsewhere_in_a_second_life(
    node: NodeSettings, site: WebSite, nursery: Nursery, tmp_path: Path
) -> None:
    async with Libra.open(node("web-1", "web")) as web:
        await joined(web)
        first = await start(nursery, tmp_path, node("insp-1", "inspector"))
        page_id = await web.weigh(site.url("/slow-part"))
        seen = await until(web, page_id, lambda r: r.total.requests >= ASSETS)
        second = await start(nursery, tmp_path, node("insp-2", "inspector"))
        try:
            os.kill(first.pid, signal.SIGKILL)
            await first.wait()

            async def begun_again() -> bool:
                report = await web.report(page_id)
                return report.version >> 32 == 2

            await eventually(begun_again, "a second life", within=PATIENCE)
            site.gate.set()
            report = await finished(web, page_id)
        finally:
            os.kill(second.pid, signal.SIGTERM)
            await second.wait()
    assert report.status == "weighed"
    assert seen.status not in FINISHED
    assert report.version >> 32 == 2


async def test_an_inspector_that_is_stopped_hands_its_page_over_and_nobody_died(
    node: NodeSettings, site: WebSite, nursery: Nursery, tmp_path: Path
) -> None:
    async with Libra.open(node("web-1", "web")) as web:
        await joined(web)
        first = await start(nursery, tmp_path, node("insp-1", "inspector"))
        page_id = await web.weigh(site.url("/slow-part"))
        await until(web, page_id, lambda r: r.total.requests >= ASSETS)
        os.kill(first.pid, signal.SIGTERM)
        assert await first.wait() == 0
        report = await web.report(page_id)
        assert report.status == "queued"
        second = await start(nursery, tmp_path, node("insp-2", "inspector"))
        try:
            await until(web, page_id, lambda r: r.total.requests >= ASSETS)
            site.gate.set()
            report = await until(web, page_id, lambda r: r.backup == "stored")
        finally:
            os.kill(second.pid, signal.SIGTERM)
            await second.wait()
    assert report.status == "weighed"
    assert report.version >> 32 == 2


async def test_an_inspector_that_was_frozen_changes_nothing_when_it_wakes(
    node: NodeSettings, site: WebSite, nursery: Nursery, tmp_path: Path
) -> None:
    async with Libra.open(node("web-1", "web")) as web:
        await joined(web)
        first = await start(nursery, tmp_path, node("insp-1", "inspector"))
        page_id = await web.weigh(site.url("/slow-part"))
        await until(web, page_id, lambda r: r.total.requests >= ASSETS)
        os.kill(first.pid, signal.SIGSTOP)
        second = await start(nursery, tmp_path, node("insp-2", "inspector"))
        try:
            await until(web, page_id, lambda r: r.version >> 32 == 2)
            site.gate.set()
            report = await until(web, page_id, lambda r: r.backup == "stored")
            os.kill(first.pid, signal.SIGCONT)
            # It has finished the page by now, or does so while it ends, and is refused.
            os.kill(first.pid, signal.SIGTERM)
            assert await first.wait() == 0
            assert await web.report(page_id) == report
        finally:
            os.kill(second.pid, signal.SIGTERM)
            await second.wait()
    assert report.status == "weighed"
    assert report.version >> 32 == 2
