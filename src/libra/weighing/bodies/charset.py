"""Detects the character encoding of a body (WHATWG Encoding and HTML standards), and decodes it.

The order for HTML: byte order mark, ``Content-Type``, ``<meta charset>`` (`prescan`), XML declaration,
the encoding of the document around a frame, windows-1252. Like Chromium, this module does not guess
UTF-8. For XML: byte order mark, header, declaration, UTF-8. For CSS: byte order mark, header,
``@charset``, the encoding of the document, UTF-8.
"""

from __future__ import annotations

import codecs
import re

import webencodings

from libra.weighing.bodies.big5 import from_big5
from libra.weighing.bodies.mime import charset_of
from libra.weighing.bodies.prescan import (
    REPLACEMENT,
    declared_in_html,
    declared_in_xml,
    known_encoding,
)

_PIECE = 262_144
"""Bytes decoded at once. Other threads get the interpreter between two pieces."""

_AT_CHARSET = re.compile(rb'@charset "([^"]{1,40})";')


def html_encoding(body: bytes, content_type: str | None, inherited: str = "") -> str:
    """The name of an HTML document's encoding.

    Args:
        body: The whole body.
        content_type: The ``Content-Type`` header.
        inherited: The encoding of the document around it, if both have the same origin.
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
    """The name of an XML document's encoding, by default UTF-8."""
    return (
        _byte_order_mark(body)
        or _from_header(content_type)
        or _utf16_by_its_first_character(body)
        or declared_in_xml(body)
        or "utf-8"
    )


def to_utf8(body: bytes, encoding: str) -> bytes:
    """The body as valid UTF-8, ready for a parser. Never raises: invalid bytes become U+FFFD."""
    return _transcode(body, encoding)


def sheet_encoding(body: bytes, content_type: str | None, environment: str = "") -> str:
    """The name of a stylesheet's encoding.

    Args:
        body: The whole body.
        content_type: The ``Content-Type`` header.
        environment: The encoding of the document or stylesheet that requests it, used before the
            default.
    """
    label = _byte_order_mark(body) or _from_header(content_type)
    if label is None and (match := _AT_CHARSET.match(body)) is not None:
        label = known_encoding(match[1].decode("ascii", "replace"))
        if label is not None and label.startswith("utf-16"):
            label = "utf-8"  # bytes in UTF-16 would not match the ASCII pattern
    return label or environment or "utf-8"


def _transcode(body: bytes, label: str) -> bytes:
    if label == REPLACEMENT:
        return "\ufffd".encode() if body else b""
    encoding = webencodings.lookup(label)
    if encoding is None or encoding.name == "utf-8":
        body = body.removeprefix(codecs.BOM_UTF8)
        if _is_utf8(body):
            return body
    # A browser ignores a label that it does not know.
    codec = (encoding or webencodings.UTF8).codec_info
    if codec.name in {"big5", "big5hkscs"}:
        return from_big5(body)
    if codec.name in {"gbk", "gb2312"}:
        codec = codecs.lookup("gb18030")  # its decoder is also GBK's (Encoding, 10.1.1)
    handler = "replace"
    if _is_single_byte(codec.name):
        handler = _HEBREW if codec.name == "cp1255" else _C1
    elif codec.name in _PAIRED:
        handler = _LEAD
    decoder = codec.incrementaldecoder(handler)
    pieces = [
        _by_the_standard(decoder.decode(body[at : at + _PIECE]), codec.name)
        for at in range(0, len(body), _PIECE)
    ]
    pieces.append(_by_the_standard(decoder.decode(b"", final=True), codec.name))
    return b"".join(pieces).removeprefix(codecs.BOM_UTF8)


