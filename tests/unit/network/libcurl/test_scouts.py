"""One request goes first to an origin, and those behind learn how that went."""

from __future__ import annotations

import asyncio

from libra.network.libcurl.scouts import Scout, Scouts


async def followers(scouts: Scouts, number: int) -> list[asyncio.Task[Scout | None]]:
    """So many that wait behind the one that is out."""
    tasks = [asyncio.create_task(scouts.follow("https://a")) for _ in range(number)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)
    return tasks


async def out(scouts: Scouts, origin: str = "https://a") -> Scout:
    """The one that goes first."""
    scout = await scouts.follow(origin)
    assert scout is not None
    return scout


async def test_everybody_goes_once_the_first_has_arrived() -> None:
    scouts = Scouts()
    first = await out(scouts)
    behind = await followers(scouts, 3)
    first.arrive()
    assert await asyncio.gather(*behind) == [None, None, None]
    first.end()  # as each does once it has its answer
    assert await scouts.follow("https://a") is not None


async def test_when_the_first_fails_one_other_goes_first() -> None:
    scouts = Scouts()
    first = await out(scouts)
    behind = await followers(scouts, 3)
    first.end()
    done, waiting = await asyncio.wait(behind, return_when=asyncio.FIRST_COMPLETED)
    assert (len(done), len(waiting)) == (1, 2)
    second = done.pop().result()
    assert second is not None
    second.arrive()
    assert await asyncio.gather(*waiting) == [None, None]


async def test_one_that_gives_up_waiting_takes_nobody_along() -> None:
    scouts = Scouts()
    first = await out(scouts)
    gone, stays = await followers(scouts, 2)
    gone.cancel()
    first.arrive()
    assert await stays is None
    assert gone.cancelled() or gone.done()


async def test_nobody_waits_for_another_origin() -> None:
    scouts = Scouts()
    assert (await out(scouts)).origin == "https://a"
    assert (await out(scouts, "https://b")).origin == "https://b"
