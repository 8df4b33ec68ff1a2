"""Follows the requests of a page's workers: dedicated ones, shared ones, and nested ones.

Each worker is a target of its own. Neither the page's session nor Playwright reports anything about
shared workers. For WebSockets of the others, Playwright reports only established connections, and the
proxy connects only after the page is known to request them. So this module listens to each worker as
soon as it starts, and holds it until then. Playwright listens, too, and may release a worker earlier, so
its first requests may be missed (`libra.weighing.rendered.proxy.asked_hosts.AskedHosts.has_workers`).
Playwright cannot use sessions that it has not created, so this module nests messages in messages
(``Target.sendMessageToTarget``).
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
    """Pass on the events of all dedicated workers that a page starts from now on.

    Args:
        session: The session of the page.
        on_event: Receives the name of a method and its parameters.
        spawn: Runs a coroutine in the background.
    """
    workers = _Workers(session, on_event, spawn)
    session.on("Target.attachedToTarget", workers.found)
    await session.send("Target.setAutoAttach", _DEDICATED)


@contextlib.asynccontextmanager
async def shared_workers(browser: Browser, on_event: OnEvent, spawn: Spawn) -> AsyncIterator[None]:
    """Pass on the events of all shared workers that start while this context manager is open."""
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
                await session.detach()  # otherwise it would hold the workers of the next page


class _Workers:
    """Talks to workers through one session. For the arguments see `hear_workers`."""

    def __init__(self, session: CDPSession, on_event: OnEvent, spawn: Spawn) -> None:
        self._session = session
        self._on_event = on_event
        self._spawn = spawn
        self._known: set[str] = set()
        self._ids = count(1)
        session.on("Target.receivedMessageFromTarget", lambda event: self._heard((), event))

    def found(self, event: Event) -> None:
        """Handle the start of a dedicated worker."""
        self._spawn(self._open((event["sessionId"],)))

    def found_shared(self, event: Event) -> None:
        """Handle the start of a shared worker, or a new session to it."""
        target = event["targetInfo"]["targetId"]
        if target not in self._known:
            self._known.add(target)
            self._on_event("Target.targetCreated", event)
            self._spawn(self._open_shared(target, event["sessionId"]))

    async def _open_shared(self, target: str, held: str) -> None:
        """Open a second session, because the browser's automatic ones cannot send to workers."""
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
