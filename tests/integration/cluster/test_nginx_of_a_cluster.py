"""The nginx configuration for a cluster that is shipped, in a real nginx, before two real web nodes."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra
from support.joined import joined
from support.needs import needs
from support.nginx import on_loopback, running_nginx
from support.ports import ReservedPort
from support.service import running
from support.site import WebSite

SHIPPED = Path(__file__).parents[3] / "deploy/nginx/libra-cluster.conf"
NAME = "libra.example.com"
SECRET = "a-secret-of-some-length"

pytestmark = needs("nginx", "openssl", "PostgreSQL")


@dataclass
class Front:
    client: httpx.AsyncClient
    web: list[AsyncExitStack]
    """Each web node, which ends when it is closed."""


@pytest.fixture
async def front(node: NodeSettings, tmp_path: Path) -> AsyncIterator[Front]:
    """nginx before two web nodes, an inspector behind them, and a client."""
    async with AsyncExitStack() as stack:
        web, urls, served = [], [], []
        for name in ("web-1", "web-2"):
            guarded = msgspec.structs.replace(
                node(name, "web"), trusted_proxy=("127.0.0.1",), allowed_host=(NAME,),
                token=(f"me:full:{SECRET}",), public="read",
            )  # fmt: skip
            own = await stack.enter_async_context(AsyncExitStack())
            service = await own.enter_async_context(running(guarded))
            web.append(own)
            served.append(service.libra)
            urls.append(service.server.url.removeprefix("http://"))
        await stack.enter_async_context(Libra.open(node("insp-1", "inspector")))
        await joined(*served)
        https, http = (stack.enter_context(ReservedPort()) for _ in range(2))
        changes = [
            *on_loopback(https, http), (r"10\.0\.0\.11:8000", urls[0]), (r"10\.0\.0\.12:8000", urls[1])
        ]  # fmt: skip
        certificate = await stack.enter_async_context(
            running_nginx(SHIPPED, NAME, tmp_path / "nginx", changes)
        )
        known = ssl.create_default_context(cafile=str(certificate))
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                transport=httpx.AsyncHTTPTransport(verify=known),
                base_url=f"https://127.0.0.1:{https}",
                headers={"Host": NAME, "Authorization": f"Bearer {SECRET}"},
                timeout=None,
            )
        )
        client.event_hooks = {"request": [_named]}
        yield Front(client, web)


async def _named(request: httpx.Request) -> None:
    """Reach nginx by its address and the certificate by its name, as after a look-up."""
    request.extensions["sni_hostname"] = NAME


async def test_live_events_pass_and_when_a_web_node_has_gone_the_other_answers(
    front: Front, site: WebSite
) -> None:
    answer = await front.client.post("/pages", json={"url": site.url("/held")})
    assert answer.status_code == 202
    path = answer.headers["location"]
    async with front.client.stream("GET", f"{path}/events") as events:
        lines = events.aiter_lines()
        assert await anext(lines) == ": libra"  # and not when nginx has collected enough of them
        site.gate.set()
        assert '"status":"weighed"' in "".join([line async for line in lines])
    for gone in front.web:  # whichever of them this client was led to, one after the other
        again = await front.client.get(path)
        assert again.status_code == 200
        assert again.json()["status"] == "weighed"
        await gone.aclose()
    assert (await front.client.get(path)).status_code == 502
