"""An answer as a browser takes it: where it leads, and what of it is let go of."""

from __future__ import annotations

import msgspec

from libra.weighing.headers.content_policy import forbids, upgraded, upgrades
from libra.weighing.html.document_walk import asked_by
from libra.weighing.orders.orders import BLOCKED, Fetch, Outcome, Reference
from libra.weighing.orders.source import SheetSource
from libra.weighing.roles import Role

_UNREAD: frozenset[Role] = frozenset({"script", "module", "stylesheet", "font"})
"""What a browser lets go of as soon as it sees an error status; of all else it reads the error."""


def as_taken(outcome: Outcome, most: int) -> Outcome:
    """An answer as a browser takes it: redirects end, and of some errors no body is read.

    Args:
        outcome: What came.
        most: Redirects that are followed.
    """
    fetch = outcome.fetch
    if outcome.redirect is not None and _loops(outcome, most):
        hops = len(fetch.hops) + 1
        outcome = msgspec.structs.replace(
            outcome, redirect=None, error=f"redirect-loop: {hops} redirects", whole=False
        )
    if (outcome.http_status or 0) >= 400 and fetch.reference.role in _UNREAD:
        outcome = msgspec.structs.replace(outcome, transfer_bytes=0, resource_bytes=0)
    return outcome


def sent_on(outcome: Outcome, most: int) -> str | None:
    """Where a document sends its visitors at once; None if nowhere, or round in circles.

    Args:
        outcome: The document.
        most: Redirects that are followed.
    """
    refresh = None if outcome.reading is None else outcome.reading.refresh
    if refresh is None or refresh.url is None or refresh.seconds:
        return None
    onward = msgspec.structs.replace(outcome, redirect=refresh.url)
    return None if _loops(onward, most) else refresh.url


def followed(url: str, fetch: Fetch) -> Reference:
    """What is asked for where an answer leads to this URL, blocked if it may not be."""
    client = fetch.client
    if client.policies and upgrades(client.policies):
        url = upgraded(url, redirected=True)
    reference = msgspec.structs.replace(fetch.reference, url=url)
    asked = asked_by(reference, redirected=True)
    directive = forbids(client.policies, asked, client.origin)
    if directive is not None:
        reference = msgspec.structs.replace(reference, blocked=BLOCKED.format(directive))
    return reference


def with_cookies(fetch: Fetch, outcome: Outcome) -> Fetch:
    """A hop on the way of a redirect, and whether cookies were set until there."""
    return msgspec.structs.replace(fetch, set_cookies=fetch.set_cookies or outcome.set_cookies)


def is_shown(outcome: Outcome) -> bool:
    """Whether an object shows what came, so that what stands in for it is not asked for."""
    return outcome.error is None and (outcome.http_status or 0) < 400


def sheet_of(outcome: Outcome) -> SheetSource | None:
    """The style sheet that has come, if it is one that is used."""
    reading, source = outcome.reading, outcome.source
    if reading is None or reading.sheet is None or source is None:
        return None
    return SheetSource(source, reading.sheet)


def _loops(outcome: Outcome, most: int) -> bool:
    """Whether a redirect leads nowhere: too many, or back to where nothing has changed since."""
    fetch = outcome.fetch
    if len(fetch.hops) >= most:
        return True
    back = outcome.redirect in (fetch.url, *fetch.hops)
    return back and not (fetch.set_cookies or outcome.set_cookies)
