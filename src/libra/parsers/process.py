"""One parser as the program sees it: it takes an order, and answers or dies over it."""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from libra.parsers.forking import End, Forked
from libra.parsers.memory import resident
from libra.parsers.protocol import ANSWER_HEAD, LAST, MOST_ANSWER, ORDER_HEAD

_CHUNK = 262_144
_BURIAL = 5.0
"""Seconds to wait for the news of a parser's end."""

_KEPT_HTML = 262_144
_KEPT_OTHER = 4_000_000
"""Bytes of documents, and of stylesheets, whose parses a parser keeps.
A tree takes up to 80 times as much as its document."""


PAUSED_BYTES = 64_000_000
"""Bytes of memory, including what it shares with the template, up to which a parser may be paused."""


class ParserDied(Exception):
    """The parser died over an order; `end` says how."""

    def __init__(self, end: End) -> None:
        super().__init__(end.how)
        self.end = end


class Parser:
    """A connection to one parser, which has one order at a time."""

    __slots__ = (
        "__weakref__",
        "_answer",
        "_loop",
        "_most",
        "_received",
        "_socket",
        "_unsent",
        "_waits",
        "alive",
        "forgotten",
        "forked",
        "kept",
    )

    def __init__(self, connection: socket.socket, forked: Forked) -> None:
        self._socket = connection
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._most = MOST_ANSWER
        self._unsent: list[memoryview] = []
        self._waits = False
        self._answer: asyncio.Future[tuple[bytes, float, int]] | None = None
        self.forked = forked
        self.alive = True
        self.kept = _Parses()
        self.forgotten: list[int] = []
        self._loop.add_reader(connection, self._readable)

    async def ask(
        self, order: bytes, bodies: Sequence[bytes], file: int = -1, most: int = MOST_ANSWER
    ) -> tuple[bytes, float, int]:
        """Have it carry out an order; return the answer, its seconds of processor time and its flags.

        Cancellation kills the parser.

        Raises:
            ParserDied: it died over the order.
        """
        if not self.alive:
            raise ParserDied(await self._end())
        self._answer, self._most = self._loop.create_future(), most
        head = ORDER_HEAD.pack(len(order), sum(map(len, bodies))) + order
        self._send([head, *bodies], file)
        answered = False
        try:
            answer = await self._answer
            answered = True
        except _Gone:
            raise ParserDied(await self._end()) from None
        finally:
            self._answer = None
            if not answered:
                self.kill()
        if answer[2] & LAST:
            self.close()
        return answer

    @property
    def busy(self) -> bool:
        """Whether it is working on an order."""
        return self._answer is not None

    def pause(self) -> bool:
        """Suspend it; False if it has so much memory that it should be ended instead."""
        process = self.forked.process_id
        size = None if process is None else resident(process)
        if size is not None and size > PAUSED_BYTES:
            return False
        self.forked.pause()
        return True

    def resume(self) -> None:
        """Let it continue."""
        self.forked.resume()

    def kill(self) -> None:
        """Kill it at once."""
        self.forked.kill()
        self.close()

    def close(self) -> None:
        """Close the connection, on which the parser ends."""
        if not self.alive:
            return
        self.alive = False
        self._loop.remove_reader(self._socket)
        if self._waits:
            self._loop.remove_writer(self._socket)
        self._socket.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(_Gone())

    async def _end(self) -> End:
        done, _ = await asyncio.wait([self.forked.end], timeout=_BURIAL)
        return self.forked.end.result() if done else End()

    def _send(self, parts: list[bytes], file: int) -> None:
        left = [memoryview(part) for part in parts if part]
        try:
            if file >= 0:
                # The file descriptor travels with the first bytes.
                sent = socket.send_fds(self._socket, [left[0]], [file])
                left[0] = left[0][sent:]
            self._unsent = left
            self._writable()
        except BlockingIOError:
            self._unsent = left
            self._wait_to_write()
        except OSError:
            self.close()

    def _writable(self) -> None:
        try:
            while self._unsent:
                sent = self._socket.sendmsg(self._unsent[:8])
                while self._unsent and sent >= len(self._unsent[0]):
                    sent -= len(self._unsent.pop(0))
                if sent:
                    self._unsent[0] = self._unsent[0][sent:]
        except BlockingIOError:
            self._wait_to_write()
            return
        except OSError:
            self.close()
            return
        if self._waits:
            self._waits = False
            self._loop.remove_writer(self._socket)

    def _wait_to_write(self) -> None:
        if not self._waits:
            self._waits = True
            self._loop.add_writer(self._socket, self._writable)

    def _readable(self) -> None:
        try:
            piece = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        answer, received = self._answer, self._received
        received += piece
        if not piece or answer is None:  # the parser has gone, or sends bytes without an order
            self.close()
            return
        if len(received) < ANSWER_HEAD.size:
            return
        length, seconds, flags = ANSWER_HEAD.unpack_from(received)
        if length > self._most:
            self.kill()
        elif len(received) >= ANSWER_HEAD.size + length:
            whole = bytes(memoryview(received)[ANSWER_HEAD.size : ANSWER_HEAD.size + length])
            self._received = bytearray()
            if not answer.done():
                answer.set_result((whole, seconds, flags))


class _Gone(Exception):
    """The connection was closed."""


class _Parses:
    """The parses that a parser keeps, with a limit for documents and one for others; oldest go first."""

    __slots__ = ("_documents", "_others")

    def __init__(self) -> None:
        self._documents: OrderedDict[int, int] = OrderedDict()
        self._others: OrderedDict[int, int] = OrderedDict()

    def __contains__(self, number: int) -> bool:
        return number in self._documents or number in self._others

    def fits(self, size: int, *, document: bool) -> bool:
        """Whether a body of this size may be kept."""
        return size <= (_KEPT_HTML if document else _KEPT_OTHER)

    def add(self, number: int, size: int, *, document: bool) -> Iterable[int]:
        """Note that a parse is kept; return the ones to drop."""
        kept, most = (self._documents, _KEPT_HTML) if document else (self._others, _KEPT_OTHER)
        kept[number] = size
        total = sum(kept.values())
        gone: list[int] = []
        while total > most:
            oldest, its_size = kept.popitem(last=False)
            total -= its_size
            gone.append(oldest)
        return gone

    def clear(self) -> list[int]:
        """Drop all parses; return their numbers."""
        kept = [*self._documents, *self._others]
        self._documents.clear()
        self._others.clear()
        return kept
