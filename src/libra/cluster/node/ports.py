"""The interfaces between the parts of a node.

Each part finds the others through the node, which knows them by these interfaces. This avoids circular
imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from libra.cluster.node.messages import Here
from libra.inspector.records.page_record import PageRecord
from libra.report import Report

if TYPE_CHECKING:
    from libra.cluster.records.known import Known


class PresencePort(Protocol):
    """The living nodes, and questions to them: `libra.cluster.node.presence`."""

    async def serve(self) -> None:
        """Announce this node and listen to the others, until the program ends."""

    def nodes(self) -> list[tuple[Here, float]]:
        """Every node that was heard lately, by name, and the seconds since."""

    def known(self) -> list[tuple[Here, float, float]]:
        """The same, with the seconds by which its clock is behind, including the time on the way."""

    def forget(self, node: str) -> None:
        """Forget a removed node: its silence means nothing any more."""

    def living(self) -> list[Here]:
        """The nodes that were heard just now."""

    async def has(self, node: str, epoch: str, page_id: str) -> bool | None:
        """Whether a start of a node has this page; None if it does not answer."""

    async def follow(self, node: str, epoch: str, page_id: str, to: str) -> None:
        """Ask the owner of a page to send its progress, for the next seconds."""

    async def cancel(self, node: str, epoch: str, page_id: str) -> None:
        """Tell the owner of a page that it was deleted."""


class LedgerPort(Protocol):
    """All nodes, and the entries that only they hold: `libra.cluster.node.ledger`."""

    oldest: str | None
    """The oldest id that only this node has; None for none."""

    @property
    def format(self) -> int:
        """The newest format of records that every node reads."""

    async def serve(self) -> None:
        """Write this node's entry and read those of the others, until the program ends."""

    def may_have(self, page_id: str) -> str | None:
        """The node that may have a page missing in the engine and the database; None for none."""


class ReplicaPort(Protocol):
    """The records of all pages, at a web node: `libra.cluster.replica.replica`."""

    strange: int
    """How many messages of a newer Libra were left alone."""

    quarantined: dict[str, str]
    """The pages that only a retry weighs again, and the reasons."""

    @property
    def complete(self) -> bool:
        """Whether every shard was read, and no page left memory that no database has."""

    async def serve(self) -> None:
        """Follow every shard, until the program ends."""

    def age(self) -> float:
        """Seconds that the records here may be behind the engine, at most."""

    def deleted(self, page_id: str) -> None:
        """A client deleted the page: remove it."""

    def take(self, page_id: str, known: Known) -> None:
        """Take in a page just read from the leader, which the feed may not have delivered yet."""

    def make_room(self, more: int = 0) -> bool:
        """Let pages leave until there is room; False if none may."""


class WeighingPort(Protocol):
    """The pages that are weighed at this node: `libra.cluster.weighing.weighing`."""

    @property
    def second_lives(self) -> int:
        """How many pages began here that another node had."""

    weighed: int
    """How many pages were finished here."""

    def __len__(self) -> int:
        """How many pages this node has taken."""

    async def serve(self) -> None:
        """Take pages while there is room, until the program ends."""

    def has(self, page_id: str) -> bool:
        """Whether this node is weighing a page."""

    def has_browser(self) -> bool:
        """Whether this node can render pages."""

    def deaths(self, page_id: str) -> int:
        """How many times an owner of a page that is weighed here died over it."""

    def finish(self, page_id: str) -> None:
        """Write the outcome of a weighed page, for as long as that takes."""

    def follow(self, page_id: str, to: str) -> None:
        """Send the progress of a page to a node, for the next seconds."""

    def pass_on(self, page_id: str, read: Report) -> bool:
        """Pass a page that needs a browser to a node with one; False if there is none."""

    async def drop(self, page_id: str) -> None:
        """Stop weighing a deleted page."""

    async def retire(self) -> None:
        """Take no more pages, and hand back those under way, which other nodes begin at once."""


class Owing(Protocol):
    """The entries that this node has and the engine has not: `libra.cluster.durability.handing_over`."""

    @property
    def owed(self) -> int:
        """How many entries only this node has."""

    def in_doubt(self, entry_id: str) -> bool:
        """Whether the engine was asked to take a page and has not answered: another node may have it."""


class Bench(Protocol):
    """The processes of the pages that this node has taken: `libra.cluster.pages`."""

    def weigh_here(self, record: PageRecord) -> None:
        """Enter a page that this node has taken, and start its process.

        Raises:
            StartError: the process could not start; the page is not there then.
        """

    async def ask(self, page_id: str) -> tuple[int, bytes, bool] | None:
        """The version of a page in memory, its report as JSON, and whether it is finished."""
