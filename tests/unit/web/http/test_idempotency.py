"""Keys: a submission is done once, however often and at what moment it is sent."""

from __future__ import annotations

import asyncio

import pytest

from libra.app import IdempotencyKey, KeyUse
from libra.web.http.idempotency import IdempotencyKeys
from libra.web.http.problems import RequestRefused


class Desk:
    """Takes submissions, and knows what came of them."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.known: dict[str, KeyUse] = {}

    async def find(self, name: str) -> KeyUse | None:
        return self.known.get(name)

    async def submit(self, key: IdempotencyKey) -> str:
        self.pages.append(f"page-{len(self.pages) + 1}")
        self.known[key.name] = KeyUse(key.body, self.pages[-1], 0.0)
        return self.pages[-1]


async def test_a_key_does_its_work_once() -> None:
    desk = Desk()
    keys = IdempotencyKeys(desk.find)
    assert await keys.once("me", "a", "body", desk.submit) == ("page-1", False)
    assert await keys.once("me", "a", "body", desk.submit) == ("page-1", True)
    assert await keys.once("you", "a", "body", desk.submit) == ("page-2", False)
    with pytest.raises(RequestRefused) as refused:
        await keys.once("me", "a", "another body", desk.submit)
    assert refused.value.problem.status == 422
    assert len(desk.pages) == 2


async def test_of_a_deleted_page_nobody_knows_any_more_what_was_asked_for() -> None:
    desk = Desk()
    keys = IdempotencyKeys(desk.find)
    await keys.once("me", "a", "body", desk.submit)
    desk.known = {name: used._replace(body="") for name, used in desk.known.items()}
    assert await keys.once("me", "a", "another body", desk.submit) == ("page-1", True)


async def test_while_the_first_is_under_way_the_second_waits_for_its_outcome() -> None:
    desk, gate, begun = Desk(), asyncio.Event(), asyncio.Event()
    keys = IdempotencyKeys(desk.find)

    async def slow(key: IdempotencyKey) -> str:
        begun.set()
        await gate.wait()
        return await desk.submit(key)

    async def failing(_: IdempotencyKey) -> str:
        begun.set()
        await gate.wait()
        raise ValueError

    first = asyncio.ensure_future(keys.once("me", "a", "body", slow))
    await begun.wait()
    second = asyncio.ensure_future(keys.once("me", "a", "body", slow))
    gate.set()
    assert (await first, await second) == (("page-1", False), ("page-1", True))

    gate.clear()
    begun.clear()
    lost = asyncio.ensure_future(keys.once("me", "b", "body", failing))
    await begun.wait()
    heir = asyncio.ensure_future(keys.once("me", "b", "body", desk.submit))
    gate.set()
    with pytest.raises(ValueError):
        await lost
    assert await heir == ("page-2", False)
