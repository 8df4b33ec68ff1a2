"""Which pages a web node holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import msgspec

from libra.cluster.engine.answers import Message
from libra.cluster.engine.pulling import PulledMessage
from libra.cluster.records.page_records import STEPS, Record, of_record, to_bytes
from libra.cluster.replica.replica import Replica
from libra.cluster.weighing.lease import Lease
from libra.cluster.weighing.weighing import NodeWeighing
from libra.inspector.records.records import Records
from support.kept import stored_records

NOW = datetime.now(UTC)


class Inspectors:
    """Has no processes."""

    async def terminate_child(self, _: str) -> None:
        return


class Node:
    """A node that serves, with what a replica asks of it."""

    name, epoch, now = "here", "e", NOW

    def __init__(self, *, max_pages: int = 1000) -> None:
        self.records = Records(lambda: NOW)
        durability = SimpleNamespace(steps=STEPS.__getitem__)
        self.context = SimpleNamespace(
            records=self.records,
            processes=SimpleNamespace(durability=durability, inspectors=Inspectors()),
        )
        self.weighing: NodeWeighing | None = None
        self.replica = Replica(cast("Any", self), max_pages=max_pages, max_bytes=10**9)

    def require_layout(self) -> Any:
        return SimpleNamespace(seen=lambda _: None)

    def hears(self, record: Record, *, expired: bool = False) -> None:
        """The feed delivers a record, or that it has expired."""
        subject, headers = f"libra.0.{record.id}.rec", {"Nats-Marker-Reason": "MaxAge"}
        message = Message(
            subject,
            b"" if expired else to_bytes(record),
            headers if expired else {},
            "$JS.ACK.libra-0.feed.1.7.1.0.0",
        )
        self.replica._heard(0, PulledMessage(cast("Any", None), message))


def one(**changes: Any) -> Record:
    """A weighed page that the engine has and the database has not."""
    (record,) = stored_records(1, stored=False)
    return msgspec.structs.replace(record, **changes)


def noted(record: Record) -> Record:
    """The same once the database has it."""
    return msgspec.structs.replace(record, version=record.version + 1, backup="stored")


def test_a_page_that_is_stored_after_its_time_in_memory_leaves_at_once() -> None:
    node, record = Node(), one(expires_at=NOW - timedelta(seconds=1))
    node.hears(record)
    assert node.records.pages.get(record.id) is not None
    node.hears(noted(record))
    assert node.records.pages.get(record.id) is None
    assert node.replica.size == 0


def test_a_page_whose_record_has_expired_leaves_also_if_its_note_was_never_heard() -> None:
    node, record = Node(), one()
    node.hears(record)
    node.hears(record, expired=True)
    assert node.records.pages.get(record.id) is None
    assert node.replica.size == 0


def test_a_full_replica_lets_the_oldest_page_go() -> None:
    node = Node(max_pages=300)
    ids = []
    for record in stored_records(300):
        ids.append(record.id)
        node.hears(record)
    assert len(node.records.pages) == 300
    assert node.replica.make_room(1)
    assert sorted(page.id for page in node.records.pages) == ids[1:]


async def test_a_note_that_comes_before_the_answer_about_the_outcome_itself_counts() -> None:
    # On a node that also weighs: the answer was lost, the page was stored meanwhile.
    node, record = Node(), one()
    page = of_record(msgspec.structs.replace(record, version=record.version - 1, backup="memory"))
    weighing = NodeWeighing(cast("Any", node), cast("Any", None), places=1, keep=True)
    lease = Lease(record, 7, cast("Any", None), page)
    lease.begun = True
    node.weighing, weighing._leases[page.id] = weighing, lease
    node.records.pages.add(page)
    node.hears(record)
    assert node.records.pages.get(page.id) is page
    node.hears(noted(record))
    await weighing._hand_over(lease, record)
    shown = node.records.pages.get(page.id)
    assert shown is not None
    assert (shown.backup, shown.version) == ("stored", record.version + 1)
