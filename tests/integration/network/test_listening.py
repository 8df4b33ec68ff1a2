"""A server that is closed closes every connection that it has taken, however young that is."""

import asyncio
import gc
import socket
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import pytest

from libra.app import Libra
from libra.network.addresses.dialing import OPEN, Resolver
from libra.settings import Settings
from libra.testing import PageServer
from libra.web import create_app
from libra.web.serving.server import WebServer
from libra.weighing.rendered.proxy.server import Proxy

Address = tuple[str, int]


@asynccontextmanager
async def pages() -> AsyncIterator[Address]:
    async with PageServer({}) as server:
        yield "127.0.0.1", server.port


@asynccontextmanager
async def proxy() -> AsyncIterator[Address]:
    resolver = Resolver()
    async with Proxy(OPEN, resolver) as server:
        host, port = server.address.removeprefix("http://").split(":")
        yield host, int(port)
    await resolver.close()


@pytest.mark.parametrize("serving", [pages, proxy])
async def test_a_connection_is_closed_with_its_server_however_young_it_is(
    serving: Callable[[], AbstractAsyncContextManager[Address]],
) -> None:
    await at_every_age(serving)


async def test_so_is_one_to_libra_itself(settings: Settings) -> None:
    async with Libra.open(settings) as libra:
        app = create_app(libra, settings)

        @asynccontextmanager
        async def serving() -> AsyncIterator[Address]:
            server = WebServer(app, "127.0.0.1", 0)
            await server.start()
            yield server.address
            await server.stop()

        await at_every_age(serving)


async def at_every_age(serving: Callable[[], AbstractAsyncContextManager[Address]]) -> None:
    loop = asyncio.get_running_loop()
    for turns in range(8):
        with warnings.catch_warnings(record=True) as unclosed:
            warnings.simplefilter("always", ResourceWarning)
            async with serving() as address:
                # Without a turn of the loop: the system takes it for who listens.
                client = socket.create_connection(address)
                for _ in range(turns):
                    await asyncio.sleep(0)
            with client:
                client.setblocking(False)
                with suppress(ConnectionResetError):
                    assert await loop.sock_recv(client, 1) == b""
            gc.collect()
        assert [str(warning.message) for warning in unclosed] == [], turns
