"""A few connections to PostgreSQL for one purpose, with deadlines that hold.

A frozen server, or a network that drops all packets, answers neither a query nor the request to
cancel it, and a driver that waits for either waits for ever. So nothing here waits: the work runs in
its own task, and when the deadline passes, the connection is dropped at once and the task ends by
itself.

Connecting is independent of the call that needed it. An attempt outlives its caller for a while, so
that a distant server that needs more time than a caller has is reached in the end. A new attempt
begins beside one that seems stuck, so that a server that is back is found at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeAlias, TypeVar

import asyncpg  # type: ignore[import-untyped] # it ships no types

from libra.storage.classify import classify
from libra.storage.errors import Rejected, Unavailable

T = TypeVar("T")
Connection: TypeAlias = Any
"""An ``asyncpg.Connection``."""

FAILURES: Final = (
    OSError,
    TimeoutError,
    OverflowError,
    UnicodeError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""The exceptions of a database call; `classify` decides which of them are bugs."""

_ATTEMPTS_AT_ONCE: Final = 3  # the limit of stuck attempts whose callers come and go
_MAX_AGE: Final = 600.0  # seconds; so that a failover behind the same name is noticed in the end


class _Session:
    """A connection, and whether it was checked."""

    __slots__ = ("connection", "ready", "since")

    def __init__(self, connection: Connection, since: float) -> None:
        self.connection = connection
        self.since = since
        self.ready = False


