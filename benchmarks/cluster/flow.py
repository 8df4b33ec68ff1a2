"""The life of a page over three shards, with the page-wide expectation, while servers are frozen or
killed.

Two submitters, five inspectors and two storers do to JetStream what nodes of a cluster do, and
nothing else: a submission is created, taken, kept by signs of life, finished, stored and
acknowledged, each write expecting the last sequence of all subjects of its page. A redelivery asks
the owner. An answer that is lost is resolved by asking the leader. Half way, something is done to
the servers.

Printed is for each fault: pages acknowledged and finished, how many had a second life (nobody was
hurt, so none may), deliveries that came again, writes that lost against another, the longest pause
between two acknowledged submissions, and what the queues hold at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error

from benchmarks.cluster.engine import (
    WRONG_SEQUENCE,
    Away,
    Refused,
    after,
    ask,
    connected,
    make_consumer,
    make_stream,
    pause,
    publish,
)  # fmt: skip
from support.nats import NatsServers, running_nats

SHARDS = 3
NOTHING = 10037  # the code for "there is no such message"
ASKING = 0.3  # seconds for one answer of an owner


@dataclass
class Tally:
    """What happened."""

    submitted: dict[str, float] = field(default_factory=dict)
    lives: dict[str, list[str]] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    stored: set[str] = field(default_factory=set)
    dropped: int = 0
    lost_writes: int = 0
    doubts: int = 0
    beaten: list[tuple[str, bytes, tuple[bytes, int] | None]] = field(default_factory=list)
    """Of writes that lost: what they said, and what they found instead."""
    heard: Counter[str] = field(default_factory=Counter)
    """What was heard instead of *mine*, by those who then began a new life."""


class Page:
    """The subjects of one page."""

    def __init__(self, page_id: str, shard: int) -> None:
        self.id = page_id
        self.stream = f"P{shard}"
        base = f"libra.{shard}.{page_id}"
        self.sub, self.rec, self.all = f"{base}.sub.static", f"{base}.rec", f"{base}.>"

    @classmethod
    def of(cls, subject: str) -> Page:
        _, shard, page_id, *_ = subject.split(".")
        return cls(page_id, int(shard))


async def main() -> None:
    """Try each fault and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=600)
    parser.add_argument("--tries", type=int, default=5, help="times to ask an owner, 0.3 s each")
    parser.add_argument("--beaten", action="store_true", help="show the writes that lost")
    parser.add_argument("--faults", nargs="+", default=list(FAULTS), choices=list(FAULTS))
    arguments = parser.parse_args()
    print(
        "fault                 acked finished stored  2nd lives  asked  CAS lost  doubts  longest pause"
        "  pending  heard instead of *mine*"
    )
    for name in arguments.faults:
        await _try(name, arguments.pages, arguments.tries, shows=arguments.beaten)


async def _freeze_leader(servers: NatsServers) -> None:
    leader = await servers.elected("P0")
    leader.freeze()
    await pause(10)
    leader.thaw()


async def _freeze_all(servers: NatsServers) -> None:
    for server in servers.servers:
        server.freeze()
    await pause(8)
    for server in servers.servers:
        server.thaw()


async def _freeze_follower(servers: NatsServers) -> None:
    leader = await servers.elected("P0")
    follower = next(server for server in servers.servers if server is not leader)
    follower.freeze()
    await pause(10)
    follower.thaw()


async def _kill_leader(servers: NatsServers) -> None:
    leader = await servers.elected("P0")
    await leader.kill()
    await pause(3)
    leader.start()


async def _kill_two(servers: NatsServers) -> None:
    for server in servers.servers[:2]:
        await server.kill()
    await pause(5)
    for server in servers.servers[:2]:
        server.start()


async def _nothing(_: NatsServers) -> None:
    return


FAULTS: dict[str, Callable[[NatsServers], Awaitable[None]]] = {
    "nothing": _nothing,
    "leader frozen 10 s": _freeze_leader,
    "follower frozen 10 s": _freeze_follower,
    "all frozen 8 s": _freeze_all,
    "leader killed": _kill_leader,
    "two of three killed": _kill_two,
}


