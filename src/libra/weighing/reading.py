"""Reading a body: which reader it goes to, by what it was wanted for and what it turned out to be."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from libra.weighing.charset import css_to_text, html_to_utf8
from libra.weighing.document import imports_of, read_document
from libra.weighing.integrity import holds
from libra.weighing.modules import ImportMap, imports_in
from libra.weighing.options import Options
from libra.weighing.preloads import preloads_in_headers
from libra.weighing.reference import Fetch, Reading, Reference
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
    fetch: Fetch,
    body: bytes,
    content_type: str | None,
    options: Options,
    links: Sequence[str] = (),
) -> Reading:
    """Find what a body asks for. A pure function that may run in any thread; it never raises.

    Args:
        fetch: What the body was wanted for.
        body: Decoded bytes, possibly cut short.
        content_type: The whole header with its parameters.
        options: For the viewport.
        links: The values of its ``Link`` headers.
    """
    reading = _read(fetch, body, content_type, options)
    if not links or fetch.reference.role not in LINKING_ROLES:
        return reading
    ahead = preloads_in_headers(links, fetch.url, options.viewport)
    return msgspec.structs.replace(reading, references=ahead + reading.references)


def _read(fetch: Fetch, body: bytes, content_type: str | None, options: Options) -> Reading:
    match fetch.reference.role:
        case "document":
            return read_document(body, content_type, fetch.url, options)
        case "frame" | "object":
            return read_document(body, content_type, fetch.url, options, is_frame=True)
        case "stylesheet":
            if fetch.reference.integrity and not holds(fetch.reference.integrity, body):
                return Reading()
            text = css_to_text(body, content_type)
            sheet = read_stylesheet(
                text, fetch.url, options.viewport, applies=fetch.reference.applies
            )
            return Reading(references=imports_of(sheet), sheet=sheet)
        case _:
            source = html_to_utf8(body, "text/javascript; charset=utf-8").decode()
            import_map = fetch.import_map or ImportMap(fetch.url)
            urls = imports_in(source, fetch.url, import_map)
            return Reading(references=[Reference(url, "module") for url in urls])
