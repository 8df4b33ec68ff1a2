"""The only way to the network: every request of the static method goes through a `Fetcher`.

A `Fetcher` carries out a `Fetch` like a browser and counts the bytes of the body as they arrive. It
decodes them to learn their size, has the body read if necessary, and returns an `Outcome`. It does not
follow redirects: the `Weighing` does, hop by hop, so each hop is an asset and passes through here again.
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
from libra.weighing.reading.known_readings import KnownReadings
from libra.weighing.reading.reader import InPlaceReader, Reader
from libra.weighing.static.deadline import Deadlines
from libra.weighing.static.exchange import Exchange

MULTIPLEXED = 64
"""Concurrent requests to an origin that speaks HTTP/2; servers allow a hundred and more."""


T = TypeVar("T")


class Fetcher:
    """Fetches for any number of pages at once, over shared connections.

    Use it as an asynchronous context manager, which closes its sockets and threads on exit.

    Args:
        per_host: Connections to one origin; a browser opens six.
        connections: Connections in all; by default `most_connections`.
        gate: Judges every address before a connection to it; the default allows all.
        look_up: For tests: resolves names instead of the system.
        threads: The number of threads for reading large bodies.
        delay: Seconds between the starts of two requests to one origin.
        trust: The certificate authorities to trust.
        proxies: Which requests go through a proxy. The gate cannot judge the addresses it connects to.
        http3: Whether to try HTTP/3 beside HTTP/2, unless a proxy is in the way.
        tunnels: Whether to ask a proxy only for tunnels to addresses that the gate has judged.
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
        self._deadlines: Deadlines | None = None
        self.savings = SavingsCache()
        self.known: KnownReadings | None = KnownReadings()
        self._jobs: set[asyncio.Future[Any]] = set()

    async def __aenter__(self) -> Self:
        self._deadlines = Deadlines(asyncio.get_running_loop())
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
        deadlines, self._deadlines = self._deadlines, None
        if wire is not None:
            await wire.close()
        if deadlines is not None:
            deadlines.close()
        if self._jobs:
            await asyncio.wait(self._jobs)
        # No job is left, so joining the threads takes no time.
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
        """Carry out one order. Raises only `asyncio.CancelledError`.

        Args:
            fetch: The order.
            options: The options of the page.
            until: The loop's time at which the page's deadline passes, unless the asset's own passes
                earlier. What has arrived by then counts.
            reader: The page's reader; without it this program reads the bodies itself.
            cookies: The page's cookie jar; without it no cookies are sent or kept.
        """
        reader = reader or InPlaceReader(self.in_thread, options, self.known)
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
        # The connection is free again, since reading may have to wait for a processor.
        return await exchange.outcome()

    async def _wait(
        self, origin: str, fetch: Fetch, options: Options, until: float | None
    ) -> Outcome | None:
        """Wait until the server may be asked, or fail if that would take too long."""
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
        wire, deadlines = self._wire, self._deadlines
        if wire is None or deadlines is None:
            raise RuntimeError("the fetcher is not open")
        exchange = Exchange(fetch, options, reader, until, cookies, self.in_thread, self.savings)
        latest = asyncio.get_running_loop().time() + options.limits.asset_seconds
        alarm = deadlines.arm(latest if until is None else min(latest, until))
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
        """Deliver a message through the same gate, without following redirects.

        Args:
            url: The normalised address.
            body: The bytes to send.
            headers: The headers, with the content type.
            seconds: The timeout, whatever the receiver does.

        Returns:
            None if the receiver accepted it (a status of 2xx), else the named error.
        """
        if self._wire is None:
            raise RuntimeError("the fetcher is not open")
        try:
            async with asyncio.timeout(seconds):
                status = await self._wire.post(url, body, headers)
        except TimeoutError:
            return f"timeout: no response within {seconds:g} s"
        except (Failure, OSError, ValueError) as error:
            return name_of_error(error)
        return None if 200 <= status < 300 else http_failure(status)

    async def refusal(self, url: str, *, seconds: float) -> str | None:
        """Why the gate would refuse this address now; None if it would not or if that is unknown.

        Args:
            url: The normalised address.
            seconds: The timeout of the resolver.
        """
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            async with asyncio.timeout(seconds):
                await self._resolver.resolve(parts.hostname or "", port)
        except Denied as denied:
            return str(denied)
        except (OSError, ValueError):
            return None  # the name may resolve later, or at the proxy
        return None

    def at_a_time(self, origin: str) -> int:
        """The number of concurrent requests to an origin, over one connection or several.

        If other programs share the origin, this is one program's share, but at least one.
        """
        wire = self._wire
        most = MULTIPLEXED if wire is not None and wire.is_multiplexed(origin) else self._per_host
        sharing = self.politeness.sharing(origin)
        return most if sharing == 1 else max(1, most // sharing)

    def origins(self) -> list[str]:
        """The origins with requests under way."""
        return self._slots.busy()

    def in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run long work in a thread. It continues even if nobody waits for it any more."""
        job = asyncio.get_running_loop().run_in_executor(self._readers, work)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return job
