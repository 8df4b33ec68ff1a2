"""Builds a node of a cluster: the tree of a single Libra, with parts that span machines."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version

from libra.cluster.durability.alone import Alone
from libra.cluster.durability.durability import ReplicatedDurability
from libra.cluster.durability.storing import Storing
from libra.cluster.node.access import NodeAccess
from libra.cluster.node.ledger import Ledger
from libra.cluster.node.messages import Here
from libra.cluster.node.node import ClusterNode
from libra.cluster.node.politeness import SharedPoliteness
from libra.cluster.node.presence import Presence
from libra.cluster.pages import ClusterPages
from libra.cluster.replica.page_reader import ClusterReader
from libra.cluster.replica.replica import Replica
from libra.cluster.watches.watches import ClusterWatches
from libra.cluster.weighing.weighing import NodeWeighing
from libra.inspector.durability.database_reader import DatabaseReader
from libra.inspector.health_report import process_tree
from libra.inspector.pages.pages import Pages
from libra.inspector.records.ports import Durability
from libra.inspector.services import utc_now
from libra.inspector.tree import SupervisionTree
from libra.inspector.watches.watches import Watches
from libra.otp import Clock
from libra.settings import Settings

#: Bytes of reports that a web node may hold for each page that it may hold. An ordinary page has two
#: thousand.
BYTES_OF_A_PAGE = 20_000


def join(
    settings: Settings, *, clock: Clock | None = None, now: Callable[[], datetime] = utc_now
) -> SupervisionTree:
    """Build the supervision tree of a node; the caller opens it."""
    nodes: list[ClusterNode] = []

    def durability(tree: SupervisionTree) -> Durability:
        node = ClusterNode(settings, tree.context)
        nodes.append(node)
        journal = tree.journal if node.serves else None
        return ReplicatedDurability(node, tree.store, journal, migrate=settings.migrate)

    def reader(tree: SupervisionTree) -> DatabaseReader:
        # Made first and asked last: by then the parts of the node that it needs are there.
        return ClusterReader(lambda: nodes[0], tree.context, tree.store)

    def pages(tree: SupervisionTree) -> Pages:
        return _furnished(nodes[0], tree)

    def watches(tree: SupervisionTree) -> Watches:
        made = ClusterWatches(nodes[0], tree.reader, tree.store)
        if nodes[0].serves and isinstance(tree.durability, ReplicatedDurability):
            tree.durability.watching = made
        return made

    return SupervisionTree(
        settings,
        clock=clock,
        now=now,
        durability=durability,
        reader=reader,
        pages=pages,
        watches=watches,
    )


def _furnished(node: ClusterNode, tree: SupervisionTree) -> Pages:
    settings = tree.settings
    pages = ClusterPages(node, tree.reader, max_pages=settings.max_pages)
    durability = tree.durability
    if not isinstance(durability, ReplicatedDurability):
        raise TypeError("the tree of a node must have the durability of a cluster")
    if node.serves:
        node.replica = Replica(
            node,
            max_pages=settings.max_pages,
            max_bytes=settings.max_pages * BYTES_OF_A_PAGE,
        )
        durability.access = NodeAccess(node, settings.data_dir)
    if node.weighs:
        node.weighing = NodeWeighing(node, pages, places=settings.concurrency, keep=node.serves)
        durability.storing = Storing(node, tree.store)
    if node.role == "all":
        durability.hand_over.alone = Alone(node, pages)
    program = version("libra-weigh")
    politeness = SharedPoliteness(tree.fetcher, node.epoch) if node.weighs else None

    def here() -> Here:
        weighing = node.weighing
        return Here(
            node=node.name,
            epoch=node.epoch,
            role=node.role,
            version=program,
            under_way=0 if weighing is None else len(weighing),
            places=settings.concurrency if node.weighs else 0,
            browser=weighing is not None and weighing.has_browser(),
            at=time.time(),
            trouble=node.trouble,
            journaled=durability.hand_over.owed,
            followers=len(tree.context.records.followers),
            origins=() if politeness is None else politeness.origins(),
            left_alone={} if politeness is None else politeness.left_alone(),
            weighed=0 if weighing is None else weighing.weighed,
            second_lives=0 if weighing is None else weighing.second_lives,
        )

    node.owing = durability.hand_over
    node.presence = Presence(node, here, politeness)
    node.tree = lambda: process_tree(tree)
    tree.trees = node.presence.trees
    node.ledger = Ledger(node, program)
    return pages
