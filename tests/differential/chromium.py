"""What Chromium asks for: many pages in frames of one, through Libra's own pool of browsers.

The frames lie over one another, each as large as the window, so that each page is where a page is. The
one around them is of another origin, and no frame inherits anything from it. Each page has a path of its
own, and what is asked for below it is what it asked for.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from ipaddress import ip_network
from types import TracebackType
from typing import Self

from libra.network.addresses.gate import Gate
from libra.testing.pages import RawServer, Request
from libra.weighing.options import Limits, Options
from libra.weighing.rendered import BrowserPool, weigh_rendered
from support.in_memory import BY_SUFFIX, NOT_ASKED, Answer, Case

TOGETHER = 50
"""Pages in one."""

_GATE = Gate(allow=[ip_network("127.0.0.0/8")])
_FRAME = "position:absolute;left:0;top:0;width:1350px;height:940px;border:0"


class _Server(RawServer):
    """Answers with bytes: the same header may come several times, as a `Page` has it only once."""

    def __init__(self, answer_to: Callable[[Request], bytes]) -> None:
        super().__init__()
        self._answer_to = answer_to

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        self.requests.clear()  # nobody looks at them, and there are millions
        writer.write(self._answer_to(request))
        await writer.drain()
        return True


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
        async with AsyncExitStack() as stack:
            self._server = await stack.enter_async_context(_Server(self._answer_to))
            self._outer = await stack.enter_async_context(_Server(self._answer_to))
            await stack.enter_async_context(self._pool)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, traceback)

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
            f"<iframe style='{_FRAME}' src='{self._server.url(f'/c/{name}/')}'></iframe>"
            for name in names
        )
        self._around = f"<!doctype html><meta charset=utf-8>{frames}".encode()
        await self._show(self._outer.url("/around/"))
        return [self._sorted(name) for name in names]

    async def ask_alone(self, case: Case) -> list[str]:
        """What this asks for as a page of its own."""
        [name] = self._serve([case])
        await self._show(self._server.url(f"/c/{name}/"))
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

    def _answer_to(self, request: Request) -> bytes:
        target, port = request.path, self._server.port
        if target == "/around/":
            return _wire(Answer((("Content-Type", "text/html"),), self._around))
        if not target.startswith("/c/"):
            return _wire(Answer((), b"", 404))
        _, _, name, rest = f"{target}///".split("/", 3)
        path = "/" + rest.removesuffix("///").removesuffix("//")
        asked = path
        for mark, own in (("{B}", "127.0.0.1"), ("{X}", "localhost")):
            asked = asked.replace(f"{own}:{port}/c/{name}", mark)
        self._asked[name].add(
            ("X" if "localhost" in request.headers.get("host", "") else "") + asked
        )
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
        own, other = self._server.url(""), f"http://localhost:{self._server.port}"

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
