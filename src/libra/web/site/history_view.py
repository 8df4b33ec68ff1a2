"""The history of a URL: its weigh-ins in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Literal, get_args

from libra.app import PageList
from libra.formats.views.charts import HistoryChart, history
from libra.report import Report, Summary, way_of
from libra.wording import size

Range = Literal["day", "week", "month", "year", "all"]

RANGES: dict[Range, str] = {
    "day": "Day",
    "week": "Week",
    "month": "Month",
    "year": "Year",
    "all": "All",
}


@dataclass(frozen=True, slots=True)
class ShownWeighIn:
    """One weigh-in of a URL.

    Attributes:
        page: the weigh-in.
        before: the last weighed one before it, if there is one in the list.
        change: how many bytes heavier it is; None for the first and for one that was not weighed.
        change_percent: the same relative to the one before; None if that weighed nothing.
    """

    page: Summary
    before: Summary | None = None
    change: int | None = None
    change_percent: float | None = None


@dataclass(frozen=True, slots=True)
class HistoryView:
    """The weigh-ins of a URL in a range of time, newest first, and the chart of those that were weighed.

    Attributes:
        url: the URL.
        range: the range, one of `RANGES`.
        weigh_ins: the newest of them.
        chart: all of them, thinned; None for fewer than two.
        sentence: the chart in words.
        partial: whether the database did not answer.
        next: the cursor of the weigh-ins after these; None if there are no more.
        after: the cursor of this page of the list; empty for the first page.
    """

    url: str
    range: Range
    weigh_ins: tuple[ShownWeighIn, ...]
    chart: HistoryChart | None
    sentence: str | None
    partial: bool
    next: str | None
    after: str = ""

    @property
    def mixed(self) -> bool:
        """Whether the weigh-ins were weighed in different ways."""
        return any(not alike(one.page, self.weigh_ins[0].page) for one in self.weigh_ins)

    @property
    def by_day(self) -> bool:
        """Whether the axis is too long for the time of day to matter."""
        ticks = () if self.chart is None else self.chart.ticks
        return bool(ticks) and ticks[-1] - ticks[0] > timedelta(days=4)


def history_view(
    url: str,
    pages: PageList,
    timeline: PageList | None = None,
    *,
    within: Range = "all",
    since: datetime | None = None,
    until: datetime | None = None,
    budget: int | None = None,
    after: str = "",
) -> HistoryView:
    """Arrange the weigh-ins of a URL.

    Args:
        url: the URL.
        pages: a page of the list of weigh-ins.
        timeline: the weigh-ins for the chart; by default that list.
        within: the range of time.
        since: its start; None for the first weigh-in.
        until: its end; None for the last one.
        budget: bytes that the page may weigh.
        after: the cursor of that list; empty for the first page.
    """
    weigh_ins = tuple(_with_changes(pages.pages))
    drawn = pages if timeline is None else timeline
    chart = history(drawn.pages, since=since, until=until, budget=budget)
    partial = pages.partial or drawn.partial
    return HistoryView(url, within, weigh_ins, chart, _sentence(chart), partial, pages.next, after)


def read_range(text: str) -> Range:
    """The range of this name; all of the time for an empty one.

    Raises:
        ValueError: there is no such range; the message says which there are.
    """
    found: Range | None = next((one for one in get_args(Range) if one == (text or "all")), None)
    if found is None:
        raise ValueError(f"range must be one of {', '.join(RANGES)}.")
    return found


def start_of(within: Range, now: datetime) -> datetime | None:
    """The start of a range that ends now; None for the first weigh-in."""
    days = {"day": 1, "week": 7, "month": 30, "year": 365}.get(within)
    return None if days is None else now - timedelta(days=days)


def one_before(page: Report | Summary, pages: Iterable[Summary]) -> Summary | None:
    """The newest page that was weighed in the same way before this one; ``pages`` come newest first."""
    # Ids sort by the time of submission.
    older = (
        other
        for other in pages
        if other.id < page.id and other.status == "weighed" and alike(page, other)
    )
    return next(older, None)


def alike(one: Report | Summary, other: Report | Summary) -> bool:
    """Whether two were weighed in the same way: else a difference may come from the ways."""
    return way_of(one) == way_of(other)


def _with_changes(pages: Sequence[Summary]) -> Iterable[ShownWeighIn]:
    for number, page in enumerate(pages):
        before = one_before(page, islice(pages, number + 1, None))
        if before is None or page.status != "weighed":
            yield ShownWeighIn(page)
            continue
        old, new = before.total.transfer_bytes, page.total.transfer_bytes
        yield ShownWeighIn(page, before, new - old, 100 * (new - old) / old if old else None)


def _sentence(chart: HistoryChart | None) -> str | None:
    """The chart in words, for those who do not see it."""
    if chart is None:
        return None
    first, last = chart.columns[0].page, chart.columns[-1].page
    sizes = [column.page.total.transfer_bytes for column in chart.columns]
    return (
        f"{len(sizes)} weigh-ins: {size(first.total.transfer_bytes)} at first, "
        f"{size(last.total.transfer_bytes)} last; the lightest {size(min(sizes))}, "
        f"the heaviest {size(max(sizes))}."
    )
