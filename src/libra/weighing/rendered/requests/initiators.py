"""Who asked for a request, as the DevTools protocol tells it."""

from __future__ import annotations

from libra.urls import without_fragment
from libra.weighing.rendered.requests.logged_request import Event, LoggedRequest

_MAX_INITIATOR = 8_192


def initiator_of(event: Event, previous: LoggedRequest | None) -> str | None:
    """The URL of the script or document that asked; None if that is nobody whom a report can name.

    Args:
        event: ``Network.requestWillBeSent``.
        previous: What it was redirected from.
    """
    if previous is not None:
        return previous.url
    initiator = event.get("initiator") or {}
    url = initiator.get("url")
    stack = initiator.get("stack")
    while not url and stack:
        frames = stack.get("callFrames") or []
        url = next((frame["url"] for frame in frames if frame.get("url")), None)
        stack = stack.get("parent")
    if not url:
        url = event.get("documentURL")
    url = without_fragment(url) if url else None
    # A script can say that it came from anywhere, in any characters (``sourceURL``).
    if url is None or not url.startswith(("http://", "https://")) or not _is_ordinary(url):
        return None
    return None if url == without_fragment(event["request"]["url"]) else url


def _is_ordinary(url: str) -> bool:
    return len(url) <= _MAX_INITIATOR and url.isascii() and url.isprintable()
