"""Composes alerts for the receivers of a watch, signs them and sends them to its webhook.

The body of an alert is made once, and each try gets a new signature. A receiver may get the same alert
twice, if it accepted one and its answer was lost; the ``id`` shows that.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Final

import msgspec

from libra.budgets.alarms import Event, Judgement
from libra.failures import http_failure
from libra.inspector.records.watches.alerts import TRIES, Alert, Breach
from libra.inspector.records.watches.watch_record import WatchState
from libra.inspector.records.watches.webhook import Headers, address_and_headers
from libra.report import Report
from libra.weighing.options import PLAIN_USER_AGENT
from libra.weighing.static.fetcher import Fetcher
from libra.wording import plain, size

DEADLINE: Final = 10.0
"""Seconds that a receiver has to answer."""

SIGNATURE: Final = "Libra-Signature"


class AlertMessage(msgspec.Struct, frozen=True):
    """The JSON body of an alert; sizes are in bytes, times in UTC.

    ``text`` says everything in words; Slack, Mattermost and similar services show it. ``page`` is
    null in a test before the first weigh-in. ``repeated`` marks the repetition of an earlier alert
    whose problem lasts.
    """

    id: str
    event: Event
    created_at: datetime
    watch: str
    page: str | None
    link: str | None
    url: str
    total: int | None
    change: int | None
    complete: bool
    breaches: tuple[Breach, ...]
    error: str | None
    text: str
    name: str = ""
    repeated: bool = False


def compose(
    watch_id: str,
    report: Report,
    judgement: Judgement,
    now: datetime,
    public_url: str | None = None,
    *,
    name: str = "",
) -> tuple[Alert, ...]:
    """The alerts that follow from a weigh-in.

    Args:
        watch_id: the id of the watch.
        report: the report of the weigh-in.
        judgement: the judgement of the weigh-in.
        now: when the alerts are due.
        public_url: the public address of this service, for a link.
        name: the name of the watch; empty for its URL.
    """
    return tuple(
        _compose(watch_id, event, report, judgement, now, public_url, name)
        for event in judgement.events
    )


def compose_test(state: WatchState, alert_id: str, now: datetime) -> Alert:
    """An alert that only tests whether alerts arrive; it is tried once.

    Args:
        state: the state of the watch.
        alert_id: the id of the alert.
        now: when the alert is due.
    """
    last = state.last
    message = AlertMessage(
        id=f"{alert_id}.test",
        event="test",
        created_at=now,
        watch=state.id,
        page=None if last is None else last.page,
        link=None,
        url=state.url,
        total=None if last is None else last.total,
        change=None,
        complete=last is not None and last.complete,
        breaches=(),
        error=None,
        text=_for_slack(
            f"This is a test: Libra sends the alerts for {called(state.name, state.url)} here."
        ),
        name=state.name,
    )
    body = msgspec.json.encode(message).decode()
    return Alert(message.id, "test", body, due_at=now, tries=TRIES - 1)


def _compose(
    watch_id: str,
    event: Event,
    report: Report,
    judgement: Judgement,
    now: datetime,
    public_url: str | None,
    name: str,
) -> Alert:
    link = None if public_url is None else f"{public_url.rstrip('/')}/pages/{report.id}"
    text = _text(event, report, judgement, called(name, report.url))
    message = AlertMessage(
        # Not random: the same weigh-in, judged again after a crash, gives the same alert.
        id=f"{report.id}.{event}",
        event=event,
        created_at=now,
        watch=watch_id,
        page=report.id,
        link=link,
        url=report.url,
        total=report.total.transfer_bytes if report.status == "weighed" else None,
        change=judgement.change,
        complete=report.complete,
        breaches=breaches_of(judgement),
        error=None if report.error is None else plain(report.error),
        text=_for_slack(text if link is None else f"{text}\n{link}"),
        name=name,
        repeated=judgement.repeated,
    )
    return Alert(message.id, event, msgspec.json.encode(message).decode(), due_at=now)


def breaches_of(judgement: Judgement) -> tuple[Breach, ...]:
    """The limits that a weigh-in exceeds."""
    return tuple(
        Breach(one.subject, one.limit.most, one.measured, one.sentence())
        for one in judgement.breaches
    )


def called(name: str, url: str) -> str:
    """The name of a watch, or its URL."""
    return f"{name} ({url})" if name else url


def is_gone(error: str) -> bool:
    """Whether a receiver has answered that it wants no more alerts."""
    return error == http_failure(HTTPStatus.GONE)


def new_secret() -> str:
    """A new secret for signing alerts."""
    return f"whsec_{secrets.token_urlsafe(32)}"


def sign(secret: str, body: bytes, now: datetime) -> str:
    """The value of ``Libra-Signature``: ``t=<unix time>,v1=<hex HMAC-SHA256 of "t.body">``."""
    moment = str(int(now.timestamp()))
    mac = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256)
    return f"t={moment},v1={mac.hexdigest()}"


async def deliver(
    fetcher: Fetcher,
    webhook: str,
    secret: str,
    alert: Alert,
    now: datetime,
    webhook_headers: Headers = (),
) -> str | None:
    """Try to deliver an alert once; None if the receiver accepted it, otherwise the named error."""
    body = alert.body.encode()
    address, headers = address_and_headers(webhook, webhook_headers)
    headers |= {
        "Content-Type": "application/json",
        "User-Agent": PLAIN_USER_AGENT,
        SIGNATURE: sign(secret, body, now),
    }
    return await fetcher.post(address, body, headers, seconds=DEADLINE)


def _text(event: Event, report: Report, judgement: Judgement, page: str) -> str:
    still = "still " if judgement.repeated else ""
    weight = size(report.total.transfer_bytes)
    if not report.complete:
        weight += " (not all of it arrived)"
    if event == "failed":
        reason = plain(report.error or "unknown reason")
        return f"{page} {'still cannot' if still else 'could not'} be weighed: {reason}"
    if event == "recovered":
        return f"{page} is fine again: it weighs {weight}."
    if event == "budget":
        broken = "; ".join(one.sentence() for one in judgement.breaches)
        return f"{page} is {still}over its budget: {broken}.{_grown(judgement)}"
    return f"{page} has become heavier: it weighs {weight}.{_grown(judgement)}"


def _grown(judgement: Judgement) -> str:
    change = judgement.change
    if not change or change < 0:
        return ""
    return f" That is {size(change)} more than before."


def words_of(alert: Alert) -> tuple[str, str]:
    """The words of an alert for a mail or a chat: a title, and the text with its link."""
    message = msgspec.json.decode(alert.body, type=AlertMessage)
    text = message.text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    page = message.name or message.url
    title = f"Libra: {_TITLES[message.event]}: {page}"[:200]
    return _quiet(title), _quiet(text)


_TITLES: Final[Mapping[Event, str]] = {
    "budget": "over budget",
    "jump": "heavier",
    "failed": "not weighed",
    "recovered": "fine again",
    "test": "test",
}


def _quiet(text: str) -> str:
    """Text without mentions: foreign text could notify a whole channel with @everyone or <!here>."""
    return _CALLS.sub("\\1\u200b", text)


_CALLS: Final = re.compile(
    r"(<(?=!)|@(?=(?:everyone|here|channel|all|room|team)\b))", re.IGNORECASE
)


def _for_slack(text: str) -> str:
    # Slack's three control characters: foreign text could notify a whole channel with <!channel>.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
