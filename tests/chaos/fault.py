"""What a database is to a drill, and what it is to break one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable

from chaos.checker import Kept
from chaos.history import Call
from chaos.reads import RATIO


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
        slows: how many times slower reads may be meanwhile.
        kills: whether Libra may be killed while it lasts.
    """

    name: str
    part: str | None = "database"
    hold: float = 2.0
    destroys: bool = False
    late: bool = False
    doubtful: bool = False
    gradual: bool = False
    slows: float = RATIO
    kills: bool = True

    @abstractmethod
    async def begin(self) -> None:
        """Break it."""

    @abstractmethod
    async def end(self) -> None:
        """Mend it; the database is to be back when this returns."""

    def was_seen(self, calls: Iterable[Call]) -> bool:
        """Whether clients have seen what they are to see of it; it lasts until they have.

        Args:
            calls: what was answered since it is in force.
        """
        return True

    def wrong(self) -> list[str]:
        """What this fault itself has seen and must not be, in words."""
        return []


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
        self.doubtful = any(fault.doubtful for fault in faults)
        self.slows = max(fault.slows for fault in faults)
        self.kills = all(fault.kills for fault in faults)

    async def begin(self) -> None:
        """Break everything."""
        for fault in self._faults:
            await fault.begin()

    async def end(self) -> None:
        """Mend everything."""
        for fault in self._faults:
            await fault.end()

    def wrong(self) -> list[str]:
        """What any of them saw."""
        return [words for fault in self._faults for words in fault.wrong()]

    def was_seen(self, calls: Iterable[Call]) -> bool:
        """Whether each of them was."""
        seen = list(calls)
        return all(fault.was_seen(seen) for fault in self._faults)


class Database(ABC):
    """A database of Libra, asked directly and not through Libra."""

    url: str

    @abstractmethod
    async def rows(self) -> dict[str, Kept]:
        """All that it holds."""

    @abstractmethod
    async def has_any(self, ids: Collection[str]) -> bool:
        """Whether it holds one of these pages, or that it was deleted."""

    def misused(self) -> list[str]:
        """What Libra has done to it since this was last asked and must not do, in words."""
        return []
