"""What the start page shows: the list of URLs, grouped by site."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args
from urllib.parse import urlencode

from libra.app import PageList, Sort, UrlList, UrlSummary, WatchStatus
from libra.formats.views.charts import BarSegment, bar_beside, sparkline
from libra.formats.views.page_view import split_origin
from libra.report import Kind, Total
from libra.wording import count, size

State = Literal["", "failed", "over-budget", "watched"]
"""What a list of URLs can be narrowed to, apart from site, tag and text."""

STATES: dict[State, str] = {
    "": "Any state",
    "failed": "Could not be weighed",
    "over-budget": "Over budget",
    "watched": "Watched",
}
SORTS: dict[Sort, str] = {
    "newest": "Newest first",
    "heaviest": "Heaviest first",
    "broken": "Broken first",
    "site": "By site, A to Z",
}
OF_WATCHES = ("over-budget", "watched")
"""States that only those are told who may see watches."""


@dataclass(frozen=True, slots=True)
class Search:
    """What a list is narrowed to, and where in it one is. Empty texts mean nothing.

    ``view`` is ``weigh-ins`` for the list of single weigh-ins, which alone can be of one ``url``.
    """

    url: str = ""
    host: str = ""
    text: str = ""
    after: str = ""
    view: str = ""
    sort: Sort = "newest"
    state: State = ""
    tag: str = ""

    @property
    def weigh_ins(self) -> bool:
        """Whether single weigh-ins are listed."""
        return bool(self.url) or self.view == "weigh-ins"

    @property
    def grouped(self) -> bool:
        """Whether URLs of one site stand together, whatever else they are sorted by."""
        return self.sort in ("newest", "site")

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out."""
        return bool(self.url or self.host or self.text or self.state or self.tag)

    def href(self, **changes: str) -> str:
        """The address of this list, or of the same one with something changed."""
        values = {
            "view": self.view,
            "url": self.url,
            "host": self.host,
            "text": self.text,
            "state": self.state,
            "tag": self.tag,
            "sort": "" if self.sort == "newest" else self.sort,
            "after": self.after,
        }
        query = urlencode({k: v for k, v in (values | changes).items() if v}, errors="replace")
        return f"/?{query}" if query else "/"


@dataclass(frozen=True, slots=True)
class UrlView:
    """A URL, arranged.

    Attributes:
        row: what is known of it.
        site: its host, and port where it has one.
        path: what comes after that.
        line: the points of its sparkline, and what it says in words; empty where there is none.
        segments: a bar as long as its weight.
        watch: how its watches are; None where it has none.
    """

    row: UrlSummary
    site: str
    path: str
    line: str
    line_words: str
    segments: tuple[BarSegment, ...]
    watch: WatchStatus | None


@dataclass(frozen=True, slots=True)
class Site:
    """URLs of one site; without a name, of any."""

    name: str
    urls: tuple[UrlView, ...]


@dataclass(frozen=True, slots=True)
class Lists:
    """One of the two lists of the start page; the other is empty."""

    pages: PageList = field(default_factory=lambda: PageList(()))
    sites: tuple[Site, ...] = ()
    next: str | None = None
    partial: bool = False
    tags: Sequence[str] = ()

    @property
    def heaviest(self) -> int:
        """Of the weigh-ins: the bars of the others are shorter."""
        return max((page.total.transfer_bytes for page in self.pages.pages), default=0)

    @classmethod
    def of_pages(cls, pages: PageList) -> Lists:
        """The list of weigh-ins."""
        return cls(pages=pages, next=pages.next, partial=pages.partial)

    @classmethod
    def of_urls(
        cls,
        urls: UrlList,
        watched: Mapping[str, WatchStatus],
        *,
        tags: Sequence[str] = (),
        grouped: bool = True,
    ) -> Lists:
        """The list of URLs.

        Args:
            urls: what is listed.
            watched: how the watches of each URL are.
            tags: of all watches.
            grouped: whether URLs of one site stand together, in the place of the first of them.
        """
        sites = tuple(_sites(urls.urls, watched, grouped))
        return cls(sites=sites, next=urls.next, partial=urls.partial, tags=tags)


def read_sort(text: str) -> Sort:
    """The order that is meant; the usual one if it is none."""
    return next((sort for sort in get_args(Sort) if sort == text), "newest")


def read_state(text: str) -> State:
    """The state that is meant; any if it is none."""
    return next((state for state in get_args(State) if state == text), "")


def _sites(
    urls: Sequence[UrlSummary], watched: Mapping[str, WatchStatus], grouped: bool
) -> Iterable[Site]:
    heaviest = max((row.weight or 0 for row in urls), default=0)
    by_site: dict[str, list[UrlView]] = {}
    for row in urls:
        newest = row.newest
        origin, path = split_origin(newest.final_url or newest.url)
        name = origin.removeprefix("https://").removeprefix("http://").removeprefix("//")
        by_kind: Mapping[Kind, Total] = newest.by_kind
        if newest.status != "weighed":
            by_kind = {"other": Total(0, row.weight or 0)}
        name = name or newest.url
        view = UrlView(
            row,
            name,
            path or "/",
            sparkline(row.weights),
            _in_words(row.weights),
            bar_beside(by_kind, heaviest),
            watched.get(newest.url),
        )
        by_site.setdefault(name if grouped else "", []).append(view)
    return (Site(name, tuple(views)) for name, views in by_site.items())


def _in_words(weights: Sequence[int]) -> str:
    if len(weights) < 2:
        return ""
    return f"{count(len(weights), 'weigh-in')}, {size(min(weights))} to {size(max(weights))}"
