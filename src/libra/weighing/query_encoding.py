"""Queries in the encoding of who asks; paths and hosts are UTF-8 (URL standard, "query state")."""

from __future__ import annotations

import re
from functools import lru_cache

import webencodings

_UNICODE = frozenset({"", "utf-8", "utf-16le", "utf-16be"})
_SAFE = frozenset(code for code in range(0x21, 0x7F) if chr(code) not in "\"#<>'")
"""What is left as it is in a query of a special scheme."""

_IN_SHEETS = re.compile(
    r"(?P<before>\burl\(\s{0,50}[\"']?[^)\"'?#\s]{0,4000}\?)(?P<query>[^)\"'#]{1,4000})|"
    r"(?P<import>@import\s{1,50}[\"'][^\"'?#]{0,4000}\?)(?P<rest>[^\"'#]{1,4000})",
    re.IGNORECASE,
)


def in_encoding(reference: str, encoding: str) -> str:
    """A reference whose query is percent-encoded in an encoding, where that is not UTF-8 anyway.

    Args:
        reference: As it is written, perhaps relative.
        encoding: The name of the document's encoding, or of the style sheet's.
    """
    if encoding in _UNICODE or reference.isascii():
        return reference
    before, mark, rest = reference.partition("?")
    if not mark or "#" in before:
        return reference
    query, mark_of_fragment, fragment = rest.partition("#")
    return f"{before}?{_encoded(query, encoding)}{mark_of_fragment}{fragment}"


def queries_in_sheet(css: str, encoding: str) -> str:
    """The text of a style sheet in which the queries of addresses are in its encoding."""
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
    found = webencodings.lookup(encoding)
    if found is None:
        return query
    codec = found.codec_info
    try:
        data = codec.encode(query)[0]
    except UnicodeEncodeError:
        # What the encoding does not have becomes a character reference, itself percent-encoded.
        data = b"".join(
            piece
            if (piece := codec.encode(character, "ignore")[0])
            else b"%%26%%23%d%%3B" % ord(character)
            for character in query
        )
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in data)
