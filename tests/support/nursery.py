"""Templates of parsers that tests need not wait for: forked from one process that is ready.

A template takes a third of a second of a processor to start, and every Libra that a test opens has one.
What is forked here runs the same code from there on. `test_parsers` starts them as the program does.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from libra.parsers.forking import module_paths
from libra.parsers.template import serve
from libra.parsers.worker import warm_up

_REQUEST = struct.Struct("=q")


class Child:
    """A template that was forked by the nursery."""

    def __init__(self, pid: int, pidfd: int) -> None:
        self.pid = pid
        self._pidfd = pidfd

    def wait(self) -> None:
        """Return when it has ended."""
        select.select([self._pidfd], [], [])

    def __del__(self) -> None:
        os.close(self._pidfd)


class Nursery:
    """Starts templates as `libra.parsers.forking.start` does, in a thousandth of the time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def start(self, descriptor: int, memory: int) -> Child:
        """Have a template forked that listens to a socket."""
        socket.send_fds(self._connection, [_REQUEST.pack(memory)], [descriptor])
        answer, descriptors, _, _ = socket.recv_fds(self._connection, _REQUEST.size, 1)
        return Child(*_REQUEST.unpack(answer), *descriptors)


@contextmanager
def nursery() -> Iterator[Nursery]:
    """One that is open as long as this lasts."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, *("-s", "-P", "-m", "support.nursery"), str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env={"PYTHONPATH": module_paths()},
            cwd="/",
            start_new_session=True,
        )
        theirs.close()
        try:
            yield Nursery(ours)
        finally:
            ours.close()
            process.wait()


def _main() -> None:
    warm_up()
    with socket.socket(fileno=int(sys.argv[1])) as tests:
        while True:
            request, descriptors, _, _ = socket.recv_fds(tests, _REQUEST.size, 1)
            if not request:
                return
            _bury()
            (memory,) = _REQUEST.unpack(request)
            child = os.fork()
            if child == 0:
                tests.close()
                os.setsid()
                serve(descriptors[0], memory)
                os._exit(0)
            os.close(descriptors[0])
            pidfd = os.pidfd_open(child)
            socket.send_fds(tests, [_REQUEST.pack(child)], [pidfd])
            os.close(pidfd)


def _bury() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


if __name__ == "__main__":
    _main()
