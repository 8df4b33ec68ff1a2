"""One fault under load: break, watch, mend, watch; and what must have held meanwhile.

The checker judges every single call. Here is judged what needs many of them, or the database: how
fast reads were beside before, how soon the first page was saved, and how many connections there were.
"""

from __future__ import annotations

import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from chaos.checker import Contradiction, Final, Kept, contradictions, one_of_each
from chaos.endings import in_memory, known
from chaos.fault import Database, Fault
from chaos.history import History, percentile
from chaos.load import Load
from chaos.quiet import BUSY, Pressure
from chaos.reads import Times, slower
from chaos.service import Service
from support.asking import PATIENCE, Late, eventually

RETURN = 2.0
"""Seconds after the return of the database within which the first page must be saved.

Where the machine holds Libra up an attempt may fail for that, and the next comes after a pause: each
second that is lost so may cost some.
"""

WARM_UP = 1.5
"""Seconds of load before anything is measured."""

NOTICED = 15.0
"""Seconds within which Libra must have noticed that its database is gone; see `RETURN`."""

COST = 3.0
"""Seconds that one second may cost in which the machine held Libra up."""

REPEATS = 2
"""How often a drill is repeated in which something was seen that a busy machine may do as well."""

OUTAGE = "the database is unavailable"
"""What Libra's log says once for each outage."""


@dataclass(slots=True)
class Outcome:
    """What a drill came to.

    Attributes:
        fault: its name.
        before: how long reads took without a fault.
        during: how long they took meanwhile.
        busy: for how much of the time the machine may have held Libra up.
        outage: seconds that the fault lasted.
        first_save: seconds from the return of the database to the first page that was saved.
        drain: seconds from its return until nothing of the outage waited any more.
        doubtful: what should not have been, and may be for the machine: wrong if it comes again.
        problems: what should not have been.
    """

    fault: str
    before: Times
    during: Times
    busy: float
    outage: float = 0.0
    first_save: float | None = None
    drain: float = 0.0
    doubtful: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        saved = "-" if self.first_save is None else f"{self.first_save:.2f} s"
        p50, p99 = (
            f"{percentile(self.before.reads, percent) * 1000:.1f} ->"
            f" {percentile(self.during.reads, percent) * 1000:.1f} ms"
            for percent in (50, 99)
        )
        return (
            f"{self.fault}: {len(self.during.reads)} reads, p50 {p50}, p99 {p99}, machine busy"
            f" {self.busy:.0%}; out for {self.outage:.1f} s, first save after {saved}, drained"
            f" after {self.drain:.2f} s"
        )


