"""What changed: the weigh-ins of a URL one after the other, and two reports side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from libra.app import PageList
from libra.formats.comparison import Change, Comparison, Delta, comparable, compare
from libra.web.charts import History, history, percent
from libra.web.views import KIND_NAMES, ROWS
from libra.weighing.report import Kind, Report, Summary, Total
from libra.words import size


@dataclass(frozen=True, slots=True)
class WeighIn:
    """One weigh-in of a URL.

    Attributes:
        page: the weigh-in.
        before: the last weighed one before it, if there is one in the list.
        change: what it weighs more, in bytes; None for the first and for what was not weighed.
        change_percent: the same beside the one before; None if that weighed nothing.
    """

    page: Summary
    before: Summary | None = None
    change: int | None = None
    change_percent: float | None = None


@dataclass(frozen=True, slots=True)
class HistoryView:
    """All weigh-ins of a URL, newest first, and the chart of those that were weighed."""

    url: str
    weigh_ins: tuple[WeighIn, ...]
    chart: History | None
    sentence: str | None
    partial: bool
    more: bool

    @property
    def mixed(self) -> bool:
        """Whether they were weighed in different ways."""
        return any(not alike(one.page, self.weigh_ins[0].page) for one in self.weigh_ins)


@dataclass(frozen=True, slots=True)
class KindChange:
    """What a kind weighed and weighs. The two shares are of the greatest weight of all, 0 to 100."""

    kind: Kind
    name: str
    before: Total
    after: Total
    delta: Delta
    before_percent: float
    after_percent: float


@dataclass(frozen=True, slots=True)
class CompareView:
    """Two reports, the first of them the older one unless it was asked for otherwise."""

    before: Report
    after: Report
    comparison: Comparison
    kinds: tuple[KindChange, ...]
    changes: tuple[Change, ...]
    folded: tuple[Change, ...]
    more: int

    @property
    def alike(self) -> bool:
        """Whether both were weighed in the same way."""
        return comparable(self.before, self.after)


def history_view(url: str, pages: PageList) -> HistoryView:
    """Arrange the weigh-ins of a URL."""
    weigh_ins = tuple(_with_changes(pages.pages))
    newest = next((page for page in pages.pages if page.status == "weighed"), None)
    chart = None if newest is None else history([p for p in pages.pages if alike(p, newest)])
    return HistoryView(
        url, weigh_ins, chart, _sentence(chart), pages.partial, pages.next is not None
    )


def compare_view(before: Report, after: Report) -> CompareView:
    """Arrange two reports side by side."""
    comparison = compare(before, after)
    greatest = max(
        total.transfer_bytes for report in (before, after) for total in report.by_kind.values()
    )
    changes = comparison.changes[:ROWS]
    shown = 15 if len(changes) > 18 else len(changes)
    return CompareView(
        before,
        after,
        comparison,
        tuple(
            KindChange(
                kind,
                name,
                old := before.by_kind.get(kind, Total()),
                new := after.by_kind.get(kind, Total()),
                comparison.by_kind[kind],
                percent(old.transfer_bytes, greatest),
                percent(new.transfer_bytes, greatest),
            )
            for kind, name in KIND_NAMES.items()
        ),
        changes[:shown],
        changes[shown:],
        len(comparison.changes) - len(changes),
    )


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
    """Whether two were weighed in the same way: else a difference is one of the methods."""
    return (one.method, one.viewport) == (other.method, other.viewport)


def _with_changes(pages: Sequence[Summary]) -> Iterable[WeighIn]:
    for number, page in enumerate(pages):
        before = one_before(page, islice(pages, number + 1, None))
        if before is None or page.status != "weighed":
            yield WeighIn(page)
            continue
        old, new = before.total.transfer_bytes, page.total.transfer_bytes
        yield WeighIn(page, before, new - old, 100 * (new - old) / old if old else None)


def _sentence(chart: History | None) -> str | None:
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
