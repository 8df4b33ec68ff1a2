"""What a client accepts and which copy it has: RFC 9110, sections 12.5 and 13.1.2."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

_LONGEST = 1024
"""Characters of a header that are read; the rest of a longer one is noise or an attack."""


def wants_html(accept: str | None) -> bool:
    """Whether the client prefers HTML to JSON, as every browser does.

    On a tie, and without a header, JSON wins: `curl` and most libraries send ``*/*``.
    """
    return bool(accept) and _prefers_html((accept or "")[:_LONGEST])


@lru_cache(maxsize=256)
def coding(accept_encoding: str | None) -> Literal["br", "gzip"] | None:
    """The content coding for a body, the smaller one first; None to send it as it is."""
    weights = {}
    for item in (accept_encoding or "")[:_LONGEST].split(","):
        name, *parameters = item.split(";")
        weights[name.strip().lower()] = _weight(parameters)
    if weights.get("br", 0) > 0:
        return "br"
    return "gzip" if weights.get("gzip", weights.get("*", 0)) > 0 else None


def etag_matches(if_none_match: str | None, etag: str) -> bool:
    """Whether the client's copy is current, by weak comparison.

    Args:
        if_none_match: The header as it came: ``*`` or a list of entity tags.
        etag: The current tag, quoted, perhaps with ``W/`` before it.
    """
    if not if_none_match:
        return False
    if if_none_match.strip() == "*":
        return True
    wanted = etag.removeprefix("W/")
    tags = if_none_match[:_LONGEST].split(",")
    return any(tag.strip().removeprefix("W/") == wanted for tag in tags)


def newest_seen(if_none_match: str | None) -> tuple[int, str]:
    """The newest version of which a client has a copy, and its entity tag; 0 and none for no copy.

    Every entity tag of Libra begins with the version. A foreign tag may look like one: then Libra shows
    the client nothing older, which does no harm.
    """
    found = _TAG.finditer((if_none_match or "")[:_LONGEST])
    return max(((int(tag[1]), tag[0]) for tag in found), default=(0, ""))


_TAG = re.compile(r'(?:W/)?"([0-9]{1,19})(?:-[^"]*)?"')


@lru_cache(maxsize=256)
def _prefers_html(accept: str) -> bool:
    ranges = _parse(accept)
    return _quality(ranges, "text", "html") > _quality(ranges, "application", "json")


def _parse(accept: str) -> list[tuple[str, str, float]]:
    ranges = []
    for item in accept.split(","):
        name, *parameters = item.split(";")
        kind, slash, subtype = name.strip().lower().partition("/")
        if slash:
            ranges.append((kind, subtype, _weight(parameters)))
    return ranges


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0


def _quality(ranges: list[tuple[str, str, float]], kind: str, subtype: str) -> float:
    """The weight of the most specific range that covers the type."""
    found = (-1, 0.0)
    for range_kind, range_subtype, weight in ranges:
        if (range_kind, range_subtype) == (kind, subtype):
            specificity = 2
        elif (range_kind, range_subtype) == (kind, "*"):
            specificity = 1
        elif (range_kind, range_subtype) == ("*", "*"):
            specificity = 0
        else:
            continue
        found = max(found, (specificity, weight))
    return found[1]
