"""The filter of a list of pages."""

from __future__ import annotations

import msgspec

from libra.report import Status


class PageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the list of pages, newest first.

    Attributes:
        limit: the maximum number of pages.
        after: the id of the last page of the previous part, to continue from there.
        url: only pages of exactly this submitted URL.
        host: only pages of this host and of hosts below it.
        text: only pages with this text in their title or URL, in any case. This may look at every
            page and so take until the deadline.
        status: only pages with this status when they were stored.
        since: only pages with this id or a newer one.
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
        """Whether it may look at every page, so that running out of time is not an outage."""
        return (self.host, self.text, self.status) != (None, None, None)
