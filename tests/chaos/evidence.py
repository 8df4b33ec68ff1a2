"""A history put in order: when Libra was alive, what is known of each page, and how the machine was."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chaos.history import SAFE, Call, History, Strain

_LONGEST = 60.0  # seconds that a call may take and still be judged by what was noted during it


@dataclass(frozen=True, slots=True)
class _Life:
    killing: float
    dead: float
    serving: float
    restored: float


class Lives:
    """When Libra was killed, and what that excuses."""

    def __init__(self, history: History) -> None:
        self._kills: list[_Life] = []
        times: dict[str, float] = {}
        for mark in sorted(history.marks, key=lambda mark: mark.at):
            if mark.what == "killing" and times:
                # What was not restored until then is the next life's to restore.
                self._kills.append(_life(times, until=mark.at))
                times = {}
            if mark.what == "killing" or (times and mark.what in ("dead", "serving", "restored")):
                times.setdefault(mark.what, mark.at)
        if times:
            self._kills.append(_life(times))

    def number(self, moment: float) -> int:
        """How many lives had ended by then."""
        return sum(kill.dead <= moment for kill in self._kills)

    def nobody_there(self, call: Call) -> bool:
        """Whether Libra was dead at some time of the call."""
        return any(k.killing <= call.ended and call.started <= k.serving for k in self._kills)

    def restoring(self, call: Call) -> bool:
        """Whether what was stored before a kill might not have been in memory again."""
        return any(k.killing <= call.ended and call.started <= k.restored for k in self._kills)

    def may_be_lost(self, page: Page, by: float) -> bool:
        """Whether a kill before that moment may have cost a page, as nobody called it safe."""
        return any(
            page.born < kill.dead
            and kill.killing <= by
            and not any(s.backup in SAFE and s.started < kill.dead for s in page.seen)
            for kill in self._kills
        )


@dataclass(slots=True)
class Page:
    """What is known of one page, sorted by the end of the calls."""

    id: str
    born: float = float("inf")
    acknowledged: float = float("inf")
    seen: list[Call] = field(default_factory=list)
    missing: list[Call] = field(default_factory=list)
    deletions: list[Call] = field(default_factory=list)

    @property
    def deleted(self) -> float:
        """From when on it is certain that it is gone."""
        ends = (call.ended for call in self.deletions if call.code == 204)
        return min(ends, default=float("inf"))

    @property
    def doomed(self) -> float:
        """From when on it may be gone, because somebody has begun to delete it."""
        starts = (call.started for call in self.deletions if call.code != 404)
        return min(starts, default=float("inf"))


def pages_of(calls: Iterable[Call]) -> dict[str, Page]:
    """What calls tell of each page, by its id."""
    pages: dict[str, Page] = {}
    for call in sorted(calls, key=lambda call: call.ended):
        if call.page is None or call.kind == "unknown":
            continue
        page = pages.setdefault(call.page, Page(call.page))
        page.born = min(page.born, call.started)
        if call.saw:
            page.seen.append(call)
        if call.acknowledges:
            page.acknowledged = min(page.acknowledged, call.ended)
        if call.kind == "delete":
            page.deletions.append(call)
        if call.code == 404:
            page.missing.append(call)
    return pages


class Machine:
    """For how long the machine itself may have held up a call.

    Args:
        history: what was noted.
        start: calls that begin before that are not asked for.
        end: nor those that begin after that.
    """

    def __init__(
        self, history: History, start: float = float("-inf"), end: float = float("inf")
    ) -> None:
        self._strains = sorted(history.strains, key=lambda strain: strain.at)
        pings = [
            call
            for call in history.calls
            if call.kind == "ping" and call.ended >= start and call.started <= end + _LONGEST
        ]
        self._pings = sorted(pings, key=lambda ping: ping.started)
        self._longest = max((ping.seconds for ping in pings), default=0.0)

    def held_up(self, call: Call) -> float:
        """Seconds, at most: by what the kernel says and by what a server beside Libra took."""
        return max(self._by_kernel(call), self._by_pings(call))

    def slept(self, call: Call) -> float:
        """Seconds, at least, for which Libra and its clients did nothing and wanted no processor."""
        around = self._around(call)
        if around is None:
            return 0.0
        before, after = around
        known = after.libra > before.libra and after.clients > before.clients
        active = max(after.libra - before.libra, after.clients - before.clients)
        return max(0.0, call.seconds - active) if known else 0.0

    def _by_kernel(self, call: Call) -> float:
        around = self._around(call)
        return 0.0 if around is None else around[1].waited - around[0].waited

    def _around(self, call: Call) -> tuple[Strain, Strain] | None:
        """How the machine was just before a call and just after it, if that was noted."""
        before = bisect_right(self._strains, call.started, key=lambda strain: strain.at) - 1
        after = bisect_left(self._strains, call.ended, key=lambda strain: strain.at)
        if before < 0 or after == len(self._strains):
            return None
        return self._strains[before], self._strains[after]

    def _by_pings(self, call: Call) -> float:
        """The longest ping that was under way at some time of the call."""
        first = bisect_left(self._pings, call.started - self._longest, key=lambda p: p.started)
        last = bisect_right(self._pings, call.ended, key=lambda p: p.started)
        meanwhile = (p.seconds for p in self._pings[first:last] if p.ended >= call.started)
        return max(meanwhile, default=0.0)


def _life(times: Mapping[str, float], until: float = float("inf")) -> _Life:
    return _Life(
        times["killing"],
        times.get("dead", until),
        times.get("serving", until),
        times.get("restored", until),
    )
