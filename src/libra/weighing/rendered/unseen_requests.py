"""The requests that a page's session does not report: those of its workers."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from libra.weighing.rendered.page_probe import worker_sizes
from libra.weighing.rendered.requests.network_log import NetworkLog
from libra.weighing.rendered.requests.service_workers import ASKED_BYTES

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Request, Response


class UnseenRequests:
    """The requests that Playwright has reported and the page's session has not.

    Args:
        log: Counts them at once, and records them when the page is done.
    """

    def __init__(self, log: NetworkLog) -> None:
        self._log = log
        self._asked: list[Request] = []

    def finished(self, request: Request) -> None:
        """Note a finished request; if the page's session has not reported it, a worker made it."""
        if self._is_unseen(request) and self._log.count_unseen():
            self._asked.append(request)

    def failed(self, request: Request) -> None:
        """Count a failed request, which weighs nothing."""
        if self._is_unseen(request):
            self._log.count_unseen()

    async def enter(self, session: CDPSession, frame: str) -> None:
        """Record these requests with their sizes, and set the sizes of worker scripts.

        Args:
            session: The session of the page.
            frame: Its main frame.
        """
        from playwright.async_api import Error  # noqa: PLC0415 - an extra, and slow to import

        log = self._log
        unseen = {entry.url: entry for entry in log.entries if entry.unseen}
        if unseen:
            sizes = await worker_sizes(session, frame)
            for url, entry in unseen.items():
                if url in sizes:
                    log.end(entry, *sizes[url])
        seen = {request.url for request in self._asked if log.has_seen(request.url)}
        for request in self._asked:
            if request.url not in seen:
                with contextlib.suppress(Error):  # the browser no longer knows this one
                    await self._enter(request)

    async def _enter(self, request: Request) -> None:
        response = await request.response()
        if response is None:
            return
        transfer = max(0, (await request.sizes())["responseBodySize"])
        encoded = "content-encoding" in response.headers
        asked = encoded and 0 < transfer <= ASKED_BYTES
        self._log.add(
            request.url,
            request.resource_type.capitalize(),
            response.status,
            transfer,
            await _decoded_size(response, transfer) if asked else transfer,
            response.headers,
        )

    def _is_unseen(self, request: Request) -> bool:
        url = request.url
        return url.startswith(("http://", "https://")) and not self._log.has_seen(url)


async def _decoded_size(response: Response, transfer: int) -> int:
    from playwright.async_api import Error  # noqa: PLC0415 - an extra, and slow to import

    try:
        return len(await response.body())
    except Error:  # it has no body, as that of a redirect, or the browser has discarded it
        return transfer
