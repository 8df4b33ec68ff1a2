"""The viewer of a page, as far as the page depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Request

from libra.web.access.rights import FULL, Caller, Right


@dataclass(frozen=True, slots=True)
class Viewer:
    """The rights of a page's viewer: the page offers nothing that Libra would refuse.

    Attributes:
        submits: whether the viewer may submit pages.
        changes: whether the viewer may delete pages and retry processes.
        observes: whether the viewer may see the state of Libra itself.
        name: the name of the viewer's token, or of the user whom a proxy has signed in; None for a
            stranger.
    """

    submits: bool = True
    changes: bool = True
    observes: bool = True
    name: str | None = None

    @property
    def may_log_in(self) -> bool:
        """Whether a token would give more rights."""
        return self.name is None and not (self.submits and self.changes and self.observes)


def visitor_of(request: Request[Any, Any, Any]) -> Viewer:
    """The viewer that makes a request, from the result of the guard."""
    client: Caller | None = request.scope.get("state", {}).get("client")
    rights = FULL if client is None else client.rights
    return Viewer(
        Right.SUBMIT in rights,
        Right.CHANGE in rights,
        Right.INTERNALS in rights,
        None if client is None else client.name,
    )
