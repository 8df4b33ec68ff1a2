"""Pages that turn out to need a browser, taken by an inspector that has none."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra, Options
from libra.cluster.records.layout import Queue
from libra.cluster.weighing.taking import Taking
from libra.settings import Settings
from libra.testing import PageServer, pages, until
from support.asking import PATIENCE, eventually
from support.joined import joined

AUTO = Options(auto=True)

SHELL = pages.Page(
    b"<!doctype html><title>App</title><div id=root></div><script src=/app.js></script>"
)
SITE = {
    "/shell": SHELL,
    "/shell?0": SHELL,
    "/shell?1": SHELL,
    "/app.js": pages.Page(
        b"document.body.append(Object.assign(new Image(), {src: '/a.png'}))", "text/javascript"
    ),
    "/a.png": pages.Page(b"x" * 1000, "image/png"),
}


async def test_a_page_that_scripts_build_goes_on_where_there_is_a_browser_in_the_same_life(
    node: NodeSettings, chromium: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = Taking.take

    async def never_read_it_first(self: Taking, shard: int, queue: Queue) -> None:
        if queue == "static" and self._node.name == "insp-2":
            await asyncio.Event().wait()
        await take(self, shard, queue)

    monkeypatch.setattr(Taking, "take", never_read_it_first)

    def without_browser(name: str) -> Settings:
        return msgspec.structs.replace(node(name, "inspector"), browser="/nowhere/chromium")

    async with (
        PageServer(SITE) as server,
        Libra.open(node("web-1", "web")) as web,
        Libra.open(without_browser("insp-1")),
    ):
        await joined(web)
        # Nobody has one: it stays as it was read, and says why.
        page_id = await web.weigh(server.url("/shell"), AUTO)
        read = await until(web, page_id, lambda r: r.backup == "stored")
        assert (read.method, read.status) == ("static", "weighed")
        assert "because none is available" in (read.chosen or "")

        async with Libra.open(node("insp-2", "inspector")):

            async def known() -> bool:
                return {one.node for one in web.health().nodes} >= {"insp-1", "insp-2"}

            await eventually(known, "the browser is known of", within=PATIENCE)
            built = [
                await until(
                    web,
                    await web.weigh(server.url(f"/shell?{number}"), AUTO),
                    lambda r: r.backup == "stored",
                )
                for number in range(2)
            ]
        for report in built:
            assert (report.method, report.status) == ("rendered", "weighed")
            assert "scripts build" in (report.chosen or "")
            assert report.version >> 32 == 1
            assert {asset.url for asset in report.assets} >= {server.url("/a.png")}
