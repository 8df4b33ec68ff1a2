"""The proxy breaks connections in the ways that its methods say."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from support.asking import PATIENCE, eventually
from support.proxy import Proxy


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """A server that answers every line with itself; its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionResetError):
            while line := await reader.readline():
                writer.write(line)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
async def proxy(echo: int) -> AsyncIterator[Proxy]:
    async with Proxy(echo) as running:
        yield running


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def of(cls, proxy: Proxy) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", proxy.port))

    async def ask(self, line: bytes = b"hello\n", within: float = 60.0) -> bytes:
        self.writer.write(line)
        async with asyncio.timeout(within):
            return await self.reader.readline()

    def close(self) -> None:
        self.writer.close()


async def test_it_forwards_both_ways_and_counts(proxy: Proxy) -> None:
    clients = [await Client.of(proxy) for _ in range(3)]
    assert [await client.ask() for client in clients] == [b"hello\n"] * 3
    assert (proxy.open, proxy.peak) == (3, 3)
    big = b"x" * 60_000 + b"\n"
    assert await clients[0].ask(big) == big
    clients[0].writer.write_eof()
    assert await clients[0].reader.read() == b""
    assert (proxy.open, proxy.peak) == (2, 3)
    for client in clients:
        client.close()


async def test_a_reset_is_felt_by_the_client_and_new_connections_work(proxy: Proxy) -> None:
    client = await Client.of(proxy)
    await client.ask()
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        await client.reader.read()
    client.close()
    again = await Client.of(proxy)
    assert await again.ask() == b"hello\n"
    again.close()


async def test_while_it_refuses_nothing_listens_and_then_the_same_port_works(proxy: Proxy) -> None:
    client = await Client.of(proxy)
    await client.ask()
    proxy.refuse()
    with pytest.raises(ConnectionResetError):
        await client.reader.read()
    client.close()
    with pytest.raises(ConnectionRefusedError):
        await Client.of(proxy)
    await proxy.mend()
    again = await Client.of(proxy)
    assert await again.ask() == b"hello\n"
    again.close()


async def test_a_black_hole_takes_all_and_answers_nothing_until_it_is_mended(proxy: Proxy) -> None:
    old = await Client.of(proxy)
    await old.ask()
    proxy.swallow()
    new = await Client.of(proxy)  # accepted, but the server never hears of it

    async def both_are_open() -> bool:
        return proxy.open == 2

    await eventually(both_are_open, "the new one is accepted", within=PATIENCE)
    for client in (old, new):
        with pytest.raises(TimeoutError):
            await client.ask(within=0.05)
    assert proxy.open == 2
    await proxy.mend()
    for client in (old, new):
        with pytest.raises(ConnectionResetError):
            await client.reader.read()
        client.close()
    again = await Client.of(proxy)
    assert await again.ask() == b"hello\n"
    again.close()


async def test_a_mended_hole_may_leave_those_who_lost_bytes_in_it_to_wait(proxy: Proxy) -> None:
    old = await Client.of(proxy)
    await old.ask()
    proxy.swallow()
    with pytest.raises(TimeoutError):
        await old.ask(b"lost\n", within=0.05)
    await proxy.mend(resets=False)
    assert await old.ask(b"and on\n") == b"and on\n"
    old.close()


async def test_who_connects_waits_at_the_gate_and_nobody_else_does(proxy: Proxy) -> None:
    old = await Client.of(proxy)
    await old.ask()
    proxy.gate.clear()
    new = await Client.of(proxy)
    with pytest.raises(TimeoutError):
        await new.ask(b"first\n", within=0.05)
    assert await old.ask() == b"hello\n"
    assert proxy.accepted == 2
    proxy.gate.set()
    assert await new.reader.readline() == b"first\n"
    for one in (old, new):
        one.close()


async def test_delay_holds_back_what_crosses_and_keeps_its_order(proxy: Proxy) -> None:
    loop = asyncio.get_running_loop()
    client = await Client.of(proxy)
    await client.ask()
    proxy.slow_down(0.05)
    started = loop.time()
    client.writer.write(b"first\n")
    assert await client.reader.readline() == b"first\n"
    assert loop.time() - started >= 0.1  # there and back
    client.writer.write(b"second\n")
    await client.writer.drain()
    await proxy.mend()
    client.writer.write(b"third\n")
    assert await client.reader.readline() == b"second\n"
    assert await client.reader.readline() == b"third\n"
    client.close()


async def test_a_narrow_link_takes_its_time_and_loses_nothing(proxy: Proxy) -> None:
    loop = asyncio.get_running_loop()
    client = await Client.of(proxy)
    proxy.narrow(400_000)
    started = loop.time()
    line = b"x" * 40_000 + b"\n"
    assert await client.ask(line) == line
    assert await client.ask(line) == line
    # The second comes in when the first is through.
    assert loop.time() - started >= 0.1
    client.close()


async def test_a_client_of_a_server_that_is_gone_is_reset() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # nobody else gets the port, and nobody listens
        async with Proxy(deaf.getsockname()[1]) as proxy:
            client = await Client.of(proxy)
            with pytest.raises(ConnectionResetError):
                await client.reader.read()
            client.close()
            assert proxy.open == 0


async def test_one_way_alone_can_be_a_hole_so_that_the_server_hears_and_is_not_heard(
    echo: int,
) -> None:
    async with Proxy(echo) as proxy:
        client = await Client.of(proxy)
        await client.ask()
        proxy.swallow("back")
        client.writer.write(b"heard\n")
        with pytest.raises(TimeoutError):
            await client.ask(b"and not heard\n", within=0.05)
        new = await Client.of(proxy)
        with pytest.raises(TimeoutError):
            await new.ask(within=0.05)
        await proxy.mend()
        for one in (client, new):
            with pytest.raises(ConnectionResetError):
                await one.reader.read()
            one.close()


async def test_what_is_held_arrives_when_it_is_let_go_and_nothing_is_lost(proxy: Proxy) -> None:
    client = await Client.of(proxy)
    await client.ask()
    proxy.hold()
    with pytest.raises(TimeoutError):
        await client.ask(b"first\n", within=0.05)
    new = await Client.of(proxy)
    new.writer.write(b"new\n")
    await proxy.mend()
    assert await client.reader.readline() == b"first\n"
    assert await new.reader.readline() == b"new\n"
    for one in (client, new):
        one.close()
