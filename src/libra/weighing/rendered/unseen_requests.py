"""The requests that a page's session does not report: those of its workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from libra.weighing.rendered.page_probe import worker_sizes
from libra.weighing.rendered.requests.network_log import NetworkLog
from libra.weighing.rendered.requests.service_workers import ASKED_BYTES

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Request


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
        log = self._log
        unseen = {entry.url: entry for entry in log.entries if entry.unseen}
        if unseen:
            sizes = await worker_sizes(session, frame)
            for url, entry in unseen.items():
                if url in sizes:
                    log.end(entry, *sizes[url])
        seen = {request.url for request in self._asked if log.has_seen(request.url)}
        for request in self._asked:
            if request.url in seen:
                continue
            response = await request.response()
            if response is None:
                continue
            transfer = max(0, (await request.sizes())["responseBodySize"])
            encoded = "content-encoding" in response.headers
            asked = encoded and 0 < transfer <= ASKED_BYTES
            resource = len(await response.body()) if asked else transfer
            log.add(
                request.url,
                request.resource_type.capitalize(),
                response.status,
                transfer,
                resource,
                response.headers,
            )

    def _is_unseen(self, request: Request) -> bool:
        url = request.url
        return url.startswith(("http://", "https://")) and not self._log.has_seen(url)
