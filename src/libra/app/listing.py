"""Lists of pages and of URLs: memory and the database, merged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from libra.app.lists import PageList, UrlList, UrlSummary
from libra.app.parts import Parts
from libra.app.watches import worst_by_url
from libra.report import Status
from libra.storage.rows.page_query import PageQuery
from libra.storage.rows.urls import Sort, UrlQuery, read_place, write_place
from libra.urls import parse_url


class ListCalls(Parts):
    """Queries over all pages."""

    async def recent(
        self,
        *,
        limit: int = 20,
        after: str | None = None,
        url: str | None = None,
        host: str | None = None,
        text: str | None = None,
        status: Status | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> PageList:
        """Pages by the time of their submission, newest first.

        Args:
            limit: how many, from 1 to 1,000.
            after: the ``next`` of the list before this one.
            url: only pages of this URL.
            host: only pages of this host and of those below it.
            text: only pages with this text in their title or URL, ignoring case.
            status: only pages with this status; pages that are not finished are in memory.
            since: only pages submitted at this time or later, to the millisecond.
            until: only pages submitted before this time.
        """
        query = PageQuery(
            limit=max(1, min(limit, 1_000)),
            after=after,
            url=url,
            host=host,
            text=text,
            status=status,
        )
        pages, more, partial = await self._reading.newest(query, since=since, until=until)
        return PageList(pages, more, partial)

    async def urls(
        self,
        *,
        limit: int = 50,
        after: str | None = None,
        sort: Sort = "newest",
        host: str | None = None,
        text: str | None = None,
        status: Status | None = None,
        only: Iterable[str] | None = None,
    ) -> UrlList:
        """The URLs that have been submitted, one row for each.

        Args:
            limit: how many, from 1 to 1,000.
            after: the ``next`` of the list before this one.
            sort: ``newest`` weigh-in first, ``heaviest`` first, by ``site`` and URL, or ``broken``
                first: URLs that could not be weighed, or are watched and over their budget.
            host: only URLs whose newest weigh-in was of this host, or of one below it.
            text: only URLs with this text in the title of the newest weigh-in or in the URL,
                ignoring case.
            status: only URLs whose newest weigh-in has this status.
            only: only these URLs.
        """
        broken = frozenset[str]()
        if sort == "broken":
            watched = worst_by_url(self._context.records.watches).items()
            broken = frozenset(url for url, its in watched if its not in ("ok", "new"))
        query = UrlQuery(
            max(1, min(limit, 1_000)),
            sort=sort,
            after=read_place(after, sort),
            host=host,
            text=text,
            status=status,
            urls=None if only is None else frozenset(only),
            broken=broken,
        )
        rows, more, partial = await self._urls.read(query)
        urls = tuple(UrlSummary(row.newest, row.weights) for row in rows)
        return UrlList(urls, write_place(rows[-1].key) if more else None, partial)

    async def timeline(
        self,
        url: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        spans: int = 150,
    ) -> PageList:
        """The weights of a URL over a time, newest first: the heaviest weigh-in of each span of it.

        Args:
            url: the submitted URL.
            since: start of the time; the first weigh-in if not given.
            until: end of the time; now if not given.
            spans: how many spans the time is divided into, from 1 to 1,000.

        Raises:
            InvalidURL: saying what is wrong with the URL.
        """
        pages, partial = await self._urls.timeline(
            parse_url(url),
            since=since,
            until=until or self._context.services.now(),
            spans=max(1, min(spans, 1_000)),
        )
        return PageList(pages, None, partial)

    async def history(self, url: str, *, limit: int = 100) -> PageList:
        """All weigh-ins of a URL, newest first.

        Raises:
            InvalidURL: saying what is wrong with the URL.
        """
        return await self.recent(limit=limit, url=parse_url(url))
