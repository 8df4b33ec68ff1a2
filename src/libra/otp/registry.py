"""Registry: finds a living process by its key, in one dictionary look-up.

**The problem.** Each restart replaces a process by a new object, so a caller must not keep a
reference to one; it keeps the name. The registry must never return a dead process, and must never
keep a name once its owner is gone.

    registry = runtime.start(Registry)

    class Page(GenServer):
        def init(self, page_id):
            registry.register(page_id, self)

    registry.whereis(page_id)      # the living process, or None

A process registers itself in its `init`, so that each incarnation does. `AlreadyRegistered` there
becomes `AlreadyStarted` for the caller that starts it. All methods are plain and immediate: the
registry is a table with an owner, not a process to wait for. The keys of a dying process are free
before anybody learns of its death.

**When not to use it.** For several processes under one key, for patterns or ranges of keys, or
across nodes. Keys are strings or UUIDs only: in a dictionary 1, 1.0 and True are one key.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from libra.otp._process.exits import NOPROC, AlreadyRegistered, ExitReason, NotFound, ProcessExited
from libra.otp._process.genserver import GenServer
from libra.otp._process.states import EXITING
from libra.otp._process.ties import Tie, attach, detach

if TYPE_CHECKING:
    from libra.otp._process.children import Child
    from libra.otp._process.runtime import Runtime

__all__ = ["Entry", "Key", "Registered", "Registry", "Unregistered"]

Key = str | UUID


class Entry(msgspec.Struct, frozen=True):
    """One registration, as `select` and `lookup` show it."""

    key: Key
    process: GenServer
    value: Any


class Registered(msgspec.Struct, frozen=True):
    """To listeners: `process` has taken `key`."""

    registry: Registry
    key: Key
    process: GenServer
    value: Any


class Unregistered(msgspec.Struct, frozen=True):
    """To listeners: `process` has given `key` back. Not sent after a crash: use a monitor for that."""

    registry: Registry
    key: Key
    process: GenServer


class Registry(GenServer):
    """Unique keys for living processes.

    Every method raises `ProcessExited(NOPROC)` once the registry itself is gone, since "I cannot tell"
    does not mean "there is none".
    """

    __slots__ = ("_entries", "_listeners", "_locks", "_wake")

    def __init__(self, runtime: Runtime, parent: GenServer | None, child: Child | None) -> None:
        super().__init__(runtime, parent, child)
        self._entries: dict[Key, _Registration] = {}
        self._locks: dict[Key, deque[asyncio.Future[None]]] = {}

    def init(
        self,
        *,
        listeners: tuple[GenServer, ...] = (),
        wake: Callable[[Key], GenServer | None] | None = None,
    ) -> None:
        """Start empty.

        Args:
            listeners: receive `Registered` and `Unregistered` in their `handle_info`.
            wake: called by `whereis` and `lookup` for a key without an owner. It starts the process that
                then takes the key. See `DynamicSupervisor.add_asleep`.
        """
        self._listeners = listeners
        self._wake = wake

    def register(self, key: Key, process: GenServer, value: Any = None) -> None:
        """Give `key` to `process` until it unregisters or ends.

        Raises:
            AlreadyRegistered: a living process, maybe this one, has it; nothing has changed.
            ProcessExited: `process` is dead.
            TypeError: `key` is neither a string nor a UUID.
        """
        if not isinstance(key, str | UUID):
            raise TypeError(f"a key is a str or a UUID, not {type(key).__name__}")
        taken = self._table().get(key)
        if taken is not None and taken.owner._state < EXITING:
            raise AlreadyRegistered(key, taken.owner)
        if process._state >= EXITING:
            raise ProcessExited(NOPROC)
        # First into the process's own chain: its exit then finds the key in any case.
        entry = _Registration(self, process, key, value)
        self._entries[key] = entry
        if self._listeners:
            self._announce(Registered(self, key, process, value))

    def unregister(self, key: Key, process: GenServer) -> None:
        """Give `key` back. Harmless if `process` does not have it."""
        entry = self._table().get(key)
        if entry is not None and entry.owner is process:
            detach(entry)
            del self._entries[key]
            if self._listeners:
                self._announce(Unregistered(self, key, process))

    def whereis(self, key: Key) -> GenServer | None:
        """The living process that has `key`."""
        entry = self._table().get(key)
        if entry is None or entry.owner._state >= EXITING:
            return None if self._wake is None else self._wake(key)
        return entry.owner

    def lookup(self, key: Key) -> Entry | None:
        """The living process that has `key`, with its value."""
        entry = self._table().get(key)
        if entry is None and self._wake is not None and self._wake(key) is not None:
            entry = self._entries.get(key)
        return None if entry is None or entry.owner._state >= EXITING else entry.shown()

    def keys(self, process: GenServer) -> list[Key]:
        """The keys of one process, in the order in which it took them."""
        return [entry.key for entry in self._entries_of(process)]

    def values(self, key: Key, process: GenServer) -> list[Any]:
        """A list with the value of `key` if `process` has it, or else an empty list."""
        entry = self._table().get(key)
        return [entry.value] if entry is not None and entry.owner is process else []

    def count(self) -> int:
        """How many keys are taken."""
        return len(self._table())

    def select(self, wanted: Callable[[Entry], bool] | None = None) -> list[Entry]:
        """All entries, or those for which `wanted` is true."""
        entries = [entry.shown() for entry in self._table().values()]
        return entries if wanted is None else [entry for entry in entries if wanted(entry)]

    def update_value(self, key: Key, process: GenServer, update: Callable[[Any], Any]) -> Any:
        """Replace the value of `key` by `update(value)` and return the new one.

        Raises:
            NotFound: `process` does not have `key`.
        """
        entry = self._table().get(key)
        if entry is None or entry.owner is not process:
            raise NotFound(f"{process!r} has not registered {key}")
        entry.value = update(entry.value)
        return entry.value

    def dispatch(self, key: Key, act: Callable[[list[Entry]], object]) -> None:
        """Call `act([entry])` at once if a living process has `key`; otherwise do nothing."""
        entry = self.lookup(key)
        if entry is not None:
            act([entry])

    @asynccontextmanager
    async def lock(self, key: Key, owner: GenServer | None = None) -> AsyncIterator[None]:
        """Hold `key` alone: `async with registry.lock(key): ...`, first come, first served.

        Args:
            key: the key to hold, whoever has registered it.
            owner: a process whose death frees the lock too, even if the task that holds it
                ignores its cancellation.
        """
        self._table()
        waiting = self._locks.get(key)
        if waiting is None:
            self._locks[key] = deque()
        else:
            future = self.runtime.loop.create_future()
            waiting.append(future)
            try:
                await future
            except asyncio.CancelledError:
                if not future.cancelled() and future.exception() is None:
                    self._pass_on(key)  # we got the lock as we were cancelled
                raise
        hold = _Hold(self, owner, key)
        try:
            yield
        finally:
            hold.release()

    # --- Helpers ---

    def _table(self) -> dict[Key, _Registration]:
        if self._state >= EXITING:
            raise ProcessExited(NOPROC)
        return self._entries

    def _entries_of(self, process: GenServer) -> list[_Registration]:
        found = []
        tie = process._ties
        while tie is not None:
            if isinstance(tie, _Registration) and tie.registry is self:
                found.append(tie)
            tie = tie.next
        return found[::-1]

    def _announce(self, message: Registered | Unregistered) -> None:
        for listener in self._listeners:
            listener.send(message)

    def _pass_on(self, key: Key) -> None:
        """Give a lock to the next caller that still waits for it."""
        waiting = self._locks.get(key)
        while waiting:
            future = waiting.popleft()
            if not future.done():
                future.set_result(None)
                return
        self._locks.pop(key, None)

    def _after_exit(self, reason: ExitReason) -> None:
        self._entries.clear()
        for waiting in self._locks.values():
            for future in waiting:
                if not future.done():
                    future.set_exception(ProcessExited(NOPROC))
        self._locks.clear()


class _Registration(Tie):
    """A key, in the chain of its owner's ties."""

    __slots__ = ("key", "registry", "value")

    def __init__(self, registry: Registry, owner: GenServer, key: Key, value: Any) -> None:
        self.owner = owner
        self.next = self.prev = None
        self.void = False
        self.registry = registry
        self.key = key
        self.value = value
        attach(self)

    def shown(self) -> Entry:
        return Entry(self.key, self.owner, self.value)

    def cut(self, reason: ExitReason) -> None:
        entries = self.registry._entries
        if entries.get(self.key) is self:
            del entries[self.key]


class _Hold(Tie):
    """A held lock; in the chain of its owner, if it has one."""

    __slots__ = ("_key", "_registry")

    def __init__(self, registry: Registry, owner: GenServer | None, key: Key) -> None:
        self.next = self.prev = None
        self.void = False
        self._registry = registry
        self._key = key
        if owner is not None:
            self.owner = owner
            attach(self)

    def release(self) -> None:
        if not self.void:
            if hasattr(self, "owner"):
                detach(self)
            self.cut(NOPROC)

    def cut(self, reason: ExitReason) -> None:
        self.void = True
        self._registry._pass_on(self._key)
