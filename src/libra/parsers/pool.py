"""The parsers of one program: forked when they are needed, killed when they pass a limit, replaced."""

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
"""Seconds of a processor in the fast lane."""

FAST_SECONDS = 0.5
"""Of a processor, that a page may take in the fast lane; its orders begin in the slow one after that."""

PAGE_SECONDS = 20.0
"""Of a processor, for all that one page has read."""

_LONGER = 4
"""How many times longer each try may take than the one before it."""

_PATIENCE = 120.0
"""Seconds of silence after which a parser is killed whatever it does, beyond those it may compute."""

_LEAST = 0.01
"""Seconds that are worth a try."""

_DEATH = 0.05
"""Seconds of a processor that the death of a parser counts for."""

DEATHS = 2
"""Parsers that may end over one order for no known reason; then the order is given up."""

TEMPLATE_DEATHS = 5
"""Templates that may end over one order, which is none of its doing."""


class ParserRefused(Exception):
    """An order was not carried out; the text is a named error."""


class Framed(NamedTuple):
    """An order as it is sent: itself, the bodies that follow it, the file that they begin in or -1.

    ``most`` is how many bytes may be answered.
    """

    order: bytes
    bodies: Sequence[bytes] = ()
    file: int = -1
    most: int = MOST_ANSWER


class ParserTrouble(NamedTuple):
    """No parser can be started: since when, and why."""

    since: datetime
    reason: str


@dataclass(slots=True)
class Ends:
    """How many parsers ended over what they were at."""

    out_of_time: int = 0
    out_of_memory: int = 0
    other: int = 0

    def note(self, end: End) -> None:
        """One more."""
        if end.out_of_time:
            self.out_of_time += 1
        elif end.out_of_memory:
            self.out_of_memory += 1
        else:
            self.other += 1


class Account:
    """What one page has used of the parsers.

    Attributes:
        left: Seconds of a processor that it may still take.
        fast: Of these, in the fast lane.

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
        """Seconds of a processor that it has taken."""
        return PAGE_SECONDS - self.left

    @property
    def parser(self) -> Parser | None:
        """The parser that worked for it last, if it is still there: it may have kept something."""
        return None if self._parser is None else self._parser()

    @property
    def ready(self) -> bool:
        """Whether no busy parser may have kept something of the page, which another would read anew."""
        parser = self.parser
        return parser is None or not parser.busy

    def charge(self, seconds: float, parser: Parser, *, slow: bool) -> None:
        """Note what it has used, and where."""
        self.left -= seconds
        if not slow:
            self.fast -= seconds
        self._parser = weakref.ref(parser)


class _Tries:
    """The tries of one order: what each may take, and when there is no other."""

    def __init__(self, account: Account, *, large: bool) -> None:
        self._account = account
        self._slow = large or account.fast <= 0
        self._seconds = FIRST_TRY * (_LONGER if self._slow else 1)
        self._deaths = 0
        self._templates = 0

    def allowance(self) -> tuple[float, bool]:
        """Seconds of a processor for the next try, and whether it belongs in the slow lane.

        Raises:
            Refused: the page has used what it may.
        """
        left = self._account.left
        if left <= 0:
            raise ParserRefused(
                f"too-complex: the page takes more than {PAGE_SECONDS:g} s of a processor"
            )
        return min(self._seconds, max(left, _LEAST)), self._slow

    def died(self, end: End, parser: Parser, memory: int) -> None:
        """A parser ended over the order.

        Raises:
            Refused: there is to be no other try.
        """
        seconds = min(self._seconds, self._account.left) if end.out_of_time else _DEATH
        self._account.charge(seconds, parser, slow=self._slow)
        if end.out_of_memory:
            raise ParserRefused(f"out-of-memory: reading it takes more than {memory:,} bytes")
        if end.out_of_time:
            self._slow = True
            self._seconds *= _LONGER
        elif end.status is None:
            self.lacks_parser("they end again and again")
        else:
            log.warning("a parser ended by %s over a page", end.how)
            self._deaths += 1
            if self._deaths >= DEATHS:
                raise ParserRefused(f"unreadable: its parser ended by {end.how}")

    def lacks_parser(self, why: str) -> None:
        """There was no parser, which is not the fault of the order.

        Raises:
            Refused: that has happened often enough.
        """
        self._templates += 1
        if self._templates >= TEMPLATE_DEATHS:
            raise ParserRefused(f"no-parser: none can be started: {why}")

    def failed(self, told: str, *, again: bool) -> None:
        """A parser said that it could not do it.

        Raises:
            Refused: there is to be no other try.
        """
        self._deaths += 1
        if not again or self._deaths >= DEATHS:
            log.error("a parser failed at a page: %s", told)
            raise ParserRefused(f"unreadable: {told}")


def can_fork() -> bool:
    """Whether this system has what parsers need: processes that fork, and sockets that pass files."""
    return hasattr(os, "fork") and hasattr(socket, "send_fds")


class Parsers:
    """A few parsers for any number of pages. Nothing is started before it is needed.

    Args:
        count: How many there are at a time.
        memory: Bytes that each may take beyond the 30 MB that it has at first.
        watched: Whether the template looks how much they take, as it does where the system sets no
            process such a limit.

    Attributes:
        count: How many there are at a time.
        ends: Why parsers ended over what they were at.
        trouble: That there was none when one was asked for last; None while there are.
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
        """Start the template, so that the first page need not wait for it.

        Raises:
            OSError: it cannot be started.
        """
        if self._template is None or not self._template.alive:
            self._bury_template()
            self._template = Template(self._memory, watched=self._watched)

    async def close(self) -> None:
        """End all of them; returns when no process is left."""
        for parser in (*self._idle, *self._busy):
            parser.close()
        self._idle.clear()
        self._bury_template()
        if self._burials:
            await asyncio.wait(self._burials)

    @property
    def processes(self) -> list[int]:
        """The process ids of the parsers that run."""
        return [] if self._template is None else self._template.parsers

    @property
    def template(self) -> int | None:
        """The process id of the template, if it runs."""
        running = self._template is not None and self._template.alive
        return self._template.process_id if self._template is not None and running else None

    async def carry_out(
        self, account: Account, frame: Callable[[Parser, float], Framed], *, large: bool
    ) -> bytes:
        """Have an order carried out by some parser.

        Args:
            account: Of the page.
            frame: Makes the order for a parser, with the seconds of a processor that it may take. It
                is called for each try.
            large: Whether it needs not be tried in the fast lane.

        Raises:
            Refused: with a named error: the limits do not allow it.
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
                    if not turn.ended:  # else it had to give way, which costs its page nothing
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
        """The one that knows the page, or one that has nothing to do, or a new one.

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
            raise OSError("there is no template")
        return Parser(*self._template.fork())

    def _bury_template(self) -> None:
        template, self._template = self._template, None
        if template is not None:
            burial = asyncio.get_running_loop().create_task(template.close())
            self._burials.add(burial)
            burial.add_done_callback(self._burials.discard)
