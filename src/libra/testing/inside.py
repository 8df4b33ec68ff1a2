"""The processes of a Libra and their state, for tests that crash or inspect them."""

# ruff: noqa: SLF001  (the one module, with `waiting`, that looks into a Libra for its tests)
from __future__ import annotations

from libra.app import Libra
from libra.otp import DynamicSupervisor, Failed, GenServer, Supervisor


def process_of(libra: Libra, name: str) -> GenServer | None:
    """The running process of a page or a watch, by its id, or of a part of the tree, by its name.

    The names are those of `Libra.tree`. None if no process of this name runs at the moment.
    """
    return _find(libra._tree.root, name)


async def crash(libra: Libra, name: str) -> None:
    """End a process as a bug would, and wait until it is gone; its supervisor starts another.

    Raises:
        LookupError: no process of this name runs.
    """
    process = process_of(libra, name)
    if process is None:
        raise LookupError(f"no running process is called {name!r}")
    await process.stop(Failed("crashed by a test"))


async def drained(libra: Libra) -> None:
    """Wait until the database has all changes, deletions too.

    While the database is away it cannot take changes: then this waits for the current attempt at
    most.
    """
    await libra._context.processes.database_writer.drain()


def browser_processes(libra: Libra) -> list[int]:
    """The process ids of the browsers that run for rendered pages."""
    return list(libra._tree.browsers.processes)


def journal_size(libra: Libra) -> int:
    """How many pages, watches and deletions the journal holds that the database has not."""
    return len(libra._tree.journal or ())


def _find(supervisor: Supervisor | DynamicSupervisor, name: str) -> GenServer | None:
    child = supervisor.child(name)
    if child is not None:
        return child.process
    if isinstance(supervisor, Supervisor):
        for inner in supervisor.which_children():
            if isinstance(inner.process, Supervisor | DynamicSupervisor):
                found = _find(inner.process, name)
                if found is not None:
                    return found
    return None
