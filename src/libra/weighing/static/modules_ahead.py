"""Modules that are loaded ahead (``modulepreload``): what they import waits for a script that asks."""

from __future__ import annotations

import msgspec

from libra.weighing.orders.orders import Fetch, Reading, Reference


class ModulesAhead:
    """Remembers what was read of modules that no script has asked for yet."""

    __slots__ = ("_read", "_run")

    def __init__(self) -> None:
        self._read: dict[int, tuple[Fetch, Reading]] = {}
        self._run: set[int] = set()

    def take(self, fetch: Fetch, reading: Reading) -> bool:
        """Keep what was read of a module until a script asks for it; whether that is still to come."""
        if not fetch.reference.ahead or fetch.index in self._run:
            return False
        self._read[fetch.index] = fetch, reading
        return True

    def run(self, index: int, reference: Reference) -> tuple[Fetch, list[Reference]] | None:
        """What is to be fetched if a reference runs a module that was read ahead.

        Args:
            index: The module's place among the assets.
            reference: Asks for it once more.

        Returns:
            The module's fetch and what it imports; None if nothing is to be fetched (now).
        """
        if reference.role != "module" or reference.ahead or reference.blocked:
            return None
        self._run.add(index)
        fetch, reading = self._read.pop(index, (None, None))
        if fetch is None or reading is None:
            return None
        return fetch, imports_of(reading, reference.nonce)


def imports_of(reading: Reading, nonce: str) -> list[Reference]:
    """What a module imports, with the nonce of the script that runs it."""
    return [msgspec.structs.replace(found, nonce=nonce) for found in reading.references]
