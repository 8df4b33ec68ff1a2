"""What the page of a report shows, in the order that people get. Pure functions and plain data.

A report may have ten thousand assets and its page shows some hundreds: a parser arranges a large one,
and its page is made of what that found (`libra.formats.converting`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from libra.formats.charts import BarSegment, Waterfall, percent, stack, waterfall
from libra.formats.sentences import Remark, remarks, why_chosen
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
"""Rows of a table, folded ones included; the rest is counted and is in the JSON."""

SEGMENTS = 20
"""Hosts of each party that have a segment of their own in the bar."""

OPEN_ROWS = 10
"""Rows of a long table that are not folded."""


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
    """The assets of one kind. ``folded`` follow on ``rows``; ``more`` are not shown at all."""

    kind: Kind
    name: str
    total: Total
    rows: tuple[Row, ...]
    folded: tuple[Row, ...]
    more: int


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
    first_party: Share
    third_party: Share
    host_bar: tuple[BarSegment, ...]
    sections: tuple[Section, ...]
    waterfall: Waterfall | None
    sort: str

    @property
    def scripts(self) -> bool:
        """Whether a browser would see more of the page."""
        return any(remark.code == "built-by-scripts" for remark in self.remarks)


def page_view(report: Report, sort: str = "") -> PageView:
    """Arrange a report as its page shows it.

    Args:
        report: the report.
        sort: a key of `ORDERS`, perhaps with ``-`` before it for the other way round. Else the
            heaviest come first, and while the page is being weighed the order stays that in which
            assets were found: nothing moves about then.
    """
    finished = report.status in FINISHED
    total = report.total.transfer_bytes
    hosts = tuple(
        _share(name, name, part, total, third_party=part.third_party)
        for name, part in sorted(
            report.by_host.items(),
            key=lambda item: (item[1].third_party, -item[1].transfer_bytes, item[0]),
        )
    )
    if sort.removeprefix("-") not in ORDERS:
        sort = "size" if finished else ""
    shown, folded = _fold(hosts[:ROWS])
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
        first_party=_sum("first", [host for host in hosts if not host.third_party], total),
        third_party=_sum("third", [host for host in hosts if host.third_party], total),
        host_bar=_host_bar(hosts),
        sections=_sections(report, sort),
        waterfall=waterfall(report.assets),
        sort=sort,
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


def split_origin(url: str) -> tuple[str, str]:
    """A URL in two: scheme and host, and the rest, which tells one asset from another."""
    _, mark, rest = url.partition("://")
    if not mark:
        return "", url
    end = len(url) - len(rest) + len(rest.partition("/")[0])
    return url[:end], url[end:]


def _sections(report: Report, sort: str) -> tuple[Section, ...]:
    by_kind: dict[Kind, list[Row]] = {kind: [] for kind in KIND_NAMES}
    for index, asset in enumerate(report.assets):
        by_kind[asset.kind].append(Row(index, asset))
    sections = []
    for kind, rows in by_kind.items():
        if sort:
            rows.sort(key=ORDERS[sort.removeprefix("-")], reverse=sort.startswith("-"))
        shown, folded = _fold(tuple(rows[:ROWS]))
        total = report.by_kind.get(kind, Total())
        more = max(0, len(rows) - ROWS)
        sections.append(Section(kind, KIND_NAMES[kind], total, shown, folded, more))
    return tuple(sections)


def _fold(rows: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """What is shown of a list and what is folded; a fold for two or three would be a nuisance."""
    if len(rows) <= OPEN_ROWS + 3:
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
