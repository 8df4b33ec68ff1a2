"""The one way to the network: every request that weighing makes goes through a `Fetcher`.

A `Fetcher` takes a `Fetch`, asks for it as a browser would, counts the bytes of the body as they arrive,
decodes them to learn their size, reads what must be read, and returns an `Outcome`. It follows no
redirect: the `Weighing` does, hop by hop, so that each hop is an asset and passes here again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar, overload
from urllib.parse import urlsplit

from libra.failures import http_failure, is_one_of
from libra.network.client import Answer, HTTPClient
from libra.network.content_encoding import encodings_in
from libra.network.cookies import CookieJar
from libra.network.dialing import OPEN, LookUp, Resolver
from libra.network.failures import Failure
from libra.network.gate import Denied, Gate
from libra.network.origin_slots import HostSlots, most_connections, name_of_error
from libra.network.politeness import BUSY, Politeness, busy, retry_after
from libra.network.proxies import DIRECT, Proxies
from libra.network.times import Times
from libra.network.trust import SYSTEM, Trust
from libra.report import Kind, Timings
from libra.urls import join, origin_of
from libra.weighing.bodies.body import INLINE_BYTES, Body
from libra.weighing.bodies.body_facts import (
    BodyFacts,
    Observer,
    Savings,
    SavingsCache,
    key_of,
    measure_savings,
)
from libra.weighing.bodies.mime import essence_of
from libra.weighing.headers.document_headers import NO_HEADERS, DocumentHeaders
from libra.weighing.options import Options
from libra.weighing.orders.orders import Fetch, Outcome, Reading
from libra.weighing.orders.source import Source
from libra.weighing.reading.body_reading import refusal_of, will_be_read
from libra.weighing.reading.reader import InPlaceReader, Reader, text_of
from libra.weighing.roles import DOCUMENT_ROLES
from libra.weighing.static.request_headers import has_credentials, is_trustworthy, request_headers

MULTIPLEXED = 64
"""Requests at a time to an origin that speaks HTTP/2; servers allow a hundred and more."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REFUSALS = frozenset({401, 403, 406, 429, 503})
_FIREWALLS = ("cloudflare", "akamaighost", "sucuri", "datadome", "imperva", "ddos-guard", "awselb")
"""What servers call themselves that judge whoever asks before the site does."""

_FIREWALL = (
    " (a firewall may refuse who only says Chrome: try --user-agent libra or --method rendered)"
)

T = TypeVar("T")


