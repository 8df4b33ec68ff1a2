"""The encoding that a document declares in itself, by ``<meta>`` or an XML declaration.

Like Chromium (``HTMLMetaCharsetParser``), this module reads the source token by token until the head
ends. It always reads the first 1,024 bytes, whatever they contain. So it ignores a ``charset`` in a
comment, a script, a title or the text of another attribute.
"""

from __future__ import annotations

import re

import webencodings

from libra.ascii import lowered, trimmed

UNCONDITIONAL = 1024
"""Bytes that are always searched (HTML standard, "prescan a byte stream")."""

_MOST = 1_000_000
"""Maximum bytes of a head that are searched."""

_HEAD_TAGS = frozenset(
    {b"script", b"noscript", b"style", b"link", b"meta", b"object", b"title", b"base"}
)
_RAW = frozenset(
    {
        b"script", b"style", b"title", b"textarea", b"noframes", b"noembed", b"xmp",
        b"iframe",
    }
)  # fmt: skip
_TOKEN = re.compile(
    rb"<!--(?:>|->|(?:[^-]++|-(?!-!?>))*+(?:--!?>|\Z))"  # a comment
    rb"|<(?P<mark>[/!?])?(?P<name>[A-Za-z][^ \t\n\f\r/>]*+)?"  # a tag, or a malformed comment
)
_ATTRIBUTE = re.compile(
    rb"[ \t\n\f\r/]*+(?P<name>[^ \t\n\f\r/>=]?[^ \t\n\f\r/>=]*+)"
    rb"(?:[ \t\n\f\r]*+=[ \t\n\f\r]*+"
    rb"(?:\"(?P<double>[^\"]*+)\"?|'(?P<single>[^']*+)'?|(?P<bare>[^ \t\n\f\r>]*+)))?"
)
_CHARSET = re.compile(
    r"charset[ \t\n\f\r]*+=[ \t\n\f\r]*+(?:\"(?P<double>[^\"]*+)\"|'(?P<single>[^']*+)'"
    r"|(?P<bare>[^ \t\n\f\r;\"'][^ \t\n\f\r;]*+))",
    re.IGNORECASE | re.ASCII,
)
_XML_DECLARATION = re.compile(
    rb"<\?xml[ \t\n\f\r][^>]{0,200}?encoding[ \t\n\f\r]{0,20}=[ \t\n\f\r]{0,20}"
    rb"(?:\"([^\">]{1,60})\"|'([^'>]{1,60})')[^>]{0,200}>"
)
_READ_AS_ASCII = frozenset({"utf-16le", "utf-16be"})
"""Encodings that a declaration readable as ASCII cannot mean."""


REPLACEMENT = "replacement"
"""Replaces encodings once used for attacks. A body in one of them is decoded to a single U+FFFD."""

_REPLACED = frozenset(
    {"replacement", "csiso2022kr", "hz-gb-2312", "iso-2022-cn", "iso-2022-cn-ext", "iso-2022-kr"}
)


def known_encoding(label: str) -> str | None:
    """The name of the encoding with this label; None for an unknown label."""
    if lowered(label.strip("\t\n\f\r ")) in _REPLACED:
        return REPLACEMENT
    encoding = webencodings.lookup(label)
    return None if encoding is None else encoding.name


def declared_in_html(body: bytes) -> str | None:
    """The encoding of the first ``<meta>`` that declares a known one."""
    at, end = 0, min(len(body), _MOST)
    in_head = True
    while in_head or at < UNCONDITIONAL:
        token = _TOKEN.search(body, at, end)
        if token is None or (token.start() >= UNCONDITIONAL and not in_head):
            break
        at, name, mark = token.end(), token["name"], token["mark"]
        if name is None or mark in {b"!", b"?"}:
            if mark is not None or name is not None:
                closing = body.find(b">", token.start(), end)
                at = end if closing < 0 else closing + 1
            continue
        name = name.lower()
        attributes, at = _attributes(body, at, end)
        if mark is None:
            if name == b"meta":
                label = _of_meta(attributes)
                if label is not None:
                    return label
            elif name in _RAW:
                at = _end_of_raw(body, name, at, end)
        in_head &= name in _HEAD_TAGS or (mark is None and name in {b"html", b"head"})
    return None


def declared_in_xml(body: bytes) -> str | None:
    """The encoding of an XML declaration, which must come first in the document."""
    match = _XML_DECLARATION.match(body[:1024])
    if match is None:
        return None
    return _as_read((match[1] or match[2]).decode("ascii", "replace"))


def _of_meta(attributes: dict[bytes, str]) -> str | None:
    label = attributes.get(b"charset")
    if label is None and lowered(attributes.get(b"http-equiv", "")) == "content-type":
        match = _CHARSET.search(attributes.get(b"content", "")[:1_000])
        label = None if match is None else match["double"] or match["single"] or match["bare"]
    return None if label is None else _as_read(label)


def _as_read(label: str) -> str | None:
    name = known_encoding(trimmed(label))
    if name in _READ_AS_ASCII:
        return "utf-8"
    return "windows-1252" if name == "x-user-defined" else name


def _attributes(body: bytes, at: int, end: int) -> tuple[dict[bytes, str], int]:
    """The attributes of a tag, and where the tag ends. Like Chromium, keeps the last of each name."""
    found: dict[bytes, str] = {}
    while at < end:
        attribute = _ATTRIBUTE.match(body, at, end)
        if attribute is None or attribute.end() == at:
            return found, at + 1  # the > itself, or a character that cannot be in a name
        at = attribute.end()
        name = attribute["name"].lower()
        if name:
            value = attribute["double"] or attribute["single"] or attribute["bare"] or b""
            found[name] = value[:1_000].decode("latin-1")
        if body[at : at + 1] == b">":
            return found, at + 1
    return {}, end  # an unclosed tag is no tag


def _end_of_raw(body: bytes, name: bytes, at: int, end: int) -> int:
    closing = re.compile(rb"</" + name + rb"(?=[ \t\n\f\r/>])", re.IGNORECASE).search(body, at, end)
    return end if closing is None else closing.start()
