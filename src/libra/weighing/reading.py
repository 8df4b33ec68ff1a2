"""Reading a body: which reader it goes to, by what it was wanted for and what it turned out to be."""

from __future__ import annotations

import msgspec

from libra.weighing.charset import css_to_text, html_to_utf8
from libra.weighing.document import imports_of, read_document
from libra.weighing.integrity import holds
from libra.weighing.modules import ImportMap, imports_in
from libra.weighing.options import Viewport
from libra.weighing.parsed import Parsed
from libra.weighing.preloads import preloads_in_headers
from libra.weighing.reference import Fetch, Reference
from libra.weighing.source import Text
from libra.weighing.stylesheet import read_stylesheet

_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml"})
"""A drawing in a frame is a document, too, with style sheets, images and scripts of its own."""

LINKING_ROLES = frozenset({"document", "frame", "object"})
"""What a ``Link`` header is followed for: in the answers of style sheets browsers ignore it."""

_SCRIPT_SUFFIXES = ("javascript", "ecmascript")


def will_be_read(fetch: Fetch, http_status: int, content_type: str | None) -> bool:
    """Whether a browser would read this answer for references, so that its body must be kept."""
    role = fetch.reference.role
    if role == "frame":  # an error's page is shown like any other
        return content_type is None or content_type in _PAGE_TYPES
    if not 200 <= http_status < 300:
        return False
    match role:
        case "document":
            return content_type is None or content_type in _PAGE_TYPES
        case "object":
            return content_type in _PAGE_TYPES
        case "stylesheet":
            # Browsers in standards mode refuse a sheet of another type.
            return content_type is None or content_type == "text/css"
        case "module":
            return content_type is None or content_type.endswith(_SCRIPT_SUFFIXES)
        case _:
            return False


def read_body(
    text: Text,
    body: bytes,
    viewport: Viewport,
) -> Parsed:
    """Find what a body asks for. A pure function that may run anywhere; it never raises.

    Args:
        text: What the body is.
        body: Decoded bytes, possibly cut short.
        viewport: What candidates are chosen for.
    """
    parsed = _read(text, body, viewport)
    if not text.links or text.role not in LINKING_ROLES:
        return parsed
    ahead = preloads_in_headers(text.links, text.url, viewport)
    return msgspec.structs.replace(parsed, references=ahead + parsed.references)


def _read(text: Text, body: bytes, viewport: Viewport) -> Parsed:
    url, content_type = text.url, text.content_type
    match text.role:
        case "document":
            return read_document(body, content_type, url, viewport)
        case "frame" | "object":
            return read_document(body, content_type, url, viewport, is_frame=True)
        case "stylesheet":
            if text.integrity and not holds(text.integrity, body):
                return Parsed()
            css = css_to_text(body, content_type)
            sheet = read_stylesheet(css, url, viewport, applies=text.applies)
            return Parsed(references=imports_of(sheet), sheet=sheet)
        case _:
            script = html_to_utf8(body, "text/javascript; charset=utf-8").decode()
            urls = imports_in(script, url, text.import_map or ImportMap(url))
            return Parsed(references=[Reference(found, "module") for found in urls])
