"""HTTP over aiohttp's connections, without what weighing has no use for.

`aiohttp.ClientSession.get` also looks after cookies, credentials, redirects, proxies, tracing and
middleware, and makes its request, writer and response objects anew for every request; all that is most
of a request's time. `Wire.get` takes aiohttp's connector (pool, TLS, happy eyeballs) and its parser and
does the rest itself: connect, write the request in one piece, wait for the headers, and try once more,
on a connection of its own and as forgivingly as a browser, if what was kept turns out to be closed
(RFC 9110, section 9.2.2) or the answer is none to a strict parser.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.helpers import TimerNoop
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from libra.weighing.dialing import GatedConnector
from libra.weighing.proxies import DIRECT, Proxies, authorization
from libra.weighing.receiving import SLICE_BYTES, Receiver, Turns
from libra.weighing.tolerant_http import CutShort, Reader
from libra.weighing.urls import origin_of

READ_BYTES = 262_144
"""How much may lie unread before the peer is told to wait."""

MAX_LINE = 16_384
MAX_FIELD = 32_768
"""Bytes of the status line and of one header field."""

_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=None)
_NO_TIMER = TimerNoop()
_ORIGINS = 1_024


class Answer(Protocol):
    """What a server answered: its head, and its body as it arrives."""

    @property
    def status(self) -> int:
        """Of HTTP."""

    @property
    def headers(self) -> CIMultiDict[str] | CIMultiDictProxy[str]:
        """Names in any case."""

    async def read(self) -> bytes:
        """What of the body has arrived, as soon as there is any; nothing at its end.

        Raises:
            aiohttp.ClientError: if the body ends before its announced end, or is not HTTP.
        """

    def close(self) -> None:
        """Keep the connection for others if the body has been read to its end, else close it."""


class _KeptAnswer:
    """An answer on one of the connector's connections."""

    __slots__ = ("_connection", "_content", "_protocol", "_turns", "headers", "status")

    def __init__(
        self,
        status: int,
        headers: CIMultiDictProxy[str],
        content: aiohttp.StreamReader,
        connection: Connection,
        protocol: Receiver,
        turns: Turns,
    ) -> None:
        self.status = status
        self.headers = headers
        self._content = content
        self._connection = connection
        self._protocol = protocol
        self._turns = turns

    async def read(self) -> bytes:
        content = self._content
        chunk = await content.readany()
        if chunk and not content.is_eof():
            await self._turns.take()
        return chunk

    def close(self) -> None:
        if self._content.is_eof() and not self._protocol.upgraded:
            self._connection.release()
        else:
            self._connection.close()


class _LastAnswer:
    """An answer on a connection of its own, read as forgivingly as a browser does."""

    __slots__ = ("_pieces", "_reader", "_silent", "_streams", "_turns", "headers", "status")

    def __init__(
        self,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        turns: Turns,
        max_field: int,
    ) -> None:
        self._streams = streams
        self._turns = turns
        self._reader = Reader(max_field)
        self._pieces: list[bytes] = []
        self._silent = True
        self.status = 0
        self.headers: CIMultiDict[str] = CIMultiDict()

    async def begin(self, request: bytes) -> None:
        """Send the request and wait for the head of the answer."""
        self._streams[1].write(request)
        while self._reader.status is None:
            await self._receive()
        self.status, self.headers = self._reader.status, self._reader.headers

    async def read(self) -> bytes:
        while not self._pieces and not self._reader.done:
            await self._receive()
        chunk, self._pieces = b"".join(self._pieces), []
        if chunk and not self._reader.done:
            await self._turns.take()
        return chunk

    def close(self) -> None:
        self._streams[1].transport.abort()

    async def _receive(self) -> None:
        data = await self._streams[0].read(SLICE_BYTES)
        if not data and self._silent:
            raise aiohttp.ServerDisconnectedError
        self._silent = False
        try:
            if data:
                self._pieces += self._reader.feed(data)
            else:
                self._reader.end()
        except CutShort:
            raise aiohttp.ClientPayloadError from None


