"""The nginx configuration that is shipped, in a real nginx, before a real Libra."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
import pytest

from libra.settings import Settings
from libra.web.access import guard
from libra.web.access.rate_limit import Rate
from support.needs import needs
from support.nginx import on_loopback, running_nginx
from support.patience import FOR_EVER
from support.ports import ReservedPort
from support.service import Service, running
from support.site import WebSite

SHIPPED = Path(__file__).parents[3] / "deploy/nginx/libra.conf"
NAME = "libra.example.com"
SECRET = "a-secret-of-some-length"
CLIENT = "127.0.0.5"

pytestmark = needs("nginx", "openssl")


@dataclass
class Front:
    service: Service
    client: httpx.AsyncClient
    plain: str


@pytest.fixture
def listening() -> Iterator[tuple[int, int]]:
    """Where nginx listens, for HTTPS and for HTTP."""
    with ReservedPort() as https, ReservedPort() as http:
        yield https, http


@pytest.fixture
async def front(
    settings: Settings, tmp_path: Path, listening: tuple[int, int]
) -> AsyncIterator[Front]:
    """Libra behind nginx, and a client that comes from an address of its own."""
    guarded = msgspec.structs.replace(
        settings,
        trusted_proxy=("127.0.0.1",),
        allowed_host=(NAME,),
        token=(f"me:full:{SECRET}",),
        public="read",
    )
    https, http = listening
    async with running(guarded) as service:
        changes = [
            *on_loopback(https, http),
            (r"127\.0\.0\.1:8000", service.server.url.removeprefix("http://")),
        ]
        async with running_nginx(SHIPPED, NAME, tmp_path / "nginx", changes) as certificate:
            known = ssl.create_default_context(cafile=str(certificate))
            transport = httpx.AsyncHTTPTransport(verify=known, local_address=CLIENT)
            async with httpx.AsyncClient(
                transport=transport,
                base_url=f"https://127.0.0.1:{https}",
                headers={"Host": NAME},
                timeout=None,
            ) as client:
                client.event_hooks = {"request": [_named]}
                yield Front(service, client, f"http://127.0.0.1:{http}")


async def _named(request: httpx.Request) -> None:
    """Reach nginx by its address and the certificate by its name, as after a look-up."""
    request.extensions["sni_hostname"] = NAME


def bearer(secret: str = SECRET) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


async def test_pages_are_submitted_and_followed_live_through_it(
    front: Front, site: WebSite
) -> None:
    answer = await front.client.post(
        "/pages", data={"url": site.url("/held")}, headers=bearer() | {"Origin": f"https://{NAME}"}
    )
    assert answer.status_code == 202
    assert answer.headers["strict-transport-security"]
    path = answer.headers["location"]
    async with front.client.stream("GET", f"{path}/events") as events:
        lines = events.aiter_lines()
        # While the page waits for its site, so nothing collects events until there are more of them.
        assert await anext(lines) == ": libra"
        site.gate.set()
        assert '"status":"weighed"' in "".join([line async for line in lines])


async def test_what_nobody_may_is_refused_through_it_too(front: Front) -> None:
    assert (await front.client.get("/pages")).status_code == 200
    assert (await front.client.get("/metrics")).status_code == 401
    assert (await front.client.get("/health/ready")).status_code == 200
    assert (await front.client.get("/", headers={"Host": "evil.example"})).status_code == 421
    other = await front.client.post(
        "/pages", data={"url": "x"}, headers=bearer() | {"Origin": "https://evil.example"}
    )
    assert other.status_code == 403


async def test_the_session_of_a_browser_is_for_https_alone(front: Front) -> None:
    answer = await front.client.post("/login", data={"token": SECRET, "next": "/observer"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/observer")
    assert "Secure" in answer.headers["set-cookie"]


async def test_a_client_is_the_one_that_came_to_nginx_whatever_it_writes(
    front: Front, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "FAILURES", Rate(20, FOR_EVER))
    caplog.set_level(logging.INFO, "libra.http")
    for number in range(20):
        lie = {"X-Forwarded-For": f"192.0.2.{number}"}
        await front.client.get("/", headers=bearer("wrong-wrong-wrong-wrong") | lie)
    answer = await front.client.get("/", headers=bearer("wrong-wrong-wrong-wrong"))
    assert answer.status_code == 429
    assert {
        record.__dict__["client"] for record in caplog.records if "GET / 4" in record.message
    } == {CLIENT}


async def test_a_list_of_the_greatest_length_passes(front: Front) -> None:
    urls = ["x" * 3900] * 1000  # none that can be weighed, but nearly 4 MB of them
    answer = await front.client.post("/pages/bulk", json={"urls": urls}, headers=bearer())
    assert answer.status_code == 202
    assert answer.json()["refused"] == 1000


async def test_http_leads_to_https(front: Front) -> None:
    async with httpx.AsyncClient(timeout=None) as client:
        answer = await client.get(f"{front.plain}/pages?x=1", headers={"Host": NAME})
    assert answer.status_code == 301
    assert answer.headers["location"] == f"https://{NAME}/pages?x=1"
