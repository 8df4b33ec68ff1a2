"""``data:`` URLs (Fetch standard, section 6): documents that are written in an address."""

from __future__ import annotations

import base64
import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from libra.ascii import lowered, trimmed

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_TYPE = re.compile(r"[\w!#$%&'*+.^`|~-]+/[\w!#$%&'*+.^`|~-]+[ \t]*(?:;|\Z)", re.ASCII)
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
    """Decode a ``data:`` URL without its fragment; None if it is malformed.

    Line ends and tabs are part of the data, as in Chromium, although the URL standard removes them.
    """
    text = reference.strip(_BLANKS).partition("#")[0]
    kind, comma, rest = text[5:].partition(",")
    if not comma:
        return None
    kind = trimmed(kind)
    body = unquote_to_bytes(rest)
    encoded = _BASE64.search(kind)
    if encoded is not None:
        kind = kind[: encoded.start()]
        unpacked = _unpacked(body)
        if unpacked is None:
            return None
        body = unpacked
    if kind.startswith(";"):
        kind = "text/plain" + kind
    return DataURL(kind if _TYPE.match(kind) else _DEFAULT, body)


def _unpacked(packed: bytes) -> bytes | None:
    """Infra's "forgiving-base64 decode"; None for a failure."""
    packed = packed.translate(None, b"\t\n\f\r ")
    if len(packed) % 4 == 0:
        packed = packed.removesuffix(b"=").removesuffix(b"=")
    if len(packed) % 4 == 1 or _NOT_BASE64.search(packed) is not None:
        return None
    return base64.b64decode(packed + b"=" * (-len(packed) % 4))
