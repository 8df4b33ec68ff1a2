"""Whom the web nodes of a cluster let in: the same, and with one session."""

from __future__ import annotations

import httpx

from integration.cluster.conftest import NodeSettings
from libra.app import Libra
from libra.cluster.engine.connection import Engine
from libra.cluster.engine.errors import EngineAway
from libra.cluster.node.access import give
from libra.credentials.tokens import new_token
from libra.web import Application, create_app
from support.asking import PATIENCE, eventually
from support.joined import joined
from support.nats import NatsServers


def browsing(app: Application) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # it is one
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


async def test_a_session_of_one_web_node_holds_at_all_and_after_a_start_without_the_engine(
    node: NodeSettings, servers: NatsServers
) -> None:
    secret, token = new_token("anna", "full")
    engine = Engine(servers.urls, name="operator")
    await engine.connect()
    settings = [node(name, "web") for name in ("web-1", "web-2")]
    async with Libra.open(settings[0]) as here, Libra.open(settings[1]) as there:
        await joined(here, there)
        apps = [create_app(libra, libra.settings) for libra in (here, there)]
        assert all(app.guard.access.open for app in apps)

        async def given() -> bool:
            try:
                await give(engine, [token])
            except EngineAway:  # the nodes have not come to it yet
                return False
            return True

        await eventually(given, "the token is given", within=PATIENCE)
        await engine.close()

        async def told() -> bool:
            return not any(app.guard.access.open for app in apps) and bool(
                here.neighbours.access.session_key
                and here.neighbours.access == there.neighbours.access
            )

        await eventually(told, "both know whom to let in", within=PATIENCE)
        async with browsing(apps[0]) as first, browsing(apps[1]) as second:
            assert (await second.get("/pages")).status_code == 401
            answer = await first.post("/login", data={"token": secret, "next": "/"})
            session = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
            assert (await second.get("/pages", headers=session)).status_code == 200
    await servers[0].kill()
    async with Libra.open(settings[1]) as there, browsing(create_app(there, settings[1])) as second:
        assert (await second.get("/pages", headers=session)).status_code == 200
        bearer = {"Authorization": f"Bearer {secret}"}
        assert (await second.get("/pages", headers=bearer)).status_code == 200
        assert (await second.get("/pages")).status_code == 401
    servers[0].start()
