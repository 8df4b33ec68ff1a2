"""Libra below a path of another site, where a proxy signs people in: in a real nginx."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import msgspec
import pytest

from libra.settings import Settings
from support.needs import needs
from support.nginx import on_loopback, running_nginx
from support.ports import ReservedPort
from support.service import BROWSER, Service, running
from support.site import WebSite

SHIPPED = Path(__file__).parents[3] / "deploy/nginx/libra-under-a-path.conf"
NAME = "intranet.example.com"
BASE = "/libra"
SECRET = "a-secret-of-some-length"

pytestmark = needs("nginx", "openssl")


@pytest.fixture
async def front(
    settings: Settings, tmp_path: Path
) -> AsyncIterator[tuple[Service, httpx.AsyncClient]]:
    """Libra behind nginx, and a client that trusts its certificate as any browser would."""
    (tmp_path / "roles").write_text("alice:full\n")
    guarded = msgspec.structs.replace(
        settings,
        trusted_proxy=("127.0.0.1",),
        trusted_user_header="X-Remote-User",
        user_roles=tmp_path / "roles",
        allowed_host=(NAME,),
        token=(f"me:full:{SECRET}",),
        base_path=BASE,
    )
    password = tmp_path / "passwords"
    password.write_text("alice:{PLAIN}wonderland\nbob:{PLAIN}builder\n")
    async with AsyncExitStack() as stack:
        https, http = (stack.enter_context(ReservedPort()) for _ in range(2))
        service = await stack.enter_async_context(running(guarded))
        changes = [
            *on_loopback(https, http),
            (r"127\.0\.0\.1:8000", service.server.url.removeprefix("http://")),
            (r"/etc/nginx/libra\.htpasswd", str(password)),
        ]
        await stack.enter_async_context(running_nginx(SHIPPED, NAME, tmp_path / "nginx", changes))
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"https://127.0.0.1:{https}",
                headers={"Host": NAME},
                auth=("alice", "wonderland"),
                verify=False,
                timeout=None,
            )
        )
        yield service, client


async def test_every_link_form_and_redirect_stays_below_the_path(
    front: tuple[Service, httpx.AsyncClient], site: WebSite
) -> None:
    _, client = front
    origin = {"Origin": f"https://{NAME}"}
    made = await client.post(f"{BASE}/pages", data={"url": site.url()}, headers=BROWSER | origin)
    assert made.status_code == 303
    assert made.headers["location"].startswith(f"{BASE}/pages/")
    async with client.stream("GET", f"{made.headers['location']}/events") as events:
        assert any(
            '"status":"weighed"' in line for line in [one async for one in events.aiter_lines()]
        )
    watched = await client.post(
        f"{BASE}/watches", data={"url": site.url()}, headers=BROWSER | origin
    )
    assert watched.status_code in (201, 303)

    # Like a spider: whatever a page leads to is there, and below the path.
    seen, waiting = set[str](), [f"{BASE}/"]
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = await client.get(path, headers=BROWSER)
        assert answer.status_code == 200, path
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        for attribute, link in re.findall(r'\s([a-z-]+)="(/[^"]*)"', answer.text):
            assert attribute == "value" or link.startswith(f"{BASE}/"), (path, attribute, link)
            there = link.replace("&amp;", "&")
            if attribute in ("href", "src") and there not in seen and "after=" not in there:
                waiting.append(there)
                seen.add(there)
    assert {f"{BASE}/docs", f"{BASE}/observer", f"{BASE}/watches"} <= seen
    assert any(path.startswith(f"{BASE}/history") for path in seen)
    assert any(path.startswith(f"{BASE}/static/live.js") for path in seen)
    async with client.stream("GET", f"{BASE}/events") as pulse:
        assert (pulse.status_code, pulse.headers["content-type"][:17]) == (200, "text/event-stream")


async def test_programs_find_the_path_in_the_description_and_in_what_they_are_told(
    front: tuple[Service, httpx.AsyncClient], site: WebSite
) -> None:
    service, client = front
    document = (await client.get(f"{BASE}/openapi.json")).json()
    assert document["servers"] == [{"url": BASE}]
    made = await client.post(f"{BASE}/pages", json={"url": site.url()})
    page = made.json()["id"]
    assert (made.status_code, made.headers["location"]) == (202, f"{BASE}/pages/{page}")
    await service.settled(page)
    # With the path, as the proxy sends it, and without, as one that leaves it away does.
    bearer = {"Authorization": f"Bearer {SECRET}"}
    answers = [
        await service.client.get(f"{base}/pages/{page}", headers=bearer) for base in (BASE, "")
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert (await service.client.get("/library", headers=bearer)).status_code == 404


async def test_a_session_is_for_what_is_below_the_path(
    front: tuple[Service, httpx.AsyncClient],
) -> None:
    service, _ = front
    form = {"token": SECRET, "next": "/observer"}
    answer = await service.client.post(f"{BASE}/login", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{BASE}/observer")
    assert f"Path={BASE}" in answer.headers["set-cookie"]
    page = await service.client.get(f"{BASE}/observer", headers=BROWSER)
    assert page.status_code == 200
    await service.client.post(f"{BASE}/logout")
    page = await service.client.get(f"{BASE}/observer?x=1", headers=BROWSER)
    assert page.status_code == 401
    assert f'value="{BASE}/' not in page.text
    assert 'value="/observer?x=1"' in page.text


async def test_the_proxy_says_who_it_is_whatever_the_client_writes(
    front: tuple[Service, httpx.AsyncClient],
) -> None:
    service, client = front
    lie = {"X-Remote-User": "alice"}
    bob = httpx.BasicAuth("bob", "builder")
    assert (await client.get(f"{BASE}/watches", auth=bob, headers=lie)).status_code == 200
    page = await client.get(f"{BASE}/login", auth=bob, headers=lie | BROWSER)
    assert "<b>bob</b>" in page.text
    assert "Log out" not in page.text
    refused = await client.post(f"{BASE}/pages", auth=bob, headers=lie, json={"url": "x"})
    assert refused.status_code == 403
    assert "bob may not" in refused.json()["detail"]
    assert refused.json()["type"] == f"{BASE}/docs#not-allowed"
    elsewhere = {"Origin": "https://evil.example"}
    answer = await client.post(
        f"{BASE}/pages", headers=elsewhere, json={"url": "https://x.example"}
    )
    assert answer.status_code == 403
    # Past the proxy nobody is believed, even from its own machine.
    async with httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(local_address="127.0.0.7"), base_url=service.server.url
    ) as stranger:
        assert (await stranger.get("/watches", headers=lie)).status_code == 401
