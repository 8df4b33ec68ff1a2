"""How many pages may be fetched at a time.

Pages ask and wait as ``queued``; a place goes to the one that has waited longest. A page that dies
on its place gives it up by dying: the process monitors those that hold one.

A page that is suspected of killing the program is weighed alone: nothing is weighed beside it, neither
here nor in a browser, so that if the program dies again it is known who did it. When it is next in its
line nobody else gets a place until it had its turn.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from libra.otp import Down, From, GenServer, Monitor, NoReply, Reply
from libra.report import Method


@dataclass(frozen=True, slots=True)
class AskPlace:
    """A page wants to be fetched; it gets `PlaceNotice.GRANTED` as a message."""

    page: GenServer
    alone: bool = False


@dataclass(frozen=True, slots=True)
class ReleasePlace:
    """A page needs its place no longer."""

    page: GenServer


class PlaceNotice(Enum):
    """What a page is told, and one admission the other: to see again whether somebody may begin."""

    GRANTED = auto()
    AGAIN = auto()


class Admission(GenServer):
    """Hands out places, first come first served.

    Attributes:
        holders: who has one.
        alone: the suspect that is weighed here now, or None. Both are read by the other admission.
    """

    __slots__ = ("_admissions", "_places", "_waiting", "alone", "holders")

    def init(self, admissions: dict[Method, Admission], method: Method, places: int) -> None:
        """Start with all places free.

        Args:
            admissions: all of them by method; this one enters itself.
            method: the pages of which method these places are for; a browser weighs few at a time.
            places: how many there are.
        """
        self._places = places
        self.holders: dict[GenServer, Monitor] = {}
        self._waiting: deque[AskPlace] = deque()
        self.alone: GenServer | None = None
        self._admissions = admissions
        admissions[method] = self

    def ask(self, page: GenServer, *, alone: bool = False) -> None:
        """A page wants to be fetched; it gets `PlaceNotice.GRANTED` as a message."""
        self.cast(AskPlace(page, alone))

    def release(self, page: GenServer) -> None:
        """A page needs its place no longer."""
        self.cast(ReleasePlace(page))

    def handle_cast(self, message: Any) -> None:
        """A page asks for a place or gives it back."""
        match message:
            case AskPlace():
                self._waiting.append(message)
            case ReleasePlace(page):
                monitor = self.holders.pop(page, None)
                if monitor is not None:
                    self.demonitor(monitor)
                    self._left(page)
                return
        self._grant()

    def handle_info(self, message: Any) -> None:
        """A page died on its place."""
        if isinstance(message, Down):
            self.holders.pop(message.process, None)
            self._left(message.process)

    def handle_call(self, request: Any, sender: From) -> Reply | NoReply:
        """How many pages hold a place, and how many wait for one."""
        return Reply((len(self.holders), sum(ask.page.alive for ask in self._waiting)))

    def _grant(self) -> None:
        while len(self.holders) < self._places and (ask := self._next()) is not None:
            if not self._may_begin(ask):
                return
            self._waiting.popleft()
            self.holders[ask.page] = self.monitor(ask.page)
            if ask.alone:
                self.alone = ask.page
            ask.page.send(PlaceNotice.GRANTED)

    def _next(self) -> AskPlace | None:
        # A page that died while it waited was never monitored: dying is how it left the queue.
        while self._waiting and not self._waiting[0].page.alive:
            self._waiting.popleft()
        return self._waiting[0] if self._waiting else None

    def _may_begin(self, ask: AskPlace) -> bool:
        admissions = self._admissions.values()
        if ask.alone:
            return not any(one.holders for one in admissions)
        return not any(one.alone or (one is not self and one.suspects()) for one in admissions)

    def suspects(self) -> bool:
        """Whether a suspect is next here: to be read by the other admission."""
        ask = self._next()
        return ask is not None and ask.alone

    def _left(self, page: GenServer) -> None:
        """Somebody has left a place: if that is what those of the other admission wait for, tell it."""
        was_alone = page is self.alone
        if was_alone:
            self.alone = None
        for other in self._admissions.values():
            if other is not self and (was_alone or other.suspects()):
                other.cast(PlaceNotice.AGAIN)
        # By message: after a suspect of this admission it is the turn of one of the other.
        self.cast(PlaceNotice.AGAIN)
