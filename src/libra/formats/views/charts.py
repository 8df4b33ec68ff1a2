"""Where the pieces of a chart lie. Pure geometry: positions are percent, the words are HTML.

The content security policy allows no inline style, so charts are SVG whose attributes are computed
here. Their texts stay outside of the SVG, where they keep their size on every screen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from libra.report import KINDS, Asset, Kind, Summary, Total, way_of

STRIPS = 100
"""Requests that a waterfall shows."""

TICKS = 4
"""Pieces that an axis of time is divided into."""

_DIVISIONS = 4


@dataclass(frozen=True, slots=True)
class BarSegment:
    """A piece of a stacked bar: where it begins and how wide it is, in percent."""

    kind: str
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from nought to ``top``, with ``marks`` at equal distances, the first of them 0."""

    top: float
    marks: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Strip:
    """One request of a waterfall.

    ``index`` is its place in the report. ``waits`` is the part of its ``width`` before the first byte of
    the answer, and ``steps`` says in words what it took; where that is not known they are 0 and empty.
    """

    index: int
    asset: Asset
    started_ms: int
    duration_ms: int
    start: float
    width: float
    waits: float = 0.0
    steps: str = ""


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Requests by the time of their start. ``more`` counts those that are not shown."""

    axis: Axis
    strips: tuple[Strip, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Column:
    """One weigh-in of a history, its kinds stacked from the bottom up."""

    page: Summary
    start: float
    width: float
    segments: tuple[BarSegment, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """Where something changed: the method, the window, or the commit that was weighed."""

    start: float
    page: Summary
    what: str


@dataclass(frozen=True, slots=True)
class HistoryChart:
    """Weight over time: a column for each weigh-in, the oldest first; the axis is in bytes.

    ``ticks`` are moments at equal distances along the axis of time, ``line`` is where the ``budget``
    is drawn, from the top.
    """

    axis: Axis
    columns: tuple[Column, ...]
    events: tuple[Event, ...] = ()
    ticks: tuple[datetime, ...] = ()
    line: float | None = None
    budget: int | None = None

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds that are drawn."""
        return frozenset(part.kind for column in self.columns for part in column.segments)


def stack(parts: Iterable[tuple[str, int]]) -> tuple[BarSegment, ...]:
    """A stacked bar of the parts that weigh anything, in their order; full and without gaps."""
    present = [(name, size) for name, size in parts if size > 0]
    whole = sum(size for _, size in present)
    segments, start = [], 0.0
    for name, size in present:
        width = percent(size, whole)
        if width > 0:  # else it is too small to be seen
            segments.append(BarSegment(name, round(start, 2), width))
            start += width
    return tuple(segments)


def bar(by_kind: Mapping[Kind, Total]) -> tuple[BarSegment, ...]:
    """A stacked bar of the kinds."""
    return stack((kind, by_kind.get(kind, Total()).transfer_bytes) for kind in KINDS)


def bar_beside(by_kind: Mapping[Kind, Total], heaviest: int) -> tuple[BarSegment, ...]:
    """The same as long as its weight is beside the heaviest of a list; what weighs anything is seen."""
    whole = sum(total.transfer_bytes for total in by_kind.values())
    share = min(1.0, max(0.01, whole / heaviest)) if heaviest else 0.0
    return tuple(
        BarSegment(one.kind, round(one.start * share, 2), round(one.width * share, 2))
        for one in bar(by_kind)
    )


def sparkline(weights: Sequence[int]) -> str:
    """A line of weights in a field of 100 by 24, as the points of a polyline; empty for fewer than two.

    A tenth of the heaviest is as high as the field at least, so that a page that hardly changes has a
    line that is hardly crooked.
    """
    if len(weights) < 2:
        return ""
    least, most = min(weights), max(weights)
    span = max(most - least, most / 10, 1)
    middle = (least + most) / 2
    return " ".join(
        f"{2 + 96 * number / (len(weights) - 1):.1f},{12 - 20 * (weight - middle) / span:.1f}"
        for number, weight in enumerate(weights)
    )


def percent(part: float, whole: float) -> float:
    """A share, 0 to 100; 0 of nothing."""
    return round(100 * part / whole, 2) if whole > 0 else 0.0


def axis(greatest: float) -> Axis:
    """An axis that holds the greatest value, marked at numbers that people count in."""
    least = max(greatest, 1) / _DIVISIONS
    power = 10.0 ** math.floor(math.log10(least))
    step = next(
        f * power for f in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if f * power >= least * 0.999_999
    )
    return Axis(step * _DIVISIONS, tuple(step * number for number in range(_DIVISIONS + 1)))


