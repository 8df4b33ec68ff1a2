"""The parsers of one program: forked when needed, killed when they exceed a limit, replaced."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from libra.parsers.forking import End, Template
from libra.parsers.process import Parser, ParserDied
from libra.parsers.protocol import FAILED, LACKING, MOST_ANSWER
from libra.parsers.turns import Turns

log = logging.getLogger("libra.parsers")

MEMORY = 128_000_000
"""Bytes that a parser may take beyond what it has at first."""

FIRST_TRY = 0.25
"""Seconds of processor time of the first try in the fast lane."""

FAST_SECONDS = 0.5
"""Seconds of processor time of a page in the fast lane; after that its orders begin in the slow lane."""

PAGE_SECONDS = 20.0
"""Seconds of processor time for all documents and stylesheets of one page."""

_LONGER = 4
"""How many times longer each try may take than the one before it."""

_PATIENCE = 120.0
"""Seconds of silence, beyond its processor time, after which a parser is killed."""

_LEAST = 0.01
"""The shortest try, in seconds."""

_DEATH = 0.05
"""Seconds of processor time that the page is charged for the death of a parser."""

DEATHS = 2
"""The limit of parsers that die over one order for no known reason; then the order is refused."""

TEMPLATE_DEATHS = 5
"""The limit of templates that die during one order, which is not the order's fault."""


class ParserRefused(Exception):
    """An order was refused; the text is a named error."""


class Framed(NamedTuple):
    """An order as it is sent, the bodies that follow it, and the file with their beginnings or -1.

    ``most`` is the limit of bytes in the answer.
    """

    order: bytes
    bodies: Sequence[bytes] = ()
    file: int = -1
    most: int = MOST_ANSWER


class ParserTrouble(NamedTuple):
    """No parser can be started: since when, and the reason."""

    since: datetime
    reason: str


@dataclass(slots=True)
class Ends:
    """Counts the parsers that died during an order."""

    out_of_time: int = 0
    out_of_memory: int = 0
    other: int = 0

    def note(self, end: End) -> None:
        """Count one more."""
        if end.out_of_time:
            self.out_of_time += 1
        elif end.out_of_memory:
            self.out_of_memory += 1
        else:
            self.other += 1


class Account:
    """The processor time that one page has used.

    Attributes:
        left: Seconds of processor time that it may still use.
        fast: The same, in the fast lane.

    Args:
        used: Seconds that count as used from the beginning.
    """

    __slots__ = ("__weakref__", "_parser", "fast", "left")

    def __init__(self, used: float = 0.0) -> None:
        self.left = PAGE_SECONDS - used
        self.fast = FAST_SECONDS
        self._parser: weakref.ref[Parser] | None = None

    @property
    def used(self) -> float:
        """Seconds of processor time that it has used."""
        return PAGE_SECONDS - self.left

    @property
    def parser(self) -> Parser | None:
        """The parser that worked for it last, if it still runs: it may have kept a parse."""
        return None if self._parser is None else self._parser()

    @property
    def ready(self) -> bool:
        """Whether its last parser is free or gone; another parser would have to read the page again."""
        parser = self.parser
        return parser is None or not parser.busy

    def charge(self, seconds: float, parser: Parser, *, slow: bool) -> None:
        """Charge seconds of processor time, and note the parser."""
        self.left -= seconds
        if not slow:
            self.fast -= seconds
        self._parser = weakref.ref(parser)


class _Tries:
    """The tries of one order: how long each may take, and when to stop."""

    def __init__(self, account: Account, *, large: bool) -> None:
        self._account = account
        self._slow = large or account.fast <= 0
        self._seconds = FIRST_TRY * (_LONGER if self._slow else 1)
        self._deaths = 0
        self._templates = 0

    def allowance(self) -> tuple[float, bool]:
        """Seconds of processor time for the next try, and whether it belongs in the slow lane.

        Raises:
            ParserRefused: the page has used up its processor time.
        """
        left = self._account.left
        if left <= 0:
            raise ParserRefused(
                f"too-complex: the page takes more than {PAGE_SECONDS:g} s of processor time"
            )
        return min(self._seconds, max(left, _LEAST)), self._slow

    def died(self, end: End, parser: Parser, memory: int) -> None:
        """Note that a parser died over the order.

        Raises:
            ParserRefused: there is no further try.
        """
        seconds = min(self._seconds, self._account.left) if end.out_of_time else _DEATH
        self._account.charge(seconds, parser, slow=self._slow)
        if end.out_of_memory:
            raise ParserRefused(f"out-of-memory: reading it takes more than {memory:,} bytes")
        if end.out_of_time:
            self._slow = True
            self._seconds *= _LONGER
        elif end.status is None:
            self.lacks_parser("the process that starts them ends again and again")
        else:
            log.warning("a parser ended with %s while it read a page", end.how)
            self._deaths += 1
            if self._deaths >= DEATHS:
                raise ParserRefused(f"unreadable: its parser ended with {end.how}")

    def lacks_parser(self, why: str) -> None:
        """Note that there was no parser, which is not the order's fault.

        Raises:
            ParserRefused: that has happened too often.
        """
        self._templates += 1
        if self._templates >= TEMPLATE_DEATHS:
            raise ParserRefused(f"no-parser: no parser can be started: {why}")

    def failed(self, told: str, *, again: bool) -> None:
        """Note that a parser answered with a failure.

        Raises:
            ParserRefused: there is no further try.
        """
        self._deaths += 1
        if not again or self._deaths >= DEATHS:
            log.error("a parser failed on a page: %s", told)
            raise ParserRefused(f"unreadable: {told}")


