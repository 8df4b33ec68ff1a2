"""What one Libra knows of the other nodes of its cluster, for the parts that need it.

A Libra that is alone never changes this. A node of a cluster updates it every second, and readers need
not know that there is a cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from libra.credentials.tokens import AccessToken


@dataclass(frozen=True, slots=True)
class SharedAccess:
    """The access that all nodes grant.

    Attributes:
        session_key: the key with which all nodes sign browser sessions; None if each has its own.
        tokens: access tokens, in addition to those in the settings of each node.
    """

    session_key: bytes | None = None
    tokens: tuple[AccessToken, ...] = ()


@dataclass(slots=True)
class Neighbours:
    """The other nodes, at this moment.

    Attributes:
        serving: how many programs serve clients, this one included. The limits of one client are
            divided by it.
        age: seconds by which the memory of this node may be behind the others; 0 while that is too
            little to mention.
        behind_since: since when it has been behind; None while it is not.
        access: the access that all nodes grant, in addition to the settings of each.
    """

    serving: int = 1
    age: int = 0
    behind_since: datetime | None = None
    access: SharedAccess = SharedAccess()

    def behind(self, seconds: float, now: datetime) -> None:
        """Note how many seconds the memory of this node may be behind; 0 for not at all."""
        self.age = int(seconds)
        if not self.age:
            self.behind_since = None
        elif self.behind_since is None:
            self.behind_since = now - timedelta(seconds=seconds)
