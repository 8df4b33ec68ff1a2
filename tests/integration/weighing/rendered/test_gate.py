"""Nothing that a page does in a browser gets past the gate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from libra.network.addresses.dialing import Resolver
from libra.network.addresses.gate import ADDRESS_DENIED
from libra.report import Report
from libra.testing.pages import Page, PageServer, html, redirect, script
from libra.weighing.rendered import BrowserPool
from support.visits import INNER, by_path, check_sums, ended, visit

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Victim:
    def __init__(self) -> None:
        self.visits = 0

    def visit(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        writer.close()


@pytest_asyncio.fixture(loop_scope="session")
async def victim(web: PageServer) -> AsyncIterator[Victim]:
    victim = Victim()
    async with await asyncio.start_server(victim.visit, INNER, web.port):
        yield victim
    assert victim.visits == 0


async def test_nothing_in_a_page_reaches_the_inner_network(
    web: PageServer, browsers: BrowserPool, victim: Victim
) -> None:
    inner = f"{INNER}:{web.port}"
    web.site["/"] = html(
        f"<img src=http://{inner}/1.png><iframe src=http://{inner}/2></iframe>"
        f"<img src=/r.png><video src=http://{inner}/3.mp4></video>"
        f"<link rel=prefetch href=http://{inner}/4><link rel=preconnect href=http://{inner}>"
        "<script>"
        f"fetch('http://{inner}/5', {{mode: 'no-cors'}}).catch(() => 0);"
        f"fetch('http://{inner}/6', {{method: 'POST', body: 'x'}}).catch(() => 0);"
        f"navigator.sendBeacon('http://{inner}/7', 'x');"
        f"new WebSocket('ws://{inner}/8'); new EventSource('http://{inner}/9');"
        f"fetch('https://{inner}/10').catch(() => 0); new WebSocket('wss://{inner}/11');"
        f"new Worker(URL.createObjectURL(new Blob([`fetch('http://{inner}/12')"
        ".catch(() => 0).then(() => postMessage(1))`]))).onmessage = () => fetch('/done');"
        "</script>"
    )
    web.site["/r.png"] = redirect(f"http://{inner}/redirected.png")
    web.site["/done"] = Page(b"done", "text/plain")
    expected = ("/1.png", "/2", "/5", "/6", "/10", "/redirected.png")
    report = await visit(web.url(), browsers, until=ended(*expected, "/done"))
    check_sums(report)
    denied = {path: a for path, a in by_path(report).items() if INNER in a.url}
    assert set(expected) <= set(denied)
    assert {(a.status, a.error) for a in denied.values()} == {("skipped", ADDRESS_DENIED)}
    assert report.status == "weighed"
    assert not report.complete


async def test_a_service_worker_does_not_reach_the_inner_network(
    web: PageServer, browsers: BrowserPool, victim: Victim
) -> None:
    inner = f"http://{INNER}:{web.port}"
    web.site["/"] = html("<script>navigator.serviceWorker.register('/sw.js')</script>")
    web.site["/sw.js"] = script(
        f"oninstall = e => e.waitUntil(Promise.allSettled(['/1', '/2'].map("
        f"path => fetch('{inner}' + path, {{mode: 'no-cors'}}))))"
    )
    report = await visit(web.url(), browsers, until=ended("/1", "/2"))
    denied = [asset for asset in report.assets if INNER in asset.url]
    assert [(a.status, a.error) for a in denied] == [("skipped", ADDRESS_DENIED)] * 2
    check_sums(report)


async def test_a_page_in_the_inner_network_fails_with_the_reason(
    web: PageServer, browsers: BrowserPool, victim: Victim
) -> None:
    for url in (
        f"http://{INNER}:{web.port}/",
        f"https://{INNER}:{web.port}/",
        f"http://[::ffff:{INNER}]:{web.port}/",
        "http://169.254.169.254/latest/meta-data/",
        f"http://localhost:{web.port}/",
    ):
        report = await visit(url, browsers)
        if "localhost" in url:  # which may be 127.0.0.1, and that is open in these tests
            continue
        assert (report.status, report.error) == ("failed", ADDRESS_DENIED), url


async def test_a_page_that_sends_itself_into_the_inner_network_is_stopped(
    web: PageServer, browsers: BrowserPool, victim: Victim
) -> None:
    def leaves(report: Report) -> bool:
        return any(INNER in asset.url for asset in report.assets)

    for leaving in (
        html(f"<meta http-equiv=refresh content='0;url=http://{INNER}:{web.port}/'>"),
        html(f"<script>location = 'http://{INNER}:{web.port}/'</script>"),
        redirect(f"http://{INNER}:{web.port}/"),
    ):
        web.site["/"] = leaving
        report = await visit(web.url(), browsers, until=leaves)
        assert (report.status, report.error) == ("failed", ADDRESS_DENIED)


async def test_a_name_server_that_changes_its_answer_achieves_nothing(
    web: PageServer, browsers: BrowserPool, victim: Victim, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    def look_up(host: str, port: int, family: int) -> Sequence[tuple[Any, ...]]:
        nonlocal asked
        asked += 1
        return [(2, 1, 6, "", ("127.0.0.1" if asked == 1 else INNER, port))]

    web.site["/"] = Page(
        html(
            "<script>const again = path => fetch(path).catch(() => 0);"
            "again('/1').then(() => again('/2')).then(() => again('/3'))</script>"
        ).body,
        headers={"Connection": "close"},
    )
    resolver = Resolver(browsers.gate, look_up)
    monkeypatch.setattr(browsers, "resolver", resolver)
    url = f"http://rebind.example:{web.port}/"
    report = await visit(url, browsers, until=ended("/1", "/2", "/3"))
    await resolver.close()
    assert report.status == "weighed"
    assert web.requests[0].headers["host"] == f"rebind.example:{web.port}"


async def test_no_packet_leaves_by_another_way(web: PageServer, browsers: BrowserPool) -> None:
    class Ear(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.heard: list[bytes] = []

        def datagram_received(self, data: bytes, addr: Any) -> None:
            self.heard.append(data)

    loop = asyncio.get_running_loop()
    transport, ear = await loop.create_datagram_endpoint(Ear, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    web.site["/"] = html(
        f"""<script>
        const peer = new RTCPeerConnection({{iceServers: [
            {{urls: 'stun:127.0.0.1:{port}'}},
            {{urls: 'turn:127.0.0.1:{port}', username: 'u', credential: 'p'}}]}});
        const gathered = new Promise(done => {{
            peer.onicegatheringstatechange = () => peer.iceGatheringState == 'complete' && done() }});
        peer.createDataChannel('x');
        peer.createOffer().then(offer => peer.setLocalDescription(offer));
        const opened = async () => await new WebTransport('https://127.0.0.1:{port}/').ready;
        Promise.allSettled([gathered, opened()]).then(() => fetch('/tried'));
        </script>"""
    )
    web.site["/tried"] = Page(b"tried", "text/plain")
    report = await visit(web.url(), browsers, until=ended("/tried"))
    transport.close()
    assert report.status == "weighed"
    assert ear.heard == []
