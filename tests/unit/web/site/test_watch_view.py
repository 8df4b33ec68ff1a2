"""What is shown of a watch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from libra.app import Watch, WeighIn
from libra.budgets.alarms import Terms
from libra.budgets.budget import Budget, Limit
from libra.inspector.records.watches.watch_record import Delivery
from libra.web.site.public_view import Shown, badge_of, public_view
from libra.web.site.watch_view import WatchView, watch_view

NOW = datetime(2026, 1, 2, tzinfo=UTC)
WATCH = Watch(
    id="1",
    url="https://example.com/",
    every="day",
    status="ok",
    terms=Terms(),
    webhook=None,
    created_at=NOW,
    next_at=NOW,
    page=None,
    last=None,
    alerts_waiting=0,
    delivery=None,
    version=1,
    backup="stored",
)


def view(**changes: Any) -> WatchView:
    return watch_view(msgspec.structs.replace(WATCH, **changes))


@pytest.mark.parametrize(
    ("changes", "words", "grade"),
    [
        ({"status": "new"}, "Not weighed yet", "fair"),
        ({"status": "new", "page": "2"}, "Being weighed for the first time", "fair"),
        ({}, "Weighed", "good"),
        ({"terms": Terms(max_weight=1)}, "Within its budget", "good"),
        (
            {"terms": Terms((Budget(limits=(Limit("script", "size", 1),)),))},
            "Within its budget",
            "good",
        ),
        ({"status": "over-budget"}, "Over its budget", "poor"),
        ({"status": "failed"}, "Could not be weighed", "poor"),
        ({"status": "quarantined"}, "Stopped because it crashed too often", "poor"),
    ],
)
def test_how_a_page_is_has_words_and_a_colour(
    changes: dict[str, Any], words: str, grade: str
) -> None:
    assert (view(**changes).verdict, view(**changes).grade) == (words, grade)


@pytest.mark.parametrize(
    ("most", "total", "share", "over"),
    [
        (None, 500, 0, False),
        (1000, None, 0, False),
        (1000, 500, 50, False),
        (1000, 1000, 100, False),
        (1000, 1001, 100, True),
        (0, 1, 100, True),
        (0, 0, 0, False),
    ],
)
def test_a_weight_is_shown_as_a_share_of_what_it_may_be(
    most: int | None, total: int | None, share: float, *, over: bool
) -> None:
    seen = view(terms=Terms(max_weight=most), last=WeighIn("2", NOW, total=total))
    assert (seen.share, seen.over) == (share, over)


def test_limits_of_a_budget_file_are_counted() -> None:
    limits = (Limit("script", "size", 1), Limit("total", "count", 9))
    assert view(terms=Terms((Budget(limits=limits),))).others == "2 limits in its budget"
    assert view().others == ""


@pytest.mark.parametrize(
    ("delivery", "words"),
    [
        (None, ""),
        (Delivery("budget", NOW), "the last one (over budget) arrived"),
        (
            Delivery("jump", NOW, "http: 500"),
            "the last one (jump in weight) did not arrive and will be retried, last tried",
        ),
        (
            Delivery("recovered", NOW, "http: 410", given_up=True),
            "the last one (fine again) was given up",
        ),
    ],
)
def test_how_the_last_alert_went_has_words(delivery: Delivery | None, words: str) -> None:
    assert view(delivery=delivery).delivery == words


IN_PART = [
    WeighIn("2", NOW, total=190, complete=False, score=100, bound="at_most"),
    WeighIn("2", NOW, total=190, complete=True, score=100, bound="at_most"),  # built by scripts
]


@pytest.mark.parametrize("last", IN_PART)
def test_a_page_that_is_not_whole_is_neither_fine_nor_within_its_budget(last: WeighIn) -> None:
    seen = view(terms=Terms(max_weight=500), last=last)
    assert (seen.verdict, seen.grade) == ("Weighed only in part", "fair")
    assert view(status="over-budget", last=last).verdict == "Over its budget"


@pytest.mark.parametrize("last", IN_PART)
def test_strangers_are_not_told_more_of_a_page_than_was_weighed(last: WeighIn) -> None:
    changes = {"terms": Terms(max_weight=500), "last": last, "runs": (last,)}
    watch = msgspec.structs.replace(WATCH, **changes)
    seen = public_view(watch)
    assert (seen.verdict, seen.grade) == ("Weighed only in part", "fair")
    shown: tuple[Shown, ...] = ("weight", "score", "budget")
    badges = [badge_of(watch, what).value for what in shown]
    assert badges == ["at least 190 B", "at most 100", "unknown"]
