"""What a browser says it fetched: the requests of a page. Pure: events in, requests out.

The events are those of the Network domain of the DevTools protocol. A request's life is one
``requestWillBeSent`` (one more for each redirect), ``responseReceived``, ``dataReceived`` as often as
data comes, and ``loadingFinished`` or ``loadingFailed``. The transfer size of a body is what arrived on
the wire (``encodedDataLength`` of the whole) without the head; the resource size is the sum of the
decoded data.
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
"""Types whose requests may stay open for as long as the page does: nothing waits for their end."""


class NetworkLog:
    """The requests of one page, from the events of its DevTools session.

    Args:
        clock: Monotonic seconds.
        limit: How many requests it takes; the next is not entered, and what it is of is `full`.
        on_full: Called once at that moment.

    Attributes:
        full: Whether there were more requests than it takes.
        entries: In the order in which they were sent, without ``data:`` and the like and without what
            came from the browser's cache.
        changes: Grows with every event that changes what a report would say.
        last_event: When the last event came.
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
        """Note an event; what is not understood is ignored."""
        self._handlers[name](event)
        self.last_event = self._clock()

    def in_flight(self, patience: float) -> int:
        """How many requests must still be waited for, those not older than so many seconds."""
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
        """A request waits for its turn: it is waited for, however long that takes."""
        self._held.add(request_id)

    def release(self, request_id: str) -> None:
        """It is on its way; its time begins."""
        self._held.discard(request_id)
        if request_id in self._open:
            self._open[request_id].started = self._clock()

    def foretell(self, request_id: str, error: str) -> None:
        """Why a request is about to fail, which the browser cannot know."""
        self._foretold[request_id] = error

    def leave(self, loader: str) -> None:
        """Another page has taken the place of what was there: what that asked for comes to nothing.

        Args:
            loader: Of the page that is there now.
        """
        for entry in list(self._open.values()):
            if entry.loader not in ("", loader) and entry.type != "Ping":
                self.abandon(entry, CANCELLED)

    def rest(self) -> None:
        """The page is done. What it asks for from now on, while it is looked at, is not waited for."""
        self._at_rest = True

    def abandon(self, entry: LoggedRequest, error: str) -> None:
        """End a request with what has arrived; what the browser says of it from now on is ignored."""
        entry.transfer_bytes = entry.arrived_bytes
        entry.error = error
        self._close(entry)

    def document(self) -> LoggedRequest | None:
        """The page's own document: the last that its main frame navigated to.

        As long as nothing has come of a navigation, or if it was called off or became a download, the
        page that it started from is still there.
        """
        newest: LoggedRequest | None = None
        for entry in reversed(self._entries):
            if entry.main_document and not entry.cached:
                newest = newest or entry
                if not entry.undone:
                    return entry
        return newest

    def stands_still(self) -> bool:
        """Whether its main frame last broke off: it will not say that it is loaded."""
        for entry in reversed(self._entries):
            if entry.main_document and not entry.cached:
                return entry.error is not None
        return False

    def has_seen(self, url: str) -> bool:
        """Whether the session has told of a request for this, from the cache or not."""
        return without_fragment(url) in self._urls

    def count_unseen(self) -> bool:
        """Count a request that will be entered when the page is done. Returns whether it may be."""
        return self._limit.take()

    def _enter(self, entry: LoggedRequest) -> None:
        self._entries.append(entry)
        self._urls.add(entry.url)

    def _mark_cached(self, entry: LoggedRequest) -> None:
        if not entry.cached:
            entry.cached = True
            self._limit.give_back()

    def end_silent_scripts(self, bodies: Mapping[str, int]) -> None:
        """Of the script of a shared worker the session hears nothing; the proxy has seen its body.

        What the page itself loads has a loader, and is told of, however late.
        """
        for entry in list(self._open.values()):
            if entry.type != "Script" or entry.loader or entry.answered:
                continue
            if entry.url in bodies:
                self.end(entry, bodies[entry.url], bodies[entry.url])

    def end_headless(self, bodies: Mapping[str, int]) -> None:
        """What has come, and whose head nobody was told of: the proxy has seen the body of it."""
        for entry in [entry for entry in self._open.values() if entry.headless]:
            size = bodies.get(entry.url, entry.arrived_bytes)
            self.end(entry, size, max(size, entry.resource_bytes))

    def end_unseen(self, url: str) -> None:
        """The script of a worker has arrived; the session does not see its end."""
        for entry in list(self._open.values()):
            if entry.url == without_fragment(url) and not entry.answered:
                entry.unseen = True
                self._close(entry)

    def end(self, entry: LoggedRequest, transfer_bytes: int, resource_bytes: int) -> None:
        """Give a request its sizes, which were learnt in another way."""
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
        """Enter a request that was seen elsewhere than in the page's session (in a worker)."""
        entry = LoggedRequest("", without_fragment(url), type_, "GET", self._clock())
        entry.take_head({"status": status, "headers": headers})
        self._enter(entry)
        self.end(entry, transfer_bytes, resource_bytes)

    def begin_of_worker(
        self, url: str, type_: str, method: str, initiator: str | None
    ) -> LoggedRequest | None:
        """A service worker asks for something. The session tells no more of it.

        Returns:
            None once the page is done or its limit reached.
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
        """A service worker's request is answered."""
        entry.take_head({"status": status, "headers": headers})
        if entry.type == "Other" and (entry.content_type or "").endswith("javascript"):
            entry.type = "Script"  # what it imports has no type
        self._stir()

    def resize(self, entry: LoggedRequest, transfer_bytes: int, resource_bytes: int) -> None:
        """The sizes of a request that has ended were learnt later."""
        entry.transfer_bytes = transfer_bytes
        entry.resource_bytes = resource_bytes
        self.changes += 1

    def fail(self, entry: LoggedRequest, reason: str) -> None:
        """A service worker's request has failed, in the browser's words."""
        if entry.status is not None and entry.status >= 400:
            entry.error = http_failure(entry.status)
        else:
            entry.error = CANCELLED if "ERR_ABORTED" in reason else name_of_failure(reason)
        self._close(entry)
        self._stir()

    def give_up(self, error: str | None, patience: float) -> None:
        """End every request that is still open, with what has arrived.

        Args:
            error: Why; None if the page is done and waited for them in vain.
            patience: For how long, in seconds.
        """
        for entry in list(self._open.values()):
            entry.transfer_bytes = entry.arrived_bytes
            if entry.type not in _ENDLESS:
                late = "the body did not end" if entry.answered else "no answer"
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
            # Its worker has it, or fetched it: that request weighs, as what the page wanted it for.
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
            # Of what a worker asks for at its start the sum of the head is missing, or is that of all.
            entry.headless = True
            return
        # Of an image that cannot be decoded the rest is not read, and the head is not in its sum.
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
            entry.error = f"blocked: {blocked}, by the page's own rules or the browser's"
            entry.skipped = not entry.answered
        elif cors is not None:
            entry.error = "cors: the server does not let this page read it"
        elif entry.type == "Media" and entry.answered:
            entry.error = None  # a player has read as much as it wants for now
        elif event.get("canceled"):
            entry.error = CANCELLED
            entry.cancelled = True
        else:
            entry.error = name_of_failure(str(event.get("errorText", "failed")))
        self._close(entry)

    # Parts

    def _stir(self) -> None:
        """Something happened of which no event tells."""
        self.changes += 1
        self.last_event = self._clock()

    def _close(self, entry: LoggedRequest) -> None:
        entry.ended = self._clock()
        self._open.pop(entry.request_id, None)
        self.changes += 1
