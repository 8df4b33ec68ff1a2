"""Limits how many pages are fetched at the same time.

Pages ask for a place and wait as ``queued``; a free place goes to the page that has waited longest.
Admission monitors the pages that hold a place, so a page that dies frees its place.

A page that is suspected of killing the program is weighed alone, with no other page beside it here or
in a browser. If the program dies again, the culprit is known. When the suspect is next in line, no
other page gets a place until the suspect has had its turn.
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
    """Cast by a page that wants to be fetched; the page gets `PlaceNotice.GRANTED` as a message."""

    page: GenServer
    alone: bool = False


@dataclass(frozen=True, slots=True)
class ReleasePlace:
    """Cast by a page that no longer needs its place."""

    page: GenServer


class PlaceNotice(Enum):
    """To a page: its place is granted. To the other admission: check again who may begin."""

    GRANTED = auto()
    AGAIN = auto()


class Admission(GenServer):
    """Hands out places in the order of the requests.

    Attributes:
        holders: the pages that hold a place.
        alone: the suspect that is weighed alone now, or None. The other admission reads both attributes.
    """

    __slots__ = ("_admissions", "_places", "_waiting", "alone", "holders")

    # A page asks only once: it would wait for ever if its request were dropped. So there is room for
    # a request of every page in memory.
    mailbox_limit = 1_000_000

    def init(self, admissions: dict[Method, Admission], method: Method, places: int) -> None:
        """Start with all places free.

        Args:
            admissions: all admissions by method; this one adds itself.
            method: the method of the pages that these places are for; a browser weighs only a few
                pages at a time.
            places: the number of places.
        """
        self._places = places
        self.holders: dict[GenServer, Monitor] = {}
        self._waiting: deque[AskPlace] = deque()
        self.alone: GenServer | None = None
        self._admissions = admissions
        admissions[method] = self

    def ask(self, page: GenServer, *, alone: bool = False) -> None:
        """Ask for a place for a page, which gets `PlaceNotice.GRANTED` as a message."""
        self.cast(AskPlace(page, alone))

    def release(self, page: GenServer) -> None:
        """Give back the place of a page."""
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
        """Free the place of a page that died."""
        if isinstance(message, Down):
            self.holders.pop(message.process, None)
            self._left(message.process)

    def handle_call(self, request: Any, sender: From) -> Reply | NoReply:
        """Return how many pages hold a place and how many wait for one."""
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
        # A page that dies while it waits was never monitored, so its request is dropped here.
        while self._waiting and not self._waiting[0].page.alive:
            self._waiting.popleft()
        return self._waiting[0] if self._waiting else None

    def _may_begin(self, ask: AskPlace) -> bool:
        admissions = self._admissions.values()
        if ask.alone:
            return not any(one.holders for one in admissions)
        return not any(one.alone or (one is not self and one.suspects()) for one in admissions)

    def suspects(self) -> bool:
        """Whether a suspect is next in line here; the other admission reads this."""
        ask = self._next()
        return ask is not None and ask.alone

    def _left(self, page: GenServer) -> None:
        """Clean up after a page that left its place; tell the other admission if it waits for that."""
        was_alone = page is self.alone
        if was_alone:
            self.alone = None
        for other in self._admissions.values():
            if other is not self and (was_alone or other.suspects()):
                other.cast(PlaceNotice.AGAIN)
        # As a message: after a suspect of this admission, a page of the other one is next.
        self.cast(PlaceNotice.AGAIN)