class Fetcher:
    """Fetches for any number of pages at once, over connections that they share.

    Use it as an asynchronous context manager; what it opens (sockets, threads) is gone afterwards.

    Args:
        per_host: Connections to one origin; a browser has six.
        connections: Connections in all; `most_connections` without it.
        gate: Judges every address that is about to be connected to; the default allows all.
        look_up: For tests, what resolves names instead of the system.
        threads: For reading large bodies.
        delay: Seconds between the starts of two requests to one origin.
        trust: Whose certificates are believed.
        proxies: Which requests go through a proxy. What it connects to no gate can judge.
        http3: Whether HTTP/3 is tried, beside HTTP/2, where a proxy is not in the way.
        tunnels: Ask it for ways to addresses that the gate has judged, and for nothing else.
    """

    def __init__(
        self,
        *,
        per_host: int = 6,
        connections: int | None = None,
        gate: Gate = OPEN,
        look_up: LookUp | None = None,
        threads: int = 2,
        delay: float = 0.0,
        trust: Trust = SYSTEM,
        proxies: Proxies = DIRECT,
        tunnels: bool = False,
        http3: bool = False,
    ) -> None:
        self._tunnels = tunnels
        self._http3 = http3
        self._trust = trust
        self._proxies = proxies
        self._connections = connections or most_connections()
        self._gate = gate
        self._per_host = per_host
        self._slots = HostSlots(self.at_a_time)
        self.politeness = Politeness(delay)
        self._readers = ThreadPoolExecutor(threads, thread_name_prefix="libra-read")
        self._resolver = Resolver(gate, look_up)
        self._wire: HTTPClient | None = None
        self.savings = SavingsCache()
        self._jobs: set[asyncio.Future[Any]] = set()

    async def __aenter__(self) -> Self:
        self._wire = HTTPClient(
            self._gate,
            self._resolver,
            connections=self._connections,
            per_host=self._per_host,
            trust=self._trust,
            http3=self._http3,
            proxies=self._proxies,
            tunnels=self._tunnels,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()
        if self._jobs:
            await asyncio.wait(self._jobs)
        # No job is left, so that joining the threads takes no time.
        self._readers.shutdown()
        await self._resolver.close()

    async def fetch(
        self,
        fetch: Fetch,
        options: Options,
        *,
        until: float | None = None,
        reader: Reader | None = None,
        cookies: CookieJar | None = None,
    ) -> Outcome:
        """Carry out one order. Raises nothing but `asyncio.CancelledError`.

        Args:
            fetch: The order.
            options: Of the page.
            until: The loop's time at which the page's deadline passes, if the asset's own comes
                later; what has arrived by then is counted.
            reader: The page's, who reads what must be read; this program does without one.
            cookies: The page's; without a jar none are sent or kept.
        """
        reader = reader or InPlaceReader(self.in_thread, options)
        origin = origin_of(fetch.url)
        if not self._slots.try_acquire(origin):
            await self._slots.acquire(origin)
        try:
            if not self.politeness.at_ease:
                refused = await self._wait(origin, fetch, options, until)
                if refused is not None:
                    return refused
            exchange = await self._exchange(fetch, options, until, reader, cookies)
            if exchange.retry_after is not None:
                now = asyncio.get_running_loop().time()
                self.politeness.leave_alone(origin, exchange.retry_after, now)
                if await self._wait(origin, fetch, options, until) is None:
                    exchange = await self._exchange(fetch, options, until, reader, cookies)
        finally:
            self._slots.release(origin)
        # The connection is free again: reading may have to wait for a processor.
        return await exchange.outcome()

    async def _wait(
        self, origin: str, fetch: Fetch, options: Options, until: float | None
    ) -> Outcome | None:
        """Wait until the server may be asked, or fail if that is too far off."""
        now = asyncio.get_running_loop().time()
        pause = self.politeness.pause(origin, now)
        latest = now + options.limits.asset_seconds
        if now + pause > min(latest, until or latest):
            return Outcome(fetch, error=busy(pause))
        if pause > 0:
            await asyncio.sleep(pause)
        return None

    async def _exchange(
        self,
        fetch: Fetch,
        options: Options,
        until: float | None,
        reader: Reader,
        cookies: CookieJar | None,
    ) -> _Exchange:
        wire = self._wire
        if wire is None:
            raise RuntimeError("the fetcher is not open")
        exchange = _Exchange(self, fetch, options, reader, until, cookies)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + options.limits.asset_seconds
        if until is not None and until < deadline:
            deadline = until
        alarm = _Deadline(loop, deadline)
        try:
            await exchange.run(wire)
        except asyncio.CancelledError:
            if not alarm.is_cause():
                raise
            exchange.error = exchange.timed_out()
        except (Failure, OSError, ValueError) as error:
            exchange.fail(error)
        finally:
            alarm.cancel()
        return exchange

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float
    ) -> str | None:
        """Deliver something, past the same gate; redirects are not followed.

        Args:
            url: Where to, normalised.
            body: What to send.
            headers: With its content type.
            seconds: After which it is given up, whatever the receiver does.

        Returns:
            None if the receiver took it (a status of 2xx), else the named error.
        """
        if self._wire is None:
            raise RuntimeError("the fetcher is not open")
        try:
            async with asyncio.timeout(seconds):
                status = await self._wire.post(url, body, headers)
        except TimeoutError:
            return f"timeout: no answer within {seconds:g} s"
        except (Failure, OSError, ValueError) as error:
            return name_of_error(error)
        return None if 200 <= status < 300 else http_failure(status)

    async def refusal(self, url: str, *, seconds: float) -> str | None:
        """Why the gate would refuse this address now; None if it would not, or if nobody can tell.

        Args:
            url: Normalised.
            seconds: That the resolver may take.
        """
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            async with asyncio.timeout(seconds):
                await self._resolver.resolve(parts.hostname or "", port)
        except Denied as denied:
            return str(denied)
        except (OSError, ValueError):
            return None  # a name may resolve later, or where the proxy is
        return None

    def at_a_time(self, origin: str) -> int:
        """Requests that may be under way to an origin, over one connection or over a few.

        Where other programs ask the same origin, that is this one's part; one at the least.
        """
        wire = self._wire
        most = MULTIPLEXED if wire is not None and wire.is_multiplexed(origin) else self._per_host
        return max(1, most // self.politeness.sharing(origin))

    def origins(self) -> list[str]:
        """The origins that requests are under way to."""
        return self._slots.busy()

    def in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run something long in a thread. It goes on even if nobody waits for it any more."""
        job = asyncio.get_running_loop().run_in_executor(self._readers, work)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return job


class _Deadline:
    """What `asyncio.timeout_at` does, at half its cost: there is one for every request."""

    __slots__ = ("_cancelling", "_handle", "_rung", "_task")

    def __init__(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a fetch needs a task to run in")
        self._task = task
        self._cancelling = task.cancelling()
        self._rung = False
        self._handle = loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._rung = True
        self._task.cancel()

    def is_cause(self) -> bool:
        """Whether a cancellation came from here alone and not, too, from outside."""
        if not self._rung:
            return False
        self._rung = False
        return self._task.uncancel() <= self._cancelling

    def cancel(self) -> None:
        self._handle.cancel()
        if self._rung:  # it rang while another error was on its way
            self._task.uncancel()


class _Exchange:
    """One request and its answer, as far as they have come."""

    __slots__ = (
        "_body",
        "_content_type",
        "_cookies",
        "_encoding",
        "_fetch",
        "_fetcher",
        "_job",
        "_named",
        "_observer",
        "_options",
        "_protocol",
        "_read",
        "_reader",
        "_redirect",
        "_refused",
        "_set_cookies",
        "_started",
        "_status",
        "_timings",
        "_until",
        "_walled",
        "error",
        "retry_after",
    )

    def __init__(
        self,
        fetcher: Fetcher,
        fetch: Fetch,
        options: Options,
        reader: Reader,
        until: float | None,
        cookies: CookieJar | None,
    ) -> None:
        self._fetcher = fetcher
        self._cookies = cookies if cookies is not None and has_credentials(fetch) else None
        self._set_cookies = False
        self._fetch = fetch
        self._options = options
        self._reader = reader
        self._until = until
        self._started = time.perf_counter()
        self._status: int | None = None
        self._protocol: str | None = None
        self._timings: Timings | None = None
        self._content_type: str | None = None
        self._encoding: str | None = None
        self._named = NO_HEADERS
        self._redirect: str | None = None
        self.retry_after: float | None = None
        self._refused: str | None = None
        self._walled = False
        self._body: Body | None = None
        self._read = False
        self._observer: Observer | None = None
        self._job: asyncio.Future[None] | None = None
        self.error: str | None = None

    async def run(self, wire: HTTPClient) -> None:
        """Send the request and take in the answer."""
        answer = await wire.get(
            self._fetch.url,
            request_headers(self._fetch, self._options, self._cookies_to_send()),
            max_field=self._options.limits.header_bytes,
        )
        try:
            self._take_head(answer)
            await self._take_body(answer)
        finally:
            self._timings = _timings_of(answer.times())
            answer.close()

    def fail(self, error: Failure | OSError | ValueError) -> None:
        """Note why nothing more came of it, and the status if one was sent all the same."""
        self.error = name_of_error(error)
        if self._status is None and isinstance(error, Failure):
            self._status = error.status

    def timed_out(self) -> str:
        """The named error of a deadline, by what had arrived when it passed."""
        seconds = f"{self._options.limits.asset_seconds:g} s"
        if self._status is None:
            return f"timeout: no answer within {seconds}"
        return f"timeout: the body did not end within {seconds}"

    async def outcome(self) -> Outcome:
        """What came of it, with what was read in the body."""
        body = self._body
        transfer_bytes = resource_bytes = 0
        reading: Reading | None = None
        source: Source | None = None
        error = self.error
        if body is not None:
            if self._job is not None and not self._job.done():
                await asyncio.wait([self._job])  # a deadline passed while a thread was decoding
            if not body.decode_inline():
                await asyncio.shield(self._fetcher.in_thread(body.decode))
            if error is None:
                body.finish()
            error = error or body.error or body.cut
            transfer_bytes, resource_bytes = body.transfer_bytes, body.resource_bytes
            if self._read and (resource_bytes or self._named.asks):
                reading, source = await self._reading(body)
                error = error or reading.error
        whole = error is None
        facts = await self._facts() if whole else None
        status = self._status
        if error is None and status is not None and status >= 400:
            error = http_failure(status) + (_FIREWALL if self._walled else "")
        if error is None and self._refused is not None:
            error = self._refused
        return Outcome(
            fetch=self._fetch,
            http_status=status,
            transfer_bytes=transfer_bytes,
            resource_bytes=resource_bytes,
            content_type=essence_of(self._content_type),
            encoding=None if self._encoding is None else self._encoding[:127],
            duration_ms=round((time.perf_counter() - self._started) * 1000),
            protocol=self._protocol,
            timings=self._timings,
            started=self._started,
            error=error,
            whole=whole,
            kind=self._kind(),
            denied=is_one_of(error, ("denied",)),
            redirect=self._redirect,
            retry_after=self.retry_after,
            set_cookies=self._set_cookies,
            reading=reading,
            source=source,
            facts=facts,
        )

    def _take_head(self, answer: Answer) -> None:
        headers = answer.headers
        status = self._status = answer.status
        self._protocol = answer.protocol
        self._content_type = _as_sent(", ".join(headers.getall("Content-Type", ()))) or None
        self._encoding = _as_sent(headers.get("Content-Encoding"))
        if self._cookies is not None and "Set-Cookie" in headers:
            fetch = self._fetch
            self._set_cookies = self._cookies.take(
                fetch.url,
                [_as_sent(line) for line in headers.getall("Set-Cookie")],
                trusted=is_trustworthy(origin_of(fetch.url)),
                same_site=fetch.same_site,
            )
        if status in _REFUSALS and "Chrome/" in self._options.user_agent:
            server = headers.get("Server", "").lower()
            self._walled = server.startswith(_FIREWALLS) or "cf-mitigated" in headers
        if status in BUSY:
            self.retry_after = retry_after(status, headers.get("Retry-After"))
        if status in _REDIRECTS:
            location = _as_sent(headers.get("Location"))
            if location:
                self._redirect = join(self._fetch.url, location)
                if self._redirect is None:
                    self.error = "bad-redirect: leads to no address that can be fetched"
        if self._fetch.reader and self._redirect is None:
            allowed = headers.get("Access-Control-Allow-Origin", "").strip()
            if allowed not in {"*", self._fetch.reader}:
                # A browser lets go of it here.
                self._refused = "cors: the server does not let this page read it"
                return
        named = DocumentHeaders.of(lambda name: map(_as_sent, headers.getall(name, ())))
        if self._fetch.reference.role in DOCUMENT_ROLES and self._redirect is None:
            self._named = named
            refused = refusal_of(self._fetch, self._content_type, named)
            if refused is not None:
                self._refused = refused
                return
        self._read = will_be_read(self._fetch, status, self._content_type, named)
        self._body = Body(
            encodings_in(self._encoding),
            self._options.limits,
            keep=self._read,
            spool=self._reader.spool,
        )
        reference = self._fetch.reference
        if status == 200 and not reference.partial:
            self._observer = Observer(headers, is_image=reference.role == "image")

    async def _take_body(self, answer: Answer) -> None:
        body, observer = self._body, self._observer
        if body is None:
            return
        enough = self._options.limits.media_bytes if self._fetch.reference.partial else None
        while chunk := await answer.read():
            if not body.take(chunk):
                return
            if observer is not None:
                observer.take(chunk)
            if body.backlog_bytes > INLINE_BYTES:
                self._job = self._fetcher.in_thread(body.decode)
                await asyncio.shield(self._job)
            elif body.spills:
                self._job = self._fetcher.in_thread(body.spill)
                await asyncio.shield(self._job)
            if enough is not None and body.transfer_bytes >= enough:
                return

    async def _facts(self) -> BodyFacts | None:
        """What was noted of the body. Text that was sent as it is gets compressed, for its savings."""
        observer = self._observer
        if observer is None:
            return None
        savings: Savings | None = None
        if (text := observer.compressible()) is not None:
            key, known = key_of(text), self._fetcher.savings
            savings = known.get(key)
            if savings is None:
                work = self._fetcher.in_thread(lambda: measure_savings(text))
                savings = await asyncio.shield(work)
                known.put(key, savings)
        return observer.facts(savings)

    async def _reading(self, body: Body) -> tuple[Reading, Source | None]:
        """What was read in the body. What is not read in time has arrived all the same."""
        text = text_of(self._fetch, self._content_type, self._named)
        try:
            async with asyncio.timeout_at(self._until):
                return await self._reader.read(text, body.take_kept())
        except TimeoutError:
            return Reading(error="timeout: the page's deadline passed before it was read"), None

    def _cookies_to_send(self) -> str:
        if not self._cookies:
            return ""
        url = self._fetch.url
        return self._cookies.header(
            url, trusted=is_trustworthy(origin_of(url)), same_site=self._fetch.same_site
        )

    def _kind(self) -> Kind | None:
        """What an ``<object>`` or ``<embed>`` turned out to be."""
        if self._fetch.reference.role != "object":
            return None
        essence = essence_of(self._content_type) or ""
        if essence.startswith("image/"):
            return "image"
        if essence in {"text/html", "application/xhtml+xml"}:
            return "document"
        return "media" if essence.startswith(("video/", "audio/")) else "other"


def _timings_of(times: Times) -> Timings:
    return Timings(
        _whole(times.lookup),
        _whole(times.connect),
        _whole(times.tls),
        _whole(times.first_byte),
        _whole(times.body),
    )


def _whole(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else max(0, round(milliseconds))


@overload
def _as_sent(field: str) -> str: ...
@overload
def _as_sent(field: None) -> None: ...
@overload
def _as_sent(field: str | None) -> str | None: ...
def _as_sent(field: str | None) -> str | None:
    """A header's bytes as text: browsers read them as UTF-8, and here they are surrogates."""
    if field is None or field.isascii():
        return field
    return field.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
