"""Builds a page's requests from the browser's network events. Pure: events in, requests out.

The events are those of the Network domain of the DevTools protocol. A request has one
``requestWillBeSent`` (one more for each redirect) and ``responseReceived``. Then come ``dataReceived``
for each piece of data, and ``loadingFinished`` or ``loadingFailed``. The transfer size of a body is its
bytes on the wire (``encodedDataLength`` of the whole) without the head; the decoded size is the sum of
the decoded data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from libra.failures import http_failure
from libra.urls import without_fragment
from libra.weighing.rendered.requests.browser_errors import CANCELLED, name_of_failure
from libra.weighing.rendered.requests.initiators import initiator_of
from libra.weighing.rendered.requests.logged_request import Event, LoggedRequest
from libra.weighing.rendered.requests.request_limit import RequestLimit

_ENDLESS = frozenset({"EventSource", "WebSocket", "Media", "Ping"})
"""Types whose requests may stay open as long as the page; nothing waits for their end."""


class NetworkLog:
    """The requests of one page, from the events of its DevTools session.

    Args:
        clock: Monotonic seconds.
        limit: Maximum number of requests; the next one is not recorded and sets `full`.
        on_full: Called once, when that happens.

    Attributes:
        full: Whether there were more requests than the limit.
        entries: The requests in sending order, without ``data:`` and similar URLs and without those
            served from the browser's cache.
        changes: Grows with every event that would change a report.
        last_event: The time of the last event.
        main_frame: The frame of the page itself; its documents are the page's.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        limit: int = 10_000,
        on_full: Callable[[], None] = lambda: None,
    ) -> None:
        self.changes = 0
        self.main_frame: str | None = None
        self._clock = clock
        self.last_event = clock()
        self._limit = RequestLimit(limit, on_full)
        self._urls: set[str] = set()
        self._entries: list[LoggedRequest] = []
        self._open: dict[str, LoggedRequest] = {}
        self._of_workers: dict[str, LoggedRequest] = {}
        self._held: set[str] = set()
        self._at_rest = False
        self._foretold: dict[str, str] = {}
        self._handlers: dict[str, Callable[[Event], None]] = {
            "Network.requestWillBeSent": self._sent,
            "Network.requestServedFromCache": self._served_from_cache,
            "Network.responseReceived": self._answered,
            "Network.dataReceived": self._received,
            "Network.loadingFinished": self._finished,
            "Network.loadingFailed": self._failed,
        }

    @property
    def entries(self) -> list[LoggedRequest]:
        """See the class."""
        return [entry for entry in self._entries if not entry.cached]

    @property
    def full(self) -> bool:
        """See the class."""
        return self._limit.full

    @property
    def events(self) -> tuple[str, ...]:
        """The names of the events that `take` understands."""
        return tuple(self._handlers)

    def take(self, name: str, event: Event) -> None:
        """Process an event that is one of `events`."""
        self._handlers[name](event)
        self.last_event = self._clock()

    def in_flight(self, patience: float) -> int:
        """The number of requests to wait for: those started within this many seconds, or on hold."""
        oldest = self._clock() - patience
        return sum(
            1
            for entry in self._open.values()
            if entry.type not in _ENDLESS
            and not entry.cached
            and (entry.started > oldest or entry.request_id in self._held)
        )

    def open_entries(self) -> list[LoggedRequest]:
        """The requests that have not ended."""
        return list(self._open.values())

    def hold(self, request_id: str) -> None:
        """Mark a request as waiting for its turn; it counts as in flight for any length of time."""
        self._held.add(request_id)

    def release(self, request_id: str) -> None:
        """Mark a request as sent; its time starts now."""
        self._held.discard(request_id)
        if request_id in self._open:
            self._open[request_id].started = self._clock()

    def foretell(self, request_id: str, error: str) -> None:
        """Set the error of a request that will fail for a reason unknown to the browser."""
        self._foretold[request_id] = error

    def leave(self, loader: str) -> None:
        """Cancel the requests of the page that another page has replaced.

        Args:
            loader: The loader of the new page.
        """
        for entry in list(self._open.values()):
            if entry.loader not in ("", loader) and entry.type != "Ping":
                self.abandon(entry, CANCELLED)

    def rest(self) -> None:
        """Mark the page as done. Requests made while Libra inspects it are not recorded."""
        self._at_rest = True

    def abandon(self, entry: LoggedRequest, error: str) -> None:
        """End a request with the bytes received so far; later events about it are ignored."""
        entry.transfer_bytes = entry.arrived_bytes
        entry.error = error
        self._close(entry)

    def document(self) -> LoggedRequest | None:
        """The page's own document: the last one to which its main frame navigated.

        The previous page stays until a navigation gets a response. It also stays if the navigation was
        cancelled or became a download.
        """
        newest: LoggedRequest | None = None
        for entry in reversed(self._entries):
            if entry.main_document and not entry.cached:
                newest = newest or entry
                if not entry.undone:
                    return entry
        return newest

    def stands_still(self) -> bool:
        """Whether the main frame's last navigation failed, so that no load event follows."""
        for entry in reversed(self._entries):
            if entry.main_document and not entry.cached:
                return entry.error is not None
        return False

    def has_seen(self, url: str) -> bool:
        """Whether the session has reported a request for this URL, cached or not."""
        return without_fragment(url) in self._urls

    def count_unseen(self) -> bool:
        """Count a request that will be recorded when the page is done. Returns whether it is allowed."""
        return self._limit.take()

    def _enter(self, entry: LoggedRequest) -> None:
        self._entries.append(entry)
        self._urls.add(entry.url)

    def _mark_cached(self, entry: LoggedRequest) -> None:
        if not entry.cached:
            entry.cached = True
            self._limit.give_back()

    def end_silent_scripts(self, bodies: Mapping[str, int]) -> None:
        """End requests for scripts of shared workers, whose progress the session does not report.

        The proxy has seen their bodies. Requests of the page itself have a loader, and the session
        reports them, however late.
        """
        for entry in list(self._open.values()):
            if entry.type != "Script" or entry.loader or entry.answered:
                continue
            if entry.url in bodies:
                self.end(entry, bodies[entry.url], bodies[entry.url])

    def end_headless(self, bodies: Mapping[str, int]) -> None:
        """End received requests without a reported head; the proxy has seen their bodies."""
        for entry in [entry for entry in self._open.values() if entry.headless]:
            size = bodies.get(entry.url, entry.arrived_bytes)
            self.end(entry, size, max(size, entry.resource_bytes))

    def end_unseen(self, url: str) -> None:
        """End the request for a worker's script, whose end the session does not report."""
        for entry in list(self._open.values()):
            if entry.url == without_fragment(url) and not entry.answered:
                entry.unseen = True
                self._close(entry)

    def end(self, entry: LoggedRequest, transfer_bytes: int, resource_bytes: int) -> None:
        """End a request with sizes from another source."""
        entry.transfer_bytes = transfer_bytes
        entry.resource_bytes = resource_bytes
        entry.status = entry.status or 200
        if entry.status >= 400:
            entry.error = http_failure(entry.status)
        self._close(entry)

    def add(
        self,
        url: str,
        type_: str,
        status: int,
        transfer_bytes: int,
        resource_bytes: int,
        headers: Mapping[str, str],
    ) -> None:
        """Record a request that was seen outside the page's session, in a worker."""
        entry = LoggedRequest("", without_fragment(url), type_, "GET", self._clock())
        entry.take_head({"status": status, "headers": headers})
        self._enter(entry)
        self.end(entry, transfer_bytes, resource_bytes)

    def begin_of_worker(
        self, url: str, type_: str, method: str, initiator: str | None
    ) -> LoggedRequest | None:
        """Record a service worker's request, of which the session reports no more.

        Returns:
            The request; None once the page is done or its limit is reached.
        """
        if self._at_rest or not self._limit.take():
            return None
        at = f"worker {len(self._entries)}"
        entry = LoggedRequest(at, without_fragment(url), type_, method, self._clock())
        entry.initiator = initiator
        self._enter(entry)
        self._open[at] = self._of_workers[entry.url] = entry
        self._stir()
        return entry

    def take_head(self, entry: LoggedRequest, status: int, headers: Mapping[str, str]) -> None:
        """Record the response of a service worker's request."""
        entry.take_head({"status": status, "headers": headers})
        if entry.type == "Other" and (entry.content_type or "").endswith("javascript"):
            entry.type = "Script"  # imported scripts have no type
        self._stir()

    def resize(self, entry: LoggedRequest, transfer_bytes: int, resource_bytes: int) -> None:
        """Correct the sizes of a request that has ended."""
        entry.transfer_bytes = transfer_bytes
        entry.resource_bytes = resource_bytes
        self.changes += 1

    def fail(self, entry: LoggedRequest, reason: str) -> None:
        """End a service worker's request with the browser's reason for its failure."""
        if entry.status is not None and entry.status >= 400:
            entry.error = http_failure(entry.status)
        else:
            entry.error = CANCELLED if "ERR_ABORTED" in reason else name_of_failure(reason)
        self._close(entry)
        self._stir()

    def give_up(self, error: str | None, patience: float) -> None:
        """End every request that is still open, with the bytes received so far.

        Args:
            error: The named error; None if the page is done and these requests timed out.
            patience: The timeout in seconds.
        """
        for entry in list(self._open.values()):
            entry.transfer_bytes = entry.arrived_bytes
            if entry.type not in _ENDLESS:
                late = "the body did not end" if entry.answered else "no response"
                entry.cancelled = not entry.transfer_bytes
                entry.error = error or f"timeout: {late} within {patience:g} s"
            self._close(entry)

    # Events

    def _sent(self, event: Event) -> None:
        request, request_id = event["request"], event["requestId"]
        previous = self._open.get(request_id)
        redirect = event.get("redirectResponse")
        if previous is not None:
            if redirect is not None:
                previous.take_head(redirect)
                previous.redirected = True
                previous.resource_bytes = 0
            self._close(previous)
        url = without_fragment(request["url"])
        if self._at_rest:
            return
        if not url.startswith(("http://", "https://")):
            self._limit.note_free()
            return
        if not self._limit.take():
            return
        type_ = event.get("type", "Other")
        entry = LoggedRequest(request_id, url, type_, request.get("method", "GET"), self._clock())
        entry.initiator = initiator_of(event, previous)
        entry.loader = event.get("loaderId", "")
        entry.main_document = type_ == "Document" and (
            self.main_frame is None or event.get("frameId") == self.main_frame
        )
        self._enter(entry)
        self._open[request_id] = entry
        self.changes += 1

    def _served_from_cache(self, event: Event) -> None:
        entry = self._open.get(event["requestId"])
        if entry is not None:
            self._mark_cached(entry)
            self.changes += 1

    def _answered(self, event: Event) -> None:
        entry = self._open.get(event["requestId"])
        if entry is None:
            return
        response = event["response"]
        if response.get("fromDiskCache") or response.get("fromPrefetchCache"):
            self._mark_cached(entry)
        entry.type = event.get("type", entry.type)
        if response.get("fromServiceWorker"):
            # The service worker's own request counts instead, with the type that the page requested.
            self._mark_cached(entry)
            if (fetched := self._of_workers.get(entry.url)) is not None:
                fetched.type = entry.type
        entry.take_head(response)
        self.changes += 1

    def _received(self, event: Event) -> None:
        entry = self._open.get(event["requestId"])
        if entry is not None:
            entry.resource_bytes += max(0, event.get("dataLength", 0))
            entry.encoded_bytes += max(0, event.get("encodedDataLength", 0))
            self.changes += 1

    def _finished(self, event: Event) -> None:
        entry = self._open.get(event["requestId"])
        if entry is None:
            return
        whole = int(event.get("encodedDataLength", 0))
        headless = not entry.answered or (entry.head_bytes >= whole and entry.resource_bytes > 0)
        if headless and not entry.loader and not entry.cached:
            # For requests at a worker's start, the size of the head is missing or is the size of the
            # whole.
            entry.headless = True
            return
        # The browser stops reading an image that it cannot decode, and then the size omits the head.
        entry.transfer_bytes = max(entry.arrived_bytes, whole - entry.head_bytes)
        if entry.status is not None and entry.status >= 400:
            entry.error = http_failure(entry.status)
        self._close(entry)

    def _failed(self, event: Event) -> None:
        entry = self._open.get(event["requestId"])
        if entry is None:
            return
        entry.transfer_bytes = entry.arrived_bytes
        blocked, cors = event.get("blockedReason"), event.get("corsErrorStatus")
        if (foretold := self._foretold.pop(event["requestId"], None)) is not None:
            entry.error = foretold
        elif entry.status is not None and entry.status >= 400:
            entry.error = http_failure(entry.status)
        elif blocked:
            entry.error = f"blocked: {blocked}, by the page's rules or the browser's"
            entry.skipped = not entry.answered
        elif cors is not None:
            entry.error = "cors: the server does not let this page read it"
        elif entry.type == "Media" and entry.answered:
            entry.error = None  # a player has read enough for now
        elif event.get("canceled"):
            entry.error = CANCELLED
            entry.cancelled = True
        else:
            entry.error = name_of_failure(str(event.get("errorText", "failed")))
        self._close(entry)

    # Parts

    def _stir(self) -> None:
        """Record a change that no event reports."""
        self.changes += 1
        self.last_event = self._clock()

    def _close(self, entry: LoggedRequest) -> None:
        entry.ended = self._clock()
        self._open.pop(entry.request_id, None)
        self.changes += 1
