"""What Chromium asks for: many pages in frames of one, through Libra's own pool of browsers.

The frames lie over one another, each as large as the window, so that each page is where a page is. The
one around them is of another origin, and no frame inherits anything from it. Each page has a path of its
own, and what is asked for below it is what it asked for.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from ipaddress import ip_network
from types import TracebackType
from typing import Self

from libra.network.addresses.gate import Gate
from libra.weighing.options import Limits, Options
from libra.weighing.rendered import BrowserPool, weigh_rendered
from support.in_memory import BY_SUFFIX, NOT_ASKED, Answer, Case

TOGETHER = 50
"""Pages in one."""

_GATE = Gate(allow=[ip_network("127.0.0.0/8")])
_FRAME = "position:absolute;left:0;top:0;width:1350px;height:940px;border:0"


class Unanswered(Exception):
    """The browser crashed or hung, twice."""


class Chromium:
    """A browser to be asked. Use it as an asynchronous context manager.

    Attributes:
        shown: How many pages it was shown, each with some cases.
    """

    def __init__(self, executable: str | None = None) -> None:
        self.shown = 0
        self._cases: dict[str, Case] = {}
        self._asked: dict[str, set[str]] = defaultdict(set)
        self._rounds = 0
        self._pool = BrowserPool(executable=executable, gate=_GATE, size=1)
        self._around = b""

    async def __aenter__(self) -> Self:
        self._pool.check()
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self._outer = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self._port = _port(self._server)
        await self._pool.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._pool.__aexit__(kind, error, traceback)
        self._server.close()
        self._outer.close()

    async def ask(self, cases: Sequence[Case]) -> list[list[str]]:
        """What each of these asks for, in the company of the others.

        Raises:
            Unanswered: if the browser does not live through one of them.
        """
        try:
            return await self._ask(cases)
        except Unanswered:
            if len(cases) == 1:
                raise
            half = len(cases) // 2
            return await self.ask(cases[:half]) + await self.ask(cases[half:])

    async def _ask(self, cases: Sequence[Case]) -> list[list[str]]:
        names = self._serve(cases)
        frames = "".join(
            f"<iframe style='{_FRAME}' src='http://127.0.0.1:{self._port}/c/{name}/'></iframe>"
            for name in names
        )
        self._around = f"<!doctype html><meta charset=utf-8>{frames}".encode()
        await self._show(f"http://127.0.0.1:{_port(self._outer)}/around/")
        return [self._sorted(name) for name in names]

    async def ask_alone(self, case: Case) -> list[str]:
        """What this asks for as a page of its own."""
        [name] = self._serve([case])
        await self._show(f"http://127.0.0.1:{self._port}/c/{name}/")
        return self._sorted(name)

    def _serve(self, cases: Iterable[Case]) -> list[str]:
        # Under a new address each time: a browser may remember what it was told.
        self._rounds += 1
        self._asked.clear()
        self._cases = {f"{self._rounds}-{at}": case for at, case in enumerate(cases)}
        return list(self._cases)

    async def _show(self, url: str) -> None:
        limits = Limits(page_seconds=100, asset_seconds=100)
        report = await weigh_rendered(url, Options(method="rendered", limits=limits), self._pool)
        self.shown += 1
        if report.error is not None and "browser" in report.error:
            raise Unanswered(f"What Chromium asks for is not known: {report.error}")

    def _sorted(self, name: str) -> list[str]:
        found = {path for path in self._asked[name] if not path.endswith(NOT_ASKED)}
        return sorted(found - {"/"})

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                writer.write(self._answer_to(head))
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer_to(self, head: str) -> bytes:
        target = head.split(" ", 2)[1]
        if target == "/around/":
            return _wire(Answer((("Content-Type", "text/html"),), self._around))
        if not target.startswith("/c/"):
            return _wire(Answer((), b"", 404))
        _, _, name, rest = f"{target}///".split("/", 3)
        path = "/" + rest.removesuffix("///").removesuffix("//")
        host = next((line for line in head.lower().splitlines() if line.startswith("host:")), "")
        asked = path
        for mark, own in (("{B}", "127.0.0.1"), ("{X}", "localhost")):
            asked = asked.replace(f"{own}:{self._port}/c/{name}", mark)
        self._asked[name].add(("X" if "localhost" in host else "") + asked)
        case = self._cases.get(name)
        if case is None:
            return _wire(Answer((), b"", 404))
        plain = path.partition("?")[0]
        answer = case.site.get(path) or case.site.get(plain)
        if answer is None:
            kind, body = BY_SUFFIX.get(plain.rpartition(".")[2], ("text/plain", b""))
            answer = Answer((("Content-Type", kind),), body)
        return _wire(self._filled(answer, name))

    def _filled(self, answer: Answer, name: str) -> Answer:
        own, other = f"http://127.0.0.1:{self._port}", f"http://localhost:{self._port}"

        def fill(text: str) -> str:
            text = text.replace("{B}", f"{own}/c/{name}").replace("{X}", f"{other}/c/{name}")
            return text.replace("{O}", own)

        fields = tuple((field, fill(value)) for field, value in answer.fields)
        return Answer(fields, fill(answer.body.decode("latin-1")).encode("latin-1"), answer.status)


def _wire(answer: Answer) -> bytes:
    names = {field.lower() for field, _ in answer.fields}
    fields = list(answer.fields)
    if "access-control-allow-origin" not in names:
        fields.append(("Access-Control-Allow-Origin", "*"))
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    head = f"HTTP/1.1 {answer.status} OK\r\nContent-Length: {len(answer.body)}\r\n{lines}\r\n"
    return head.encode("latin-1") + answer.body


def _port(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])
