"""Encodes queries in the encoding of their document; paths and hosts use UTF-8 (URL, "query state")."""

from __future__ import annotations

import re
from functools import lru_cache

from libra.weighing.bodies.encoders import percent_encoded

_UNICODE = frozenset({"", "utf-8", "utf-16le", "utf-16be"})
_IN_SHEETS = re.compile(
    r"(?P<before>\burl\([ \t\n\f\r]{0,50}[\"']?[^)\"'?# \t\n\f\r]{0,4000}\?)(?P<query>[^)\"'#]{1,4000})|"
    r"(?P<import>@import[ \t\n\f\r]{1,50}[\"'][^\"'?#]{0,4000}\?)(?P<rest>[^\"'#]{1,4000})",
    re.IGNORECASE | re.ASCII,
)


def in_encoding(reference: str, encoding: str) -> str:
    """A reference with its query percent-encoded in an encoding other than UTF-8.

    Args:
        reference: The reference as written, possibly relative.
        encoding: The encoding of the document or the stylesheet.
    """
    if encoding in _UNICODE or reference.isascii():
        return reference
    before, mark, rest = reference.partition("?")
    if not mark or "#" in before:
        return reference
    query, mark_of_fragment, fragment = rest.partition("#")
    return f"{before}?{_encoded(query, encoding)}{mark_of_fragment}{fragment}"


def queries_in_sheet(css: str, encoding: str) -> str:
    """The text of a stylesheet with the queries of its addresses in its own encoding."""
    if encoding in _UNICODE or css.isascii():
        return css
    return _IN_SHEETS.sub(
        lambda found: (
            f"{found['before']}{_encoded(found['query'], encoding)}"
            if found["before"]
            else f"{found['import']}{_encoded(found['rest'], encoding)}"
        ),
        css,
    )


@lru_cache(maxsize=1024)
def _encoded(query: str, encoding: str) -> str:
    if query.isascii() and encoding != "iso-2022-jp":
        return query
    return percent_encoded(query, encoding)
