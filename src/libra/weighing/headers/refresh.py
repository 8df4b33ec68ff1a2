"""Pages that redirect their visitors with ``Refresh``, as a header or a ``<meta>`` (HTML, 4.2.5.3)."""

from __future__ import annotations

import re
from typing import NamedTuple

from libra.urls import join

AT_ONCE = 1.0
"""Below this many seconds a refresh counts as a redirect, since nobody sees the first page."""

_MOST_TEXT = 4_000
_TIME = re.compile(r"[\t\n\v\f\r ]*+(?:([0-9]{1,9})|(?=\.[0-9]))[0-9.]*+\v*+(?=[\t\n\f\r ;,]|\Z)")
_URL = re.compile(
    r"[\t\n\f\r ]*+[;,]?[\t\n\f\r ]*+(?:url[\t\n\f\r ]*+=[\t\n\f\r ]*+)?(.*)",
    re.DOTALL | re.IGNORECASE | re.ASCII,
)


class Refresh(NamedTuple):
    """The target of a page's refresh.

    Attributes:
        url: Absolute; None if the page reloads itself.
        seconds: The delay, without its fraction.
    """

    url: str | None
    seconds: int


def parse_refresh(text: str, url: str, base: str) -> Refresh | None:
    """The "shared declarative refresh steps"; None if the text is not a refresh.

    Args:
        text: The value of the header, or of the ``content`` attribute.
        url: The address of the page.
        base: The base URL of its references.
    """
    text = text[:_MOST_TEXT]
    time = _TIME.match(text)
    if time is None:
        return None
    seconds = int(time[1] or 0)
    match = _URL.match(text, time.end())
    address = match[1] if match is not None else ""
    if address[:1] in {"'", '"'}:
        address = address[1:].partition(address[0])[0]
    address = address.strip("\t\n\f\r ")
    target = join(base, address) if address else None
    return Refresh(None if target == url else target, seconds)
