"""The program's side of the template: asks it to fork and kill parsers, and hears of their ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from libra.parsers.protocol import NEWS, OUT_OF_MEMORY, REQUEST


@dataclass(frozen=True, slots=True)
class End:
    """How a parser ended.

    Attributes:
        status: As `os.wait` gives it; None if it is unknown, because the template had gone as well.
        seconds: Processor time of its whole life, in seconds.
        peak: The most memory that it had, in kilobytes.
    """

    status: int | None = None
    seconds: float = 0.0
    peak: int = 0

    @property
    def out_of_time(self) -> bool:
        """Whether it had used up its processor time."""
        return self._signal in {signal.SIGPROF, signal.SIGXCPU}

    @property
    def out_of_memory(self) -> bool:
        """Whether it ended because it could get no more memory."""
        status = self.status
        return (
            status is not None
            and os.WIFEXITED(status)
            and (os.WEXITSTATUS(status) == OUT_OF_MEMORY)
        )

    @property
    def how(self) -> str:
        """The end in words."""
        if self.status is None:
            return "its template process ended"
        if self._signal is not None:
            try:
                return f"signal {signal.Signals(self._signal).name}"
            except ValueError:
                return f"signal {self._signal}"
        return f"exit status {os.waitstatus_to_exitcode(self.status)}"

    @property
    def _signal(self) -> int | None:
        if self.status is None or not os.WIFSIGNALED(self.status):
            return None
        return os.WTERMSIG(self.status)


def module_paths() -> str:
    """The paths on which the template finds Libra and its dependencies: the same as this program."""
    return os.pathsep.join(os.path.abspath(path) for path in sys.path if path)  # noqa: PTH100


class Started(Protocol):
    """The running process of a template."""

    pid: int

    def wait(self) -> object:
        """Return when it has ended."""


def start(descriptor: int, memory: int, *, watched: bool) -> Started:
    """Start the process of a template, which listens to a socket.

    The arguments are those of `libra.parsers.template.serve`.

    Raises:
        OSError: it cannot be started.
    """
    return subprocess.Popen(  # noqa: S603 - this interpreter, with a module of ours
        [
            sys.executable,
            *("-s", "-P", "-m", "libra.parsers.template"),
            *(str(descriptor), str(memory), "watched" if watched else "limited"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[descriptor],
        # No variable of the program, which may be a secret, only the paths of its modules.
        env={"PYTHONPATH": module_paths()},
        cwd="/",
        start_new_session=True,
    )


class Forked:
    """A process that was requested: its process id, once it is known, and its end."""

    __slots__ = ("_doomed", "_template", "end", "process_id")

    def __init__(self, template: Template) -> None:
        self._template = template
        self._doomed = False
        self.process_id: int | None = None
        self.end: asyncio.Future[End] = asyncio.get_running_loop().create_future()

    def begun(self, process_id: int) -> None:
        """Note that it has been forked."""
        self.process_id = process_id
        if self._doomed:
            self._template.tell(b"K", process_id)

    def pause(self) -> None:
        """Suspend it, if it exists."""
        if self.process_id is not None and not self.end.done():
            self._template.tell(b"S", self.process_id)

    def resume(self) -> None:
        """Let it continue."""
        if self.process_id is not None and not self.end.done():
            self._template.tell(b"C", self.process_id)

    def kill(self) -> None:
        """Kill it at once, or as soon as it exists."""
        self._doomed = True
        if self.process_id is not None and not self.end.done():
            self._template.tell(b"K", self.process_id)


class Template:
    """A running template.

    Args:
        memory: Bytes that each parser may take beyond what it has at first.
        watched: Whether the template watches their memory, instead of having the system limit it.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, memory: int, *, watched: bool = False) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = start(theirs.fileno(), memory, watched=watched)
            except OSError:
                ours.close()
                raise
        ours.setblocking(False)
        self._socket = ours
        self._loop = asyncio.get_running_loop()
        self._asked: deque[Forked] = deque()
        self._running: dict[int, Forked] = {}
        self._heard = b""
        self.alive = True
        self._loop.add_reader(ours, self._listen)

    @property
    def process_id(self) -> int:
        """The process id of the template."""
        return self._process.pid

    @property
    def parsers(self) -> list[int]:
        """The process ids of the parsers that it has forked and that still run."""
        return list(self._running)

    def fork(self) -> tuple[socket.socket, Forked]:
        """Request a parser. Bytes that are sent to it wait until it exists.

        Raises:
            OSError: the template has gone, or there are no more descriptors.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                ours.setblocking(False)
                socket.send_fds(self._socket, [REQUEST.pack(b"F", 0)], [theirs.fileno()])
            except BlockingIOError:
                ours.close()
                raise
            except OSError:
                ours.close()
                self._gone()
                raise
        forked = Forked(self)
        self._asked.append(forked)
        return ours, forked

    def tell(self, what: bytes, process_id: int) -> None:
        """Request an action on a parser: see `REQUEST`."""
        try:
            self._socket.send(REQUEST.pack(what, process_id))
        except OSError:
            self._gone()

    async def close(self) -> None:
        """End the template and all its parsers; return when they have ended."""
        self._gone()
        await self._loop.run_in_executor(None, self._process.wait)

    def _listen(self) -> None:
        try:
            heard = self._socket.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            heard = b""
        if not heard:
            self._gone()
            return
        heard = self._heard + heard
        whole = len(heard) - len(heard) % NEWS.size
        self._heard = heard[whole:]
        for kind, process_id, status, spent, peak in NEWS.iter_unpack(heard[:whole]):
            if kind == b"F":
                forked = self._running[process_id] = self._asked.popleft()
                forked.begun(process_id)
            else:
                forked = self._running.pop(process_id)
                if not forked.end.done():
                    forked.end.set_result(End(status, spent / 1e6, peak))

    def _gone(self) -> None:
        if not self.alive:
            return
        self.alive = False
        self._loop.remove_reader(self._socket)
        self._socket.close()
        for forked in (*self._asked, *self._running.values()):
            if not forked.end.done():
                forked.end.set_result(End())
        self._asked.clear()
        self._running.clear()
