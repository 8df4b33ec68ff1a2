"""Processes that tests need not wait for: forked from one that has imported Libra.

To start `libra` takes a second of a processor and the template of its parsers a third of one, and the
tests start some hundreds of both. What is forked here runs the same code from there on. How they are
really started is tested, too: `test_parsers`, `test_streams`, `test_rendered`.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import gc
import os
import random
import select
import shlex
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
from asyncio.subprocess import PIPE
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

import libra.cli.database
import libra.cli.service
import libra.cli.watch
import libra.cli.weigh
import libra.parsers.once
import libra.web.serving.program  # noqa: F401 - what is forked has them
from libra.__main__ import main
from libra.app import Libra
from libra.parsers import forking
from libra.parsers.forking import module_paths
from libra.parsers.template import serve
from libra.parsers.worker import warm_up
from libra.settings import Settings
from libra.storage.schema import migrate_sqlite
from libra.web import create_app
from support.signatures import remember_signatures

_NUMBER = struct.Struct("=q")
_REQUEST = 262_144
_LOOKS = 5.0


class Wish(msgspec.Struct):
    """What is to be forked: the template of a listener with so much memory, or the command `libra`."""

    memory: int = 0
    watched: bool = False
    arguments: list[str] | None = None
    environment: dict[str, str] = {}
    folder: str = "/"


class Child:
    """A template that was forked by the nursery."""

    def __init__(self, news: socket.socket) -> None:
        self._news = news
        (self.pid,) = _NUMBER.unpack(news.recv(_NUMBER.size))

    def wait(self) -> None:
        """Return when it has ended."""
        self._news.recv(_NUMBER.size)
        self._news.close()


class Program:
    """The command `libra` at work: what tests use of `asyncio.subprocess.Process`."""

    def __init__(
        self, pid: int, news: _Pipe, stdin: int | None, out: Sequence[_Pipe | None]
    ) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdout, self.stderr = [None if pipe is None else pipe.reader for pipe in out]
        self._stdin = stdin
        self._pipes = [news, *(pipe for pipe in out if pipe is not None)]
        self._end = asyncio.ensure_future(self._until_its_end(news))

    async def _until_its_end(self, news: _Pipe) -> int:
        (status,) = _NUMBER.unpack(await news.reader.readexactly(_NUMBER.size))
        self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    async def wait(self) -> int:
        """Its exit code, or the negative number of the signal that ended it."""
        for pipe in self._pipes:
            await pipe.ended.wait()
        return await asyncio.shield(self._end)

    async def communicate(self, text: bytes = b"") -> tuple[bytes, bytes]:
        """Send it text and return what it writes until it ends."""
        stdin, self._stdin = self._stdin, None
        if stdin is not None:
            with os.fdopen(stdin, "wb") as pipe, contextlib.suppress(BrokenPipeError):
                await asyncio.to_thread(pipe.write, text)
        out, err = await asyncio.gather(_all_of(self.stdout), _all_of(self.stderr))
        await self.wait()
        return out, err

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it is still there."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class Nursery:
    """Forks what it is asked for."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def template(self, descriptor: int, memory: int, *, watched: bool) -> Child:
        """Start a template, as `libra.parsers.forking.start` does."""
        return Child(self._fork(Wish(memory, watched), [descriptor]))

    async def libra(
        self,
        *arguments: str,
        env: Mapping[str, str],
        cwd: Path,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> Program:
        """Start the command, as `asyncio.create_subprocess_exec` would; streams are PIPE or None."""
        wish = Wish(arguments=list(arguments), environment=dict(env), folder=str(cwd))
        ours: list[int | None] = []
        theirs: list[int] = []
        for number, stream in enumerate((stdin, stdout, stderr)):
            if stream == PIPE:
                ends = os.pipe()
                ours.append(ends[number == 0])
                theirs.append(ends[number != 0])
            else:
                ours.append(None)
                theirs.append(os.open(os.devnull, os.O_RDWR))
        try:
            news = self._fork(wish, theirs)
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        told = await _Pipe.open(news)
        (pid,) = _NUMBER.unpack(await told.reader.readexactly(_NUMBER.size))
        out = [None if end is None else await _Pipe.open(os.fdopen(end, "rb")) for end in ours[1:]]
        return Program(pid, told, ours[0], out)

    def command(self) -> tuple[str, int]:
        """What a script runs as `libra "$@"`, and the descriptor that it needs, also as ``NURSERY``."""
        program = Path(__file__).with_name("libra_by_nursery.py")
        return shlex.join([sys.executable, "-I", "-S", str(program)]), self._connection.fileno()

    def _fork(self, wish: Wish, descriptors: list[int]) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            message = msgspec.json.encode(wish)
            socket.send_fds(self._connection, [message], [theirs.fileno(), *descriptors])
        return ours


class _Pipe(asyncio.StreamReaderProtocol):
    """The end of a pipe that is read from."""

    def __init__(self) -> None:
        self.reader = asyncio.StreamReader(limit=2**20)
        self.ended = asyncio.Event()
        super().__init__(self.reader)

    @classmethod
    async def open(cls, file: Any) -> _Pipe:
        _, pipe = await asyncio.get_running_loop().connect_read_pipe(cls, file)
        return pipe

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.ended.set()


async def _all_of(stream: asyncio.StreamReader | None) -> bytes:
    return b"" if stream is None else await stream.read()


@contextmanager
def nursery() -> Iterator[Nursery]:
    """One that is open as long as this lasts."""
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    with ours, theirs:
        process = subprocess.Popen(
            [
                sys.executable,
                *("-s", "-P", "-m", "support.nursery"),
                str(theirs.fileno()),
                str(os.getpid()),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno(), ours.fileno()],
            env={"PYTHONPATH": module_paths(), "NURSERY": str(ours.fileno())},
            cwd="/",
            start_new_session=True,
        )
        theirs.close()
        try:
            yield Nursery(ours)
        finally:
            process.kill()  # what it forked has ended with its tests
            process.wait()


# In the nursery


def _main() -> None:
    connection, tests = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    asking = socket.socket(fileno=int(os.environ.pop("NURSERY")))
    warm_up()
    _warm_up_libra()
    wakes, waked = os.pipe()
    for end in (wakes, waked):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waked, warn_on_full_buffer=False)
    gc.freeze()
    running: dict[int, socket.socket] = {}
    # Tests that are killed close nothing, and it has an end of its own to the socket that it reads.
    while os.getppid() == tests:
        ready, _, _ = select.select([connection.fileno(), wakes], [], [], _LOOKS)
        if wakes in ready:
            os.read(wakes, 4_096)
            _bury(running)
        if connection.fileno() not in ready:
            continue
        message, (news, *descriptors), _, _ = socket.recv_fds(connection, _REQUEST, 4)
        wish = msgspec.json.decode(message, type=Wish)
        child = os.fork()
        if child == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for other in (*running.values(), connection):
                other.close()
            for descriptor in (news, wakes, waked):
                os.close(descriptor)
            random.seed()
            if wish.arguments is None:
                asking.close()
                _be_template(descriptors[0], wish.memory, watched=wish.watched)
            _be_libra(wish, descriptors, asking)
        for descriptor in descriptors:
            os.close(descriptor)
        running[child] = socket.socket(fileno=news)
        running[child].send(_NUMBER.pack(child))


def _warm_up_libra() -> None:
    """Do once what a service does when it starts, and what that imports: half a second of work."""
    migrate_sqlite(sqlite3.connect(":memory:", isolation_level=None))
    remember_signatures()
    with TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        create_app(Libra(settings), settings)


def _bury(running: dict[int, socket.socket]) -> None:
    while running:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        with running.pop(child) as news, contextlib.suppress(BrokenPipeError):
            news.send(_NUMBER.pack(status))


def _be_template(descriptor: int, memory: int, *, watched: bool) -> None:
    os.setsid()
    serve(descriptor, memory, watched=watched)
    os._exit(0)


def _be_libra(wish: Wish, streams: list[int], asking: socket.socket) -> None:
    forking.start = Nursery(asking).template
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)
    os.environ.clear()
    os.environ.update(wish.environment)
    os.chdir(wish.folder)
    sys.argv = ["libra", *(wish.arguments or ())]
    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    # As the interpreter ends, but for taking to pieces all that the nursery has imported.
    threading._shutdown()  # type: ignore[attr-defined]  # joins what is no daemon
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    _main()
