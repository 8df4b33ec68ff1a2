"""Which character encoding a body is in (WHATWG Encoding and HTML standards), and decoding it.

The order for HTML: byte order mark, ``Content-Type``, ``<meta charset>`` (`prescan`), an XML
declaration, the encoding of the document around a frame, windows-1252: Chromium does not guess
UTF-8. For XML: byte order mark, header, declaration, UTF-8. For CSS: byte order mark, header,
``@charset``, the encoding of the document, UTF-8.
"""

from __future__ import annotations

import codecs
import re

import webencodings

from libra.weighing.mime import charset_of
from libra.weighing.prescan import declared_in_html, declared_in_xml, known_encoding

_PIECE = 262_144
"""Bytes decoded in one go: between pieces other threads get the interpreter."""

_AT_CHARSET = re.compile(rb'@charset "([^"]{1,40})";')


def html_encoding(body: bytes, content_type: str | None, inherited: str = "") -> str:
    """The name of the encoding of a document in HTML.

    Args:
        body: All of it.
        content_type: The header.
        inherited: The encoding of the document around it, if that is of the same origin.
    """
    return (
        _byte_order_mark(body)
        or _from_header(content_type)
        or declared_in_html(body)
        or _utf16_by_its_first_character(body)
        or declared_in_xml(body)
        or inherited
        or "windows-1252"
    )


def xml_encoding(body: bytes, content_type: str | None) -> str:
    """The name of the encoding of a document in XML, whose default is UTF-8."""
    return (
        _byte_order_mark(body)
        or _from_header(content_type)
        or _utf16_by_its_first_character(body)
        or declared_in_xml(body)
        or "utf-8"
    )


def to_utf8(body: bytes, encoding: str) -> bytes:
    """The body as valid UTF-8, ready for a parser. Never raises: what is invalid becomes U+FFFD."""
    return _transcode(body, encoding)


def sheet_encoding(body: bytes, content_type: str | None, environment: str = "") -> str:
    """The name of the encoding of a style sheet.

    Args:
        body: All of it.
        content_type: The header.
        environment: The encoding of who asks for it, which is the last but one to be asked.
    """
    label = _byte_order_mark(body) or _from_header(content_type)
    if label is None and (match := _AT_CHARSET.match(body)) is not None:
        label = known_encoding(match[1].decode("ascii", "replace"))
        if label is not None and label.startswith("utf-16"):
            label = "utf-8"  # it could not have been read as ASCII
    return label or environment or "utf-8"


def _transcode(body: bytes, label: str) -> bytes:
    encoding = webencodings.lookup(label)
    if encoding is None or encoding.name == "utf-8":
        body = body.removeprefix(codecs.BOM_UTF8)
        if _is_utf8(body):
            return body
    # A browser that meets a label it does not know goes on as if there were none.
    codec = (encoding or webencodings.UTF8).codec_info
    decoder = codec.incrementaldecoder(_C1 if _is_single_byte(codec.name) else "replace")
    pieces = [
        decoder.decode(body[at : at + _PIECE]).encode("utf-8", "replace")
        for at in range(0, len(body), _PIECE)
    ]
    pieces.append(decoder.decode(b"", final=True).encode("utf-8", "replace"))
    return b"".join(pieces).removeprefix(codecs.BOM_UTF8)


_C1 = "libra.c1"


def _to_c1(error: UnicodeError) -> tuple[str, int]:
    """What a single-byte encoding leaves open from 0x80 to 0x9F is a control character (Encoding, 4)."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    code = error.object[error.start]
    return chr(code) if code < 0xA0 else "\ufffd", error.start + 1


codecs.register_error(_C1, _to_c1)


def _is_single_byte(name: str) -> bool:
    return name.startswith(("cp125", "cp874", "iso8859", "koi8", "mac", "cp866"))


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
    label = charset_of(content_type)
    return known_encoding(label) if label else None


def _utf16_by_its_first_character(body: bytes) -> str | None:
    """XML 1.0, appendix F: a document in UTF-16 with an XML declaration cannot be mistaken."""
    if body.startswith(b"<\0?\0x\0"):
        return "utf-16le"
    return "utf-16be" if body.startswith(b"\0<\0?\0x") else None
