"""Requests through the gate, on libcurl: many concurrent ones, over shared connections.

The client asks the gate three times: for every address that a name resolves to, for the address that a
socket is about to be connected to (``OPENSOCKETFUNCTION``), and for the far end of every connection
before a request is sent over it, kept connections included (``PREREQFUNCTION``).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

from msgspec.structs import replace
from multidict import CIMultiDict

from libra.network.addresses.dialing import Resolver, dial
from libra.network.addresses.gate import Gate
from libra.network.addresses.names import KnownName, Names, bracketed, is_address
from libra.network.failures import Disconnected, NotForCurl
from libra.network.last_answer import LastAnswer
from libra.network.libcurl.floods import Floods
from libra.network.libcurl.multi import Multi
from libra.network.libcurl.scouts import Scout, Scouts
from libra.network.libcurl.transfer import Transfer
from libra.network.libcurl.transfer_request import TransferRequest
from libra.network.libcurl.trust import SYSTEM, Trust
from libra.network.proxies import DIRECT, Proxies, without_credentials
from libra.network.round_robin import RoundRobin
from libra.network.times import Times
from libra.network.tolerant_http import AS_IT_CAME, HEAD_BYTES
from libra.urls import host_and_port, host_of, origin_of

_KEPT_TRANSFERS = 64
_ROUNDS_TO_END = 3
_ORIGINS = 4_096
_MULTIPLEXED = ("h2", "h3")


class Answer(Protocol):
    """The answer of a server: its head, and its body as it arrives."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> CIMultiDict[str]:
        """The fields; their names match in any case."""

    @property
    def protocol(self) -> str:
        """The negotiated protocol: ``http/1.1``, ``h2`` or ``h3``."""

    def times(self) -> Times:
        """The time of each step; complete once the body has been read."""

    async def read(self) -> bytes:
        """The part of the body that has arrived; waits for some, and is empty at its end.

        Raises:
            Failure: if the body ends before its announced end, or is not HTTP.
        """

    def close(self) -> None:
        """Keep the connection for other requests if the body was read to its end, else close it."""


class _CurlAnswer:
    """An answer that libcurl receives."""

    __slots__ = ("_client", "_transfer", "headers", "protocol", "status")

    def __init__(self, client: HTTPClient, transfer: Transfer) -> None:
        self._client = client
        self._transfer = transfer
        self.status = transfer.status
        self.headers = transfer.headers
        self.protocol = transfer.protocol

    def times(self) -> Times:
        """The time of each step."""
        return self._transfer.times()

    async def read(self) -> bytes:
        """The part of the body that has arrived; waits for some, and is empty at its end.

        Raises:
            Failure: if the body ends before its announced end, or is not HTTP.
        """
        transfer = self._transfer
        while not transfer.pieces:
            if transfer.done:
                if transfer.failure is not None:
                    raise transfer.failure
                return b""
            await transfer.news()
        data = transfer.take_pieces()
        if transfer.paused:
            self._client.go_on(transfer)
        if not transfer.done:
            await self._client.turns.take()
        return data

    def close(self) -> None:
        """Keep the connection for other requests if the body was read to its end, else close it."""
        self._client.release(self._transfer)


