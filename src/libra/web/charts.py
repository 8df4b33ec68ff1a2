"""Where the pieces of a chart lie. Pure geometry: positions are percent, the words are HTML.

The content security policy allows no inline style, so charts are SVG whose attributes are computed
here. Their texts stay outside of the SVG, where they keep their size on every screen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from libra.weighing.report import KINDS, Asset, Kind, Summary, Total

STRIPS = 100
"""Requests that a waterfall shows."""

COLUMNS = 60
"""Weigh-ins that a history draws."""

_DIVISIONS = 4


@dataclass(frozen=True, slots=True)
class Segment:
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
    """One request of a waterfall; ``index`` is its place in the report."""

    index: int
    asset: Asset
    started_ms: int
    duration_ms: int
    start: float
    width: float


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
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class History:
    """Weight over time: a column for each weigh-in, the oldest first; the axis is in bytes."""

    axis: Axis
    columns: tuple[Column, ...]


def stack(parts: Iterable[tuple[str, int]]) -> tuple[Segment, ...]:
    """A stacked bar of the parts that weigh anything, in their order; full and without gaps."""
    present = [(name, size) for name, size in parts if size > 0]
    whole = sum(size for _, size in present)
    segments, start = [], 0.0
    for name, size in present:
        width = percent(size, whole)
        if width > 0:  # else it is too small to be seen
            segments.append(Segment(name, round(start, 2), width))
            start += width
    return tuple(segments)


def bar(by_kind: Mapping[Kind, Total]) -> tuple[Segment, ...]:
    """A stacked bar of the kinds."""
    return stack((kind, by_kind.get(kind, Total()).transfer_bytes) for kind in KINDS)


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


def waterfall(assets: Sequence[Asset]) -> Waterfall | None:
    """The requests of a page by the time of their start; None where no time is known."""
    timed = (
        sorted(
            (asset.started_ms, index, asset.duration_ms, asset)
            for index, asset in enumerate(assets)
            if asset.started_ms is not None and asset.duration_ms is not None
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
            start,
            duration,
            percent(start, scale.top),
            # A request that took no time at all is still to be seen.
            max(percent(duration, scale.top), 0.4),
        )
        for start, index, duration, asset in timed[:STRIPS]
    )
    return Waterfall(scale, strips, len(timed) - len(strips))


def history(pages: Sequence[Summary]) -> History | None:
    """The weighed of these pages, given newest first; None if there are fewer than two."""
    weighed = [page for page in pages if page.status == "weighed"][:COLUMNS][::-1]
    if len(weighed) < 2:
        return None
    scale = axis(max(page.total.transfer_bytes for page in weighed))
    pitch = 100 / len(weighed)
    return History(
        scale,
        tuple(
            Column(
                page,
                round(number * pitch + pitch * 0.12, 2),
                round(pitch * 0.76, 2),
                _rising(page, scale.top),
            )
            for number, page in enumerate(weighed)
        ),
    )


def _rising(page: Summary, top: float) -> tuple[Segment, ...]:
    segments, height = [], 0.0
    for kind in KINDS:
        part = percent(page.by_kind.get(kind, Total()).transfer_bytes, top)
        if part > 0:
            # SVG counts from the top down.
            segments.append(Segment(kind, round(100 - height - part, 2), part))
            height += part
    return tuple(segments)
