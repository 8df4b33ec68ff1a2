"""HTTP over aiohttp's connections, without what weighing has no use for.

`aiohttp.ClientSession.get` also looks after cookies, credentials, redirects, proxies, tracing and
middleware, which costs a quarter of a request. `Wire.get` does with the same parts (connector,
request, response) what is left of it: connect, send, wait for the headers, and try once more if a
connection that was kept turns out to be closed (RFC 9110, section 9.2.2).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp
from aiohttp.helpers import TimerNoop
from multidict import CIMultiDict
from yarl import URL

READ_BYTES = 262_144
"""How much may lie unread before the peer is told to wait."""

MAX_LINE = 16_384
MAX_FIELD = 32_768
"""Bytes of the status line and of one header field."""

_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=None)
_NO_TIMER = TimerNoop()


class Wire:
    """Requests over the connections of one connector, for one event loop.

    Args:
        connector: It is closed with the wire.
    """

    __slots__ = ("_connector", "_loop", "_session")

    def __init__(self, connector: aiohttp.TCPConnector) -> None:
        self._connector = connector
        self._loop = asyncio.get_running_loop()
        # Requests and responses belong to a session; it takes no part in what those of `get` do.
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            timeout=_NO_TIMEOUT,
        )

    async def get(
        self, url: str, headers: CIMultiDict[str], *, max_field: int = MAX_FIELD
    ) -> aiohttp.ClientResponse:
        """The answer to a request, up to its headers; the body is still to be read.

        Args:
            url: In normal form, sent as it is.
            headers: All of them but ``Host``.
            max_field: Bytes of one header field of the answer.

        Raises:
            aiohttp.ClientError: if there is no answer, or none that is HTTP.
            OSError, ValueError: if there can be none.
        """
        target = URL(url, encoded=True)
        try:
            return await self._get(target, headers, max_field)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            return await self._get(target, headers, max_field)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send something and return the status of the answer; raises as `get` does.

        This is what happens now and then, so the session does it. What the answer says is not read.
        """
        target = URL(url, encoded=True)
        async with self._session.post(
            target, data=body, headers=headers, allow_redirects=False
        ) as response:
            response.close()
            return response.status

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def _get(
        self, url: URL, headers: CIMultiDict[str], max_field: int
    ) -> aiohttp.ClientResponse:
        request = aiohttp.ClientRequest(
            "GET",
            url,
            headers=headers,
            loop=self._loop,
            response_class=aiohttp.ClientResponse,
            timer=_NO_TIMER,
            session=self._session,
        )
        connection = await self._connector.connect(request, [], _NO_TIMEOUT)
        try:
            protocol = connection.protocol
            if protocol is None:
                raise aiohttp.ServerDisconnectedError
            protocol.set_response_params(
                timer=_NO_TIMER,
                read_until_eof=True,
                auto_decompress=False,
                read_bufsize=READ_BYTES,
                max_line_size=MAX_LINE,
                max_field_size=max_field,
            )
            response = await request.send(connection)
        except BaseException:
            connection.close()
            raise
        try:
            return await response.start(connection)
        except BaseException:
            response.close()
            connection.close()
            raise