class Connections:
    """Up to ``size`` connections, made when needed and kept.

    Args:
        connect: makes a connection, within its own time limit.
        prepare: checks each new connection before its first use.
        size: the limit of calls at the same time; further calls wait within their deadline.
    """

    def __init__(
        self,
        connect: Callable[[], Coroutine[Any, Any, Connection]],
        prepare: Callable[[Connection], Awaitable[None]],
        *,
        size: int = 1,
    ) -> None:
        self._connect = connect
        self._prepare = prepare
        self._size = size
        self._busy = 0
        self._turns: deque[asyncio.Future[None]] = deque()
        self._idle: list[_Session] = []
        self._used: set[_Session] = set()
        self._attempts: list[asyncio.Task[Connection]] = []  # oldest first
        self._abandoned: set[asyncio.Future[Any]] = set()
        self._closed = False

    async def run(self, work: Callable[[Connection], Awaitable[T]], *, deadline: float) -> T:
        """Do a unit of work on a connection and return its result.

        Raises:
            Unavailable: there is no connection, it is lost, or ``deadline`` seconds have passed.
            Rejected: the database will never do it.
        """
        until = asyncio.get_running_loop().time() + deadline
        await self._take_turn(until)
        try:
            while True:
                session = await self._acquire(until)
                kept = session.ready
                self._used.add(session)
                try:
                    return await self._perform(work, session, until)
                except Unavailable as exc:
                    # A kept connection may have been lost unnoticed, perhaps in a restart of the
                    # server. Only a new connection shows the state, and all work may be repeated.
                    if not kept or exc.fault != "unreachable":
                        raise
                finally:
                    self._used.discard(session)
        except TimeoutError as exc:
            raise Unavailable("timeout", f"no answer within {deadline:g} s") from exc
        finally:
            self._pass_turn()

    async def close(self, *, deadline: float = 1.0) -> None:
        """Close every connection; drop those in use and those that do not close in time."""
        self._closed = True
        for attempt in list(self._attempts):
            self._give_up(attempt)
        for session in self._used:
            session.connection.terminate()
        connections = [session.connection for session in self._idle]
        self._idle.clear()
        goodbyes = [asyncio.ensure_future(connection.close()) for connection in connections]
        try:
            if goodbyes:
                await asyncio.wait(goodbyes, timeout=deadline)
        finally:
            # Also if the caller of `close` is cancelled: nobody else knows these connections.
            for connection, goodbye in zip(connections, goodbyes, strict=True):
                connection.terminate()
                self._leave(goodbye)
        if self._abandoned:
            # They have nothing left to wait for, but need a turn of the loop to notice.
            await asyncio.wait(self._abandoned, timeout=deadline)

    # Turns: which call may have a connection

    async def _take_turn(self, until: float) -> None:
        if self._busy < self._size:
            self._busy += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        try:
            await asyncio.wait({turn}, timeout=_left(until))
        except asyncio.CancelledError:
            if turn.done():
                self._pass_turn()
            raise
        finally:
            if not turn.done():
                self._turns.remove(turn)
        if not turn.done():
            raise Unavailable("timeout", "too many requests are waiting for the database")

    def _pass_turn(self) -> None:
        if self._turns:
            self._turns.popleft().set_result(None)
        else:
            self._busy -= 1

    # Connections

    async def _acquire(self, until: float) -> _Session:
        self._require_open()
        self._look_through_attempts()
        if (kept := self._kept()) is not None:
            return kept
        mine = self._attempt()
        while True:
            await asyncio.wait(
                {mine, *self._attempts},
                timeout=_left(until),
                return_when=asyncio.FIRST_COMPLETED,
            )
            # Any attempt that succeeds will do. The failure of an older attempt says less about the
            # present than the failure of this one, so only the latter counts.
            self._look_through_attempts()
            if (kept := self._kept()) is not None:
                return kept
            # If the store was closed meanwhile, nobody would close a connection that begins now.
            self._require_open()
            if mine.done():
                _raise_failure(mine)
                mine = self._attempt()  # It succeeded, and another call took it.
            if not _left(until):
                raise TimeoutError

    def _require_open(self) -> None:
        if self._closed:
            raise Unavailable("unreachable", "the store is closed")

    def _attempt(self) -> asyncio.Task[Connection]:
        if len(self._attempts) == _ATTEMPTS_AT_ONCE:
            self._give_up(self._attempts[0])
        attempt = asyncio.create_task(self._connect())
        self._attempts.append(attempt)
        return attempt

    def _look_through_attempts(self) -> None:
        for attempt in list(self._attempts):
            if attempt.done():
                self._attempts.remove(attempt)
                if not attempt.cancelled() and attempt.exception() is None:
                    self._idle.append(_Session(attempt.result(), _now()))

    def _kept(self) -> _Session | None:
        while self._idle:
            session = self._idle.pop()
            if not session.connection.is_closed() and _now() - session.since < _MAX_AGE:
                return session
            session.connection.terminate()
        return None

    async def _perform(
        self, work: Callable[[Connection], Awaitable[T]], session: _Session, until: float
    ) -> T:
        connection = session.connection
        task = asyncio.create_task(self._work(work, session))
        done: set[asyncio.Task[T]] = set()
        try:
            done, _ = await asyncio.wait({task}, timeout=_left(until))
        finally:
            # Also if the caller is cancelled: then too nobody waits for the server. The cancellation
            # may come in the turn of the loop in which the task has ended; then too nobody is left
            # who would keep or close the connection.
            if not done:
                # Drop the connection instead of cancelling the task: asyncpg answers a cancellation
                # with a request to the server over another connection. Without its connection the
                # task ends by itself.
                connection.terminate()
                self._leave(task)
        if not done:
            raise TimeoutError
        try:
            result = task.result()
        except FAILURES as exc:
            verdict = classify(exc, closed=connection.is_closed())
            if verdict is not None and _is_sound(connection, verdict):
                self._keep(session)
            else:
                connection.terminate()
            if verdict is None:
                raise
            raise verdict from exc
        except BaseException:
            connection.terminate()
            raise
        self._keep(session)
        return result

    async def _work(self, work: Callable[[Connection], Awaitable[T]], session: _Session) -> T:
        if not session.ready:
            await self._prepare(session.connection)
            session.ready = True
        return await work(session.connection)

    def _keep(self, session: _Session) -> None:
        self._idle.append(session)
        if self._closed:
            session.connection.terminate()
        # One connection works, so further attempts would make more connections than needed.
        self._look_through_attempts()
        while len(self._idle) + self._busy - 1 > self._size:
            self._idle.pop(0).connection.terminate()
        if self._busy == 1:
            for attempt in list(self._attempts):
                self._give_up(attempt)

    # Abandoned tasks

    def _give_up(self, attempt: asyncio.Task[Connection]) -> None:
        self._attempts.remove(attempt)
        attempt.cancel()
        attempt.add_done_callback(_drop_connection)
        self._leave(attempt)

    def _leave(self, task: asyncio.Future[Any]) -> None:
        self._abandoned.add(task)
        task.add_done_callback(self._abandoned.discard)
        task.add_done_callback(_look_at)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _left(until: float) -> float:
    return max(0.0, until - _now())


def _is_sound(connection: Connection, verdict: Unavailable | Rejected) -> bool:
    # The server ended a statement cleanly, because it took too long or was refused. After any other
    # error a new connection is better: it sees a new primary, a new password, a new schema.
    harmless = isinstance(verdict, Rejected) or verdict.fault in {"timeout", "contention"}
    return harmless and not connection.is_closed() and not connection.is_in_transaction()


def _raise_failure(attempt: asyncio.Task[Connection]) -> None:
    if attempt.cancelled():
        return
    try:
        attempt.result()
    except FAILURES as exc:
        verdict = classify(exc, connecting=True, closed=True)
        if verdict is None:
            raise
        raise verdict from exc
    except ValueError:
        # For example of PGPORT or a service file. The driver quotes what it cannot read.
        words = "the address of the database, or one of libpq's variables, cannot be read"
        raise Unavailable("config", words) from None


def _look_at(task: asyncio.Future[Any]) -> None:
    # Nobody needs its outcome, but asyncio complains about an exception that is never retrieved.
    if not task.cancelled():
        task.exception()


def _drop_connection(attempt: asyncio.Task[Connection]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().terminate()
