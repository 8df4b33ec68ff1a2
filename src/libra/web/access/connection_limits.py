"""Limits on the number of connections, of all clients and of one."""

from __future__ import annotations

import resource
from collections import Counter

from libra.web.access.client_address import key_of

CONNECTIONS = 20_000
"""Most connections at a time; one with a report of usual size waiting to be read takes some 20 kB."""

CONNECTIONS_OF_ONE = 500
"""Most connections of one address, where strangers may come in and it is not a trusted proxy."""


class ConnectionLimits:
    """Counts the connections of clients.

    Attributes:
        count: How many connections there are.
    """

    def __init__(self) -> None:
        self.count = 0
        self._of_one: Counter[str] = Counter()
        # Half of the files that the program may open: fetches, the database and the disk need the rest.
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        unlimited = files == resource.RLIM_INFINITY
        self._most = CONNECTIONS if unlimited else min(CONNECTIONS, files // 2)

    def opened(self, peer: str) -> bool:
        """Count a connection; False if there are too many and the server must close it."""
        key = key_of(peer)
        self._of_one[key] += 1
        self.count += 1
        return self.count <= self._most

    def are_too_many_of(self, peer: str) -> bool:
        """Whether an address has more connections than strangers may have."""
        return self._of_one[key_of(peer)] > CONNECTIONS_OF_ONE

    def closed(self, peer: str) -> None:
        """Note the end of a connection, also of one that was refused."""
        key = key_of(peer)
        self.count -= 1
        self._of_one[key] -= 1
        if not self._of_one[key]:
            del self._of_one[key]
