"""What is shown of a watch, in the words that people get."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from libra.app import Libra, Watch, schedule_words
from libra.web.charts import percent
from libra.web.visitor import Visitor
from libra.words import count

MOST = 10
"""Watches of one URL that are shown with its pages."""


@dataclass(frozen=True, slots=True)
class WatchView:
    """A watch, arranged.

    Attributes:
        watch: the watch.
        schedule: when it runs, in words.
        verdict: how the page is, in words.
        grade: the same as a class of the style sheet: ``good``, ``fair`` or ``poor``.
        share: of what the page may weigh in all, what it weighs: percent, 100 at most; 0 where that
            is not limited or not known.
        over: whether it weighs more than it may in all.
        others: what else limits it, in words; empty for nothing.
        delivery: how the last try to deliver an alert ended, in words; empty where there was none.
            When that was, and the error that it has, come after them.
    """

    watch: Watch
    schedule: str
    verdict: str
    grade: str
    share: float
    over: bool
    others: str
    delivery: str


@dataclass(frozen=True, slots=True)
class WatchPage:
    """A page of the list of watches.

    Attributes:
        watches: those that are shown.
        url: the URL whose watches they are; empty for all.
        after: where in the list one is; empty at its beginning.
        next: the cursor of what follows; None at the end.
        partial: whether there may be others, which could not be read yet.
    """

    watches: Sequence[WatchView]
    url: str = ""
    after: str = ""
    next: str | None = None
    partial: bool = False


def watches_of(libra: Libra, url: str, visitor: Visitor) -> tuple[WatchView, ...]:
    """The newest watches of a URL, if they are for these eyes: they say who is told of it."""
    if not visitor.observes:
        return ()
    return watch_views(libra.watches(url=url, limit=MOST).watches)


def watch_views(watches: Iterable[Watch]) -> tuple[WatchView, ...]:
    """Arrange watches, in the order in which they come."""
    return tuple(map(watch_view, watches))


def watch_view(watch: Watch) -> WatchView:
    """Arrange a watch."""
    most = watch.terms.max_weight
    total = None if watch.last is None else watch.last.total
    over = most is not None and total is not None and total > most
    limits = sum(len(budget.limits) for budget in watch.terms.budgets)
    return WatchView(
        watch=watch,
        schedule=schedule_words(watch.every),
        verdict=_verdict(watch, limited=most is not None or limits > 0),
        grade={"ok": "good", "new": "fair"}.get(watch.status, "poor"),
        share=100.0 if over else percent(total or 0, most or 0),
        over=over,
        others=count(limits, "limit") + " in its budget" if limits else "",
        delivery=_delivery(watch),
    )


def _verdict(watch: Watch, *, limited: bool) -> str:
    match watch.status:
        case "new":
            return "Being weighed for the first time" if watch.page else "Not weighed yet"
        case "ok":
            return "Within its budget" if limited else "Weighed"
        case "over-budget":
            return "Over its budget"
        case "failed":
            return "Could not be weighed"
        case "quarantined":
            return "Stopped, since it crashed too often"


EVENT_WORDS = {
    "budget": "a broken budget",
    "jump": "a jump in weight",
    "failed": "a page that could not be weighed",
    "recovered": "a page that is fine again",
}


def _delivery(watch: Watch) -> str:
    delivery = watch.delivery
    if delivery is None:
        return ""
    about = EVENT_WORDS[delivery.event]
    if delivery.error is None:
        return f"the last one, of {about}, was taken"
    then = "given up" if delivery.given_up else "not taken and is sent again, last tried"
    return f"the last one, of {about}, was {then}"
