"""What the page of a report shows, in the order that people get. Pure functions and plain data.

A report may have ten thousand assets and its page shows some hundreds: a parser arranges a large one,
and its page is made of what that found (`libra.formats.converting`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlencode

from libra.formats.sentences import Remark, remarks, why_chosen
from libra.formats.views.charts import BarSegment, Waterfall, percent, stack, waterfall
from libra.report import FINISHED, Asset, HostTotal, Kind, Report, Total
from libra.wording import plain

KIND_NAMES: dict[Kind, str] = {
    "document": "Documents",
    "stylesheet": "Stylesheets",
    "script": "Scripts",
    "image": "Images",
    "font": "Fonts",
    "media": "Media",
    "other": "Other",
}

ROWS = 100
"""Rows of a table, folded ones included; the rest is counted, and shown to who asks for all."""

WHOLE_ROWS = 500
"""Rows at a time of what is shown as a whole: a hostile page has tens of thousands."""

MOST_FIND = 200
"""Characters of a text to look for."""

SEGMENTS = 20
"""Hosts of each party that have a segment of their own in the bar."""

OPEN_ROWS = 10
"""Rows of a long table that are not folded."""

_NOT_FOLDED = OPEN_ROWS + 3


@dataclass(frozen=True, slots=True)
class Look:
    """What somebody wants to see of a report, as the address of its page says it.

    Attributes:
        sort: a key of `ORDERS`, perhaps with ``-`` before it for the other way round; empty for the
            usual order.
        find: what the address of an asset has to have in it, in any case; empty for all assets.
        show: what is shown as a whole: a kind, ``hosts`` or ``waterfall``; empty for nothing.
        page: which of the pages of that, from 1.
    """

    sort: str = ""
    find: str = ""
    show: str = ""
    page: int = 1

    @classmethod
    def read(cls, sort: str = "", find: str = "", show: str = "", page: str = "") -> Look:
        """What parameters of an address mean; what has no meaning is as if it was not there."""
        text = find.encode(errors="replace").decode().strip()[:MOST_FIND]
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1
        return cls(
            sort if sort.removeprefix("-") in ORDERS else "",
            text,
            show if show in WHOLES else "",
            max(1, number),
        )

    def href(self, **changes: str | int) -> str:
        """The query of another look, which differs in this."""
        other = replace(self, **changes)  # type: ignore[arg-type]  # of what type which is, is known
        page = other.page if other.show and other.page > 1 else ""
        values = {"sort": other.sort, "find": other.find, "show": other.show, "page": page}
        return f"?{urlencode({name: value for name, value in values.items() if value})}"


@dataclass(frozen=True, slots=True)
class Span:
    """Which rows of a part are shown that is shown as a whole: ``first`` to ``last``, from 1."""

    page: int
    pages: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Share:
    """What a kind or a host weighs of the whole. ``percent`` is 0 to 100."""

    key: str
    name: str
    requests: int
    transfer_bytes: int
    resource_bytes: int
    percent: float
    third_party: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """An asset, and its place in the report: by that a row is known while the order changes."""

    index: int
    asset: Asset


@dataclass(frozen=True, slots=True)
class Section:
    """The assets of one kind that were looked for.

    ``folded`` follow on ``rows``; ``more`` are not shown at all, unless all are, in pages. ``found``
    is the sum over those that were looked for, if not all were.
    """

    kind: Kind
    name: str
    total: Total
    rows: tuple[Row, ...]
    folded: tuple[Row, ...]
    count: int
    more: int
    span: Span | None = None
    found: Total | None = None


@dataclass(frozen=True, slots=True)
class PageView:
    """A report, arranged."""

    title: str
    origin: str
    finished: bool
    settled: bool
    assets: int
    answered: int
    chosen: str | None
    remarks: tuple[Remark, ...]
    kinds: tuple[Share, ...]
    hosts: tuple[Share, ...]
    folded_hosts: tuple[Share, ...]
    host_count: int
    hosts_span: Span | None
    first_party: Share
    third_party: Share
    host_bar: tuple[BarSegment, ...]
    sections: tuple[Section, ...]
    waterfall: Waterfall | None
    waterfall_count: int
    waterfall_span: Span | None
    sort: str
    look: Look
    found: int

    @property
    def long(self) -> bool:
        """Whether there are so many assets that one may look for some, or somebody does."""
        return self.folds(self.assets) or bool(self.look.find)

    def folds(self, rows: int) -> bool:
        """Whether so many rows are not all open, unless they are shown as a whole."""
        return rows > _NOT_FOLDED

    @property
    def scripts(self) -> bool:
        """Whether a browser would see more of the page."""
        return any(remark.code == "built-by-scripts" for remark in self.remarks)


def page_view(report: Report, look: Look | None = None) -> PageView:
    """Arrange a report as its page shows it.

    Args:
        report: the report.
        look: what of it. Where that asks for no order the heaviest come first, and while the page is
            being weighed the order stays that in which assets were found: nothing moves about then.
    """
    look = look or Look()
    finished = report.status in FINISHED
    total = report.total.transfer_bytes
    hosts = tuple(
        _share(name, name, part, total, third_party=part.third_party)
        for name, part in sorted(
            report.by_host.items(),
            key=lambda item: (item[1].third_party, -item[1].transfer_bytes, item[0]),
        )
    )
    sort = look.sort or ("size" if finished else "")
    shown, folded, hosts_span = _part(hosts, whole=look.show == "hosts", page=look.page)
    keep = _finder(look.find, report.assets)
    found = sum(map(keep, report.assets)) if look.find else len(report.assets)
    requests, waterfall_count, waterfall_span = _waterfall(report, look, keep)
    return PageView(
        title=plain(report.title or report.final_url or report.url),
        origin=split_origin(report.final_url or report.url)[0],
        finished=finished,
        settled=finished and report.backup in ("stored", "rejected"),
        assets=len(report.assets),
        answered=sum(asset.status != "pending" for asset in report.assets),
        chosen=why_chosen(report),
        remarks=tuple(remarks(report)),
        kinds=tuple(
            _share(kind, name, report.by_kind.get(kind, Total()), total)
            for kind, name in KIND_NAMES.items()
        ),
        hosts=shown,
        folded_hosts=folded,
        host_count=len(hosts),
        hosts_span=hosts_span,
        first_party=_sum("first", [host for host in hosts if not host.third_party], total),
        third_party=_sum("third", [host for host in hosts if host.third_party], total),
        host_bar=_host_bar(hosts),
        sections=_sections(report, look, sort, keep),
        waterfall=requests,
        waterfall_count=waterfall_count,
        waterfall_span=waterfall_span,
        sort=sort,
        look=look,
        found=found,
    )


_Key = Callable[[Row], Any]

ORDERS: dict[str, _Key] = {
    "size": lambda row: (-row.asset.transfer_bytes, row.asset.url),
    "time": lambda row: (-(row.asset.duration_ms or 0), row.asset.url),
    "type": lambda row: (row.asset.content_type or "~", row.asset.url),
    # What went wrong is what one looks for.
    "status": lambda row: (-(row.asset.http_status or 999), row.asset.url),
    "address": lambda row: row.asset.url,
}
"""What assets can be sorted by, each in the direction that is asked for most."""

WHOLES = frozenset({*KIND_NAMES, "hosts", "waterfall"})
"""What can be shown as a whole."""


def split_origin(url: str) -> tuple[str, str]:
    """A URL in two: scheme and host, and the rest, which tells one asset from another."""
    _, mark, rest = url.partition("://")
    if not mark:
        return "", url
    end = len(url) - len(rest) + len(rest.partition("/")[0])
    return url[:end], url[end:]


def _finder(text: str, assets: Sequence[Asset]) -> Callable[[Asset], bool]:
    """Whether an asset is one that is looked for, by its address as it is or as people read it."""
    if not text:
        return lambda _: True
    wanted = text.casefold()
    # Once, as to read an address of thousands of escapes takes long.
    found = {
        id(asset)
        for asset in assets
        if wanted in asset.url.casefold()
        or ("%" in asset.url and wanted in unquote(asset.url).casefold())
    }
    return lambda asset: id(asset) in found


def _sections(
    report: Report, look: Look, sort: str, keep: Callable[[Asset], bool]
) -> tuple[Section, ...]:
    by_kind: dict[Kind, list[Row]] = {kind: [] for kind in KIND_NAMES}
    for index, asset in enumerate(report.assets):
        if not look.find or keep(asset):
            by_kind[asset.kind].append(Row(index, asset))
    sections = []
    for kind, rows in by_kind.items():
        if sort:
            rows.sort(key=ORDERS[sort.removeprefix("-")], reverse=sort.startswith("-"))
        shown, folded, span = _part(tuple(rows), whole=look.show == kind, page=look.page)
        sections.append(
            Section(
                kind,
                KIND_NAMES[kind],
                report.by_kind.get(kind, Total()),
                shown,
                folded,
                len(rows),
                0 if span else len(rows) - len(shown) - len(folded),
                span,
                _found(rows) if look.find else None,
            )
        )
    return tuple(sections)


def _found(rows: list[Row]) -> Total:
    return Total(
        len(rows),
        sum(row.asset.transfer_bytes for row in rows),
        sum(row.asset.resource_bytes for row in rows),
    )


def _waterfall(
    report: Report, look: Look, keep: Callable[[Asset], bool]
) -> tuple[Waterfall | None, int, Span | None]:
    """The waterfall, how many requests it could have, and which of them it has if that is a page."""
    drawn = waterfall(report.assets, keep=keep)
    if drawn is None:
        return None, 0, None
    count = len(drawn.strips) + drawn.more
    if look.show != "waterfall":
        return drawn, count, None
    span = _span(count, look.page)
    drawn = waterfall(report.assets, keep=keep, start=span.first - 1, most=WHOLE_ROWS)
    return drawn, count, span


def _span(count: int, page: int) -> Span:
    pages = max(1, -(-count // WHOLE_ROWS))
    page = min(page, pages)
    return Span(page, pages, (page - 1) * WHOLE_ROWS + 1, min(count, page * WHOLE_ROWS))


def _part(
    rows: tuple[Any, ...], *, whole: bool, page: int
) -> tuple[tuple[Any, ...], tuple[Any, ...], Span | None]:
    """What is shown of a list and what is folded; of a whole a page of rows, and which it is."""
    if whole and rows:
        span = _span(len(rows), page)
        return rows[span.first - 1 : span.last], (), span
    return *_fold(rows[:ROWS]), None


def _fold(rows: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """What is shown of a list and what is folded; a fold for two or three would be a nuisance."""
    if len(rows) <= _NOT_FOLDED:
        return rows, ()
    return rows[:OPEN_ROWS], rows[OPEN_ROWS:]


def _host_bar(hosts: tuple[Share, ...]) -> tuple[BarSegment, ...]:
    parts: list[tuple[str, int]] = []
    for party, third in (("first", False), ("third", True)):
        sizes = [share.transfer_bytes for share in hosts if share.third_party is third]
        sizes[SEGMENTS:] = [sum(sizes[SEGMENTS:])]
        # Neighbours differ in shade, so that one can tell them apart without twenty colours.
        parts += [(f"{party} {'odd' if n % 2 else 'even'}", size) for n, size in enumerate(sizes)]
    return stack(parts)


def _sum(key: str, shares: list[Share], whole: int) -> Share:
    size = sum(share.transfer_bytes for share in shares)
    return Share(
        key,
        {"first": "First party", "third": "Third party"}[key],
        sum(share.requests for share in shares),
        size,
        sum(share.resource_bytes for share in shares),
        percent(size, whole),
        key == "third",
    )


def _share(
    key: str, name: str, part: Total | HostTotal, whole: int, *, third_party: bool = False
) -> Share:
    return Share(
        key,
        name,
        part.requests,
        part.transfer_bytes,
        part.resource_bytes,
        percent(part.transfer_bytes, whole),
        third_party,
    )
