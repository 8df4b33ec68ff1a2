"""Has one browser weigh twenty kinds of pages where every packet is seen, and prints what it saw.

    unshare --net python -m support.quiet CHROMIUM

It runs in a network namespace of its own, in which there is nobody: a loopback, and an interface that
leads nowhere and swallows what is sent. What it prints is an object: how each kind of page was weighed;
what packets there were apart from those between the browser, its proxy and the pages' server; what the
browser wanted by itself; the names that the proxy was to connect to and that no page had asked for; and
the names that it resolved.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Any, Self

from libra.network.addresses.gate import Gate
from libra.testing.pages import Page, PageServer, Request, html, image, script
from libra.weighing.rendered import BrowserPool
from libra.weighing.rendered import visit as page
from libra.weighing.rendered.browsers.flags import NOWHERE as ERRANDS
from libra.weighing.rendered.proxy import asked_hosts as asked
from libra.weighing.rendered.proxy.server import Proxy
from support.visits import ended, visit

OTHER = "other.test"
NOWHERE = int(ERRANDS.rpartition(":")[2])
_WINDOW = 65_535
_IPV4, _IPV6 = 0x0800, 0x86DD
_TCP, _UDP, _ICMP6 = 6, 17, 58


def _form(kind: str) -> Page:
    fields = "".join(
        f"<input name={name} autocomplete={name}>"
        for name in ("email", "name", "street-address", "tel", "cc-number", "cc-csc", "username")
    )
    return html(f"<form action=/{kind} method=post>{fields}<input type=password name=p></form>")


def _tries(code: str) -> Page:
    """A page that tries something that may fail, and says when it has."""
    return html(
        "<button>x</button><script>(async () => { try {" + code + "} catch (e) {} })()"
        ".finally(() => fetch('/tried'))</script>"
    )


_SOON = "const soon = p => Promise.race([p, new Promise(r => setTimeout(r, 200))]);"
_PEER = (
    "const p = new RTCPeerConnection({iceServers: [{urls: 'stun:stun.other.test:3478'},"
    " {urls: 'turn:turn.other.test:3478?transport=tcp', username: 'u', credential: 'p'}]});"
    "p.createDataChannel('x'); await p.setLocalDescription(await p.createOffer());"
)
_REPORTS = {
    "Report-To": '{"group":"g","max_age":9999,"endpoints":[{"url":"https://reports.other.test/"}]}',
    "NEL": '{"report_to":"g","max_age":9999,"success_fraction":1.0}',
    "Reporting-Endpoints": 'default="https://reports.other.test/"',
    "Content-Security-Policy-Report-Only": "img-src 'none'; report-to g",
}
_SHARED = (
    "onconnect = async e => { await fetch('http://shared.test/f', {mode: 'no-cors'});"
    "new WebSocket('ws://shared-socket.test/').onerror = () => e.ports[0].postMessage(1) }"
)
_RULES = (
    '<script type=speculationrules>{"prefetch":[{"source":"list","urls":["/a","http://other.test/b"],'
    '"eagerness":"immediate"}],"prerender":[{"source":"list","urls":["/c"],"eagerness":"immediate"}]}'
    "</script>"
)

KINDS: dict[str, Page] = {
    "plain": html("<p>A page.<img src=/i.png>"),
    "form": _form("form"),
    "form in a frame": html(f"<iframe src=http://{OTHER}/form></iframe>"),
    "foreign words": Page(
        b"<!doctype html><html lang=fr><textarea autofocus spellcheck=true>Ceci n'est pas</textarea>"
        b"<p>Le renard brun et rapide saute par-dessus le chien paresseux de la ferme.",
        "text/html; charset=utf-8",
    ),
    "WebRTC": _tries(_PEER + "await new Promise(r => setTimeout(r, 300));"),
    "WebRTC with names": _tries(
        _PEER
        + "const q = new RTCPeerConnection(); await q.setRemoteDescription(p.localDescription);"
        "await q.setLocalDescription(await q.createAnswer()); await p.setRemoteDescription("
        "q.localDescription); for (const n of ['4ce5ae34-1111-4c3f-9e12-000000000001.local',"
        " 'candidate.other.test', '10.9.8.1', '224.0.0.251'])"
        " await p.addIceCandidate({candidate: `candidate:1 1 udp 2113937151 ${n} 5353 typ host`,"
        " sdpMid: '0'}).catch(() => 0); await new Promise(r => setTimeout(r, 300));"
    ),
    "WebTransport": _tries(_SOON + "await soon(new WebTransport('https://10.9.8.1:4433/').ready)"),
    "WebSockets": _tries(
        f"await new Promise(r => new WebSocket('ws://{OTHER}/s').onerror = r);"
        "await new Promise(r => new EventSource('/e').onerror = r)"
    ),
    "workers": _tries(
        "const w = new Worker(URL.createObjectURL(new Blob(["
        "`fetch('http://worker.test/w', {mode: 'no-cors'}).then(() =>"
        "new WebSocket('ws://socket.test/').onerror = () => postMessage(1))`])));"
        "await new Promise(r => w.onmessage = r)"
    ),
    "shared workers": _tries(
        "const w = new SharedWorker('/shared.js'); await new Promise(r => w.port.onmessage = r)"
    ),
    "service workers": _tries(
        _SOON + "const r = await navigator.serviceWorker.register('/sw.js');"
        "await soon(navigator.serviceWorker.ready); await soon(r.pushManager.subscribe("
        "{userVisibleOnly: true, applicationServerKey: new Uint8Array(65).fill(4)}));"
        "await soon(r.backgroundFetch?.fetch('x', ['/i.png']))"
    ),
    "where one is": _tries(
        _SOON + "await soon(new Promise(r => navigator.geolocation.getCurrentPosition(r, r)));"
        "await soon(Notification.requestPermission())"
    ),
    "speech": _tries(
        _SOON + "speechSynthesis.speak(new SpeechSynthesisUtterance('hello'));"
        "const r = new webkitSpeechRecognition(); r.start();"
        "await soon(new Promise(f => r.onerror = f))"
    ),
    "payment": _tries(
        _SOON + "const r = new PaymentRequest([{supportedMethods: 'https://pay.other.test/pay'},"
        "{supportedMethods: 'https://pay2.other.test/pay', data: {}}],"
        "{total: {label: 'x', amount: {currency: 'EUR', value: '1'}}});"
        "await soon(r.canMakePayment()); await soon(r.hasEnrolledInstrument?.())"
    ),
    "credentials": _tries(
        _SOON + "await soon(navigator.credentials.get({password: true, mediation: 'silent'}));"
        "await soon(navigator.credentials.create({publicKey: {challenge: new Uint8Array(16),"
        " rp: {name: 'x'}, user: {id: new Uint8Array(16), name: 'x', displayName: 'x'},"
        " pubKeyCredParams: [{type: 'public-key', alg: -7}]}}))"
    ),
    "protected media": _tries(
        _SOON
        + "for (const k of ['com.widevine.alpha', 'com.microsoft.playready', 'org.w3.clearkey'])"
        " await soon(navigator.requestMediaKeySystemAccess(k, [{initDataTypes: ['cenc'],"
        " videoCapabilities: [{contentType: 'video/mp4; codecs=\"avc1.42E01E\"'}]}]).catch(() => 0));"
    ),
    "models": _tries(
        _SOON + "for (const make of [() => LanguageModel.create(), () => Summarizer.create(),"
        " () => Translator.create({sourceLanguage: 'en', targetLanguage: 'fr'}),"
        " () => LanguageDetector.create()]) { try { await soon(make()) } catch (e) {} }"
    ),
    "screens": _tries(
        _SOON + "const r = new PresentationRequest('https://cast.other.test/');"
        "await soon(r.getAvailability()); await soon(r.start().catch(() => 0));"
        "document.querySelector('button').remoteplayback"
    ),
    "advertising": _tries(
        _SOON
        + "await soon(document.browsingTopics?.()); await soon(document.requestStorageAccess?.());"
        "await soon(navigator.joinAdInterestGroup?.({owner: location.origin, name: 'x'}, 60));"
        "await soon(document.hasPrivateToken?.('https://issuer.other.test'))"
    ),
    "hints": html(
        "<link rel=preconnect href=https://preconnect.test><link rel=dns-prefetch href=//dns.test>"
        "<link rel=prefetch href=/prefetched>" + _RULES + "<a href=/x ping=/ping>x</a>"
    ),
    "reports": Page(html("<img src=/i.png>").body, "text/html", headers=_REPORTS),
    "a file": Page(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", "application/pdf"),
}


@dataclass(frozen=True, slots=True)
class Packet:
    """Where a packet comes from and goes to, and of which protocol it is."""

    wire: str
    protocol: int
    source: str
    source_port: int
    target: str
    target_port: int


class Ear(threading.Thread):
    """Notes every packet of the namespace."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64_000_000)
        self.packets: set[Packet] = set()
        self.start()

    def run(self) -> None:
        while True:
            data, (wire, protocol, *_) = self._socket.recvfrom(_WINDOW)
            if (packet := _parse(wire, protocol, data[14:])) is not None:
                self.packets.add(packet)


