"""What a browser says it fetched, as the assets of a report. Pure: events in, assets out.

The events are those of the Network domain of the DevTools protocol. A request's life is one
``requestWillBeSent`` (one more for each redirect), ``responseReceived``, ``dataReceived`` as often as
data comes, and ``loadingFinished`` or ``loadingFailed``. The transfer size of a body is what arrived on
the wire (``encodedDataLength`` of the whole) without the head; the resource size is the sum of the
decoded data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from libra.weighing.report import KINDS, Asset, HostTotal, Kind, Total
from libra.weighing.urls import host_and_port, host_of, is_third_party, without_fragment

Event = Mapping[str, Any]

_KIND_OF: dict[str, Kind] = {
    "Document": "document",
    "Stylesheet": "stylesheet",
    "Script": "script",
    "Image": "image",
    "Font": "font",
    "Media": "media",
}
"""By the protocol's resource types; the rest is ``other``, as in Lighthouse."""

_ENDLESS = frozenset({"EventSource", "WebSocket", "Media", "Ping"})
"""Types whose requests may stay open for as long as the page does: nothing waits for their end."""

_CANCELLED = "aborted: the page cancelled it"

_NET_ERRORS = {
    "net::ERR_CERT_": "tls: the certificate is not valid",
    "net::ERR_CONNECTION_REFUSED": "refused: nothing listens at that address",
    "net::ERR_CONNECTION_RESET": "disconnected: the connection was reset",
    "net::ERR_CONTENT_DECODING": "decode: the body is not what its content encoding says",
    "net::ERR_CONTENT_LENGTH_MISMATCH": "cut-short: the body ended before its announced end",
    "net::ERR_EMPTY_RESPONSE": "disconnected: the server closed the connection without an answer",
    "net::ERR_INCOMPLETE_CHUNKED": "cut-short: the body ended before its announced end",
    "net::ERR_INVALID_CHUNKED": "bad-answer: not valid HTTP",
    "net::ERR_INVALID_HTTP": "bad-answer: not valid HTTP",
    "net::ERR_NAME_NOT_RESOLVED": "dns: the name does not resolve",
    "net::ERR_RESPONSE_HEADERS_TOO_BIG": "headers-too-large: the answer's headers are too long",
    "net::ERR_SSL_": "tls: the connection could not be secured",
    "net::ERR_TOO_MANY_REDIRECTS": "redirect-loop: more than 20 redirects",
}
"""The browser's names of failures, by how they begin, as the static method names them."""


_MAX_INITIATOR = 8_192

_REPEATS = 10
"""So many times the limit may be asked for of what is in the cache, or never becomes an asset."""


class Entry:
    """One request as far as it has come."""

    __slots__ = (
        "answered",
        "cached",
        "cancelled",
        "content_type",
        "encoded_bytes",
        "encoding",
        "ended",
        "error",
        "head_bytes",
        "headers",
        "headless",
        "initiator",
        "loader",
        "main_document",
        "method",
        "protocol",
        "redirected",
        "request_id",
        "resource_bytes",
        "sent",
        "skipped",
        "started",
        "status",
        "transfer_bytes",
        "type",
        "unseen",
        "url",
    )

    def __init__(self, request_id: str, url: str, type_: str, method: str, now: float) -> None:
        self.request_id = request_id
        self.url = url
        self.type = type_
        self.method = method
        self.started = now
        self.ended: float | None = None
        self.initiator: str | None = None
        self.loader = ""
        self.main_document = False
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.content_type: str | None = None
        self.encoding: str | None = None
        self.protocol: str | None = None
        self.answered = False
        self.headless = False
        self.cached = False
        self.skipped = False
        self.unseen = False
        self.cancelled = False
        self.redirected = False
        self.error: str | None = None
        self.head_bytes = 0
        self.encoded_bytes = 0
        self.resource_bytes = 0
        self.transfer_bytes = 0

    @property
    def arrived_bytes(self) -> int:
        """What has come of its body on the wire, as far as that is known while it comes.

        Of streams the protocol reports decoded bytes only, and over HTTP/2 sometimes too few of the
        others. Without an encoding they are the same.
        """
        return max(self.encoded_bytes, 0 if self.encoding else self.resource_bytes)

    @property
    def pending(self) -> bool:
        """Whether more of it is to come."""
        return self.ended is None

    @property
    def undone(self) -> bool:
        """Whether a navigation to it has not come to a page, at least not yet."""
        return self.cancelled or self.redirected or (self.status is None and self.pending)

    @property
    def kind(self) -> Kind:
        """As the report counts it. Icons are fetched by the browser itself and have no type."""
        if self.type == "Other" and (self.content_type or "").startswith("image/"):
            return "image"
        return _KIND_OF.get(self.type, "other")


