"""What a page's workers ask for: dedicated ones, shared ones, and those that they start.

Each is a target of its own. Of shared workers neither the page's session nor Playwright tells anything;
of the WebSockets of the others Playwright tells when they are connected, and they are not connected
before it is known that the page asks for them. So each is listened to as soon as it starts. It is held
until then, unless Playwright, which listens too, lets it go before: what it does at its very start may
be missed (`libra.weighing.rendered.proxy.asked_hosts.Asked.has_workers`). Playwright cannot speak to a
session that it has not made: this goes by messages within messages (``Target.sendMessageToTarget``).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from itertools import count
from typing import TYPE_CHECKING, Any

from libra.weighing.rendered.requests.logged_request import Event

if TYPE_CHECKING:
    from playwright.async_api import Browser, CDPSession

Path = tuple[str, ...]
"""The session of a worker, and those of workers within it."""

OnEvent = Callable[[str, Event], None]
Spawn = Callable[[Coroutine[Any, Any, Any]], None]

_CLOSE_SECONDS = 5.0
_HELD = {"autoAttach": True, "waitForDebuggerOnStart": True}
_DEDICATED = {**_HELD, "flatten": False, "filter": [{"type": "worker"}]}
_SHARED = {**_HELD, "flatten": True, "filter": [{"type": "shared_worker"}]}


async def hear_workers(session: CDPSession, on_event: OnEvent, spawn: Spawn) -> None:
    """Hand on the events of all dedicated workers that a page starts from now on.

    Args:
        session: Of the page.
        on_event: Takes a method's name and its parameters.
        spawn: Runs a coroutine beside the page's own course.
    """
    workers = _Workers(session, on_event, spawn)
    session.on("Target.attachedToTarget", workers.found)
    await session.send("Target.setAutoAttach", _DEDICATED)


@contextlib.asynccontextmanager
async def shared_workers(browser: Browser, on_event: OnEvent, spawn: Spawn) -> AsyncIterator[None]:
    """The same for all shared workers that start in a browser meanwhile."""
    from playwright.async_api import Error  # noqa: PLC0415 - an extra, and slow to import

    session = await browser.new_browser_cdp_session()
    try:
        workers = _Workers(session, on_event, spawn)
        session.on("Target.attachedToTarget", workers.found_shared)
        await session.send("Target.setAutoAttach", _SHARED)
        yield
    finally:
        with contextlib.suppress(Error, TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await session.detach()  # else it would hold those of the next page


class _Workers:
    """Speaks to workers through one session. For the arguments see `hear_workers`."""

    def __init__(self, session: CDPSession, on_event: OnEvent, spawn: Spawn) -> None:
        self._session = session
        self._on_event = on_event
        self._spawn = spawn
        self._known: set[str] = set()
        self._ids = count(1)
        session.on("Target.receivedMessageFromTarget", lambda event: self._heard((), event))

    def found(self, event: Event) -> None:
        """A dedicated worker starts."""
        self._spawn(self._open((event["sessionId"],)))

    def found_shared(self, event: Event) -> None:
        """A shared worker starts, or it is spoken to."""
        target = event["targetInfo"]["targetId"]
        if target not in self._known:
            self._known.add(target)
            self._on_event("Target.targetCreated", event)
            self._spawn(self._open_shared(target, event["sessionId"]))

    async def _open_shared(self, target: str, held: str) -> None:
        """A browser's session gives only such of workers as cannot be spoken to: ask for another."""
        from playwright.async_api import Error  # noqa: PLC0415 - an extra, and slow to import

        try:
            wish = {"targetId": target, "flatten": False}
            answer = await self._session.send("Target.attachToTarget", wish)
            await self._open((answer["sessionId"],))
        finally:
            with contextlib.suppress(Error):
                await self._session.send("Target.detachFromTarget", {"sessionId": held})

    async def _open(self, path: Path) -> None:
        await self._tell(path, "Network.enable", {})
        await self._tell(path, "Target.setAutoAttach", _DEDICATED)
        await self._tell(path, "Runtime.runIfWaitingForDebugger", {})

    async def _tell(self, path: Path, method: str, parameters: dict[str, Any]) -> None:
        for session in reversed(path):
            message = {"id": next(self._ids), "method": method, "params": parameters}
            method = "Target.sendMessageToTarget"
            parameters = {"sessionId": session, "message": json.dumps(message)}
        await self._session.send(method, parameters)

    def _heard(self, path: Path, event: Event) -> None:
        inner, message = (*path, event["sessionId"]), json.loads(event["message"])
        match message.get("method"):
            case "Target.receivedMessageFromTarget":
                self._heard(inner, message["params"])
            case "Target.attachedToTarget":
                self._spawn(self._open((*inner, message["params"]["sessionId"])))
            case str(method):
                self._on_event(method, message["params"])