async def _try(name: str, pages: int, tries: int, *, shows: bool) -> None:
    tally = Tally()
    async with running_nats(3) as servers, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(servers.urls)) for _ in range(9)]
        for shard in range(SHARDS):
            await make_stream(clients[0], f"P{shard}", [f"libra.{shard}.*.>"])
            await make_consumer(clients[0], f"P{shard}", "weigh", f"libra.{shard}.*.sub.static")
            await make_consumer(clients[0], f"P{shard}", "store", f"libra.{shard}.*.rec")
        inspectors = [
            Inspector(client, f"i{n}", tally, tries) for n, client in enumerate(clients[:5])
        ]
        storers = [Storer(client, tally) for client in clients[5:7]]
        working: list[Inspector | Storer] = [*inspectors, *storers]
        work = [asyncio.create_task(one.run()) for one in working]
        submitting = [
            asyncio.create_task(_submit(client, tally, pages // 2, 20.0)) for client in clients[7:]
        ]
        await pause(3)
        await FAULTS[name](servers)
        await asyncio.gather(*submitting)
        deadline = time.monotonic() + 60
        pending = await _pending(clients[0])
        while (pending or tally.stored < tally.submitted.keys()) and time.monotonic() < deadline:
            await pause(0.5)
            pending = await _pending(clients[0])
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        moments = sorted(tally.submitted.values())
        longest = max((b - a for a, b in pairwise(moments)), default=0.0)
        acked = tally.submitted.keys()
        twice = sum(len(lives) > 1 for lives in tally.lives.values())
        print(
            f"{name:22}{len(acked):5}{len(acked & tally.finished):9}{len(acked & tally.stored):7}"
            f"{twice:11}{tally.dropped:7}{tally.lost_writes:10}{tally.doubts:8}{longest:13.2f} s"
            f"{pending:9}  {dict(tally.heard)}",
            flush=True,
        )
        if shows:
            for beaten in tally.beaten:
                print("   beaten:", *beaten)


async def _submit(client: Client, tally: Tally, number: int, rate: float) -> None:
    """Each at its time, whether or not those before it were answered."""
    loop, began = asyncio.get_running_loop(), time.monotonic()

    async def one(shard: int) -> None:
        page = Page(uuid.uuid4().hex, shard)
        await _write(client, page, page.sub, b"{}", 0, tally, create=True)
        tally.submitted[page.id] = time.monotonic()

    async with asyncio.TaskGroup() as group:
        for n in range(number):
            group.create_task(one(n % SHARDS))
            await asyncio.sleep(max(0.0, began + (n + 1) / rate - loop.time()))


async def _write(
    client: Client,
    page: Page,
    subject: str,
    data: bytes,
    last: int,
    tally: Tally,
    *,
    create: bool = False,
    ttl: int | None = None,
) -> int | None:
    """Its sequence, or None if another was first; goes on until the engine has said which."""
    headers = after(last, page.all) | ({"Nats-TTL": str(ttl)} if ttl else {})
    while True:
        try:
            return await publish(client, subject, data, headers)
        except Refused as error:
            if error.code not in WRONG_SEQUENCE:
                await pause(0.1)
                continue
            # Mine, of a try whose answer was lost? What a leader says decides.
            found = await _last(client, page)
            if found is not None and (create or _is_of(found[0], data)):
                return found[1]
            if (found[1] if found else 0) == last:
                # The engine compares with what it has proposed and not agreed on yet: a try of mine.
                tally.doubts += 1
                await pause(0.2)
                continue
            tally.lost_writes += 1
            tally.beaten.append((page.id, data, found))
            return None
        except Away:
            tally.doubts += 1
            await pause(0.1)


async def _last(client: Client, page: Page) -> tuple[bytes, int] | None:
    """The newest of a page's messages, as its leader knows it."""
    while True:
        try:
            said = await ask(
                client,
                f"$JS.API.STREAM.MSG.GET.{page.stream}",
                {"last_by_subj": page.all},
                within=1,
            )
        except Refused as error:
            if error.code == NOTHING:
                return None
            await pause(0.1)  # it cannot tell, which is not the same
            continue
        except Away:
            await pause(0.1)
            continue
        message = said["message"]
        return base64.b64decode(message.get("data", "")), message["seq"]


def _is_of(found: bytes, mine: bytes) -> bool:
    """Whether a record is my write, or what another made of it: a storer keeps whose it is."""
    there, here = json.loads(found or b"{}"), json.loads(mine)
    return all(there.get(name) == here.get(name) for name in ("owner", "life", "finished"))


async def _deliveries(client: Client, queue: str) -> AsyncIterator[Msg]:
    """What a durable queue of every shard hands out, for ever."""
    arrived: asyncio.Queue[Msg] = asyncio.Queue()

    async def pull(stream: str) -> None:
        inbox, ended = client.new_inbox(), asyncio.Event()

        async def heard(message: Msg) -> None:
            if not message.reply:
                ended.set()
            else:
                arrived.put_nowait(message)
                ended.set()

        await client.subscribe(inbox, cb=heard)
        body = json.dumps({"batch": 20, "expires": 1_000_000_000}).encode()
        while True:
            ended.clear()
            with contextlib.suppress(Error, OSError):
                await client.publish(
                    f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{queue}", body, reply=inbox
                )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.2):
                    await ended.wait()
            await pause(0.01)

    pulling = [asyncio.create_task(pull(f"P{shard}")) for shard in range(SHARDS)]
    try:
        while True:
            yield await arrived.get()
    finally:
        for task in pulling:
            task.cancel()


class Inspector:
    """Takes pages, weighs them for a second or so, and answers whether one is its own."""

    def __init__(self, client: Client, name: str, tally: Tally, tries: int) -> None:
        self._client = client
        self._name = name
        self._tries = tries
        self._tally = tally
        self._mine: set[str] = set()
        self._considered: set[str] = set()

    async def run(self) -> None:
        async def asked(message: Msg) -> None:
            await message.respond(b"mine" if message.data.decode() in self._mine else b"not mine")

        await self._client.subscribe(f"libra.node.{self._name}", cb=asked)
        async with asyncio.TaskGroup() as group:
            async for message in _deliveries(self._client, "weigh"):
                group.create_task(self._delivered(message))

    async def _delivered(self, message: Msg) -> None:
        page = Page.of(message.subject)
        if page.id in self._mine:
            self._tally.dropped += 1
            return None
        found = await _last(self._client, page)
        if found is None:
            return await self._ack(message)  # purged: nothing is left to do
        data, sequence = found
        record: dict[str, Any] = json.loads(data) if data else {}
        if record.get("finished"):
            return await self._ack(message)
        if record.get("owner") and await self._owner_lives(record["owner"], page):
            self._tally.dropped += 1
            return None
        life = record.get("life", 0) + 1
        mine = json.dumps({"life": life, "owner": self._name}).encode()
        # It says *mine* as soon as the engine may have its record: the answer may be lost for seconds.
        self._mine.add(page.id)
        try:
            taken = await self._write(message, page, mine, sequence)
            if taken is None:
                return None
            self._tally.lives.setdefault(page.id, []).append(self._name)
            for _ in range(2):
                await pause(0.6)
                await self._say(message, b"+WPI")
            done = json.dumps({"life": life, "owner": self._name, "finished": True}).encode()
            if await self._write(message, page, done, taken) is not None:
                self._tally.finished.add(page.id)
                await self._ack(message)
        finally:
            self._mine.discard(page.id)
        return None

    async def _write(self, message: Msg, page: Page, data: bytes, last: int) -> int | None:
        """Write the record, and hold the delivery for as long as the outcome is in doubt."""
        writing = asyncio.ensure_future(
            _write(self._client, page, page.rec, data, last, self._tally)
        )
        while not writing.done():
            await asyncio.wait({writing}, timeout=1.0)
            if not writing.done():
                await self._say(message, b"+WPI")
        return writing.result()

    async def _owner_lives(self, owner: str, page: Page) -> bool:
        """Ask, and again: that nobody answers there is also said while an owner is changing servers."""
        heard = ""
        for _ in range(self._tries):
            next_one = asyncio.get_running_loop().time() + ASKING
            try:
                answer = await self._client.request(
                    f"libra.node.{owner}", page.id.encode(), timeout=ASKING
                )
            except (Error, OSError, TimeoutError) as error:
                heard = type(error).__name__
                await pause(max(0.0, next_one - asyncio.get_running_loop().time()))
            else:
                if answer.data == b"mine":
                    return True
                heard = "not mine"
                break
        self._tally.heard[heard] += 1
        return False

    async def _ack(self, message: Msg) -> None:
        await self._say(message, b"+ACK")

    async def _say(self, message: Msg, word: bytes) -> None:
        with contextlib.suppress(Error, OSError):
            await self._client.publish(message.reply, word)


class Storer:
    """Notes what is finished, then says so in the record, with the time that it may still take up
    space."""

    def __init__(self, client: Client, tally: Tally) -> None:
        self._client = client
        self._tally = tally

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            async for message in _deliveries(self._client, "store"):
                group.create_task(self._delivered(message))

    async def _delivered(self, message: Msg) -> None:
        page, record = Page.of(message.subject), json.loads(message.data or b"{}")
        if record.get("finished") and not record.get("stored"):
            self._tally.stored.add(page.id)
            data = json.dumps(record | {"stored": True}).encode()
            sequence = int(message.reply.split(".")[-4])
            await _write(self._client, page, page.rec, data, sequence, self._tally, ttl=3600)
            with contextlib.suppress(Away, Refused):
                await ask(
                    self._client, f"$JS.API.STREAM.PURGE.{page.stream}", {"filter": page.sub}, within=1
                )  # fmt: skip
        with contextlib.suppress(Error, OSError):
            await self._client.publish(message.reply, b"+ACK")


async def _pending(client: Client) -> int:
    """Messages that any queue has not handed out or that are not acknowledged; many if nobody says."""
    total = 0
    for shard in range(SHARDS):
        for queue in ("weigh", "store"):
            try:
                said = await ask(client, f"$JS.API.CONSUMER.INFO.P{shard}.{queue}", within=2)
            except (Away, Refused):
                return 10_000
            total += said["num_pending"] + said["num_ack_pending"]
    return total


if __name__ == "__main__":
    asyncio.run(main())
