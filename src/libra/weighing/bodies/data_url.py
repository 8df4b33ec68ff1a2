"""``data:`` URLs (Fetch standard, section 6): documents that are written in an address."""

from __future__ import annotations

import base64
import binascii
import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from libra.ascii import lowered

_BASE64 = re.compile(r"; *base64\Z", re.IGNORECASE | re.ASCII)
_BLANKS = "".join(map(chr, range(0x21)))
_DEFAULT = "text/plain;charset=US-ASCII"


class DataURL(NamedTuple):
    """The content of a ``data:`` URL."""

    content_type: str
    body: bytes


def is_data_url(reference: str) -> bool:
    """Whether the text of an attribute is a ``data:`` URL."""
    return lowered(reference.lstrip(_BLANKS)[:5]) == "data:"


def decode_data_url(reference: str) -> DataURL | None:
    """Decode a ``data:`` URL without its fragment; None if it is malformed."""
    text = reference.strip(_BLANKS).translate(_NO_LINE_ENDS).partition("#")[0]
    kind, comma, rest = text[5:].partition(",")
    if not comma:
        return None
    kind = kind.strip(" \t")
    body = unquote_to_bytes(rest)
    encoded = _BASE64.search(kind)
    if encoded is not None:
        kind = kind[: encoded.start()]
        try:
            packed = body.translate(None, b" \t\n\f\r")
            body = base64.b64decode(packed.rstrip(b"=") + b"=" * (-len(packed.rstrip(b"=")) % 4))
        except (binascii.Error, ValueError):
            return None
    if kind.startswith(";"):
        kind = "text/plain" + kind
    return DataURL(kind if "/" in kind else _DEFAULT, body)


_NO_LINE_ENDS = {ord(character): None for character in "\t\n\r"}
