"""Preloaded modules (``modulepreload``): their imports wait until a script needs them."""

from __future__ import annotations

import msgspec

from libra.weighing.orders.orders import Fetch, Reading, Reference


class ModulesAhead:
    """Remembers the readings of modules that no script has requested yet."""

    __slots__ = ("_read", "_run")

    def __init__(self) -> None:
        self._read: dict[int, tuple[Fetch, Reading]] = {}
        self._run: set[int] = set()

    def take(self, fetch: Fetch, reading: Reading) -> bool:
        """Keep a module's reading if no script has requested it yet. Returns whether it was kept."""
        if not fetch.reference.ahead or fetch.index in self._run:
            return False
        self._read[fetch.index] = fetch, reading
        return True

    def run(self, index: int, reference: Reference) -> tuple[Fetch, list[Reference]] | None:
        """The imports to fetch now that a reference runs a preloaded module.

        Args:
            index: The module's place among the assets.
            reference: The new reference to the module.

        Returns:
            The module's fetch and its imports; None if there is nothing to fetch now.
        """
        if reference.role != "module" or reference.ahead or reference.blocked:
            return None
        self._run.add(index)
        fetch, reading = self._read.pop(index, (None, None))
        if fetch is None or reading is None:
            return None
        return fetch, imports_of(reading, reference.nonce)


def imports_of(reading: Reading, nonce: str) -> list[Reference]:
    """The imports of a module, with the nonce of the script that runs it."""
    return [msgspec.structs.replace(found, nonce=nonce) for found in reading.references]
