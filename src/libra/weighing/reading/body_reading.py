"""Reading a body: which reader it goes to, by what it was wanted for and what it turned out to be."""

from __future__ import annotations

import msgspec

from libra.urls import join, origin_of
from libra.weighing.bodies.charset import sheet_encoding, to_utf8
from libra.weighing.bodies.data_imports import with_data_imports
from libra.weighing.bodies.integrity import holds
from libra.weighing.bodies.mime import JAVASCRIPT_TYPES, essence_of, is_page, is_saved, is_sniffed
from libra.weighing.bodies.query_encoding import queries_in_sheet
from libra.weighing.headers.content_policy import forbids
from libra.weighing.headers.document_headers import NO_HEADERS, DocumentHeaders, addresses_of_rules
from libra.weighing.html.document import read_document
from libra.weighing.html.document_walk import asked_by, imports_of
from libra.weighing.html.elements_head import imported
from libra.weighing.html.parsed import Parsed
from libra.weighing.html.preloads import preloads_in_headers
from libra.weighing.options import Viewport
from libra.weighing.orders.orders import BLOCKED, Fetch, Reference
from libra.weighing.orders.source import Text
from libra.weighing.roles import DOCUMENT_ROLES
from libra.weighing.scripts.import_map import ImportMap
from libra.weighing.scripts.module_scripts import imports_in
from libra.weighing.stylesheets.stylesheet import read_stylesheet

_UNKNOWN_TYPE = "application/x-unknown-content-type"


def will_be_read(
    fetch: Fetch,
    http_status: int,
    content_type: str | None,
    headers: DocumentHeaders = NO_HEADERS,
) -> bool:
    """Whether a browser would read this answer for references, so that its body must be kept.

    Args:
        fetch: The order.
        http_status: Of the answer.
        content_type: The whole header.
        headers: What else the answer says.
    """
    role, essence = fetch.reference.role, essence_of(content_type)
    nosniff = headers.is_typed
    # What is played is shown without a look at its headers.
    played = (essence or "").startswith(("video/", "audio/"))
    asks = headers.asks and not played and not is_saved(essence)
    shown = is_page(essence) or (is_sniffed(content_type) and not nosniff) or asks
    shown = shown and not headers.is_download
    if role == "frame" or fetch.reference.is_embed:  # an error's page is shown like any other
        return shown and not fetch.reference.is_image
    if role == "object" and http_status >= 300:
        return False
    if not 200 <= http_status < 400:  # a redirect that leads nowhere is an answer like another
        return False
    match role:
        case "document" | "object":
            return shown and not fetch.reference.is_image
        case "stylesheet":
            return _is_sheet(fetch, essence, content_type, nosniff=nosniff)
        case "module":
            return http_status < 300 and essence in JAVASCRIPT_TYPES
        case _:
            return False


def refusal_of(fetch: Fetch, content_type: str | None, headers: DocumentHeaders) -> str | None:
    """Why a browser does not show a document in the frame it is wanted for, as a named error."""
    if fetch.reference.role == "object" and not is_page(essence_of(content_type)):
        return None  # an image is not framed
    refusal = headers.refuses(fetch.client.around, origin_of(fetch.url))
    return None if refusal is None else f"blocked: {refusal} keeps it out of frames"


def _is_sheet(
    fetch: Fetch, essence: str | None, content_type: str | None, *, nosniff: bool
) -> bool:
    """Whether a style sheet of this type is used: any is, in quirks mode, of the page's own origin."""
    if essence == "text/css":
        return True
    if nosniff:
        return False
    if essence is None or essence == _UNKNOWN_TYPE or (content_type or "").strip() == "*/*":
        return True
    return fetch.client.in_quirks_mode and fetch.client.origin == origin_of(fetch.url)


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
    if text.role not in DOCUMENT_ROLES:
        return parsed
    ahead = _named_in_headers(text, viewport)
    return (
        msgspec.structs.replace(parsed, references=ahead + parsed.references) if ahead else parsed
    )


def _named_in_headers(text: Text, viewport: Viewport) -> list[Reference]:
    """What the headers of a document ask for, as far as its policies allow."""
    headers = text.headers
    found = preloads_in_headers(headers.links, text.url, viewport) if headers.links else []
    if found and headers.policies:
        policies, own = headers.parsed_policies(), origin_of(text.url)
        directives = [forbids(policies, asked_by(reference), own) for reference in found]
        found = [
            msgspec.structs.replace(
                reference, blocked="" if directive is None else BLOCKED.format(directive)
            )
            for reference, directive in zip(found, directives, strict=True)
        ]
    if headers.speculation_rules and text.role == "document":
        for address in addresses_of_rules(headers.speculation_rules):
            url = join(text.url, address)
            if url is not None:
                found.append(Reference(url, "other", cors=True))
    return found


def _read(text: Text, body: bytes, viewport: Viewport) -> Parsed:
    url, content_type = text.url, text.content_type
    match text.role:
        case "document" | "frame" | "object":
            return read_document(
                body,
                content_type,
                url,
                viewport,
                is_frame=text.role != "document",
                headers=text.headers,
                inherited=text.encoding,
                is_unseen=text.is_unseen,
            )
        case "stylesheet":
            if text.integrity and not holds(text.integrity, body):
                return Parsed()
            encoding = sheet_encoding(body, content_type, text.encoding)
            css = queries_in_sheet(with_data_imports(to_utf8(body, encoding).decode()), encoding)
            sheet = read_stylesheet(css, url, viewport, applies=text.applies)
            return Parsed(references=imports_of(sheet), sheet=sheet, encoding=encoding)
        case _:
            if text.integrity and not holds(text.integrity, body):
                return Parsed()  # it does not run, and a graph that does not asks for nothing
            script = to_utf8(body, "utf-8").decode()
            found = imports_in(script, url, text.import_map or ImportMap(url))
            return Parsed(references=[imported(item) for item in found])
