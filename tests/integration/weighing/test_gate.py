"""No page, name, redirect or notation brings the fetcher to an address that the gate denies.

In these tests the web is 127.0.0.1, which the gate opens, and the rest of 127.0.0.0/8 is the inner
network. A victim listens there on the port of the web server: nothing may ever connect to it.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from ipaddress import ip_network
from typing import Any

import pytest

from libra.network.addresses.gate import ADDRESS_DENIED, PORTS, Gate
from libra.report import Report
from libra.testing.pages import Page, PageServer, Request, css, html, image, redirect
from libra.weighing import Fetcher, InvalidURL, Options, parse_url, weigh_once
from support.ports import refusing_port

WEB = "127.0.0.1"
INNER = "127.0.0.66"

GATE = Gate(allow=[ip_network(f"{WEB}/32")])


class Victim:
    """Listens in the inner network and counts who comes."""

    def __init__(self) -> None:
        self.visits = 0

    async def visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        writer.close()


@pytest.fixture
async def web() -> AsyncIterator[PageServer]:
    async with PageServer() as server:
        yield server


@pytest.fixture(autouse=True)
async def victim(web: PageServer) -> AsyncIterator[Victim]:
    """Watches over each test: whatever it does, nobody reaches the inner network."""
    victim = Victim()
    async with await asyncio.start_server(victim.visit, INNER, web.port):
        yield victim
    assert victim.visits == 0


def names(answers: Callable[[str], Sequence[str]]) -> Callable[..., Sequence[tuple[Any, ...]]]:
    """A resolver of the test's own."""

    def look_up(host: str, port: int, family: int) -> Sequence[tuple[Any, ...]]:
        found = answers(host)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            if ":" not in address
            else (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            for address in found
        ]

    return look_up


async def weigh(
    url: str,
    *,
    gate: Gate = GATE,
    answers: Callable[[str], Sequence[str]] | None = None,
    options: Options | None = None,
) -> Report:
    look_up = names(answers) if answers is not None else None
    async with Fetcher(gate=gate, look_up=look_up) as fetcher:
        return await weigh_once(url, options, fetcher=fetcher)


async def test_an_open_address_is_fetched(web: PageServer) -> None:
    web.site["/"] = html("<p>hello")
    report = await weigh(web.url())
    assert report.status == "weighed"


async def test_a_page_in_the_inner_network_fails_with_the_reason(web: PageServer) -> None:
    report = await weigh(f"http://{INNER}:{web.port}/")
    assert (report.status, report.error) == ("failed", ADDRESS_DENIED)
    assert report.assets[0].status == "skipped"
    assert report.total.requests == 0


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.66",
        "127.66",
        "2130706498",
        "0x7f000042",
        "0x7f.0.0x42",
        "0177.0.0.0102",
        "0177.66",
        "127.0.0.66.",
        "127.0.0.66..",
        "１２７.０.０.６６",
        "①②⑦.⓪.⓪.⑥⑥",
        "127。0。0。66",
        "%31%32%37.0.0.66",
        "[::ffff:127.0.0.66]",
        "[::ffff:7f00:42]",
        "[0:0:0:0:0:ffff:7f00:0042]",
        "[::127.0.0.66]",
        "[64:ff9b::127.0.0.66]",
        "[2002:7f00:42::]",
        "[fe80::1%25lo]",
        "[::1%25lo]",
        "user@127.0.0.66",
        "user:secret@127.0.0.66",
        "127.0.0.1@127.0.0.66",
        "127.0.0.66\\@127.0.0.66",
        "127.0.\t0.66",
        "127.0.0.66\n",
        "127.0.0.66%00.example.com",
        "127.0.0.66\0.example.com",
        "[127.0.0.66]",
        "localhost",
        "LOCALHOST.",
        "metadata.google.internal",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "0",
        "0.0.0.0",
        "[::]",
    ],
)
async def test_no_notation_of_a_host_passes(web: PageServer, host: str) -> None:
    try:
        url = parse_url(f"http://{host}:{web.port}/")
    except InvalidURL:
        return
    report = await weigh(url, gate=Gate(ports=PORTS | {web.port}))
    assert report.status == "failed"
    assert (report.error or "").startswith(("denied: ", "dns: ", "bad-url: "))
    assert web.requests == []