class Wire:
    """Requests over the connections of one connector, for one event loop.

    Args:
        connector: It is closed with the wire.
        proxies: Which requests go through a proxy.
    """

    __slots__ = ("_connector", "_loop", "_origins", "_proxies", "_session", "_turns")

    def __init__(self, connector: GatedConnector, proxies: Proxies = DIRECT) -> None:
        self._connector = connector
        self._proxies = proxies
        self._loop = asyncio.get_running_loop()
        self._origins: dict[str, _Origin] = {}
        self._turns = Turns(self._loop)
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            timeout=_NO_TIMEOUT,
        )

    async def get(self, url: str, headers: str, *, max_field: int = MAX_FIELD) -> Answer:
        """The answer to a request, up to its headers; the body is still to be read.

        Args:
            url: In normal form, sent as it is.
            headers: All of them but ``Host``, each line with its end; their values hold no control
                characters.
            max_field: Bytes of one header field of the answer.

        Raises:
            aiohttp.ClientError: if there is no answer, or none that is HTTP.
            OSError, ValueError: if there can be none.
        """
        name = origin_of(url)
        origin = self._origins.get(name) or self._origin(name)
        target = url[len(name) :]
        if not target.isprintable() or " " in target:
            raise ValueError("a URL that is sent must be in normal form")
        target, headers = origin.prefix + target, headers + origin.authorization
        request = f"GET {target} HTTP/1.1\r\nHost: {origin.authority}\r\n{headers}\r\n".encode(
            "ascii"
        )
        try:
            return await self._get(origin, request, max_field)
        except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError):
            raise
        except (
            aiohttp.ClientOSError,
            aiohttp.ServerDisconnectedError,
            aiohttp.ClientResponseError,
        ):
            if origin.proxy is not None and not origin.prefix:  # a tunnel is the connector's to dig
                return await self._get(origin, request, max_field)
            head, _, rest = request.partition(b"\r\n")
            request = b"%b\r\nConnection: close\r\n%b" % (head, rest)
            return await self._get_on_its_own(origin, request, max_field)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send something and return the status of the answer; raises as `get` does.

        This is what happens now and then, so the session does it. What the answer says is not read.
        """
        target = URL(url, encoded=True)
        proxy = self._proxies.of(url)
        async with self._session.post(
            target, data=body, headers=headers, allow_redirects=False, proxy=proxy or None
        ) as response:
            response.close()
            return response.status

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def _get(self, origin: _Origin, request: bytes, max_field: int) -> Answer:
        connection = await self._connector.connect(origin, [], _NO_TIMEOUT)
        try:
            protocol = connection.protocol
            if not isinstance(protocol, Receiver) or protocol.transport is None:
                raise aiohttp.ServerDisconnectedError
            protocol.set_response_params(
                timer=_NO_TIMER,
                read_until_eof=True,
                auto_decompress=False,
                read_bufsize=READ_BYTES,
                max_line_size=MAX_LINE,
                max_field_size=max_field,
            )
            protocol.transport.write(request)
            message, content = await protocol.read()
            return _KeptAnswer(
                message.code, message.headers, content, connection, protocol, self._turns
            )
        except HttpProcessingError as error:
            connection.close()
            raise aiohttp.ClientResponseError(
                origin.request_info, (), status=error.code, message=error.message
            ) from error
        except BaseException:
            connection.close()
            raise

    async def _get_on_its_own(self, origin: _Origin, request: bytes, max_field: int) -> Answer:
        connected = await self._connector.dial(*origin.address)
        try:
            context = self._connector.trust if origin.is_ssl() else None
            streams = await asyncio.open_connection(
                sock=connected, ssl=context, server_hostname=origin.host if context else None
            )
        except BaseException:
            connected.close()
            raise
        answer = _LastAnswer(streams, self._turns, max_field)
        try:
            await answer.begin(request)
        except BaseException:
            answer.close()
            raise
        return answer

    def _origin(self, name: str) -> _Origin:
        if len(self._origins) >= _ORIGINS:
            self._origins.clear()
        origin = self._origins[name] = _Origin(
            name, self._proxies.of(name + "/"), self._loop, self._session
        )
        return origin


class _Origin(aiohttp.ClientRequest):
    """Where requests go, in the form in which the connector is told: one for each origin.

    The connector asks a request for its address, and sends nothing itself.
    """

    def __init__(
        self, name: str, proxy: str, loop: asyncio.AbstractEventLoop, session: aiohttp.ClientSession
    ) -> None:
        url, through = URL(name, encoded=True), URL(proxy) if proxy else None
        super().__init__(
            "GET",
            url,
            loop=loop,
            timer=_NO_TIMER,
            session=session,
            proxy=None if through is None else through.with_user(None),
            proxy_auth=None if through is None else aiohttp.BasicAuth.from_url(through),
        )
        self._key = super().connection_key
        self.authority = self.headers["Host"]
        # A proxy is told the whole address, unless it only lends a tunnel.
        told = through is not None and not self.is_ssl()
        self.prefix = name if told else ""
        known = authorization(proxy) if told else None
        self.authorization = "" if known is None else f"Proxy-Authorization: {known}\r\n"
        place = through if told and through is not None else url
        self.address = (place.host or "", place.port or 0)

    @property
    def connection_key(self) -> ConnectionKey:
        """Which connections will do; asked for every request and always the same."""
        return self._key
