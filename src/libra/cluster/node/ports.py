"""What the parts of a node ask of one another.

Each finds the others by the node, which names them by what they can do: so nobody imports in circles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from libra.cluster.node.messages import Here
from libra.inspector.records.page_record import PageRecord
from libra.report import Report

if TYPE_CHECKING:
    from libra.cluster.records.known import Known


class PresencePort(Protocol):
    """Who is there, and what they are asked: `libra.cluster.node.presence`."""

    async def serve(self) -> None:
        """Say and hear, for as long as the program runs."""

    def nodes(self) -> list[tuple[Here, float]]:
        """Every node that was heard lately, by name, and the seconds since."""

    def known(self) -> list[tuple[Here, float, float]]:
        """The same, with the seconds by which its clock is behind, the way here included."""

    def forget(self, node: str) -> None:
        """It was removed: its silence means nothing any more."""

    def living(self) -> list[Here]:
        """Those that were heard just now."""

    async def has(self, node: str, epoch: str, page_id: str) -> bool | None:
        """Whether a start of a node has this page; None if it does not answer."""

    async def follow(self, node: str, epoch: str, page_id: str, to: str) -> None:
        """Ask the owner of a page to send what it sees of it, for the next seconds."""

    async def cancel(self, node: str, epoch: str, page_id: str) -> None:
        """Tell the owner of a page that it was deleted."""


class LedgerPort(Protocol):
    """Which nodes there are, and what only they have: `libra.cluster.node.ledger`."""

    oldest: str | None
    """The oldest id that only this node has; None for none."""

    @property
    def format(self) -> int:
        """The newest format of records that every node reads."""

    async def serve(self) -> None:
        """Say and hear, for as long as the program runs."""

    def may_have(self, page_id: str) -> str | None:
        """Who may have a page that the engine and the database have not; None if nobody."""


class ReplicaPort(Protocol):
    """The records of all pages, at a node that serves: `libra.cluster.replica.replica`."""

    strange: int
    """How many messages of a newer Libra were left alone."""

    quarantined: dict[str, str]
    """The pages that are not weighed any more unless they are retried, and why."""

    @property
    def complete(self) -> bool:
        """Whether every shard was read, and nothing had to leave that no database has."""

    async def serve(self) -> None:
        """Be fed by every shard, for as long as the program runs."""

    def age(self) -> float:
        """Seconds that what is here may be behind the engine, at the most."""

    def deleted(self, page_id: str) -> None:
        """Somebody deleted it: nobody finds it any more."""

    def take(self, page_id: str, known: Known) -> None:
        """Have what somebody has just read of a page from the leader: the feed may be behind it."""

    def make_room(self, more: int = 0) -> bool:
        """Let pages leave until there is room; False if none may."""


class WeighingPort(Protocol):
    """The pages that are weighed at this node: `libra.cluster.weighing.weighing`."""

    @property
    def second_lives(self) -> int:
        """How many pages were begun here that another node had."""

    weighed: int
    """How many pages were finished here."""

    def __len__(self) -> int:
        """How many there are."""

    async def serve(self) -> None:
        """Take pages while there is room, for as long as the program runs."""

    def has(self, page_id: str) -> bool:
        """Whether a page is being weighed here."""

    def has_browser(self) -> bool:
        """Whether pages can be rendered here."""

    def deaths(self, page_id: str) -> int:
        """How often an owner of a page that is weighed here died over it."""

    def finish(self, page_id: str) -> None:
        """A page is weighed: write what came of it, for as long as that takes."""

    def follow(self, page_id: str, to: str) -> None:
        """Send what is seen of a page to a node, for the next seconds."""

    def pass_on(self, page_id: str, read: Report) -> bool:
        """Have a page that needs a browser go on where there is one; False if there is none."""

    async def drop(self, page_id: str) -> None:
        """A page was deleted: it is weighed no longer."""

    async def retire(self) -> None:
        """Take no more, and hand back what is under way: others begin it at once."""


class Owing(Protocol):
    """What this node has taken in and the engine has not: `libra.cluster.durability.handing_over`."""

    @property
    def owed(self) -> int:
        """How much only this node has."""

    def in_doubt(self, entry_id: str) -> bool:
        """Whether the engine was asked for a page and has not answered: somebody may have it."""


class Bench(Protocol):
    """Where pages are weighed that this node has taken: `libra.cluster.pages`."""

    def weigh_here(self, record: PageRecord) -> None:
        """Enter a page that this node has taken, and start its process.

        Raises:
            StartError: the process could not start; the page is not there then.
        """

    async def ask(self, page_id: str) -> tuple[int, bytes, bool] | None:
        """The version of a page in memory, its report as JSON, and whether it is finished."""
