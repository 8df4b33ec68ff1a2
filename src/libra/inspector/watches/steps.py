"""The steps of a watch as pure functions: each returns the changes of its state.

A process of one node takes these steps, or the cluster's node whose turn it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from libra.budgets.alarms import Standing, judge
from libra.ids import new_id
from libra.inspector.records.watches.alerts import Alert
from libra.inspector.records.watches.schedule import next_due
from libra.inspector.records.watches.watch_changes import WantedChange
from libra.inspector.records.watches.watch_record import REMEMBERED, Delivery, WatchState, WeighIn
from libra.inspector.records.watches.webhook import shown
from libra.inspector.watches.alert_delivery import (
    breaches_of,
    compose,
    compose_test,
    is_gone,
    new_secret,
)
from libra.report import Report

#: The limit of undelivered alerts of one watch; beyond it the oldest are dropped.
MAX_ALERTS: Final = 20

#: Seconds until a page with an unconfirmed problem is weighed again.
CONFIRM: Final = timedelta(seconds=60)

#: The due time of a paused watch: never.
NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)

_WEIGHED_WITH: Final = ("url", "choice", "viewport", "headers")

Changes = dict[str, Any]
"""Fields of `WatchState` with their new values."""


def next_of(state: WatchState, now: datetime) -> datetime:
    """The next time after ``now`` when the page of a watch is due."""
    return next_due(
        state.every,
        after=now,
        since=state.created_at,
        spread=state.spread,
        zone=state.time_zone,
    )


def due_at(state: WatchState) -> datetime:
    """When the page is due; `NEVER` while the watch is paused."""
    return NEVER if state.paused else state.next_at


def made(watch_id: str, wanted: WantedChange, now: datetime) -> WatchState:
    """A new watch, whose page is due at once."""
    blank = WatchState(id=watch_id, url="", every="day", created_at=now, next_at=now)
    return msgspec.structs.replace(blank, **{**edited(blank, wanted, now), "next_at": now})


def edited(state: WatchState, wanted: WantedChange, now: datetime) -> Changes:
    """Apply changes that somebody requested.

    If the page is weighed or judged differently now, it is weighed again at once. Secrets stay with
    the origin that they are for: a page at another one gets none of the old headers, and a webhook
    at another one gets a new secret, too.
    """
    changes: Changes = dict(wanted.fields)
    if _has_moved(state.url, wanted.fields.get("url", state.url)):
        changes.setdefault("headers", ())
    if wanted.terms:
        changes["terms"] = msgspec.structs.replace(state.terms, **wanted.terms)
    changes |= _webhook(state, wanted)
    if wanted.public is not None:
        changes["public"] = (state.public or secrets.token_urlsafe(16)) if wanted.public else None
    after = msgspec.structs.replace(state, **changes)
    if after.destination is None and after.webhook is None:
        changes["alerts"] = ()
    if any(getattr(after, name) != getattr(state, name) for name in _WEIGHED_WITH):
        # Old weights do not compare with new ones; a page that is under way no longer counts.
        changes |= {"page": None, "method": None, "next_at": now}
        changes["standing"] = msgspec.structs.replace(
            state.standing, weight=None, complete=False, recent=(), suspected=False
        )
        if after.url != state.url:
            changes |= {"standing": Standing(), "last": None, "runs": ()}
    elif after.terms != state.terms and state.last is not None:
        changes["next_at"] = now
    elif (after.every, after.time_zone, after.paused) != (
        state.every,
        state.time_zone,
        state.paused,
    ):
        changes["next_at"] = next_of(after, now)
        if after.standing.suspected:
            # An unconfirmed problem is weighed again soon, whatever the schedule says.
            changes["next_at"] = min(changes["next_at"], now + CONFIRM)
    return changes


def begun(state: WatchState, page: str, now: datetime, *, due: bool) -> Changes:
    """Note that the page is to be weighed under this id; written down before the page exists.

    Args:
        state: the state of the watch.
        page: the id of the page.
        now: the time by the wall clock.
        due: whether it is weighed because it was due; otherwise its due time stays.
    """
    return {"page": page, "next_at": next_of(state, now) if due else state.next_at}


def judged(state: WatchState, report: Report, now: datetime, public_url: str | None) -> Changes:
    """Note the result of the finished page, and add the alerts that follow from it."""
    judgement = judge(report, state.terms, state.standing, now)
    weighed = report.status == "weighed"
    run = WeighIn(
        page=report.id,
        at=report.finished_at or now,
        total=report.total.transfer_bytes if weighed else None,
        complete=report.complete,
        change=judgement.change,
        breaches=breaches_of(judgement),
        error=report.error,
        score=report.score.teledrin if weighed and report.score is not None else None,
        bound=report.score.bound if weighed and report.score is not None else "exact",
    )
    changes: Changes = {
        "page": None,
        "last": run,
        "runs": (run, *state.runs)[:REMEMBERED],
        # The watch keeps the method of its first weigh-in: otherwise a change could be one of method.
        "method": report.method if weighed else state.method,
    }
    if state.paused:
        # While it is paused, no alert is sent: a problem that lasts is reported after that.
        return changes
    changes["standing"] = judgement.standing
    new = compose(state.id, report, judgement, now, public_url, name=state.name)
    changes["alerts"] = (*state.alerts, *_copies(state, new))[-MAX_ALERTS:]
    if judgement.standing.suspected:
        changes["next_at"] = min(state.next_at, now + CONFIRM)
    return changes


def tested(state: WatchState, now: datetime) -> Changes:
    """Add a test alert for each receiver, tried once and at once, before the alerts that wait."""
    copies = tuple(_copies(state, (compose_test(state, new_id(), now),)))
    # They are first in line, but not the oldest: those that have waited longest make room.
    return {"alerts": (*copies, *state.alerts[len(copies) - MAX_ALERTS :])}


def tried(state: WatchState, alert: Alert, error: str | None, now: datetime) -> Changes:
    """Note the result of a try to deliver an alert."""
    again = None
    if error is not None and not is_gone(error):
        again = alert.failed(now)
    known = {(alert.id, alert.to): again}
    left = (known.get((one.id, one.to), one) for one in state.alerts)
    delivery = Delivery(alert.event, now, error, error is not None and again is None, alert.to)
    return {
        "alerts": tuple(one for one in left if one is not None),
        "delivery": delivery,
        "deliveries": (delivery, *state.deliveries)[:REMEMBERED],
    }


def next_alert(state: WatchState) -> Alert | None:
    """The alert to deliver next; each receiver gets its alerts in order and waits for no other."""
    heads: dict[str | None, Alert] = {}
    for alert in state.alerts:
        heads.setdefault(alert.to, alert)
    return min(heads.values(), key=lambda alert: alert.due_at, default=None)


def _webhook(state: WatchState, wanted: WantedChange) -> Changes:
    """The changes of a watch's webhook."""
    webhook = wanted.fields.get("webhook", state.webhook)
    if webhook is None:
        return {"webhook": None, "webhook_headers": (), "secret": None}
    if state.webhook is not None and not _has_moved(state.webhook, webhook):
        return {}
    return {"secret": new_secret(), "webhook_headers": wanted.fields.get("webhook_headers", ())}


def _has_moved(before: str, after: str) -> bool:
    """Whether a URL is now at another origin, which must not get the secrets of the old one."""
    return shown(before) != shown(after)


def _copies(state: WatchState, alerts: tuple[Alert, ...]) -> Iterator[Alert]:
    """Yield each alert for each receiver of the watch."""
    for alert in alerts:
        if state.webhook is not None:
            yield alert
        if state.destination is not None:
            yield msgspec.structs.replace(alert, to=state.destination)
