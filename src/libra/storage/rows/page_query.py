"""Which pages a list has."""

from __future__ import annotations

import msgspec

from libra.report import Status


class PageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the list of pages, which has the newest first.

    Attributes:
        limit: how many at most.
        after: the id of the last page of the list before, to continue from there.
        url: only pages of exactly this submitted URL.
        host: only pages of this host and of those below it.
        text: only pages with this in their title or URL, whatever the case. Every page may have to be
            looked at, so this can take until the deadline.
        status: only pages with this status when they were stored.
        since: only pages of this id or a newer one.
        series: only results of this series (`libra.report.Build`).
    """

    limit: int
    after: str | None = None
    url: str | None = None
    host: str | None = None
    text: str | None = None
    status: Status | None = None
    since: str | None = None
    series: str | None = None

    @property
    def searches(self) -> bool:
        """Whether every page may have to be looked at, so that running out of time is no outage."""
        return (self.host, self.text, self.status) != (None, None, None)
