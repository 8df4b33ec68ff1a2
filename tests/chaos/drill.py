"""One fault under load: break, watch, mend, watch; and what must have held meanwhile.

The checker judges every single call. Here is judged what needs many of them, or the database: how
fast reads were beside before, how soon the first page was saved, and how many connections there were.
"""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from chaos.checker import Contradiction, Final, Kept, contradictions, one_of_each
from chaos.endings import in_memory
from chaos.history import Call, History, Kind, percentile
from chaos.load import Load
from chaos.quiet import BUSY, Pressure
from chaos.service import Service
from chaos.waiting import Late, until

RATIO = 1.2
"""How much slower reads may be than before the fault, at the median and the 99th percentile."""

NOISE = 1.5
"""How much slower the reads of another server may be, on a machine that is left alone."""

FLOOR = 0.005
"""Seconds by which it may always be slower: a turn of the scheduler on a small, busy machine."""

RETURN = 2.0
"""Seconds after the return of the database within which the first page must be saved."""

WARM_UP = 1.5
"""Seconds of load before anything is measured."""

NOTICED = 15.0
"""Seconds within which Libra must have noticed that its database is gone."""

SETTLED = 5.0
"""Seconds after which every page must be called stored when nothing waits any more."""

DRAINED = 30.0
"""Seconds after which the backlog of a drill must have been saved on the slowest of machines."""


OUTAGE = "the database is unavailable"
"""What Libra's log says once for each outage."""


class Fault(ABC):
    """A way to break a database, and to mend it.

    Attributes:
        name: in words, for reports.
        part: the part that Libra is to say is down, if any.
        hold: seconds that it lasts once it is in force.
        destroys: whether pages that were stored are gone then, so that Libra must live through it.
        late: whether it destroys only at its end: Libra may be killed before that and has to remember.
        doubtful: whether Libra has to take back that pages are stored, as far as it can tell.
        gradual: whether the database may be back for a moment while it is broken or mended, so that
            there may be several outages.
    """

    name: str
    part: str | None = "database"
    hold: float = 2.0
    destroys: bool = False
    late: bool = False
    doubtful: bool = False
    gradual: bool = False

    @abstractmethod
    async def begin(self) -> None:
        """Break it."""

    @abstractmethod
    async def end(self) -> None:
        """Mend it; the database is to be back when this returns."""


class Nothing(Fault):
    """Nothing is wrong: what Libra does then it must do as well."""

    name = "nothing"
    part = None

    async def begin(self) -> None:
        """Leave all as it is."""

    async def end(self) -> None:
        """Leave all as it is."""


class Together(Fault):
    """Several faults at once; what is said of the first is looked at."""

    def __init__(self, *faults: Fault) -> None:
        self._faults = faults
        self.name = " and ".join(fault.name for fault in faults)
        self.part = faults[0].part
        self.hold = max(fault.hold for fault in faults)
        self.gradual = any(fault.gradual for fault in faults)

    async def begin(self) -> None:
        """Break everything."""
        for fault in self._faults:
            await fault.begin()

    async def end(self) -> None:
        """Mend everything."""
        for fault in self._faults:
            await fault.end()


class Database(ABC):
    """A database of Libra, asked directly and not through Libra."""

    url: str

    @abstractmethod
    async def rows(self) -> dict[str, Kept]:
        """All that it holds."""

    @abstractmethod
    async def has_any(self, ids: Collection[str]) -> bool:
        """Whether it holds one of these pages."""


@dataclass(slots=True)
class Outcome:
    """What a drill came to.

    Attributes:
        fault: its name.
        reads: how many there were meanwhile.
        p50: seconds of half of the reads, before and during the fault.
        p99: the same of 99 of 100.
        busy: for how much of the time the machine was short of processors.
        outage: seconds that the fault lasted.
        first_save: seconds from the return of the database to the first page that was saved.
        drain: seconds from its return until nothing of the outage waited any more.
        slower: which percentiles rose by more than they may.
        problems: what should not have been.
    """

    fault: str
    reads: int
    p50: tuple[float, float]
    p99: tuple[float, float]
    busy: float
    outage: float = 0.0
    first_save: float | None = None
    drain: float = 0.0
    slower: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        saved = "-" if self.first_save is None else f"{self.first_save:.2f} s"
        judged = "" if self.busy <= BUSY else ", not judged: the machine was busy"
        return (
            f"{self.fault}: {self.reads} reads, p50 {_ms(self.p50)}, p99 {_ms(self.p99)}{judged};"
            f" out for {self.outage:.1f} s, first save after {saved}, drained after"
            f" {self.drain:.2f} s"
        )


def _ms(before_and_during: tuple[float, float]) -> str:
    return " -> ".join(f"{seconds * 1000:.1f}" for seconds in before_and_during) + " ms"


