"""The connection of a node to its engine."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from libra.cluster.engine.answers import Message
from libra.cluster.engine.connection import Engine
from libra.cluster.engine.errors import EngineAway, InDoubt
from support.asking import PATIENCE, eventually
from support.nats import NatsServers, running_nats
from support.patience import FOR_EVER


async def test_what_waits_for_an_answer_is_told_that_the_connection_ended_and_the_next_one_answers(
    servers: NatsServers,
) -> None:
    engine = Engine(servers.urls, name="a test")
    await engine.connect()
    asked = asyncio.Event()

    async def say_nothing(_: Message) -> None:
        asked.set()

    async def answer(message: Message) -> None:
        await engine.tell(message.reply, b"here")

    await engine.listen("libra.quiet", say_nothing)
    await engine.listen("libra.loud", answer)
    waiting = asyncio.create_task(engine.ask("libra.quiet", b"", FOR_EVER))
    await asked.wait()
    await servers[0].kill()
    # It was asked, and perhaps it was done; over another connection no answer to it ever comes.
    with pytest.raises(InDoubt, match="ended"):
        await waiting
    servers[0].start()

    async def answered() -> bool:
        try:
            return await engine.ask("libra.loud", b"", FOR_EVER) == b"here"
        except EngineAway:
            return False

    await eventually(answered, "it is connected again", within=PATIENCE)
    await engine.close()


async def test_a_connection_that_a_server_says_nothing_on_is_ended_before_the_next_is_made(
    servers: NatsServers,
) -> None:
    taken: asyncio.Queue[asyncio.Event] = asyncio.Queue()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended = asyncio.Event()
        taken.put_nowait(ended)
        with suppress(ConnectionError):
            await reader.read()
        ended.set()
        writer.close()

    engine = Engine(servers.urls, name="a test")
    await engine.connect()
    await servers[0].kill()
    # As one that is frozen, but it can be asked what it was given.
    silent = await asyncio.start_server(take, "127.0.0.1", servers[0].port)
    for _ in range(3):
        ended = await taken.get()
        # One that is only forgotten ends, too, when it is collected; but then that warns.
        await ended.wait()
    await engine.close()
    silent.close()
    await silent.wait_closed()


async def test_a_wrong_password_is_named_and_not_shown() -> None:
    async with running_nats(1, extra="authorization { user: libra, password: right }") as servers:
        url = servers.url.replace("nats://", "nats://libra:mistaken@")
        engine = Engine([url], name="a test")
        connecting = asyncio.create_task(engine.connect())

        async def named() -> bool:
            return "authorization" in (engine.trouble or "").lower()

        await eventually(named, "the trouble names it", within=PATIENCE)
        assert "mistaken" not in (engine.trouble or "")
        await engine.close()
        connecting.cancel()
        await asyncio.wait([connecting])
