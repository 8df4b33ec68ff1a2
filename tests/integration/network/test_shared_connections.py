"""Bodies that share a connection of HTTP/2 do not harm one another, however differently they end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import pytest

from libra.network.libcurl.trust import trust
from libra.weighing.options import Limits, Options
from libra.weighing.orders.orders import Fetch, Outcome, Reference
from libra.weighing.static.fetcher import Fetcher
from support.certificate import own_certificate
from support.http2_server import Http2Server
from support.needs import needs

pytestmark = needs("openssl")

MOST = 1_000_000
"""Bytes of a body, at most."""

LIMITED = Options(limits=Limits(asset_seconds=60, asset_bytes=MOST))
PINGS = 80
"""Round trips that are more turns of the client's sockets than it waits with a count of bytes."""


class TwoBodies(Http2Server):
    """Sends ``/large`` while ``/slow`` waits; the client counts its bytes before and after it."""

    large = MOST
    cut = False

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        talk.initiate_connection()
        streams: dict[str, int] = {}
        script: Iterator[None] | None = None
        writer.write(talk.data_to_send())
        while data := await reader.read(65_536):
            for event in talk.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    assert event.headers is not None
                    assert event.stream_id is not None
                    path = {bytes(name): bytes(value) for name, value in event.headers}[b":path"]
                    talk.send_headers(event.stream_id, [(":status", "200")])
                    talk.send_data(event.stream_id, b"x", end_stream=path == b"/first")
                    streams[path.decode()] = event.stream_id
                elif isinstance(event, h2.events.StreamReset):
                    self.cut = True
                elif isinstance(event, h2.events.PingAckReceived) and script is not None:
                    next(script, None)
            if script is None and len(streams) == 3:
                script = self._script(talk, streams)
                next(script)
            writer.write(talk.data_to_send())
            await writer.drain()

    def _script(self, talk: h2.connection.H2Connection, streams: dict[str, int]) -> Iterator[None]:
        yield from self._pings(talk)
        left = self.large - 1
        while left and not self.cut:
            while window := min(left, talk.local_flow_control_window(streams["/large"])):
                size = min(window, talk.max_outbound_frame_size)
                left -= size
                talk.send_data(streams["/large"], b"x" * size, end_stream=not left)
            talk.ping(bytes(8))
            yield
        yield from self._pings(talk)
        talk.end_stream(streams["/slow"])

    def _pings(self, talk: h2.connection.H2Connection) -> Iterator[None]:
        for _ in range(PINGS):
            talk.ping(bytes(8))
            yield


@pytest.mark.parametrize(
    ("size", "error", "received"),
    [
        pytest.param(MOST, None, MOST, id="to its end"),
        pytest.param(20 * MOST, "too-large: more than 1,000,000 bytes", None, id="cut"),
    ],
)
async def test_a_body_that_goes_does_not_make_the_other_look_like_a_flood(
    tmp_path: Path, size: int, error: str | None, received: int | None
) -> None:
    async with (
        TwoBodies(own_certificate(tmp_path)[1]) as server,
        Fetcher(trust=trust(insecure=True)) as fetcher,
    ):
        server.large = size

        async def fetch(path: str) -> Outcome:
            return await fetcher.fetch(Fetch(0, Reference(server.url(path), "image")), LIMITED)

        await fetch("/first")
        large, slow = await asyncio.gather(fetch("/large"), fetch("/slow"))
        assert server.connections == 1
    assert large.error == error
    assert received in {None, large.transfer_bytes}
    assert (slow.error, slow.transfer_bytes) == (None, 1)