class Recording:
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
        self.full = False
        self.main_frame: str | None = None
        self._clock = clock
        self.last_event = clock()
        self._limit = limit
        self._on_full = on_full
        self._counted = 0
        self._asked = 0
        self._urls: set[str] = set()
        self._entries: list[Entry] = []
        self._open: dict[str, Entry] = {}
        self._of_workers: dict[str, Entry] = {}
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
    def entries(self) -> list[Entry]:
        """See the class."""
        return [entry for entry in self._entries if not entry.cached]

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

    def open_entries(self) -> list[Entry]:
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
                self.abandon(entry, _CANCELLED)

    def rest(self) -> None:
        """The page is done. What it asks for from now on, while it is looked at, is not waited for."""
        self._at_rest = True

    def abandon(self, entry: Entry, error: str) -> None:
        """End a request with what has arrived; what the browser says of it from now on is ignored."""
        entry.transfer_bytes = entry.arrived_bytes
        entry.error = error
        self._close(entry)

    def document(self) -> Entry | None:
        """The page's own document: the last that its main frame navigated to.

        As long as nothing has come of a navigation, or if it was called off or became a download, the
        page that it started from is still there.
        """
        newest: Entry | None = None
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
        return self._has_room()

    def _has_room(self) -> bool:
        """Count one request more, if there is room for it."""
        self._counted += 1
        self._asked += 1
        if self._counted > self._limit or self._asked > _REPEATS * self._limit:
            self._fill()
        return not self.full

    def _fill(self) -> None:
        if not self.full:
            self.full = True
            self._on_full()

    def _enter(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._urls.add(entry.url)

    def _mark_cached(self, entry: Entry) -> None:
        if not entry.cached:
            entry.cached = True
            self._counted -= 1

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

    def end(self, entry: Entry, transfer_bytes: int, resource_bytes: int) -> None:
        """Give a request its sizes, which were learnt in another way."""
        entry.transfer_bytes = transfer_bytes
        entry.resource_bytes = resource_bytes
        entry.status = entry.status or 200
        if entry.status >= 400:
            entry.error = _http_error(entry.status)
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
        entry = Entry("", without_fragment(url), type_, "GET", self._clock())
        self._take_head(entry, {"status": status, "headers": headers})
        self._enter(entry)
        self.end(entry, transfer_bytes, resource_bytes)

    def begin_of_worker(
        self, url: str, type_: str, method: str, initiator: str | None
    ) -> Entry | None:
        """A service worker asks for something. The session tells no more of it.

        Returns:
            None once the page is done or its limit reached.
        """
        if self._at_rest or not self._has_room():
            return None
        at = f"worker {len(self._entries)}"
        entry = Entry(at, without_fragment(url), type_, method, self._clock())
        entry.initiator = initiator
        self._enter(entry)
        self._open[at] = self._of_workers[entry.url] = entry
        self._stir()
        return entry

    def take_head(self, entry: Entry, status: int, headers: Mapping[str, str]) -> None:
        """A service worker's request is answered."""
        self._take_head(entry, {"status": status, "headers": headers})
        if entry.type == "Other" and (entry.content_type or "").endswith("javascript"):
            entry.type = "Script"  # what it imports has no type
        self._stir()

    def resize(self, entry: Entry, transfer_bytes: int, resource_bytes: int) -> None:
        """The sizes of a request that has ended were learnt later."""
        entry.transfer_bytes = transfer_bytes
        entry.resource_bytes = resource_bytes
        self.changes += 1

    def fail(self, entry: Entry, reason: str) -> None:
        """A service worker's request has failed, in the browser's words."""
        if entry.status is not None and entry.status >= 400:
            entry.error = _http_error(entry.status)
        else:
            entry.error = _CANCELLED if "ERR_ABORTED" in reason else _name_of(reason)
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
                self._take_head(previous, redirect)
                previous.redirected = True
                previous.resource_bytes = 0
            self._close(previous)
        url = without_fragment(request["url"])
        if self._at_rest:
            return
        if not url.startswith(("http://", "https://")):
            self._asked += 1  # it costs nobody's bandwidth, but to be told of it costs time
            if self._asked > _REPEATS * self._limit:
                self._fill()
            return
        if not self._has_room():
            return
        type_ = event.get("type", "Other")
        entry = Entry(request_id, url, type_, request.get("method", "GET"), self._clock())
        entry.initiator = _initiator(event, previous)
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
        self._take_head(entry, response)
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
            entry.error = _http_error(entry.status)
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
            entry.error = _http_error(entry.status)
        elif blocked:
            entry.error = f"blocked: {blocked}, by the page's own rules or the browser's"
            entry.skipped = not entry.answered
        elif cors is not None:
            entry.error = "cors: the server does not let this page read it"
        elif entry.type == "Media" and entry.answered:
            entry.error = None  # a player has read as much as it wants for now
        elif event.get("canceled"):
            entry.error = _CANCELLED
            entry.cancelled = True
        else:
            entry.error = _name_of(str(event.get("errorText", "failed")))
        self._close(entry)

    # Parts

    def _take_head(self, entry: Entry, response: Event) -> None:
        entry.answered = True
        entry.status = response.get("status") or None
        entry.headers = {
            str(name).lower(): str(value) for name, value in response.get("headers", {}).items()
        }
        content_type = entry.headers.get("content-type", response.get("mimeType") or "")
        entry.content_type = content_type.partition(";")[0].strip().lower()[:127] or None
        entry.encoding = entry.headers.get("content-encoding")
        entry.protocol = response.get("protocol")
        entry.head_bytes = max(0, int(response.get("encodedDataLength", 0)))

    def _stir(self) -> None:
        """Something happened of which no event tells."""
        self.changes += 1
        self.last_event = self._clock()

    def _close(self, entry: Entry) -> None:
        entry.ended = self._clock()
        self._open.pop(entry.request_id, None)
        self.changes += 1


def assets_of(
    entries: list[Entry], page_host: str, failures: Mapping[str, str]
) -> tuple[Asset, ...]:
    """The assets of a report.

    Args:
        entries: Of a `Recording`.
        page_host: Whose parts are not third party.
        failures: Why a host could not be reached, as the page's proxy knows better than the browser.
    """
    third: dict[str, bool] = {}
    assets: list[Asset] = []
    for entry in entries:
        host = host_of(entry.url)
        if host not in third:
            third[host] = is_third_party(host, page_host)
        error = entry.error
        if error is not None and entry.status is None:
            error = failures.get(host_and_port(entry.url), error)
        skipped = entry.skipped or (error is not None and error.startswith("denied:"))
        since = round((entry.started - entries[0].started) * 1000)
        duration = None if entry.ended is None else round((entry.ended - entry.started) * 1000)
        assets.append(
            Asset(
                url=entry.url,
                kind=entry.kind,
                status="skipped" if skipped else _status(entry, error),
                http_status=entry.status,
                transfer_bytes=0 if skipped else _transfer(entry),
                resource_bytes=0 if skipped else entry.resource_bytes,
                content_type=entry.content_type,
                encoding=entry.encoding,
                initiator=entry.initiator,
                third_party=third[host],
                duration_ms=duration,
                error=error,
                started_ms=max(0, since),
            )
        )
    return tuple(assets)


def sums_of(
    assets: tuple[Asset, ...],
) -> tuple[Total, dict[Kind, Total], dict[str, HostTotal]]:
    """Total, by kind and by host: three views of the same assets, so that they cannot disagree."""
    total = [0, 0, 0]
    kinds: dict[Kind, list[int]] = {kind: [0, 0, 0] for kind in KINDS}
    hosts: dict[str, list[int]] = {}
    third: dict[str, bool] = {}
    for asset in assets:
        host = host_of(asset.url)
        third[host] = asset.third_party
        for sums in (total, kinds[asset.kind], hosts.setdefault(host, [0, 0, 0])):
            sums[0] += asset.status != "skipped"
            sums[1] += asset.transfer_bytes
            sums[2] += asset.resource_bytes
    return (
        Total(*total),
        {kind: Total(*sums) for kind, sums in kinds.items()},
        {host: HostTotal(r, t, d, third[host]) for host, (r, t, d) in hosts.items()},
    )


def _status(entry: Entry, error: str | None) -> Any:
    if entry.pending:
        return "pending"
    return "fetched" if error is None else "failed"


def _transfer(entry: Entry) -> int:
    return entry.transfer_bytes if not entry.pending else entry.arrived_bytes


def _initiator(event: Event, previous: Entry | None) -> str | None:
    if previous is not None:
        return previous.url
    initiator = event.get("initiator") or {}
    url = initiator.get("url")
    stack = initiator.get("stack")
    while not url and stack:
        frames = stack.get("callFrames") or []
        url = next((frame["url"] for frame in frames if frame.get("url")), None)
        stack = stack.get("parent")
    if not url:
        url = event.get("documentURL")
    url = without_fragment(url) if url else None
    # A script can say that it came from anywhere, in any characters (``sourceURL``).
    if url is None or not url.startswith(("http://", "https://")) or not _is_ordinary(url):
        return None
    return None if url == without_fragment(event["request"]["url"]) else url


def _is_ordinary(url: str) -> bool:
    return len(url) <= _MAX_INITIATOR and url.isascii() and url.isprintable()


def _name_of(error: str) -> str:
    for beginning, name in _NET_ERRORS.items():
        if error.startswith(beginning):
            return name
    return f"browser: {error[:100]}"


def _http_error(status: int) -> str:
    try:
        return f"http: {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"http: {status}"