def can_fork() -> bool:
    """Whether this system can run parsers: it needs fork, and sockets that pass files."""
    return hasattr(os, "fork") and hasattr(socket, "send_fds")


class Parsers:
    """A few parsers for any number of pages; each starts when it is needed.

    Args:
        count: The limit of parsers at the same time.
        memory: Bytes that each may take beyond its initial 30 MB.
        watched: Whether the template watches their memory, as it does on systems that cannot limit it.

    Attributes:
        count: The limit of parsers at the same time.
        ends: Why parsers died during an order.
        trouble: Why the last order found no parser; None while there are parsers.
    """

    def __init__(self, count: int = 2, *, memory: int = MEMORY, watched: bool = False) -> None:
        self.count = count
        self.ends = Ends()
        self.trouble: ParserTrouble | None = None
        self._memory = memory
        self._watched = watched
        self._turns = Turns(count)
        self._idle: list[Parser] = []
        self._busy: set[Parser] = set()
        self._template: Template | None = None
        self._burials: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start the template, so that the first page does not wait for it.

        Raises:
            OSError: it cannot be started.
        """
        if self._template is None or not self._template.alive:
            self._bury_template()
            self._template = Template(self._memory, watched=self._watched)

    async def close(self) -> None:
        """End all parsers; return when no process is left."""
        for parser in (*self._idle, *self._busy):
            parser.close()
        self._idle.clear()
        self._bury_template()
        if self._burials:
            await asyncio.wait(self._burials)

    @property
    def processes(self) -> list[int]:
        """The process ids of the running parsers."""
        return [] if self._template is None else self._template.parsers

    @property
    def template(self) -> int | None:
        """The process id of the template, if it runs."""
        running = self._template is not None and self._template.alive
        return self._template.process_id if self._template is not None and running else None

    async def carry_out(
        self, account: Account, frame: Callable[[Parser, float], Framed], *, large: bool
    ) -> bytes:
        """Have a parser carry out an order.

        Args:
            account: The account of the page.
            frame: Makes the order for a parser, with a limit of processor time in seconds. It is
                called for each try.
            large: Whether to skip the fast lane.

        Raises:
            ParserRefused: with a named error: a limit forbids it.
        """
        tries = _Tries(account, large=large)
        while True:
            seconds, slow = tries.allowance()
            turn = await self._turns.take(account, slow=slow)
            try:
                parser = self._parser_for(account)
                turn.begin(parser)
                try:
                    answer, spent, flags = await self._ask(parser, frame, seconds)
                except ParserDied as died:
                    if not turn.ended:  # otherwise it gave way, which is not charged to its page
                        self.ends.note(died.end)
                        tries.died(died.end, parser, self._memory)
                    continue
                account.charge(spent, parser, slow=slow)
            except OSError as error:
                self.trouble = self.trouble or ParserTrouble(datetime.now(UTC), str(error))
                tries.lacks_parser(str(error))
                continue
            finally:
                self._turns.give_back(turn)
            self.trouble = None
            if not flags & (FAILED | LACKING):
                return answer
            parser.kept.clear()
            tries.failed(answer.decode("utf-8", "replace"), again=bool(flags & LACKING))

    async def _ask(
        self, parser: Parser, frame: Callable[[Parser, float], Framed], seconds: float
    ) -> tuple[bytes, float, int]:
        self._busy.add(parser)
        alarm = asyncio.get_running_loop().call_later(_PATIENCE + 10 * seconds, parser.kill)
        try:
            return await parser.ask(*frame(parser, seconds))
        finally:
            alarm.cancel()
            self._busy.discard(parser)
            if parser.alive:
                self._idle.append(parser)

    def _parser_for(self, account: Account) -> Parser:
        """The parser that knows the page, else an idle one, else a new one.

        Raises:
            OSError: there is no template.
        """
        self._idle = [parser for parser in self._idle if parser.alive]
        if self._idle:
            known = account.parser
            if known is not None and known in self._idle:
                self._idle.remove(known)
                return known
            return self._idle.pop()
        self.start()
        if self._template is None:
            raise OSError("there is no template process")
        return Parser(*self._template.fork())

    def _bury_template(self) -> None:
        template, self._template = self._template, None
        if template is not None:
            burial = asyncio.get_running_loop().create_task(template.close())
            self._burials.add(burial)
            burial.add_done_callback(self._burials.discard)
