"""What a fetcher has taken in, for tests that wait until what was sent has arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

from libra.weighing.bodies.body import Body

Arrived = Callable[[int], Awaitable[None]]
"""Waits until so many bytes have been taken in, of all bodies together."""


@contextmanager
def arrivals() -> Iterator[Arrived]:
    """Count what every `Body` of this process takes in from now on."""
    total = 0
    news = asyncio.Event()
    take = Body.take

    def noted(body: Body, chunk: bytes) -> bool:
        nonlocal total
        total += len(chunk)
        news.set()
        return take(body, chunk)

    async def until(count: int) -> None:
        while total < count:
            news.clear()
            await news.wait()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Body, "take", noted)
        yield until
