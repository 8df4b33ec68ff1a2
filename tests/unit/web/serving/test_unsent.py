"""What waits for clients that do not read is bounded, and the slowest pays for it."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from libra.web.serving.unsent import PATIENCE, PIECE, ClientBacklog, Unsent


def clients(unsent: Unsent, count: int) -> tuple[list[ClientBacklog], list[int]]:
    cut: list[int] = []

    def client(number: int) -> ClientBacklog:
        return unsent.client(lambda: cut.append(number))

    return [client(number) for number in range(count)], cut


def test_who_has_not_read_for_longest_is_cut_off() -> None:
    time = 0.0
    unsent = Unsent(300, lambda: time)
    (first, second, third), cut = clients(unsent, 3)
    for client in (first, second, third):
        client.buffer(100)
    first.buffer(0)
    first.buffer(100)
    assert (unsent.total, cut) == (300, [])
    third.buffer(150)
    assert (unsent.total, cut) == (350, [])  # nobody is slow yet
    time = PATIENCE
    third.buffer(150)
    assert (unsent.total, cut) == (250, [1])
    second.buffer(100)  # it is gone already
    assert unsent.total == 250


async def test_a_large_answer_is_handed_on_in_pieces_and_is_whole() -> None:
    unsent = Unsent(10 * PIECE)
    (client,), _ = clients(unsent, 1)
    sent: list[dict[str, Any]] = []
    seen: list[int] = []

    async def send(message: dict[str, Any]) -> None:
        seen.append(unsent.total)
        sent.append(message)

    body = bytes(range(256)) * (PIECE // 100)
    await client.send(send, {"type": "http.response.body", "body": body})
    assert b"".join(message["body"] for message in sent) == body
    assert [message["more_body"] for message in sent] == [True, True, False]
    assert seen == [len(body), len(body) - PIECE, len(body) - 2 * PIECE]
    assert unsent.total == 0
    await client.send(send, {"body": body, "more_body": True})
    assert sent[-1]["more_body"] is True


async def test_one_who_is_cut_off_gets_nothing_more() -> None:
    times = itertools.count(0, PATIENCE)
    unsent = Unsent(2 * PIECE, lambda: next(times))
    (slow, other), cut = clients(unsent, 2)
    room = asyncio.Event()
    pieces = 0

    async def send(_: dict[str, Any]) -> None:
        nonlocal pieces
        pieces += 1
        await room.wait()

    sending = asyncio.create_task(slow.send(send, {"body": bytes(2 * PIECE)}))
    await asyncio.sleep(0)
    other.buffer(10)
    assert cut == [0]
    room.set()
    await sending
    assert pieces == 1
    assert unsent.total == 10


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60) | st.none())))
def test_it_is_never_more_than_the_limit_and_nothing_is_forgotten(
    steps: list[tuple[int, int | None]],
) -> None:
    times = itertools.count(0, PATIENCE)
    unsent = Unsent(100, lambda: next(times))
    several, cut = clients(unsent, 5)
    for number, count in steps:
        if count is None:
            several[number].end()
        else:
            several[number].buffer(count)
        assert unsent.total <= 100
        assert unsent.total == sum(client.waiting for client in several)
    for client in several:
        client.end()
    assert unsent.total == 0
    assert len(set(cut)) == len(cut)