_OTHERWISE: dict[str, dict[int, str]] = {
    # 0xA0 and 0xFD to 0xFF are undefined in Shift_JIS.
    "cp932": dict.fromkeys(range(0xF8F0, 0xF8F4), "\ufffd"),
    "euc_jp": dict(
        zip(
            map(ord, "\u301c\u2212\u2016\xa2\xa3\xac"),
            "\uff5e\uff0d\u2225\uffe0\uffe1\uffe2",
            strict=True,
        )
    ),
    "gb18030": {
        0xE5E5: "\u3000",
        0xE7C7: "\u1e3f",
        **dict(
            zip(
                (
                    *range(0xE78D, 0xE797),
                    0xE81E,
                    0xE826,
                    0xE82B,
                    0xE82C,
                    0xE832,
                    0xE843,
                    0xE854,
                    0xE864,
                ),
                "\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19"
                "\u9fb4\u9fb5\u9fb6\u9fb7\u9fb8\u9fb9\u9fba\u9fbb",
                strict=True,
            )
        ),
    },
    "iso2022_jp": {0x0E: "\ufffd", 0x0F: "\ufffd"},
    "koi8-u": {0x255D: "\u045e", 0x256C: "\u040e"},
}
"""Characters that the standard maps differently from Python, by codec."""


def _by_the_standard(text: str, codec: str) -> bytes:
    others = _OTHERWISE.get(codec)
    if others is not None:
        text = text.translate(others)
    return text.encode("utf-8", "replace")


_C1 = "libra.c1"


def _to_c1(error: UnicodeError) -> tuple[str, int]:
    """Map undefined bytes from 0x80 to 0x9F in single-byte encodings to controls (Encoding, 4)."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    code = error.object[error.start]
    return chr(code) if code < 0xA0 else "\ufffd", error.start + 1


codecs.register_error(_C1, _to_c1)

_HEBREW = "libra.hebrew"


def _to_hebrew(error: UnicodeError) -> tuple[str, int]:
    """Add the Windows-1255 vowel that Python's codec lacks."""
    found, end = _to_c1(error)
    is_vowel = isinstance(error, UnicodeDecodeError) and error.object[error.start] == 0xCA
    return "\u05ba" if is_vowel else found, end


codecs.register_error(_HEBREW, _to_hebrew)

_LEAD = "libra.lead"
_PAIRED = frozenset(
    {
        "cp932",
        "shift_jis",
        "euc_jp",
        "gbk",
        "gb2312",
        "gb18030",
        "euc_kr",
        "cp949",
    }
)
"""Codecs of encodings that follow a lead byte with a second byte."""


def _after_lead(error: UnicodeError) -> tuple[str, int]:
    """An invalid lead byte also consumes the next byte, unless that is ASCII (Encoding, 10 to 13)."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    data, at = error.object, error.start
    if data[at] == 0x80 and error.encoding == "gb18030":
        return "\u20ac", at + 1
    if error.encoding == "euc_jp" and (found := _of_nec(data[at : at + 2])):
        return found, at + 2
    leads = 0x81 <= data[at] <= 0xFE
    if error.encoding == "euc_jp":
        leads = data[at] in {0x8E, 0x8F} or 0xA1 <= data[at] <= 0xFE
        if data[at] == 0x8F and b"\xa1" <= data[at + 1 : at + 2] <= b"\xfe":
            at += 1  # the second byte is a lead byte, too
    takes_next = leads and at + 1 < len(data) and data[at + 1] >= 0x80
    return "\ufffd", at + 1 + takes_next


codecs.register_error(_LEAD, _after_lead)


def _of_nec(pair: bytes) -> str:
    """A character that is in the standard's index JIS X 0208 and not in Python's, or ""."""
    if len(pair) < 2 or min(pair) < 0xA1 or max(pair) > 0xFE:
        return ""
    row, cell = pair[0] - 0xA1, pair[1] - 0xA1
    lead, trail = row // 2, row % 2 * 94 + cell
    shifted = bytes(
        (lead + (0x81 if lead < 0x1F else 0xC1), trail + (0x40 if trail < 0x3F else 0x41))
    )
    try:
        return shifted.decode("cp932")
    except UnicodeDecodeError:
        return ""


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
    """XML 1.0, appendix F: the first character of an XML declaration identifies UTF-16."""
    if body.startswith(b"<\0?\0x\0"):
        return "utf-16le"
    return "utf-16be" if body.startswith(b"\0<\0?\0x") else None
