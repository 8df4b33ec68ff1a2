"""The template: a clean process with one thread, from which parsers are forked.

It has imported all modules that a parser needs, so that a new parser costs a millisecond instead of a
third of a second. It is started with ``python -m``, not forked from the program, so it has none of
the program's threads, locks, files or secrets. It reads no foreign bytes.

The program asks it to fork and kill parsers. It reports each new parser, and how each parser ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from libra.parsers.memory import can_limit, resident
from libra.parsers.protocol import NEWS, OUT_OF_MEMORY, REQUEST
from libra.parsers.worker import NICE, warm_up, work

_SIGNALS = {b"S": signal.SIGSTOP, b"C": signal.SIGCONT, b"K": signal.SIGKILL}
_LOOK = 0.02
"""Seconds between two checks of the parsers' memory. In that time a parser takes some 20 MB more."""

_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


def main() -> None:
    """Serve the program until its socket is closed.

    The arguments are those of `serve`, the last as ``watched`` or ``limited``.
    """
    _give_way()
    warm_up()
    serve(int(sys.argv[1]), int(sys.argv[2]), watched=sys.argv[3] == "watched")


def _give_way() -> None:
    """Let the session of the parsers give way to those of other programs, as each parser does within it.

    Linux may divide the processors among sessions first (``autogroup``), and only then by what a process
    says with `nice`. Without this, parsers would take as much as all else together.
    """
    with contextlib.suppress(OSError):  # the system has no such groups
        Path("/proc/self/autogroup").write_text(str(NICE))


def serve(descriptor: int, memory: int, *, watched: bool) -> None:
    """Run the template until the program closes its end of a socket.

    Args:
        descriptor: The file descriptor of the socket.
        memory: Bytes that a parser may take beyond its initial memory.
        watched: Whether the template watches their memory, instead of having the system limit it. It
            always does so on systems without such a limit.
    """
    with socket.socket(fileno=descriptor) as program:
        _TemplateProcess(program, memory, watched=watched or not can_limit()).serve()


class _TemplateProcess:
    def __init__(self, program: socket.socket, memory: int, *, watched: bool) -> None:
        self._program = program
        self._memory = memory
        self._watched = watched
        self._most = memory + (resident(os.getpid()) or 0)
        self._parsers: set[int] = set()
        self._too_large: set[int] = set()
        self._die_with_parent = _death_signal()

    def serve(self) -> None:
        """Take requests and report the ends of parsers."""
        wakes, waked = os.pipe()
        os.set_blocking(wakes, False)
        os.set_blocking(waked, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waked, warn_on_full_buffer=False)
        with contextlib.suppress(OSError):  # the program has gone
            while self._take_requests(wakes):
                self._bury()
        for parser in self._parsers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(parser, signal.SIGKILL)

    def _take_requests(self, wakes: int) -> bool:
        interval = _LOOK if self._watched and self._parsers else None
        ready, _, _ = select.select([self._program.fileno(), wakes], [], [], interval)
        if interval is not None:
            self._watch()
        if wakes in ready:
            os.read(wakes, 4_096)
        if self._program.fileno() not in ready:
            return True
        request, sockets, _, _ = socket.recv_fds(self._program, REQUEST.size, 1)
        if len(request) < REQUEST.size:
            return False
        kind, number = REQUEST.unpack(request)
        if kind == b"F" and sockets:
            self._fork(sockets[0])
        elif kind in _SIGNALS and number in self._parsers:
            os.kill(number, _SIGNALS[kind])  # not reaped yet: no other process has the number
        return True

    def _watch(self) -> None:
        for parser in self._parsers:
            if (resident(parser) or 0) > self._most:
                self._too_large.add(parser)
                os.kill(parser, signal.SIGKILL)

    def _fork(self, descriptor: int) -> None:
        connection = socket.socket(fileno=descriptor)
        parser = os.fork()
        if parser == 0:
            self._die_with_parent()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            work(connection, None if self._watched else self._memory)
        connection.close()
        self._parsers.add(parser)
        self._program.sendall(NEWS.pack(b"F", parser, 0, 0, 0))

    def _bury(self) -> None:
        while self._parsers:
            parser, status, used = os.wait4(-1, os.WNOHANG)
            if parser == 0:
                return
            self._parsers.discard(parser)
            if parser in self._too_large:
                self._too_large.discard(parser)
                status = OUT_OF_MEMORY << 8  # as if the parser had reported it
            spent = round((used.ru_utime + used.ru_stime) * 1e6)
            self._program.sendall(NEWS.pack(b"E", parser, status, spent, used.ru_maxrss))


def _death_signal() -> Callable[[], object]:
    """The call that keeps a parser from outliving its template, on systems that offer that."""
    if sys.platform != "linux":
        return lambda: None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_DEATH_SIGNAL, signal.SIGKILL)


if __name__ == "__main__":
    main()