async def test_what_the_parser_and_the_connection_understand_is_the_same(web: PageServer) -> None:
    r"""``http://A\@B/`` is A to browsers and B to other parsers: here it is A throughout."""
    web.site["/@127.0.0.66/"] = html("<p>hello")
    report = await weigh(f"http://{WEB}:{web.port}\\@{INNER}/")
    assert report.status == "weighed"
    assert web.paths()[0] == "/@127.0.0.66/"


async def test_a_name_of_an_inner_address_is_denied(web: PageServer) -> None:
    inner = {
        "a.example": ["127.0.0.66"],
        "b.example": ["::1"],
        "c.example": ["10.0.0.1", "fd00::1"],
        "d.example": ["::ffff:127.0.0.66"],
    }
    for name in inner:
        report = await weigh(f"http://{name}:{web.port}/", answers=inner.__getitem__)
        assert report.error == ADDRESS_DENIED


async def test_of_a_name_with_open_and_inner_addresses_an_open_one_is_used(
    web: PageServer,
) -> None:
    web.site["/"] = html("<p>hello")
    answers = [INNER, "::1", WEB, "10.0.0.1"]
    report = await weigh(f"http://mixed.example:{web.port}/", answers=lambda _: answers)
    assert report.status == "weighed"


async def test_an_inner_address_is_no_refuge_when_the_open_one_refuses(
    web: PageServer, unused_port: int
) -> None:
    async with await asyncio.start_server(lambda _, writer: writer.close(), INNER, unused_port):
        report = await weigh(f"http://mixed.example:{unused_port}/", answers=lambda _: [WEB, INNER])
    assert report.error == f"refused: nothing listens at {WEB}:{unused_port}"


async def test_a_name_server_that_changes_its_answer_achieves_nothing(web: PageServer) -> None:
    turns = itertools.cycle([[WEB], [INNER]])
    asked: list[str] = []

    def rebind(host: str) -> Sequence[str]:
        asked.append(host)
        return next(turns)

    images = "".join(f"<img src=http://n{n}.example:{web.port}/i.png>" for n in range(12))
    web.site["/"] = html(images)
    web.site["/i.png"] = image()
    report = await weigh(f"http://page.example:{web.port}/", answers=rebind)
    ends = {asset.url: asset.error for asset in report.assets if "//n" in asset.url}
    assert len(ends) == 12
    assert set(ends.values()) == {None, ADDRESS_DENIED}
    assert len(asked) == len(set(asked)), "each name is resolved once"


async def test_an_answer_that_was_judged_is_what_is_connected_to(web: PageServer) -> None:
    """The name turns to the inner network right after its first answer; the first one holds."""
    web.site["/"] = html("<img src=/a.png><img src=/b.png>")
    answers = iter([[WEB]])
    report = await weigh(
        f"http://page.example:{web.port}/", answers=lambda _: next(answers, [INNER])
    )
    assert web.paths() == ["/", "/a.png", "/b.png", "/favicon.ico"]
    assert report.status == "weighed"


async def test_a_connection_whose_far_end_is_denied_carries_no_request(web: PageServer) -> None:
    class Fickle(Gate):
        """Allows the address twice, as resolved and as connected to, and then no more."""

        __slots__ = ("asked",)

        def __call__(self, address: str, port: int) -> str | None:
            self.asked = getattr(self, "asked", 0) + 1
            return None if self.asked <= 2 else ADDRESS_DENIED

    web.site["/"] = html("<p>hello")
    report = await weigh(f"http://page.example:{web.port}/", gate=Fickle(), answers=lambda _: [WEB])
    assert report.error == ADDRESS_DENIED
    assert web.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_into_the_inner_network_is_not_followed(
    web: PageServer, status: int
) -> None:
    web.site["/"] = redirect(f"http://{INNER}:{web.port}/", status)
    report = await weigh(web.url())
    assert (report.status, report.error) == ("failed", ADDRESS_DENIED)


