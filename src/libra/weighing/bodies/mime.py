"""The MIME type of a body: the declared one, or what browsers detect when the server declares none.

Follows the MIME Sniffing standard as Chromium implements it (``net/base/mime_sniffer.cc``). If the type
is missing, malformed or says nothing (``*/*``, ``unknown/unknown``, ``application/unknown``), Chromium
examines the first bytes. It accepts any other declared type.
"""

from __future__ import annotations

import re
from functools import lru_cache

from libra.ascii import lowered, trimmed
from libra.weighing.bodies.media_types import IMAGE_TYPES

SNIFFED_BYTES = 512
"""Bytes to examine at the start of a body (Chromium's ``kMaxBytesToSniff``)."""

JAVASCRIPT_TYPES = frozenset(
    {
        "text/javascript",
        "application/javascript",
        "application/x-javascript",
        "application/ecmascript",
        "application/x-ecmascript",
        "text/ecmascript",
        "text/x-ecmascript",
        "text/x-javascript",
        "text/jscript",
        "text/livescript",
        *(f"text/javascript1.{n}" for n in range(6)),
    }
)
"""JavaScript MIME types (section 4.6)."""

_XML_TYPES = frozenset({"text/xml", "application/xml", "application/xhtml+xml", "image/svg+xml"})
_SAYS_NOTHING = frozenset({"unknown/unknown", "application/unknown", "*/*"})
_END_OF_TYPE = re.compile(r"[ \t;(]")
_CHARSET = re.compile(
    r';[ \t]*+charset=(?:"((?:[^"\\]|\\.)*+)"?|([^;"]*+))', re.IGNORECASE | re.ASCII
)

_HTML_TAGS = re.compile(
    rb"[\t\n\x0c\r ]*+<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|p"
    rb"|!--)",
    re.IGNORECASE,
)
"""Chromium compares prefixes: ``<bdo>`` matches ``<b``."""

_XML_DECLARATION = re.compile(rb"[\t\n\x0c\r ]*+<\?xml", re.IGNORECASE)


@lru_cache(maxsize=512)
def essence_of(content_type: str | None) -> str | None:
    """``type/subtype`` in lower case; None if there is none or it is malformed.

    If a comma separates several, the last valid one counts (Fetch, "extract a MIME type").
    """
    found: str | None = None
    for value in (part.strip(" \t\r\n") for part in (content_type or "").split(",")):
        end = _END_OF_TYPE.search(value)
        essence = lowered(value if end is None else value[: end.start()])
        if "/" in essence and (essence != "*/*" or found is None):
            found = essence[:127]
    return found


def charset_of(content_type: str | None) -> str | None:
    """The ``charset`` of a header, even an unknown one; the first of several with a value."""
    found: str | None = None
    for match in _CHARSET.finditer(content_type or ""):
        quoted, token = match.groups()
        found = trimmed(token if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        if found:
            break
    return found


def is_sniffed(content_type: str | None) -> bool:
    """Whether a browser examines the bytes of a page with this header to find its type."""
    essence = essence_of(content_type)
    return essence is None or essence in _SAYS_NOTHING


def is_xml(essence: str | None) -> bool:
    """Whether a browser uses its XML parser for a page of this type; it saves other types to a file."""
    return essence in _XML_TYPES


def is_page(essence: str | None) -> bool:
    """Whether a browser shows this type as a document that may request assets."""
    return essence == "text/html" or is_xml(essence)


def is_saved(essence: str | None) -> bool:
    """Whether a browser saves this type to a file instead of showing it."""
    kind, _, name = (essence or "text/").partition("/")
    if kind == "text":
        return essence in _SAVED_TEXTS
    if kind in {"audio", "video"}:
        return False
    if kind == "image":
        return essence not in IMAGE_TYPES
    return not (
        is_page(essence)
        or essence in _SAYS_NOTHING | JAVASCRIPT_TYPES | _SHOWN
        or (kind == "application" and name.endswith("+json"))
    )


_SHOWN = frozenset(
    {
        "application/json", "application/pdf", "application/rss+xml", "application/atom+xml",
        "multipart/x-mixed-replace",
    }
)  # fmt: skip
_SAVED_TEXTS = frozenset(
    f"text/{name}"
    for name in (
        "calendar", "x-calendar", "x-vcalendar", "vcalendar", "vcard", "x-vcard", "directory",
        "ldif", "qif", "x-qif", "x-csv", "x-vcf", "rtf", "comma-separated-values", "csv",
        "tab-separated-values", "tsv", "ofx", "vnd.sun.j2me.app-descriptor", "x-ms-iqy", "x-ms-odc",
    )
)  # fmt: skip


def page_type(content_type: str | None, body: bytes, *, nosniff: bool = False) -> str:
    """The type that a browser assumes for a page: the declared one, or one detected from the bytes."""
    essence = essence_of(content_type)
    if essence is not None and essence not in _SAYS_NOTHING:
        return essence
    if nosniff:
        return "text/plain"
    head = body[:SNIFFED_BYTES]
    if _HTML_TAGS.match(head) is not None:
        return "text/html"
    return "text/xml" if _XML_DECLARATION.match(head) is not None else "text/plain"