def _parse(wire: str, protocol: int, data: bytes) -> Packet | None:
    if protocol == _IPV4:
        kind, rest = data[9], data[(data[0] & 15) * 4 :]
        source, target = socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])
    elif protocol == _IPV6:
        kind, rest = data[6], data[40:]
        source = socket.inet_ntop(socket.AF_INET6, data[8:24])
        target = socket.inet_ntop(socket.AF_INET6, data[24:40])
    else:
        return Packet(wire, -protocol, "", 0, "", 0)
    ports = struct.unpack("!HH", rest[:4]) if kind in {_TCP, _UDP} and len(rest) >= 4 else (0, 0)
    if kind in {0, _ICMP6} and wire != "lo":
        return None  # the kernel says hello on a new interface: neighbours, multicast groups
    return Packet(wire, kind, source, ports[0], target, ports[1])


class Heard(Proxy):
    """A proxy whose port is known, also afterwards."""

    ports: set[int] = set()  # noqa: RUF012 - of all of them

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.ports.add(int(self.address.rpartition(":")[2]))
        return self


class Told(asked.AskedHosts):
    """Notes for which kind of page a host was refused."""

    by_kind: dict[str, set[str]] = {}  # noqa: RUF012 - likewise
    kind = ""

    def __init__(self) -> None:
        super().__init__()
        self.refused = self.by_kind.setdefault(self.kind, set())


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _build() -> None:
    """A loopback, and a way out that leads nowhere."""
    _ip("link", "set", "lo", "up")
    _ip("link", "add", "wire", "type", "veth", "peer", "name", "end")
    _ip("link", "set", "end", "up")
    _ip("addr", "add", "10.9.8.7/24", "dev", "wire")
    _ip("link", "set", "wire", "up", "multicast", "on")
    for router in ("10.9.8.1", "2001:db8::1"):
        _ip(
            "neigh", "add", router, "lladdr", "02:00:00:00:00:01", "dev", "wire", "nud", "permanent"
        )
    _ip("route", "add", "default", "via", "10.9.8.1", "dev", "wire")
    _ip("-6", "addr", "add", "2001:db8::7/64", "dev", "wire", "nodad")
    _ip("-6", "route", "add", "default", "via", "2001:db8::1", "dev", "wire")