class HTTPClient:
    """A client as the module describes it, for one event loop.

    Args:
        gate: Judges every address.
        resolver: Resolves names; its owner closes it.
        connections: Connections in all.
        per_host: Connections to one host.
        trust: The authorities whose certificates count.
        http3: Whether to try HTTP/3.
        proxies: Which requests go through a proxy.
        tunnels: Whether the client looks names up, judges the addresses, and asks a proxy only for
            tunnels to them. Otherwise the proxy looks names up, and no gate can judge what it connects
            to.
    """

    def __init__(
        self,
        gate: Gate,
        resolver: Resolver,
        *,
        connections: int,
        per_host: int,
        trust: Trust = SYSTEM,
        http3: bool = False,
        proxies: Proxies = DIRECT,
        tunnels: bool = False,
    ) -> None:
        self.multi = Multi(connections, per_host)
        self._loop = asyncio.get_running_loop()
        self.turns = RoundRobin(self._loop)
        self._gate = gate
        self._resolver = resolver
        self._names = Names(resolver)
        self._trust = trust
        self._http3 = http3
        self._proxies = proxies
        self._tunnels = tunnels
        # The operator chooses the proxy's address, so no gate judges it.
        self._proxy_resolver = Resolver()
        self._proxy_names = Names(self._proxy_resolver)
        self._free: deque[Transfer] = deque()
        self._busy: set[Transfer] = set()
        self._floods = Floods(self._loop, self._busy)
        self.multi.turned = self._floods.turned
        self.multi.ends = self._floods.ended
        self.multi.cuts = self._floods.cut
        self._scouts = Scouts()
        self._multiplexed: dict[str, bool] = {}

    async def get(self, url: str, headers: str, *, max_field: int = HEAD_BYTES) -> Answer:
        """Send a request and return the answer after its headers; its body is still to be read.

        Args:
            url: A URL in normal form, sent as it is.
            headers: All of them but ``Host``, each line with its end; their values hold no control
                characters.
            max_field: Bytes of one header field of the answer.

        Raises:
            Failure: if there is no answer, or the answer is not HTTP.
            OSError, ValueError: if the request cannot be sent.
        """
        origin = origin_of(url)
        target = url[len(origin) :]
        if not target.isprintable() or " " in target:
            raise ValueError("the URL of a request must be in normal form")
        try:
            try:
                answer = await self._ask(url, headers, max_field)
            except Disconnected:
                answer = await self._ask(url, headers, max_field, fresh=True)
        except NotForCurl:
            if self._proxies.of(url):
                raise  # only libcurl knows the way through the proxy
            return await self._ask_on_its_own(url, headers, max_field)
        if url.startswith("https:"):
            self._learn(origin, multiplexed=answer.protocol in _MULTIPLEXED)
        return answer

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send a body and return the status of the answer, whose body is not read.

        Raises:
            Failure: if there is no answer, or the answer is not HTTP.
            OSError, ValueError: if the request cannot be sent.
        """
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        answer = await self._ask(url, lines, HEAD_BYTES, body)
        answer.close()
        return answer.status

    def is_multiplexed(self, origin: str) -> bool:
        """Whether an origin is known to take concurrent requests on one connection."""
        return self._multiplexed.get(origin, False)

    def go_on(self, transfer: Transfer) -> None:
        """Let more arrive for a paused transfer."""
        transfer.paused = False
        self.multi.go_on(transfer.easy)
        if transfer.uncounted:
            self._floods.count_again(transfer)

    def release(self, transfer: Transfer) -> None:
        """Take a transfer back, and end it if it is still running."""
        if transfer not in self._busy:
            return
        self._busy.discard(transfer)
        self.multi.stop(transfer.easy)
        if len(self._free) < _KEPT_TRANSFERS:
            transfer.forget()
            self._free.append(transfer)
        else:
            transfer.easy.close()

    async def close(self) -> None:
        """Close all connections."""
        for transfer in list(self._busy):
            self.release(transfer)
        for transfer in self._free:
            transfer.easy.close()
        self._free.clear()
        self._names.close()
        self._proxy_names.close()
        await self._proxy_resolver.close()
        self._floods.close()
        self.multi.close()
        # Give the other end time to notice, if it is in this program, as in tests.
        for _ in range(_ROUNDS_TO_END):
            await asyncio.sleep(0)

    async def _ask(
        self,
        url: str,
        headers: str,
        max_field: int,
        body: bytes | None = None,
        *,
        fresh: bool = False,
    ) -> _CurlAnswer:
        proxy = self._proxies.of(url)
        asked = TransferRequest(url, headers, max_field, body=body, fresh=fresh)
        asked = await (self._through(proxy, asked) if proxy else self._directly(asked))
        origin = origin_of(url)
        scout = None
        if not fresh and self._may_share(origin):
            scout = await self._scouts.follow(origin)
        try:
            return await self._carry_out(asked, scout)
        finally:
            if scout is not None:
                scout.end()

    async def _carry_out(self, asked: TransferRequest, scout: Scout | None) -> _CurlAnswer:
        transfer = self._free.pop() if self._free else self._new()
        transfer.prepare(asked, scout)
        self._busy.add(transfer)
        self._floods.watch()
        self.multi.start(transfer.easy, transfer.ended)
        try:
            while not transfer.status:
                if transfer.done:
                    raise transfer.failure or NotForCurl("bad-answer: not valid HTTP")
                await transfer.news()
        except BaseException:
            self.release(transfer)
            raise
        return _CurlAnswer(self, transfer)

    def _may_share(self, origin: str) -> bool:
        """Whether requests to an origin may share a connection, as far as is known."""
        return origin.startswith("https:") and self._multiplexed.get(origin, True)

    def _learn(self, origin: str, *, multiplexed: bool) -> None:
        if self._multiplexed.get(origin) is not multiplexed:
            if len(self._multiplexed) >= _ORIGINS:
                del self._multiplexed[next(iter(self._multiplexed))]
            self._multiplexed[origin] = multiplexed

    async def _directly(self, asked: TransferRequest) -> TransferRequest:
        host, port, literal = _place(asked.url)
        if literal:
            self._gate.check(host, port)
            return asked
        known = await self._names.find(host, port)
        return replace(asked, pins=(known.pin,), lookup_ms=known.lookup_ms)

    async def _through(self, proxy: str, asked: TransferRequest) -> TransferRequest:
        """The request through a proxy; the client connects only to the proxy."""
        if not self._tunnels:
            return replace(asked, proxy=proxy)
        host, port, literal = _place(asked.url)
        if literal:
            self._gate.check(host, port)
            known = KnownName("", (host,))
        else:
            known = await self._names.find(host, port)
        there, its_port, is_literal = _place_of(without_credentials(proxy))
        found = KnownName("", (there,))
        if not is_literal:
            found = await self._proxy_names.find(there, its_port)
        return replace(
            asked,
            pins=(found.pin,) if found.pin else (),
            lookup_ms=known.lookup_ms,
            proxy=proxy,
            far_ends=frozenset((address, its_port) for address in found.addresses),
            tunnel=f"{bracketed(known.addresses[0])}:{port}",
        )

    async def _ask_on_its_own(self, url: str, headers: str, max_field: int) -> Answer:
        """Repeat a request with a reader as tolerant as a browser, on a connection of its own."""
        host, port, _ = _place(url)
        request = (
            f"GET {url[len(origin_of(url)) :]} HTTP/1.1\r\nConnection: close\r\n"
            f"Host: {host_of(url)}\r\n{headers}\r\n"
        )
        connected = await dial(host, port, self._resolver, self._gate)
        try:
            tls = self._trust.context() if url.startswith("https:") else None
            streams = await asyncio.open_connection(
                sock=connected, ssl=tls, server_hostname=host if tls else None
            )
        except BaseException:
            connected.close()
            raise
        answer = LastAnswer(streams, self.turns, max_field)
        try:
            await answer.begin(request.encode(*AS_IT_CAME))
        except BaseException:
            answer.close()
            raise
        return answer

    def _new(self) -> Transfer:
        return Transfer(self._loop, self.multi, self._gate, self._trust, http3=self._http3)


@lru_cache(maxsize=4096)
def _place_of(origin: str) -> tuple[str, int, bool]:
    host, _, port = host_and_port(origin).rpartition(":")
    host = host.strip("[]")
    return host, int(port), is_address(host)


def _place(url: str) -> tuple[str, int, bool]:
    """The host and port of a URL, and whether the host is an address."""
    return _place_of(origin_of(url))
