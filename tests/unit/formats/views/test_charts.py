"""Charts: every piece is where its number says, and nothing sticks out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.formats.views.charts import STRIPS, axis, bar, history, waterfall
from libra.report import KINDS, Asset, Kind, Report, Summary, Total, summarize

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

totals = st.builds(Total, st.just(1), st.integers(0, 10**12), st.integers(0, 10**12))


@given(st.dictionaries(st.sampled_from(KINDS), totals))
def test_a_bar_is_full_and_has_no_gaps(by_kind: dict[Kind, Total]) -> None:
    segments = bar(by_kind)
    if not any(total.transfer_bytes for total in by_kind.values()):
        assert segments == ()
        return
    position = 0.0
    for segment in segments:
        assert abs(segment.start - position) < 0.1
        assert segment.width > 0
        position += segment.width
    assert abs(position - 100) < 0.1


@given(st.floats(0, 1e12))
def test_an_axis_holds_its_greatest_value_and_wastes_little_room(greatest: float) -> None:
    found = axis(greatest)
    assert found.top >= greatest * 0.999
    assert found.top <= max(greatest, 1) * 2.5
    assert found.marks[0] == 0
    assert found.marks[-1] == found.top


times = st.one_of(st.none(), st.integers(0, 10**6))
assets = st.builds(
    Asset,
    st.just("https://example.com/"),
    st.sampled_from(KINDS),
    started_ms=times,
    duration_ms=times,
)


@given(st.lists(assets, max_size=STRIPS + 20))
def test_a_waterfall_begins_with_what_began_first_and_ends_within_its_axis(
    found: list[Asset],
) -> None:
    timed = [a for a in found if a.started_ms is not None and a.duration_ms is not None]
    chart = waterfall(found)
    if chart is None:
        assert not timed
        return
    assert len(chart.strips) + chart.more == len(timed)
    starts = [strip.started_ms for strip in chart.strips]
    assert starts == sorted(starts)
    for strip in chart.strips:
        assert found[strip.index] is strip.asset
        assert 0 <= strip.start <= 100.01
        assert strip.width > 0
        assert strip.start + strip.width <= 100.5


def weigh_in(size: int, status: str = "weighed") -> Summary:
    total = Total(1, size, size)
    return summarize(
        Report(
            id=str(size),
            url="https://example.com/",
            status=status,  # type: ignore[arg-type]
            total=total,
            by_kind={kind: total if kind == "image" else Total() for kind in KINDS},
        )
    )


def test_a_history_is_drawn_from_the_oldest_to_the_newest() -> None:
    chart = history([weigh_in(400), weigh_in(0, "failed"), weigh_in(200)])
    assert chart is not None
    assert [column.page.total.transfer_bytes for column in chart.columns] == [200, 400]
    assert chart.axis.top == 400
    assert [column.segments[0].width for column in chart.columns] == [50.0, 100.0]
    assert [column.segments[0].start for column in chart.columns] == [50.0, 0.0]


def test_one_weigh_in_is_no_history() -> None:
    assert history([weigh_in(300)]) is None


@pytest.mark.parametrize(("seconds", "ticks"), [(40, 1), (90, 2), (150, 3), (3600, 5)])
def test_no_two_ticks_of_the_axis_read_the_same(seconds: int, ticks: int) -> None:
    until = NOON + timedelta(seconds=seconds)
    pages = [msgspec.structs.replace(weigh_in(size), submitted_at=NOON) for size in (300, 200)]
    chart = history(pages, since=NOON, until=until)
    assert chart is not None
    shown = [tick.strftime("%H:%M") for tick in chart.ticks]
    assert len(set(shown)) == len(shown) == ticks
