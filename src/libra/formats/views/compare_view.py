"""Two reports side by side. Pure functions and plain data, as of `libra.formats.views.page_view`."""

from __future__ import annotations

from dataclasses import dataclass

from libra.formats.comparison import Change, Comparison, Delta, compare
from libra.formats.views.charts import percent
from libra.formats.views.page_view import KIND_NAMES, ROWS
from libra.report import Kind, Report, Total, way_of


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
        return way_of(self.before) == way_of(self.after)


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
