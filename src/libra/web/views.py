"""What the templates show, in the order and the words that people get. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from libra.formats.words import plain
from libra.weighing.report import (
    FINISHED,
    Asset,
    Backup,
    HostTotal,
    Kind,
    Report,
    Status,
    Total,
)

KIND_NAMES: dict[Kind, str] = {
    "document": "General",
    "stylesheet": "Stylesheets",
    "script": "Scripts",
    "image": "Images",
    "font": "Fonts",
    "media": "Media",
    "other": "Other",
}

ROWS = 100
"""Assets that a section shows; the rest is counted and is in the JSON."""


@dataclass(frozen=True, slots=True)
class Share:
    """A bar: what a kind or a host weighs of the whole. ``percent`` is 0 to 100."""

    key: str
    name: str
    requests: int
    transfer_bytes: int
    resource_bytes: int
    percent: float
    third_party: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a stacked bar: where it begins and how wide it is, in percent."""

    kind: str
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Section:
    """The assets of one kind, heaviest first."""

    kind: Kind
    name: str
    total: Total
    rows: tuple[Asset, ...]
    more: int


@dataclass(frozen=True, slots=True)
class PageView:
    """A report, arranged."""

    title: str
    finished: bool
    answered: int
    kinds: tuple[Share, ...]
    hosts: tuple[Share, ...]
    sections: tuple[Section, ...]


def page_view(report: Report) -> PageView:
    """Arrange a report as its page shows it."""
    total = report.total.transfer_bytes
    kinds = tuple(
        _share(kind, name, report.by_kind.get(kind, Total()), total)
        for kind, name in KIND_NAMES.items()
    )
    hosts = sorted(report.by_host.items(), key=lambda item: (-item[1].transfer_bytes, item[0]))
    return PageView(
        title=plain(report.title or report.final_url or report.url),
        finished=report.status in FINISHED,
        answered=sum(asset.status != "pending" for asset in report.assets),
        kinds=kinds,
        hosts=tuple(
            _share(name, name, host_total, total, third_party=host_total.third_party)
            for name, host_total in hosts[:ROWS]
        ),
        sections=_sections(report),
    )


def bar(by_kind: Mapping[Kind, Total]) -> tuple[Segment, ...]:
    """A stacked bar of the kinds that weigh anything."""
    whole = sum(total.transfer_bytes for total in by_kind.values())
    segments, start = [], 0.0
    for kind in KIND_NAMES:
        width = _percent(by_kind.get(kind, Total()).transfer_bytes, whole)
        if width > 0:
            segments.append(Segment(kind, round(start, 2), width))
            start += width
    return tuple(segments)


def host(url: str) -> str:
    """The host of a URL, with its port where it has one; the URL itself where it has none."""
    try:
        return urlsplit(url).netloc or url
    except ValueError:
        return url


def split_origin(url: str) -> tuple[str, str]:
    """A URL in two: scheme and host, and the rest, which tells one asset from another."""
    _, mark, rest = url.partition("://")
    if not mark:
        return "", url
    end = len(url) - len(rest) + len(rest.partition("/")[0])
    return url[:end], url[end:]


def code_spans(text: str) -> Markup:
    """Text in which `words between backticks` are code, as in docstrings and Markdown."""
    pieces = text.replace("``", "`").split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if index % 2 else escape(piece)
        for index, piece in enumerate(pieces)
    )


def status_words(status: Status) -> str:
    """Where a page is in its life, in a word or two."""
    return {
        "queued": "Waiting for its turn",
        "fetching": "Fetching the page",
        "weighing": "Weighing",
        "weighed": "Weighed",
        "failed": "Could not be weighed",
    }[status]


def backup_words(backup: Backup) -> str:
    """How safe a result is, in a sentence."""
    return {
        "memory": "Only in memory so far.",
        "journaled": "Safe on this machine's disk, not in the database yet.",
        "stored": "Stored in the database.",
        "rejected": "Only in memory: the database refuses it.",
    }[backup]


def _sections(report: Report) -> tuple[Section, ...]:
    by_kind: dict[Kind, list[Asset]] = {kind: [] for kind in KIND_NAMES}
    for asset in report.assets:
        by_kind[asset.kind].append(asset)
    return tuple(
        Section(
            kind,
            KIND_NAMES[kind],
            report.by_kind.get(kind, Total()),
            tuple(sorted(assets, key=_heaviest_first)[:ROWS]),
            max(0, len(assets) - ROWS),
        )
        for kind, assets in by_kind.items()
        if assets
    )


def _heaviest_first(asset: Asset) -> tuple[int, str]:
    return -asset.transfer_bytes, asset.url


def _share(
    key: str, name: str, part: Total | HostTotal, whole: int, *, third_party: bool = False
) -> Share:
    return Share(
        key,
        name,
        part.requests,
        part.transfer_bytes,
        part.resource_bytes,
        _percent(part.transfer_bytes, whole),
        third_party,
    )


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole > 0 else 0.0
