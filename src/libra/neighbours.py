"""What a Libra knows of others that it works with, as far as it matters to those that use it.

One that is alone leaves this as it is. A node of a cluster brings it up to date every second, and
whoever reads it need not know that there is a cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from libra.credentials.tokens import AccessToken


@dataclass(frozen=True, slots=True)
class SharedAccess:
    """Whom all of them let in.

    Attributes:
        session_key: what all sign sessions of browsers with; None for each its own.
        tokens: access tokens, beside those that each has in its settings.
    """

    session_key: bytes | None = None
    tokens: tuple[AccessToken, ...] = ()


@dataclass(slots=True)
class Neighbours:
    """The others, at this moment.

    Attributes:
        serving: how many programs clients are served by, this one included: what one client may do is
            divided by it.
        age: seconds that what is in memory may be behind what others know; 0 while that is not worth
            a word.
        behind_since: since when it has been behind; None while it is not.
        access: what all of them let clients in by, beside the settings of each.
    """

    serving: int = 1
    age: int = 0
    behind_since: datetime | None = None
    access: SharedAccess = SharedAccess()

    def behind(self, seconds: float, now: datetime) -> None:
        """Note how far what is in memory may be behind; 0 for not at all."""
        self.age = int(seconds)
        if not self.age:
            self.behind_since = None
        elif self.behind_since is None:
            self.behind_since = now - timedelta(seconds=seconds)
