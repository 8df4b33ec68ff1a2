"""Checks a body against an ``integrity`` attribute (Subresource Integrity).

A browser downloads a stylesheet or module with a wrong digest, but does not use it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

NEVER = "sha512-"
"""Metadata that matches no body."""

_MAX_TOKENS = 100
_SPACE = re.compile(r"\s+", re.ASCII)  # a vertical tab, too
_TOKEN = re.compile(r"(sha(?:256|384|512))-([A-Za-z0-9+/_-]*={0,2})(?:\?[\x21-\x7e]*)?")


def asks(metadata: str) -> bool:
    """Whether the metadata name a digest that is understood. If not, any body is accepted."""
    return any(_TOKEN.fullmatch(token) for token in _SPACE.split(metadata)[:_MAX_TOKENS])


def holds(metadata: str, body: bytes) -> bool:
    """Whether a body matches one of the digests of the strongest algorithm in the metadata."""
    found = [
        match
        for token in _SPACE.split(metadata)[:_MAX_TOKENS]
        if (match := _TOKEN.fullmatch(token))
    ]
    if not found:
        return True
    strongest = max(match[1] for match in found)
    digest = hashlib.new(strongest, body).digest()
    return any(_decoded(match[2]) == digest for match in found if match[1] == strongest)


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"))
    except binascii.Error:
        return None
