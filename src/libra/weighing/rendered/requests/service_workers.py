"""Records the requests of a page's service workers, for themselves and on the page's behalf.

Service workers are targets of their own, so the page's session does not report their requests.
Playwright reports them, and the workers' own resource timing knows the sizes. A response *from* a
service worker did not cross the network, so the worker's own request counts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from libra.weighing.rendered.requests.logged_request import LoggedRequest
from libra.weighing.rendered.requests.network_log import NetworkLog

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Request, Response

_SIZES = (
    "performance.getEntriesByType('resource')"
    ".slice(0, 10000).map(e => [e.name, e.encodedBodySize, e.decodedBodySize])"
)
_ASK_SECONDS = 2.0

ASKED_BYTES = 5_000_000
"""Maximum transfer size of a body that the browser is asked for only to learn its decoded size."""


class ServiceWorkers:
    """Records the requests of a context's service workers.

    Args:
        context: The page's context, before the page opens.
        recording: The log of the page.
        bodies: The sizes of bodies that the proxy saw, by URL.
    """

    def __init__(
        self, context: BrowserContext, recording: NetworkLog, bodies: Mapping[str, int]
    ) -> None:
        self._context = context
        self._recording = recording
        self._bodies = bodies
        self._entries: dict[Request, LoggedRequest] = {}
        self._answers: dict[LoggedRequest, Response] = {}
        context.on("request", self._sent)
        context.on("response", self._answered)
        context.on("requestfinished", self._finished)
        context.on("requestfailed", self._failed)

    def _sent(self, request: Request) -> None:
        worker = request.service_worker
        if worker is None or not request.url.startswith(("http://", "https://")):
            return
        type_ = request.resource_type.capitalize()
        initiator = worker.url if worker.url != request.url else None
        entry = self._recording.begin_of_worker(request.url, type_, request.method, initiator)
        if entry is not None:
            self._entries[request] = entry

    def _answered(self, response: Response) -> None:
        entry = self._entries.get(response.request)
        if entry is not None:
            self._recording.take_head(entry, response.status, response.headers)
            self._answers[entry] = response

    def _finished(self, request: Request) -> None:
        entry = self._entries.get(request)
        if entry is not None:
            size = self._size_by_head(entry)
            self._recording.end(entry, size, size)

    def _failed(self, request: Request) -> None:
        entry = self._entries.get(request)
        if entry is not None:
            self._recording.fail(entry, request.failure or "failed")

    def _size_by_head(self, entry: LoggedRequest) -> int:
        """The transfer size, as far as it is known from outside."""
        announced = entry.headers.get("content-length", "")
        if announced.isascii() and announced.isdigit():
            return int(announced[:15])
        return self._bodies.get(entry.url, 0)

    async def measure(self) -> None:
        """Learn the sizes of completed requests. Unknown sizes stay as announced.

        A worker may have ended, and the browser may have discarded a body: that costs only its own size.
        """
        from playwright.async_api import Error  # noqa: PLC0415 - an extra, and slow to import

        sizes: dict[str, tuple[int, int]] = {}
        for worker in self._context.service_workers:
            with contextlib.suppress(TimeoutError, Error):
                async with asyncio.timeout(_ASK_SECONDS):
                    sizes |= _read(await worker.evaluate(_SIZES))
        for entry, response in self._answers.items():
            if entry.pending or (entry.error is not None and (entry.status or 0) < 400):
                continue
            encoded, decoded = sizes.get(entry.url, (0, 0))
            asked = not decoded and entry.type == "Script" and entry.transfer_bytes <= ASKED_BYTES
            if asked:  # its own script is missing from its resource timing
                with contextlib.suppress(TimeoutError, Error):
                    async with asyncio.timeout(_ASK_SECONDS):
                        decoded = len(await response.body())
            transfer = encoded or entry.transfer_bytes or (0 if entry.encoding else decoded)
            self._recording.resize(entry, transfer, decoded or transfer)


def _read(found: Any) -> dict[str, tuple[int, int]]:
    """The valid rows of a worker's answer; its scripts may have changed the functions that gave it."""
    sizes: dict[str, tuple[int, int]] = {}
    for row in found if isinstance(found, list) else []:
        match row:
            case [str(url), int(encoded), int(decoded)] if encoded >= 0 and decoded >= 0:
                sizes[url] = encoded, decoded
    return sizes
