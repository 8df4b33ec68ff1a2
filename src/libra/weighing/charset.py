"""Which character encoding a body is in (WHATWG Encoding and HTML standards), and decoding it.

The order for HTML: byte order mark, ``Content-Type``, ``<meta charset>`` in the first 1,024 bytes, then
UTF-8 if the bytes are valid UTF-8 (as browsers guess), else windows-1252. For CSS: byte order mark,
header, ``@charset``, the encoding of the document, UTF-8.
"""

from __future__ import annotations

import codecs
import re

import webencodings

_PRESCAN = 1024
_UNREADABLE = frozenset({"x-user-defined", "replacement"})
_PIECE = 262_144
"""Bytes decoded in one go: between pieces other threads get the interpreter."""

_META = re.compile(rb"<meta[\s/][^>]{0,500}", re.IGNORECASE)
_CHARSET = re.compile(
    rb"charset\s{0,20}=\s{0,20}[\"']?\s{0,20}([a-z0-9_:.\-]{1,40})", re.IGNORECASE
)
_AT_CHARSET = re.compile(rb'@charset "([^"]{1,40})";')
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)


def html_to_utf8(body: bytes, content_type: str | None) -> bytes:
    """The body as valid UTF-8, ready for the parser. Never raises: what is invalid becomes U+FFFD."""
    bom = _byte_order_mark(body)
    label = bom or _from_header(content_type) or _from_meta(body[:_PRESCAN])
    if label is None:
        label = "utf-8" if _is_utf8(body) else "windows-1252"
    return _transcode(body, label)


def css_to_text(body: bytes, content_type: str | None, fallback: str | None = None) -> str:
    """The text of a style sheet. Never raises.

    Args:
        body: Its bytes.
        content_type: The header, which may name the encoding.
        fallback: The encoding of the document or sheet that it is for, if that is known.
    """
    label = _byte_order_mark(body) or _from_header(content_type)
    if label is None and (match := _AT_CHARSET.match(body)) is not None:
        label = _known(match[1].decode("ascii", "replace"))
        if label is not None and label.startswith("utf-16"):
            label = "utf-8"  # it could not have been read as ASCII
    if label is None and fallback is not None:
        label = _known(fallback)
    if label in {None, "utf-8"} and len(body) <= _PIECE:
        return body.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
    return _transcode(body, label or "utf-8").decode()


def _transcode(body: bytes, label: str) -> bytes:
    encoding = webencodings.lookup(label)
    if encoding is None or encoding.name == "utf-8":
        body = body.removeprefix(codecs.BOM_UTF8)
        if _is_utf8(body):
            return body
    # A browser that meets a label it does not know goes on as if there were none.
    name = "utf-8" if encoding is None else encoding.codec_info.name
    decoder = codecs.getincrementaldecoder(name)("replace")
    pieces = [
        decoder.decode(body[at : at + _PIECE]).encode("utf-8", "replace")
        for at in range(0, len(body), _PIECE)
    ]
    pieces.append(decoder.decode(b"", final=True).encode("utf-8", "replace"))
    return b"".join(pieces).removeprefix(codecs.BOM_UTF8)


def _is_utf8(body: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(body)
    try:
        for at in range(0, len(body), _PIECE):
            decoder.decode(view[at : at + _PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _byte_order_mark(body: bytes) -> str | None:
    if body.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if body.startswith(codecs.BOM_UTF16_BE):
        return "utf-16be"
    if body.startswith(codecs.BOM_UTF16_LE):
        return "utf-16le"
    return None


def _from_header(content_type: str | None) -> str | None:
    if content_type is None or "charset" not in content_type.lower():
        return None
    match = _CHARSET.search(content_type.encode("ascii", "replace"))
    return None if match is None else _known(match[1].decode("ascii"))


def _from_meta(head: bytes) -> str | None:
    for meta in _META.finditer(_COMMENT.sub(b"", head)):
        match = _CHARSET.search(meta[0])
        if match is None:
            continue
        label = _known(match[1].decode("ascii"))
        if label is not None:
            # The declaration was readable as ASCII, so it cannot be UTF-16.
            return "utf-8" if label.startswith("utf-16") else label
    return None


def _known(label: str) -> str | None:
    encoding = webencodings.lookup(label)
    # The standard's "replacement" encodings exist to be harmless: nothing in such a body is read.
    if encoding is None or encoding.name in _UNREADABLE:
        return None
    return encoding.name