class Stage:
    """A Libra, its load and its database, on which one drill follows the other."""

    def __init__(self, service: Service, load: Load, history: History, database: Database) -> None:
        self.service = service
        self.load = load
        self.history = history
        self.database = database
        self.outcomes: list[Outcome] = []
        self._calm = Times()
        self._doubtful: set[str] = set()
        self._since: float | None = None

    async def drill(self, fault: Fault, *, calm: float = 1.0) -> Outcome:
        """Break the database, go on for as long as the fault lasts, mend it, and see it drain.

        Four slow reads decide over the 99th percentile of a drill, and many things can hold up four
        reads. What a fault does to Libra it does again: if there is a doubt the drill is repeated.

        Args:
            fault: what is done to the database.
            calm: seconds of load before that.
        """
        outcome = await self._drill(fault, calm)
        for _ in range(REPEATS):
            if not outcome.doubtful:
                break
            outcome = await self._drill(fault, calm)
        outcome.problems += outcome.doubtful
        return outcome

    async def _drill(self, fault: Fault, calm: float) -> Outcome:
        outcome = Outcome(fault.name, self._calm, Times(), 0.0)
        self.outcomes.append(outcome)
        try:
            await self._play(fault, calm, outcome)
        except Late as late:
            outcome.problems.append(str(late))
        return outcome

    async def _play(self, fault: Fault, calm: float, outcome: Outcome) -> None:
        history = self.history
        if fault.doubtful:
            self._doubtful.add(fault.name)
        if self._since is None:
            await self._warm_up()
            self._since = time.monotonic()
        await self.load.goes_on(calm)
        said = self.service.times_said(OUTAGE)
        self.database.misused()
        self._calm.add(history, self._since, history.mark("begins", fault.name).at)
        pressure = Pressure()
        await fault.begin()
        broken = history.mark("broken", fault.name)
        try:
            if fault.part is not None:
                await self._noticed(fault.part, outcome)
            await self.load.goes_on(fault.hold)
            await self._seen(fault, broken.at, outcome)
        finally:
            mending = history.mark("mending", fault.name)
            await fault.end()
        mended = history.mark("mended", fault.name)
        outcome.outage = mending.at - broken.at
        waiting = self._waiting(broken.at, mending.at)
        if waiting:
            await self._first_save(waiting, mended.at, outcome)
        if fault.part is not None:
            await self._available(fault.part)
        outcome.drain = await self._drain(fault, mended.at)
        self._since = history.mark("ends", fault.name).at
        outcome.busy = pressure.share()
        history.feel()
        outcome.during.add(history, broken.at, self._since)
        outcome.doubtful += slower(outcome.before, outcome.during, fault.slows)
        outcome.doubtful += fault.wrong()
        if outcome.busy <= BUSY:
            outcome.doubtful += self.database.misused()
            said = self.service.times_said(OUTAGE) - said
            if said > 1 and fault.part is not None and not fault.gradual:
                outcome.doubtful.append(f"one outage was logged {said} times")

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
        await self._drain(fault, mended.at)
        history.mark("ends", fault.name)
        self._since = None  # a start is nothing to compare with

    async def restored(self) -> None:
        """Until Libra knows, of every page that was acknowledged, whether it is there."""
        await known(self.service.session, self.load.known)
        self.history.mark("restored")

    async def end(self, *, refused: frozenset[str] = frozenset()) -> list[Contradiction]:
        """Stop the load, wait until all is stored, and judge the whole history."""
        await self.load.stop()
        await self.service.drained()
        ids = {call.page for call in self.history.calls if call.acknowledges and call.page}
        memory: dict[str, Kept] = {}

        async def all_is_stored() -> bool:
            # Between the journal and the queue for the database a page is in neither of the two.
            memory.update(await in_memory(self.service.session, ids))
            return all(kept.backup in ("stored", "rejected") for kept in memory.values())

        with suppress(Late):  # which of them is not stored is what the checker then says
            await eventually(all_is_stored, "all is stored", within=PATIENCE)
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
        return self.history.fault_at(moment) in self._doubtful

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

        await eventually(something_is_stored, "a first page is stored", within=PATIENCE)
        await self.load.goes_on(WARM_UP)

    async def _noticed(self, part: str, outcome: Outcome) -> None:
        pressure, began = Pressure(), time.monotonic()

        async def down() -> str | None:
            return await self._down_since(part)

        since = await eventually(down, f"Libra says that its {part} is down", within=PATIENCE)
        seconds = time.monotonic() - began
        if seconds > NOTICED + COST * pressure.seconds():
            outcome.doubtful.append(f"it took {seconds:.2f} s to notice that the {part} is down")
        async with self.service.session.get("/pages") as answer:
            partial = (await answer.json())["partial"]
        # The same outage before and after, so that it was one all the time.
        if part == "database" and not partial and await self._down_since(part) == since:
            outcome.problems.append("a list is not partial while the database is down")

    async def _down_since(self, part: str) -> str | None:
        said = (await self.service.health())["parts"][part]
        return said["since"] if said["status"] == "down" else None

    async def _seen(self, fault: Fault, since: float, outcome: Outcome) -> None:
        async def seen() -> bool:
            return fault.was_seen(self.history.ended_since(since))

        try:
            await eventually(seen, "clients see it", within=PATIENCE)
        except Late:
            outcome.problems.append("clients do not see of it what they are to see")

    async def _first_save(self, waiting: set[str], since: float, outcome: Outcome) -> None:
        async def saved() -> bool:
            return await self.database.has_any(waiting)

        pressure = Pressure()
        await eventually(saved, "a page of the outage is saved", within=PATIENCE)
        seconds = outcome.first_save = time.monotonic() - since
        if seconds > RETURN + COST * pressure.seconds():
            outcome.doubtful.append(f"the first save came {seconds:.2f} s after the return")

    async def _available(self, part: str) -> None:
        async def up() -> bool:
            return bool((await self.service.health())["parts"][part]["status"] == "ok")

        await eventually(up, f"Libra says that its {part} is back", within=PATIENCE)

    async def _drain(self, fault: Fault, since: float) -> float:
        """Until all that waited when the database came back is stored; the load goes on."""
        # What had been stored and is gone is offered anew when Libra has found that it is.
        offered = time.monotonic() if fault.destroys else since

        async def backlog_is_gone() -> bool:
            asked = time.monotonic()
            oldest = (await self.service.health())["oldest_waiting_seconds"]
            return oldest is None or asked - oldest > offered

        await eventually(backlog_is_gone, "the backlog is stored", within=PATIENCE)
        return time.monotonic() - since

    def _waiting(self, start: float, end: float) -> set[str]:
        """Pages of the outage that nobody has seen stored, deleted or refused."""
        calls = self.history.between(start, end, "submit")
        submitted = {c.page for c in calls if c.code == 202 and c.page is not None}
        safe = {c.page for c in self.history.calls if c.backup == "stored" or c.kind == "delete"}
        return submitted - safe - self.load.odd