async def test_every_way_to_an_asset_goes_through_the_gate(web: PageServer) -> None:
    inner = f"http://{INNER}:{web.port}"
    web.site["/"] = html(
        f'<img src="{inner}/1"><img srcset="{inner}/2 1x"><iframe src="{inner}/3"></iframe>'
        f'<video poster="{inner}/4" src="{inner}/5"></video><script src="{inner}/6"></script>'
        f'<object data="{inner}/7"></object><script type=module src="{inner}/8"></script>'
        f'<p style="background: url({inner}/9)"><style>p {{ background: url({inner}/10) }}'
        f"@font-face {{ font-family: F; src: url({inner}/11) }} p {{ font-family: F }}</style>"
        f'<img src="/there">text',
        head=f'<link rel=stylesheet href="{inner}/12"><link rel=icon href="{inner}/13">'
        f'<link rel=stylesheet href="/sheet.css"><link rel=preload as=image href="{inner}/14">',
    )
    web.site["/there"] = redirect(f"{inner}/15")
    web.site["/sheet.css"] = css(f'@import "{inner}/16";')
    report = await weigh(web.url())
    denied = [asset for asset in report.assets if INNER in asset.url]
    assert len(denied) >= 14
    assert {(asset.status, asset.error) for asset in denied} == {("skipped", ADDRESS_DENIED)}
    assert report.status == "weighed"
    assert not report.complete
    assert f"{INNER}:{web.port}" not in {h for h, t in report.by_host.items() if t.requests}


async def test_open_and_closed_ports_of_the_inner_network_look_the_same(
    web: PageServer, unused_port: int
) -> None:
    closed, open_ = unused_port, web.port
    web.site["/"] = html("".join(f"<img src=http://{INNER}:{p}/x>" for p in (open_, closed)))
    report = await weigh(web.url())
    first, second = (asset for asset in report.assets if INNER in asset.url)
    assert first.error == second.error == ADDRESS_DENIED


async def test_a_proxy_in_the_environment_is_ignored(
    web: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{INNER}:{web.port}")
    web.site["/"] = html("<p>hello")
    assert (await weigh(web.url())).status == "weighed"


async def test_headers_of_the_submission_and_cookies_stay_at_their_origin(web: PageServer) -> None:
    async with PageServer() as other:
        # Ports share cookies, hosts do not.
        elsewhere = f"http://localhost:{other.port}"
        web.site["/"] = Page(
            html(
                f'<img src="/own"><img src="/away"><img src="{elsewhere}/direct">'
                f'<link rel=stylesheet href="{elsewhere}/back.css">'
            ).body,
            headers={"Set-Cookie": "session=1; Path=/"},
        )
        web.site["/away"] = redirect(f"{elsewhere}/redirected")
        other.site["/back.css"] = redirect(web.url("/returned.css"))
        options = Options(headers=(("Authorization", "Bearer secret"), ("Cookie", "a=b")))
        await weigh(web.url(), options=options)
        assert other.requests
        for request in other.requests:
            assert not {"authorization", "cookie"} & set(request.headers)
        own = {request.path: request.headers for request in web.requests}
        assert own["/own"]["authorization"] == "Bearer secret"
        assert own["/own"]["cookie"] == "a=b; session=1"


async def test_credentials_in_the_address_of_an_asset_are_never_sent(web: PageServer) -> None:
    web.site["/"] = html(f'<img src="http://user:secret@{WEB}:{web.port}/x">')
    web.site["/r"] = html("")

    def leave(_: Request) -> Page:
        return redirect(f"http://user:secret@{WEB}:{web.port}/y")

    web.site["/leave"] = leave
    await weigh(web.url())
    await weigh(web.url("/leave"))
    assert all("authorization" not in request.headers for request in web.requests)


@pytest.mark.parametrize(
    "reference",
    ["file:///etc/passwd", "ftp://127.0.0.66/", "gopher://127.0.0.66/", "data:text/css,a{}"],
)
async def test_other_schemes_are_no_addresses(web: PageServer, reference: str) -> None:
    web.site["/"] = html(f'<img src="{reference}"><iframe src="{reference}"></iframe>')
    web.site["/r"] = redirect(reference)
    report = await weigh(web.url())
    assert {asset.url for asset in report.assets} == {web.url("/"), web.url("/favicon.ico")}
    report = await weigh(web.url("/r"))
    assert report.error == "bad-redirect: it leads to a URL that cannot be fetched"


def test_what_the_system_makes_of_odd_notations_is_what_is_judged() -> None:
    """``getaddrinfo`` reads numbers and short forms that ``ipaddress`` refuses."""
    for host in ("127.1", "2130706433", "0x7f.1", "0177.0.0.1", "0"):
        for _, _, _, _, address in socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM):
            assert Gate()(str(address[0]), 80) == ADDRESS_DENIED


@pytest.fixture
def unused_port() -> Iterator[int]:
    with refusing_port() as port:
        yield port
