"""Who looks at a page, as far as the page depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Request

from libra.web.access.rights import FULL, Caller, Right


@dataclass(frozen=True, slots=True)
class Viewer:
    """What a page offers to whoever looks: nothing that would only be refused.

    Attributes:
        submits: may have pages weighed.
        changes: may delete pages and retry processes.
        observes: may see how Libra itself is.
        name: the name of the token that was shown, or of the person whom a proxy has signed in; None for
            a stranger.
    """

    submits: bool = True
    changes: bool = True
    observes: bool = True
    name: str | None = None

    @property
    def may_log_in(self) -> bool:
        """Whether a token would open more."""
        return self.name is None and not (self.submits and self.changes and self.observes)


def visitor_of(request: Request[Any, Any, Any]) -> Viewer:
    """Who makes a request, as the guard has found."""
    client: Caller | None = request.scope.get("state", {}).get("client")
    rights = FULL if client is None else client.rights
    return Viewer(
        Right.SUBMIT in rights,
        Right.CHANGE in rights,
        Right.INTERNALS in rights,
        None if client is None else client.name,
    )
