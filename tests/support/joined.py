"""Waiting until a node of a cluster is part of it, and has nothing for itself."""

from __future__ import annotations

from libra.app import Libra
from support.asking import PATIENCE, eventually


async def joined(*nodes: Libra) -> None:
    """Until each of these that serve can tell of every page that there is.

    Raises:
        Late: if that does not happen.
    """

    async def all_are() -> bool:
        parts = [libra.health().parts["cluster"] for libra in nodes]
        return all(
            part.status != "down" and "not all records" not in (part.detail or "") for part in parts
        )

    await eventually(all_are, "the nodes have joined", within=PATIENCE)


async def handed_over(node: Libra) -> None:
    """Until the engine has all that only this node had, and the node knows it.

    Raises:
        Late: if that does not happen.
    """

    async def nothing_waits() -> bool:
        return "to be handed over" not in (node.health().parts["cluster"].detail or "")

    await eventually(nothing_waits, "nothing waits to be handed over", within=PATIENCE)