def _at(port: int, content: Page) -> Page:
    """A page that names the port of the one server that there is."""
    body = content.body.replace(b".test/", b".test:%d/" % port)
    return replace(content, body=body)


async def _weigh(chromium: str) -> dict[str, Any]:
    resolved: set[str] = set()

    def look_up(host: str, port: int, family: int) -> Sequence[tuple[Any, ...]]:
        resolved.add(host)
        return [(2, 1, 6, "", ("127.0.0.1", web.port))]

    def anything(request: Request) -> Page:
        return Page(b"x", "text/plain")

    page.QUIET_SECONDS = 0.2
    page.AskedHosts = Told  # type: ignore[attr-defined]
    page.Proxy = Heard  # type: ignore[attr-defined]
    ear, statuses = Ear(), {}
    gate = Gate(allow=[ip_network("127.0.0.1/32")])
    async with PageServer(fallback=anything) as web:
        web.site |= {
            "/i.png": image(100),
            "/form": _form("form"),
            "/sw.js": script("onfetch = () => 0; onpush = () => 0"),
            "/shared.js": _at(web.port, script(_SHARED)),
        }
        async with BrowserPool(executable=chromium, size=1, gate=gate, look_up=look_up) as browsers:
            processes = set()
            for at, (kind, content) in enumerate(KINDS.items()):
                Told.kind = kind
                web.site[f"/kind/{at}"] = _at(web.port, content)
                until = ended("/tried") if b"/tried" in content.body else None
                report = await visit(web.url(f"/kind/{at}"), browsers, until=until)
                statuses[kind] = report.error or report.status
                processes |= set(browsers.processes)
        ports = {web.port, NOWHERE, *Heard.ports}
    odd = [
        packet
        for packet in ear.packets
        if packet.wire != "lo"
        or packet.protocol != _TCP
        or not {packet.source_port, packet.target_port} & ports
    ]
    return {
        "kinds": statuses,
        "browsers": len(processes),
        "packets": len(ear.packets),
        "odd": sorted(str(packet) for packet in odd),
        "refused": {kind: sorted(hosts) for kind, hosts in Told.by_kind.items() if hosts},
        "resolved": sorted(resolved),
    }


if __name__ == "__main__":
    _build()
    json.dump(asyncio.run(_weigh(sys.argv[1])), sys.stdout, indent=1)
