"""The one way to the network: every request that weighing makes goes through a `Fetcher`.

A `Fetcher` takes a `Fetch`, asks for it as a browser would, counts the bytes of the body as they arrive,
decodes them to learn their size, reads what must be read, and returns an `Outcome`. It follows no
redirect: the `Weighing` does, hop by hop, so that each hop is an asset and passes here again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from libra.failures import http_failure
from libra.network.addresses.dialing import OPEN, LookUp, Resolver
from libra.network.addresses.gate import Denied, Gate
from libra.network.client import HTTPClient
from libra.network.cookies import CookieJar
from libra.network.failures import Failure
from libra.network.libcurl.trust import SYSTEM, Trust
from libra.network.origin_slots import HostSlots, most_connections, name_of_error
from libra.network.politeness import Politeness, busy
from libra.network.proxies import DIRECT, Proxies
from libra.urls import origin_of
from libra.weighing.bodies.body_facts import SavingsCache
from libra.weighing.options import Options
from libra.weighing.orders.orders import Fetch, Outcome
from libra.weighing.reading.reader import InPlaceReader, Reader
from libra.weighing.static.deadline import Deadline
from libra.weighing.static.exchange import Exchange

MULTIPLEXED = 64
"""Requests at a time to an origin that speaks HTTP/2; servers allow a hundred and more."""


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
    ) -> Exchange:
        wire = self._wire
        if wire is None:
            raise RuntimeError("the fetcher is not open")
        exchange = Exchange(fetch, options, reader, until, cookies, self.in_thread, self.savings)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + options.limits.asset_seconds
        if until is not None and until < deadline:
            deadline = until
        alarm = Deadline(loop, deadline)
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
