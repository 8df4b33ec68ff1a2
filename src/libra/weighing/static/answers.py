"""Interprets responses as a browser does: where they lead, and which bodies it discards."""

from __future__ import annotations

import msgspec

from libra.weighing.bodies.mime import is_page
from libra.weighing.headers.content_policy import forbids, upgraded, upgrades
from libra.weighing.html.document_walk import asked_by
from libra.weighing.orders.orders import BLOCKED, Fetch, Outcome, Reference
from libra.weighing.orders.source import SheetSource
from libra.weighing.roles import Role

_UNREAD: frozenset[Role] = frozenset({"script", "module", "stylesheet", "font"})
"""Roles whose body a browser discards on an error status; for all others it reads the error page."""


def as_taken(outcome: Outcome, most: int) -> Outcome:
    """The outcome as a browser treats it: ends redirect loops and discards some error bodies.

    Args:
        outcome: The outcome as received.
        most: Maximum number of redirects to follow.
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
    """The target of a document's immediate refresh; None without one or in a redirect loop.

    Args:
        outcome: The document.
        most: Maximum number of redirects to follow.
    """
    refresh = None if outcome.reading is None else outcome.reading.refresh
    if refresh is None or refresh.url is None or refresh.seconds:
        return None
    onward = msgspec.structs.replace(outcome, redirect=refresh.url)
    return None if _loops(onward, most) else refresh.url


def followed(url: str, fetch: Fetch) -> Reference:
    """The reference for a redirect or refresh to this URL, blocked if the policies forbid it."""
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
    """The fetch of a hop, updated with whether a cookie was set up to here."""
    return msgspec.structs.replace(fetch, set_cookies=fetch.set_cookies or outcome.set_cookies)


def is_shown(outcome: Outcome) -> bool:
    """Whether a response is shown, so that nothing else is tried instead.

    Audio and video also play as far as they came, but not a page.
    """
    if outcome.fetch.reference.role == "media":
        came = outcome.transfer_bytes > 0 and (outcome.http_status or 0) < 400
        return came and not is_page(outcome.content_type)
    return outcome.error is None and (outcome.http_status or 0) < 400


def sheet_of(outcome: Outcome) -> SheetSource | None:
    """The fetched stylesheet, if it is used."""
    reading, source = outcome.reading, outcome.source
    if reading is None or reading.sheet is None or source is None:
        return None
    return SheetSource(source, reading.sheet)


def _loops(outcome: Outcome, most: int) -> bool:
    """Whether a redirect loops: too many hops, or back to a URL with no cookie set since."""
    fetch = outcome.fetch
    if len(fetch.hops) >= most:
        return True
    back = outcome.redirect in (fetch.url, *fetch.hops)
    return back and not (fetch.set_cookies or outcome.set_cookies)
