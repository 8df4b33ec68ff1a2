"""The view of a watch, in words for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from libra.app import Libra, Watch, WatchList, schedule_words
from libra.formats.views.charts import percent
from libra.web.access.viewer import Viewer
from libra.wording import count, duration_in_full

MOST = 10
"""Most watches of one URL that are shown with its pages."""


@dataclass(frozen=True, slots=True)
class WatchView:
    """A watch, arranged.

    Attributes:
        watch: the watch.
        schedule: when it runs, in words.
        verdict: the state of the page, in words.
        grade: the same as a class of the stylesheet: ``good``, ``fair`` or ``poor``.
        share: the page's weight as a share of its limit: percent, 100 at most; 0 where there is no
            limit or the weight is not known.
        over: whether it weighs more than its limit.
        others: its other limits, in words; empty for none.
        delivery: how the last try to deliver an alert ended, in words; empty where there was none.
            The page shows its time and its error after it.
        receivers: who gets alerts; empty for nobody.
        details: how it is weighed and when alerts are sent, in words.
    """

    watch: Watch
    schedule: str
    verdict: str
    grade: str
    share: float
    over: bool
    others: str
    delivery: str
    receivers: str = ""
    details: str = ""


@dataclass(frozen=True, slots=True)
class WatchPage:
    """A page of the list of watches.

    Attributes:
        watches: the watches on this page.
        url: the URL whose watches they are; empty for all.
        after: the cursor of this page; empty for the first.
        next: the cursor of the next page; None at the end.
        partial: whether there may be other watches, which could not be read yet.
        tag: the tag that they have; empty for all.
        status: their status; empty for all.
        counts: a line with the number of watches of each status.
    """

    watches: Sequence[WatchView]
    url: str = ""
    after: str = ""
    next: str | None = None
    partial: bool = False
    tag: str = ""
    status: str = ""
    counts: str = ""

    @property
    def narrowed(self) -> bool:
        """Whether a filter is set."""
        return bool(self.url or self.tag or self.status)

    def href(self, **changes: str) -> str:
        """The address of this list, with these changes."""
        values = {"url": self.url, "tag": self.tag, "status": self.status}
        query = urlencode({k: v for k, v in (values | changes).items() if v}, errors="replace")
        return f"/watches?{query}" if query else "/watches"


def watch_page(
    found: WatchList, *, url: str | None, tag: str | None, status: str | None, after: str | None
) -> WatchPage:
    """Arrange a page of the list, with the number of watches of each status."""
    return WatchPage(
        watches=watch_views(found.watches),
        url=url or "",
        after=after or "",
        next=found.next,
        partial=found.partial,
        tag=tag or "",
        status=status or "",
        counts=_counts(found.counts),
    )


def _counts(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    if not total:
        return ""
    wrong = ", ".join(
        f"{number} {COUNT_WORDS[status]}"
        for status, number in counts.items()
        if number and status in COUNT_WORDS
    )
    return f"{count(total, 'watch', 'watches')}: {wrong}." if wrong else f"All {total} are fine."


COUNT_WORDS = {
    "quarantined": "stopped",
    "failed": "could not be weighed",
    "over-budget": "over budget",
    "unconfirmed": "to be confirmed",
    "new": "not weighed yet",
    "ok": "fine",
    "paused": "paused",
}


def watches_of(libra: Libra, url: str, visitor: Viewer) -> tuple[WatchView, ...]:
    """The newest watches of a URL, if the viewer may see them: they show who gets alerts."""
    if not visitor.observes:
        return ()
    return watch_views(libra.watches(url=url, limit=MOST).watches)


def budget_of(watches: Iterable[WatchView]) -> int | None:
    """The lowest limit in bytes for the whole page among these watches; None without a limit."""
    limits = (view.watch.terms.max_weight for view in watches)
    return min((most for most in limits if most is not None), default=None)


def watch_views(watches: Iterable[Watch]) -> tuple[WatchView, ...]:
    """Arrange watches, in the given order."""
    return tuple(map(watch_view, watches))


def watch_view(watch: Watch) -> WatchView:
    """Arrange a watch."""
    most = watch.terms.max_weight
    total = None if watch.last is None else watch.last.total
    over = most is not None and total is not None and total > most
    limits = sum(len(budget.limits) for budget in watch.terms.budgets)
    return WatchView(
        watch=watch,
        schedule=schedule_words(watch.every, watch.time_zone),
        verdict=_verdict(watch, limited=most is not None or limits > 0),
        grade=grade_of(watch),
        share=100.0 if over else percent(total or 0, most or 0),
        over=over,
        others=count(limits, "limit") + " in its budget" if limits else "",
        delivery=_delivery(watch),
        receivers=" and ".join(one for one in (watch.destination, watch.webhook) if one),
        details=_details(watch),
    )


def _details(watch: Watch) -> str:
    terms = watch.terms
    said = [
        {
            "rendered": "Weighed in a browser.",
            "static": "Weighed without a browser.",
            "auto": "Weighed in a browser where needed.",
            None: "",
        }[watch.method],
        f"In a window of {watch.viewport}." if watch.viewport else "",
        f"With secret headers: {', '.join(watch.headers)}." if watch.headers else "",
        f"Alerts when {terms.confirm} weigh-ins find a problem." if terms.confirm.of > 1 else "",
        f"Reminds after {duration_in_full(terms.repeat)}." if terms.repeat else "",
        f"Keeps all weigh-ins for {duration_in_full(watch.keep)}." if watch.keep else "",
        "" if terms.recover else "Sends no alert when all is well again.",
    ]
    return " ".join(filter(None, said))


GRADES = {"ok": "good", "new": "fair", "paused": "fair", "unconfirmed": "fair"}


def grade_of(watch: Watch) -> str:
    """The state of the page as a class of the stylesheet: ``good``, ``fair`` or ``poor``."""
    return "fair" if is_ok_in_part(watch) else GRADES.get(watch.status, "poor")


def is_ok_in_part(watch: Watch) -> bool:
    """Whether nothing is wrong with a page only as far as it was weighed, which proves nothing."""
    last = watch.last
    return watch.status == "ok" and last is not None and last.total is not None and not last.whole


def _verdict(watch: Watch, *, limited: bool) -> str:
    match watch.status:
        case "new":
            return "Being weighed for the first time" if watch.page else "Not weighed yet"
        case "ok" if is_ok_in_part(watch):
            return "Weighed only in part"
        case "ok":
            return "Within its budget" if limited else "Weighed"
        case "over-budget":
            return "Over its budget"
        case "unconfirmed":
            return "Something is wrong, to be confirmed"
        case "paused":
            return "Paused"
        case "failed":
            return "Could not be weighed"
        case "quarantined":
            return "Stopped because it crashed too often"


EVENT_WORDS = {
    "budget": "over budget",
    "jump": "jump in weight",
    "failed": "could not be weighed",
    "recovered": "fine again",
    "test": "test",
}


def _delivery(watch: Watch) -> str:
    delivery = watch.delivery
    if delivery is None:
        return ""
    about = EVENT_WORDS[delivery.event]
    if delivery.error is None:
        return f"the last one ({about}) arrived"
    then = "was given up" if delivery.given_up else "did not arrive and will be retried, last tried"
    return f"the last one ({about}) {then}"
