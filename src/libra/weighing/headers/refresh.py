"""Pages that send their visitors on: ``Refresh``, as a header or a ``<meta>`` (HTML, 4.2.5.3)."""

from __future__ import annotations

import re
from typing import NamedTuple

from libra.urls import join

AT_ONCE = 1.0
"""Seconds below which it is a redirect: nobody sees the page that is left."""

_MOST_TEXT = 4_000
_TIME = re.compile(r"[\t\n\f\r ]*+(?:(\d{1,9})|(?=\.\d))[\d.]*+(?=[\t\n\f\r ;,]|\Z)")
_URL = re.compile(
    r"[\t\n\f\r ]*+[;,]?[\t\n\f\r ]*+(?:url[\t\n\f\r ]*+=[\t\n\f\r ]*+)?(.*)",
    re.DOTALL | re.IGNORECASE,
)


class Refresh(NamedTuple):
    """Where a page sends its visitors.

    Attributes:
        url: Absolute; None if to the page itself.
        seconds: After how long, without its fraction.
    """

    url: str | None
    seconds: int


def parse_refresh(text: str, url: str, base: str) -> Refresh | None:
    """The "shared declarative refresh steps"; None if the text is none.

    Args:
        text: Of the header, or of the ``content`` attribute.
        url: Where the page is.
        base: What its references are relative to.
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
