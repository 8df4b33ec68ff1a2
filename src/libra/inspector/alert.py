"""Alerts: what is sent to the webhook of a watch, signed, and how long it is tried.

The body of an alert is made once and signed anew for each try. So a receiver may be sent the same
alert twice, if it took one and the answer was lost; it knows it by its ``id``.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import secrets
from datetime import datetime, timedelta
from typing import Final

import msgspec

from libra.inspector.webhook import Headers, address_and_headers
from libra.weighing.alarm import Event, Judgement
from libra.weighing.fetch import Fetcher
from libra.weighing.options import PLAIN_USER_AGENT
from libra.weighing.report import Report
from libra.words import plain, size

TRIES: Final = 22
"""How often an alert is tried; with the delays between them that is a day or so."""

FIRST_DELAY: Final = 10.0
LONGEST_DELAY: Final = 4 * 3600.0

DEADLINE: Final = 10.0
"""Seconds that a receiver has to answer."""

SIGNATURE: Final = "Libra-Signature"

GONE: Final = "http: 410"
"""The answer of a receiver that wants nothing any more."""


class Alert(msgspec.Struct, frozen=True):
    """An alert that has not been delivered.

    Attributes:
        id: the same however often it is sent.
        event: what it is about.
        body: the JSON that is sent.
        due_at: when it is tried next.
        tries: how often it was tried.
    """

    id: str
    event: Event
    body: str
    due_at: datetime
    tries: int = 0

    def failed(self, now: datetime) -> Alert | None:
        """This alert after another failed try; None when there shall be no more."""
        tries = self.tries + 1
        if tries >= TRIES:
            return None
        due_at = now + timedelta(seconds=delay_after(tries))
        return msgspec.structs.replace(self, tries=tries, due_at=due_at)


class Breach(msgspec.Struct, frozen=True):
    """A limit that a page breaks, in bytes of transfer size or in requests."""

    subject: str
    limit: int
    measured: int
    text: str


class Message(msgspec.Struct, frozen=True):
    """The body of an alert, as JSON; sizes are bytes, times UTC.

    ``text`` says it all in words and is what Slack, Mattermost and their like show.
    """

    id: str
    event: Event
    created_at: datetime
    watch: str
    page: str
    link: str | None
    url: str
    total: int | None
    change: int | None
    complete: bool
    breaches: tuple[Breach, ...]
    error: str | None
    text: str


def compose(
    watch_id: str,
    report: Report,
    judgement: Judgement,
    now: datetime,
    public_url: str | None = None,
) -> tuple[Alert, ...]:
    """The alerts that a weigh-in gives rise to.

    Args:
        watch_id: whose alerts they are.
        report: the weigh-in.
        judgement: what it comes to.
        now: when they are due.
        public_url: where people reach this service, for a link.
    """
    return tuple(
        _compose(watch_id, event, report, judgement, now, public_url) for event in judgement.events
    )


def _compose(
    watch_id: str,
    event: Event,
    report: Report,
    judgement: Judgement,
    now: datetime,
    public_url: str | None,
) -> Alert:
    link = None if public_url is None else f"{public_url.rstrip('/')}/pages/{report.id}"
    text = _text(event, report, judgement)
    message = Message(
        # Not random: the same weigh-in, judged again after a crash, is the same alert.
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
    )
    return Alert(message.id, event, msgspec.json.encode(message).decode(), due_at=now)


def breaches_of(judgement: Judgement) -> tuple[Breach, ...]:
    """The limits that a weigh-in breaks."""
    return tuple(
        Breach(one.subject, one.limit.most, one.measured, one.sentence())
        for one in judgement.breaches
    )


def new_secret() -> str:
    """A secret to sign alerts with."""
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
    """Try to deliver an alert once; None if the receiver took it, else the named error."""
    body = alert.body.encode()
    address, headers = address_and_headers(webhook, webhook_headers)
    headers |= {
        "Content-Type": "application/json",
        "User-Agent": PLAIN_USER_AGENT,
        SIGNATURE: sign(secret, body, now),
    }
    return await fetcher.post(address, body, headers, seconds=DEADLINE)


def delay_after(tries: int) -> float:
    """Seconds to wait after so many failed tries: doubling, capped, and with full jitter.

    Full jitter, because what failed together should not come back together: see "Exponential Backoff
    And Jitter" of the AWS Architecture Blog (2015).
    """
    return random.uniform(0, min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** (tries - 1)))


def _text(event: Event, report: Report, judgement: Judgement) -> str:
    weight = size(report.total.transfer_bytes)
    if not report.complete:
        weight += ", not all of it arrived"
    if event == "failed":
        return f"{report.url} could not be weighed: {plain(report.error or 'no reason is known')}"
    if event == "recovered":
        return f"{report.url} is fine again: it weighs {weight}."
    if event == "budget":
        broken = "; ".join(one.sentence() for one in judgement.breaches)
        return f"{report.url} is over its budget: {broken}.{_grown(judgement)}"
    return f"{report.url} has become heavier: it weighs {weight}.{_grown(judgement)}"


def _grown(judgement: Judgement) -> str:
    change = judgement.change
    if not change or change < 0:
        return ""
    return f" That is {size(change)} more than before."


def _for_slack(text: str) -> str:
    # Slack's three control characters: foreign text could call a whole channel with <!channel>.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
