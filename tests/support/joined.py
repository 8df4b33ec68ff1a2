"""Waiting until a node of a cluster is part of it."""

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