class Stage:
    """A Libra, its load and its database, on which one drill follows the other."""

    def __init__(self, service: Service, load: Load, history: History, database: Database) -> None:
        self.service = service
        self.load = load
        self.history = history
        self.database = database
        self.outcomes: list[Outcome] = []
        self._calm: list[tuple[float, float]] = []
        self._doubtful: set[str] = set()
        self._since: float | None = None

    async def drill(self, fault: Fault, *, calm: float = 1.0) -> Outcome:
        """Break the database, go on for as long as the fault lasts, mend it, and see it drain.

        Four slow reads decide over the 99th percentile of a drill, and many things can hold up four
        reads. What a fault does to reads it does again: if they were slower the drill is repeated.

        Args:
            fault: what is done to the database.
            calm: seconds of load before that.
        """
        outcome = await self._drill(fault, calm)
        if outcome.slower:
            again = await self._drill(fault, calm)
            if again.slower:
                again.problems += outcome.slower + again.slower
            return again
        return outcome

    async def _drill(self, fault: Fault, calm: float) -> Outcome:
        history, problems = self.history, list[str]()
        if fault.doubtful:
            self._doubtful.add(fault.name)
        if self._since is None:
            await self._warm_up()
            self._since = time.monotonic()
        await self.load.goes_on(calm)
        said = self.service.times_said(OUTAGE)
        pressure = Pressure()
        self._calm.append((self._since, history.mark("begins", fault.name).at))
        await fault.begin()
        broken = history.mark("broken", fault.name)
        try:
            if fault.part is not None:
                await self._noticed(fault.part, problems)
            await self.load.goes_on(fault.hold)
        finally:
            mending = history.mark("mending", fault.name)
            await fault.end()
        mended = history.mark("mended", fault.name)
        waiting = self._waiting(broken.at, mending.at)
        first_save = await self._first_save(waiting, mended.at, problems) if waiting else None
        if fault.part is not None:
            await self._available(fault.part, problems)
        drain = await self._drain(fault, mended.at, problems)
        ended = self._since = history.mark("ends", fault.name).at
        outcome = self._measure(fault, broken.at, ended, pressure.share())
        outcome.first_save, outcome.drain = first_save, drain
        outcome.outage = mending.at - broken.at
        said = self.service.times_said(OUTAGE) - said
        once = fault.part is not None and not fault.gradual
        if said > 1 and once and outcome.busy <= BUSY:
            problems.append(f"one outage was logged {said} times")
        outcome.problems += problems
        self.outcomes.append(outcome)
        return outcome

    async def kill_during(self, fault: Fault, rng: random.Random, *, times: int) -> None:
        """Break the database, kill Libra and start it again at random moments, then mend it.

        Args:
            fault: what is done to the database.
            rng: chooses the moments.
            times: how often Libra is killed.
        """
        history = self.history
        if fault.doubtful:
            self._doubtful.add(fault.name)
        await self._warm_up()
        history.mark("begins", fault.name)
        await fault.begin()
        history.mark("broken", fault.name)
        try:
            for _ in range(times):
                await self.load.goes_on(rng.uniform(0.3, 1.5))
                await self.service.kill()
                await self.service.start()
            if fault.destroys:
                await self.restored()  # what is only in the database then is lost
        finally:
            history.mark("mending", fault.name)
            await fault.end()
        mended = history.mark("mended", fault.name)
        await self.restored()
        await self._drain(fault, mended.at, [])
        history.mark("ends", fault.name)
        self._since = None  # a start is nothing to compare with

    async def restored(self) -> None:
        """Until Libra knows, of every page that was acknowledged, whether it is there."""
        ids = list(self.load.known)
        session = self.service.session

        async def can_tell() -> bool:
            while ids:
                async with session.get(f"/pages/{ids[-1]}") as answer:
                    if answer.status == 503:
                        return False
                ids.pop()
            return True

        await until(can_tell, "every page is restored", within=DRAINED)
        self.history.mark("restored")

    async def end(self, *, refused: frozenset[str] = frozenset()) -> list[Contradiction]:
        """Stop the load, wait until all is stored, and judge the whole history."""
        await self.load.stop()
        await self.service.drained(DRAINED)
        ids = {call.page for call in self.history.calls if call.kind == "submit" and call.page}
        memory: dict[str, Kept] = {}

        async def all_is_stored() -> bool:
            # Between the journal and the queue for the database a page is in neither of the two.
            memory.update(await in_memory(self.service.session, ids))
            return all(kept.backup in ("stored", "rejected") for kept in memory.values())

        with suppress(Late):  # which of them is not stored is what the checker then says
            await until(all_is_stored, "all is stored", within=SETTLED)
        final = Final(memory, await self.database.rows(), refused)
        return [
            found
            for found in contradictions(self.history, final)
            if not (found.rule == "less safe" and self._in_doubt(found.at))
        ]

    async def passed(self, directory: Path, *, refused: frozenset[str] = frozenset()) -> None:
        """End, and fail with all that is known if anything was wrong.

        Args:
            directory: where the history is written if so.
            refused: pages whose rows the database was made to refuse.
        """
        try:
            wrong = [
                f"{found} (when it was {self.during(found.at)!r}; {count} such)"
                for found, count in one_of_each(await self.end(refused=refused))
            ]
        except Late as late:
            wrong = [str(late)]
        wrong += [f"{o.fault}: {problem}" for o in self.outcomes for problem in o.problems]
        if wrong:
            self.history.write(directory / "history.jsonl")
            drills = "\n".join(map(str, self.outcomes))
            raise AssertionError(
                "\n".join(wrong)
                + f"\n\n{drills}\n\nhistory: {directory / 'history.jsonl'}\n"
                + f"log of Libra:\n{self.service.tail()}"
            )

    def _in_doubt(self, moment: float) -> bool:
        """Whether it was honest, at this moment, to take back what had been said to be stored."""
        return any(self.during(moment).endswith(name) for name in self._doubtful)

    def during(self, moment: float) -> str:
        """What was going on at a moment of the history, in words."""
        now = "before the first fault"
        for mark in self.history.marks:
            if mark.at > moment:
                break
            now = f"{mark.what} {mark.name}".strip()
        return now

    async def _warm_up(self) -> None:
        """Until the database is in use, and what is slow at the first time has been done."""

        async def something_is_stored() -> bool:
            return any(call.backup == "stored" for call in self.history.calls)

        await until(something_is_stored, "a first page is stored", within=DRAINED)
        await self.load.goes_on(WARM_UP)

    async def _noticed(self, part: str, problems: list[str]) -> None:
        async def down() -> bool:
            return bool((await self.service.health())["parts"][part]["status"] == "down")

        try:
            await until(down, f"Libra says that its {part} is down", within=NOTICED)
        except Late as late:
            problems.append(str(late))
            return
        async with self.service.session.get("/pages") as answer:
            if part == "database" and not (await answer.json())["partial"]:
                problems.append("a list is not said to be partial while the database is down")

    async def _first_save(
        self, waiting: set[str], since: float, problems: list[str]
    ) -> float | None:
        async def saved() -> bool:
            return await self.database.has_any(waiting)

        pressure = Pressure()
        try:
            await until(saved, "a page of the outage is saved", within=DRAINED)
        except Late as late:
            problems.append(str(late))
            return None
        seconds = time.monotonic() - since
        if seconds > RETURN + pressure.seconds():
            problems.append(f"the first save came {seconds:.2f} s after the database's return")
        return seconds

    async def _available(self, part: str, problems: list[str]) -> None:
        async def up() -> bool:
            return bool((await self.service.health())["parts"][part]["status"] == "ok")

        try:
            await until(up, f"Libra says that its {part} is back", within=DRAINED)
        except Late as late:
            problems.append(str(late))

    async def _drain(self, fault: Fault, since: float, problems: list[str]) -> float:
        """Until all that waited when the database came back is stored; the load goes on."""

        async def backlog_is_gone() -> bool:
            health = await self.service.health()
            oldest = health["oldest_waiting_seconds"]
            if fault.destroys:
                # What is offered anew for that waits only since it was found to be gone.
                return not health["waiting_to_be_stored"]
            return oldest is None or time.monotonic() - oldest > since

        try:
            await until(backlog_is_gone, "the backlog is stored", within=DRAINED)
        except Late as late:
            problems.append(str(late))
        return time.monotonic() - since

    def _waiting(self, start: float, end: float) -> set[str]:
        """Pages of the outage that nobody has seen stored, deleted or refused."""
        calls = self.history.between(start, end, "submit")
        submitted = {c.page for c in calls if c.code == 202 and c.page is not None}
        safe = {c.page for c in self.history.calls if c.backup == "stored" or c.kind == "delete"}
        return submitted - safe - self.load.odd

    def _measure(self, fault: Fault, start: float, end: float, busy: float) -> Outcome:
        before = [c for s, e in self._calm for c in self.history.between(s, e, "read", "ping")]
        during = list(self.history.between(start, end, "read", "ping"))
        p50 = _percentile(before, 50), _percentile(during, 50)
        p99 = _percentile(before, 99), _percentile(during, 99)
        pings = _percentile(before, 99, "ping"), _percentile(during, 99, "ping")
        if pings[1] > pings[0] * NOISE:
            busy = max(busy, 1.0)
        outcome = Outcome(fault.name, len(during), p50, p99, busy)
        for percent, (was, now) in ((50, p50), (99, p99)):
            if now > max(was * RATIO, was + FLOOR) and busy <= BUSY:
                outcome.slower.append(
                    f"the p{percent} of reads rose from {was * 1000:.1f} ms to {now * 1000:.1f} ms"
                )
        return outcome


def _percentile(calls: Collection[Call], percent: float, kind: Kind = "read") -> float:
    return percentile((call.seconds for call in calls if call.kind == kind), percent)
