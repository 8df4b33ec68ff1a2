"""Pages in XML syntax, rewritten so that the HTML parser builds the same elements of them.

A browser reads ``application/xhtml+xml`` and ``image/svg+xml`` with its XML parser. For what a page asks
for, three differences matter: ``<script src="a.js"/>`` is closed, ``noscript`` is an element like any
other, and ``CDATA`` is text.
"""

from __future__ import annotations

import re

XML_TYPES = frozenset({"application/xhtml+xml", "image/svg+xml"})

_VOID = frozenset(
    {
        b"area", b"base", b"br", b"col", b"embed", b"hr", b"img", b"input", b"link", b"meta", b"param",
        b"source", b"track", b"wbr",
    }
)  # fmt: skip
_TAG = re.compile(rb"""<([A-Za-z][\w:.-]*+)((?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+)>""")
_NOSCRIPT = re.compile(rb"<(/?)noscript(?=[\s/>])")
_CDATA = re.compile(rb"<!\[CDATA\[|\]\]>")


def is_xml(content_type: str | None) -> bool:
    """Whether a browser takes its XML parser for an answer of this type."""
    return (content_type or "").partition(";")[0].strip().lower() in XML_TYPES


def as_html(xml: bytes) -> bytes:
    """The same page in HTML syntax, in time linear in its length. Anything goes in."""
    xml = _NOSCRIPT.sub(rb"<\1div", _CDATA.sub(b" ", xml))
    return _TAG.sub(_opened_and_closed, xml)


def _opened_and_closed(tag: re.Match[bytes]) -> bytes:
    name, attributes = tag.groups()
    if not attributes.endswith(b"/") or name.lower() in _VOID:
        return tag[0]
    return b"<%b%b></%b>" % (name, attributes[:-1], name)