def waterfall(
    assets: Sequence[Asset],
    *,
    keep: Callable[[Asset], bool] = lambda _: True,
    start: int = 0,
    most: int = STRIPS,
) -> Waterfall | None:
    """The requests of a page by the time of their start; None where no time is known.

    Args:
        assets: all of the page.
        keep: which of them are drawn.
        start: how many of those are passed over.
        most: how many of the next are drawn.
    """
    timed = (
        sorted(
            (asset.started_ms, index, asset.duration_ms, asset)
            for index, asset in enumerate(assets)
            if asset.started_ms is not None and asset.duration_ms is not None and keep(asset)
        )
        if assets
        else []
    )
    if not timed:
        return None
    scale = axis(max(start + duration for start, _, duration, _ in timed))
    strips = tuple(
        Strip(
            index,
            asset,
            began,
            duration,
            percent(began, scale.top),
            # A request that took no time at all is still to be seen.
            max(percent(duration, scale.top), 0.4),
            _waits(asset, scale.top),
            _steps(asset),
        )
        for began, index, duration, asset in timed[start : start + most]
    )
    return Waterfall(scale, strips, len(timed) - len(strips))


_STEPS = (
    ("lookup_ms", "look-up"),
    ("connect_ms", "connect"),
    ("tls_ms", "TLS"),
    ("first_byte_ms", "first byte"),
    ("body_ms", "body"),
)


def _steps(asset: Asset) -> str:
    known = [] if asset.protocol is None else [asset.protocol]
    if asset.timings is not None:
        for name, words in _STEPS:
            milliseconds = getattr(asset.timings, name)
            if milliseconds is not None:
                known.append(f"{words} {milliseconds:,} ms")
    return ", ".join(known)


def _waits(asset: Asset, top: float) -> float:
    timings, duration = asset.timings, asset.duration_ms or 0
    if timings is None or timings.body_ms is None:
        return 0.0
    return percent(max(0, duration - timings.body_ms), top)


def history(
    pages: Sequence[Summary],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    budget: int | None = None,
) -> HistoryChart | None:
    """The weighed of these pages over a true axis of time; None if there are fewer than two.

    Args:
        pages: newest first.
        since: where the axis begins; with the first of them if not given.
        until: where it ends; with the last of them if not given.
        budget: bytes that are drawn as a line.
    """
    weighed = [page for page in pages if page.status == "weighed"][::-1]
    if len(weighed) < 2:
        return None
    scale = axis(max(budget or 0, *(page.total.transfer_bytes for page in weighed)))
    times = [page.submitted_at for page in weighed]
    known = [time for time in times if time is not None]
    since = since or min(known, default=None)
    until = until or max(known, default=None)
    width = min(6.0, max(0.5, 70 / len(weighed)))
    columns = []
    for number, (page, time) in enumerate(zip(weighed, times, strict=True)):
        if time is not None and since is not None and until is not None and until > since:
            along = min(1.0, max(0.0, (time - since) / (until - since)))
        else:
            along = number / (len(weighed) - 1)
        start = along * (100 - width)
        columns.append(Column(page, round(start, 2), round(width, 2), _rising(page, scale.top)))
    return HistoryChart(
        scale,
        tuple(columns),
        tuple(_events(columns)),
        _ticks(since, until),
        None if budget is None else round(100 - percent(budget, scale.top), 2),
        budget,
    )


def _events(columns: Sequence[Column]) -> Iterator[Event]:
    for one, other in pairwise(columns):
        before, after = one.page, other.page
        commit = after.build.commit if after.build else None
        what = []
        if way_of(after) != way_of(before):
            what.append(f"{after.method}, {after.viewport}")
        if commit is not None and commit != (before.build.commit if before.build else None):
            what.append(f"commit {commit[:12]}")
        if what:
            yield Event(other.start, after, "; ".join(what))


def _ticks(since: datetime | None, until: datetime | None) -> tuple[datetime, ...]:
    if since is None or until is None or until <= since:
        return ()
    # They are shown to the minute: no two of them are to read the same.
    number = min(TICKS, int((until - since) / timedelta(minutes=1)))
    return tuple(since + (until - since) * n / max(number, 1) for n in range(number + 1))


def _rising(page: Summary, top: float) -> tuple[BarSegment, ...]:
    segments, height = [], 0.0
    for kind in KINDS:
        part = percent(page.by_kind.get(kind, Total()).transfer_bytes, top)
        if part > 0:
            # SVG counts from the top down.
            segments.append(BarSegment(kind, round(100 - height - part, 2), part))
            height += part
    return tuple(segments)
