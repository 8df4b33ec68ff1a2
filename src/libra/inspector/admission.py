"""How many pages may be fetched at a time.

Pages ask and wait as ``queued``; a place goes to the one that has waited longest. A page that dies
on its place gives it up by dying: the process monitors those that hold one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from libra.inspector.context import Context
from libra.otp import Down, From, GenServer, Monitor, NoReply, Reply
from libra.weighing.report import Method


@dataclass(frozen=True, slots=True)
class Ask:
    """A page wants to be fetched; it gets `Turn.GRANTED` as a message."""

    page: GenServer


@dataclass(frozen=True, slots=True)
class Release:
    """A page needs its place no longer."""

    page: GenServer


class Turn(Enum):
    """What a page is told."""

    GRANTED = auto()


class Admission(GenServer):
    """Hands out places, first come first served."""

    __slots__ = ("_holders", "_places", "_waiting")

    def init(self, context: Context, method: Method, places: int) -> None:
        """Start with all places free.

        Args:
            context: the surroundings.
            method: the pages of which method these places are for; a browser weighs few at a time.
            places: how many there are.
        """
        self._places = places
        self._holders: dict[GenServer, Monitor] = {}
        self._waiting: deque[GenServer] = deque()
        context.admission[method] = self

    def handle_cast(self, message: Any) -> None:
        """A page asks for a place or gives it back."""
        match message:
            case Ask(page):
                self._waiting.append(page)
            case Release(page):
                monitor = self._holders.pop(page, None)
                if monitor is not None:
                    self.demonitor(monitor)
        self._grant()

    def handle_info(self, message: Any) -> None:
        """A page died on its place."""
        if isinstance(message, Down):
            self._holders.pop(message.process, None)
            self._grant()

    def handle_call(self, request: Any, sender: From) -> Reply | NoReply:
        """How many pages hold a place, and how many wait for one."""
        return Reply((len(self._holders), sum(page.alive for page in self._waiting)))

    def _grant(self) -> None:
        while self._waiting and len(self._holders) < self._places:
            page = self._waiting.popleft()
            # A page that died while it waited was never monitored: dying is how it left the queue.
            if page.alive:
                self._holders[page] = self.monitor(page)
                page.send(Turn.GRANTED)
