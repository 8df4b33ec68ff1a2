"""What happens to a page's requests before they leave the browser: headers are added, and some wait.

The browser is stopped at a request only where that is needed: for the headers that a submission brings
along, for a pause between two requests, and once a server has asked to be left alone. Ordinary pages are
loaded without anybody in between.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from libra.network.politeness import Politeness, busy, retry_after
from libra.urls import origin_of
from libra.weighing.options import Options
from libra.weighing.rendered.requests.logged_request import Event
from libra.weighing.rendered.requests.network_log import NetworkLog

if TYPE_CHECKING:
    from playwright.async_api import CDPSession

Spawn = Callable[[Coroutine[Any, Any, Any]], None]


class Interceptor:
    """Stands between one page and the network, by the Fetch domain of the DevTools protocol.

    Args:
        session: Of the page.
        url: The page; the submission's headers go to its origin only and not along redirects.
        options: Of the page.
        recording: Is told which requests wait, and which were not let go and why.
        politeness: When which server may be asked; shared by all pages.
        until: The loop's time at which the page's deadline passes.
        spawn: Runs a coroutine beside the page's own course.
    """

    def __init__(
        self,
        session: CDPSession,
        url: str,
        options: Options,
        *,
        recording: NetworkLog,
        politeness: Politeness,
        until: float,
        spawn: Spawn,
    ) -> None:
        self._session = session
        self._origin = origin_of(url)
        self._options = options
        self._recording = recording
        self._politeness = politeness
        self._until = until
        self._spawn = spawn
        # The browser shows all requests at once; they leave in their order, one after the other.
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def start(self) -> None:
        """Stop requests from now on, where there is a reason to."""
        self._session.on("Fetch.requestPaused", lambda event: self._spawn(self._let_go(event)))
        self._session.on("Network.responseReceived", self._look)
        if not self._politeness.at_ease:
            await self._enable("*")
        elif self._options.headers:
            await self._enable(f"{self._origin}/*")

    async def _enable(self, pattern: str) -> None:
        which = {"urlPattern": pattern, "requestStage": "Request"}
        await self._session.send("Fetch.enable", {"patterns": [which]})

    def _look(self, event: Event) -> None:
        """Notice that a server asks to be left alone."""
        response = event["response"]
        headers = {name.lower(): value for name, value in response.get("headers", {}).items()}
        seconds = retry_after(response.get("status", 0), headers.get("retry-after"))
        if seconds is None:
            return
        now = asyncio.get_running_loop().time()
        self._politeness.leave_alone(origin_of(response["url"]), seconds, now)
        self._spawn(self._enable("*"))

    async def _let_go(self, event: Event) -> None:
        url, order = event["request"]["url"], {"requestId": event["requestId"]}
        if url.startswith(("http://", "https://")) and not self._politeness.at_ease:
            error = await self._wait(origin_of(url), event.get("networkId", ""))
            if error is not None:
                await self._session.send("Fetch.failRequest", {**order, "errorReason": "Aborted"})
                return
        if self._options.headers and url.startswith(f"{self._origin}/"):
            order["headers"] = self._headers(event)
        await self._session.send("Fetch.continueRequest", order)

    async def _wait(self, origin: str, network_id: str) -> str | None:
        """Until a server may be asked. Returns why it is not asked if that is too far off."""
        recording, loop = self._recording, asyncio.get_running_loop()
        recording.hold(network_id)
        try:
            async with self._turns[origin]:
                now = loop.time()
                pause = self._politeness.pause(origin, now)
                if now + pause > min(now + self._options.limits.asset_seconds, self._until):
                    error = busy(pause)
                    recording.foretell(network_id, error)
                    return error
                await asyncio.sleep(pause)
        finally:
            recording.release(network_id)
        return None

    def _headers(self, event: Event) -> list[dict[str, str]]:
        added = self._options.headers
        own = {name.lower() for name, _ in added}
        headers = [
            {"name": name, "value": value}
            for name, value in event["request"]["headers"].items()
            if name.lower() not in own
        ]
        return [*headers, *({"name": name, "value": value} for name, value in added)]
