"""Every connection to PostgreSQL that is made is closed, whoever is cancelled and at whatever moment."""

import asyncio
import gc
import warnings
from collections.abc import Callable, Coroutine, Generator, Iterator
from functools import partial
from itertools import count
from typing import Any, Generic, TypeVar

import asyncpg  # type: ignore[import-untyped] # it ships no types
import pytest

from libra.storage import Unavailable, migrate, open_store
from libra.storage.history import Writer
from libra.storage.postgres.connections import Connection, Connections
from support.patience import FOR_EVER, PATIENT
from support.postgres import Postgres

T = TypeVar("T")


class Ways:
    """Makes connections and remembers them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.begun = 0
        self.made: list[Connection] = []
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()

    async def connect(self) -> Connection:
        self.begun += 1
        self.asked.set()
        await self.open.wait()
        self.made.append(await asyncpg.connect(self._url))
        return self.made[-1]

    def left_open(self) -> list[Connection]:
        return [connection for connection in self.made if not connection.is_closed()]


@pytest.fixture
def ways(postgres: Postgres) -> Ways:
    return Ways(postgres.url())


@pytest.fixture
def link(ways: Ways) -> Connections:
    return Connections(ways.connect, nothing)


@pytest.fixture
def unclosed() -> Iterator[list[str]]:
    """What the driver says of connections that were left to the garbage collector."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        said: list[str] = []
        yield said
        gc.collect()
        said += [str(warning.message) for warning in caught]
    assert said == []


async def nothing(_connection: Connection) -> None:
    return


async def one(connection: Connection) -> int:
    number: int = await connection.fetchval("SELECT 1")
    return number


async def outcome(task: asyncio.Future[Any]) -> BaseException | None:
    await asyncio.wait({task})
    return asyncio.CancelledError() if task.cancelled() else task.exception()


async def test_a_caller_cancelled_in_the_turn_in_which_its_work_ends_leaves_no_connection(
    link: Connections, ways: Ways
) -> None:
    async def last_word(connection: Connection) -> int:
        number = await one(connection)
        caller.cancel()
        return number

    caller = asyncio.ensure_future(link.run(last_word, deadline=FOR_EVER))
    assert isinstance(await outcome(caller), asyncio.CancelledError)
    await link.close()
    assert len(ways.made) == 1
    assert ways.left_open() == []


async def test_a_caller_who_waits_for_a_connection_is_told_when_the_link_is_closed(
    link: Connections, ways: Ways
) -> None:
    ways.open.clear()
    caller = asyncio.ensure_future(link.run(one, deadline=FOR_EVER))
    await ways.asked.wait()
    await link.close()
    ways.open.set()
    failure = await outcome(caller)
    assert isinstance(failure, Unavailable)
    assert failure.reason == "the store is closed"
    assert (ways.begun, ways.made) == (1, [])


@pytest.mark.parametrize("late", [False, True], ids=["while it waits", "when it goes on"])
async def test_whenever_a_caller_is_cancelled_no_connection_is_left(
    ways: Ways, unclosed: list[str], late: bool
) -> None:
    async def call(number: int) -> bool:
        link = Connections(ways.connect, nothing)
        through = await cancelled(link.run(one, deadline=FOR_EVER), number, late)
        await link.close()
        assert ways.left_open() == []
        return through

    await at_every_wait(call)


@pytest.mark.parametrize("late", [False, True], ids=["while it waits", "when it goes on"])
async def test_whenever_a_link_is_closed_while_it_connects_no_connection_is_left(
    ways: Ways, unclosed: list[str], late: bool
) -> None:
    async def call(number: int) -> bool:
        closing: list[asyncio.Future[None]] = []

        async def connect() -> Connection:
            return await Interrupted(ways.connect(), number, late, close).run()

        def close(_task: asyncio.Task[Any]) -> None:
            closing.append(asyncio.ensure_future(link.close(deadline=FOR_EVER)))

        link = Connections(connect, nothing)
        await outcome(asyncio.ensure_future(link.run(one, deadline=FOR_EVER)))
        await asyncio.gather(*closing)
        await link.close()
        assert ways.left_open() == []
        return not closing

    await at_every_wait(call)


@pytest.mark.parametrize("late", [False, True], ids=["while it waits", "when it goes on"])
async def test_whenever_the_closing_of_a_store_is_cancelled_no_connection_is_left(
    postgres: Postgres, unclosed: list[str], late: bool
) -> None:
    await migrate(postgres.url())

    async def call(number: int) -> bool:
        store = open_store(postgres.url(), deadlines=PATIENT)
        store.write_as(Writer("a", "one", "/srv/a"), None)
        await store.ping()
        return await cancelled(store.close(), number, late)

    await at_every_wait(call)


async def at_every_wait(call: Callable[[int], Coroutine[Any, Any, bool]]) -> None:
    """Do it again and again, interrupted one wait later each time, until it gets through."""
    for number in count(1):
        if await call(number):
            assert number > 1
            return


async def cancelled(work: Coroutine[Any, Any, Any], number: int, late: bool) -> bool:
    """Cancel work at one of its waits; returns whether it has fewer and so got through."""
    interrupted = Interrupted(work, number, late, asyncio.Task.cancel)
    return await outcome(asyncio.ensure_future(interrupted.run())) is None


class Interrupted(Generic[T]):
    """Awaits something, and has something else happen at one of the moments at which that waits.

    Args:
        work: what is awaited.
        number: at which wait, from 1 on.
        late: only when what is waited for has come, in the very turn of the loop in which it goes on.
        act: what happens; it is given the task that waits.
    """

    def __init__(
        self,
        work: Coroutine[Any, Any, T],
        number: int,
        late: bool,
        act: Callable[[asyncio.Task[Any]], object],
    ) -> None:
        self._work = work
        self._left = number
        self._late = late
        self._act = act

    async def run(self) -> T:
        return await self

    def __await__(self) -> Generator[Any, Any, T]:
        task = asyncio.current_task()
        assert task is not None
        resume = partial(self._work.send, None)
        while True:
            try:
                awaited = resume()
            except StopIteration as end:
                result: T = end.value
                return result
            self._left -= 1
            if self._left == 0:
                if self._late and awaited is not None:
                    awaited.add_done_callback(lambda _: self._act(task))
                else:
                    asyncio.get_running_loop().call_soon(self._act, task)
            try:
                yield awaited
                resume = partial(self._work.send, None)
            except BaseException as error:  # noqa: BLE001 - the work's to deal with
                resume = partial(self._work.throw, error)
