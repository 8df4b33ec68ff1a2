"""Reading a body: which reader it goes to, by what it was wanted for and what it turned out to be."""

from __future__ import annotations

from libra.weighing.charset import css_to_text, html_to_utf8
from libra.weighing.document import read_document
from libra.weighing.modules import ImportMap, imports_in
from libra.weighing.options import Options
from libra.weighing.reference import Fetch, Reading, Reference
from libra.weighing.stylesheet import read_stylesheet

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_SCRIPT_SUFFIXES = ("javascript", "ecmascript")


def will_be_read(fetch: Fetch, http_status: int, content_type: str | None) -> bool:
    """Whether a browser would read this answer for references, so that its body must be kept."""
    if not 200 <= http_status < 300:
        return False
    match fetch.reference.role:
        case "document" | "frame":
            return content_type is None or content_type in _HTML_TYPES
        case "object":
            return content_type in _HTML_TYPES
        case "stylesheet":
            # Browsers in standards mode refuse a sheet of another type.
            return content_type is None or content_type == "text/css"
        case "module":
            return content_type is None or content_type.endswith(_SCRIPT_SUFFIXES)
        case _:
            return False


def read_body(fetch: Fetch, body: bytes, content_type: str | None, options: Options) -> Reading:
    """Find what a body asks for. A pure function that may run in any thread; it never raises.

    Args:
        fetch: What the body was wanted for.
        body: Decoded bytes, possibly cut short.
        content_type: The whole header with its parameters.
        options: For the viewport.
    """
    match fetch.reference.role:
        case "document":
            return read_document(body, content_type, fetch.url, options)
        case "frame" | "object":
            return read_document(body, content_type, fetch.url, options, is_frame=True)
        case "stylesheet":
            text = css_to_text(body, content_type)
            return read_stylesheet(
                text, fetch.url, options.viewport, fetch.scope, applies=fetch.reference.applies
            )
        case _:
            source = html_to_utf8(body, "text/javascript; charset=utf-8").decode()
            import_map = fetch.scope.import_map if fetch.scope else ImportMap(fetch.url)
            urls = imports_in(source, fetch.url, import_map)
            return Reading(references=[Reference(url, "module") for url in urls])
