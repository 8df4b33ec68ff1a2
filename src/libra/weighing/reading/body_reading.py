"""Chooses the reader of a body by the role of its request and the type of its response."""

from __future__ import annotations

import msgspec

from libra.ascii import trimmed
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
    """Whether a browser would read this response for references, so that its body must be kept.

    Args:
        fetch: The order.
        http_status: The status of the response.
        content_type: The whole header.
        headers: The other headers of the response.
    """
    role, essence = fetch.reference.role, essence_of(content_type)
    nosniff = headers.is_typed
    # A browser shows audio and video without regard to its other headers.
    played = (essence or "").startswith(("video/", "audio/"))
    asks = headers.asks and not played and not is_saved(essence)
    shown = is_page(essence) or (is_sniffed(content_type) and not nosniff) or asks
    shown = shown and not headers.is_download
    if role == "frame" or fetch.reference.is_embed:  # error pages are shown, too
        return shown and not fetch.reference.is_image
    if role == "object" and http_status >= 300:
        return False
    if not 200 <= http_status < 400:  # a redirect without a target counts as a normal response
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
    """Why a browser refuses to show a document in its frame, as a named error."""
    if fetch.reference.role == "object" and not is_page(essence_of(content_type)):
        return None  # an image is not subject to framing
    refusal = headers.refuses(fetch.client.around, origin_of(fetch.url))
    return None if refusal is None else f"blocked: {refusal} does not allow it in a frame"


def _is_sheet(
    fetch: Fetch, essence: str | None, content_type: str | None, *, nosniff: bool
) -> bool:
    """Whether a stylesheet of this type is used. Quirks mode accepts any type from the same origin."""
    if essence == "text/css":
        return True
    if nosniff:
        return False
    if essence is None or essence == _UNKNOWN_TYPE or trimmed(content_type or "") == "*/*":
        return True
    return fetch.client.in_quirks_mode and fetch.client.origin == origin_of(fetch.url)


def read_body(
    text: Text,
    body: bytes,
    viewport: Viewport,
) -> Parsed:
    """Find the references of a body. A pure function that may run anywhere; it never raises.

    Args:
        text: The context of the body.
        body: The decoded bytes, possibly truncated.
        viewport: The window for which candidates are chosen.
    """
    parsed = _read(text, body, viewport)
    if text.role not in DOCUMENT_ROLES:
        return parsed
    ahead = _named_in_headers(text, viewport)
    return (
        msgspec.structs.replace(parsed, references=ahead + parsed.references) if ahead else parsed
    )


def _named_in_headers(text: Text, viewport: Viewport) -> list[Reference]:
    """The references in the headers of a document, as far as its policies allow them."""
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
                return Parsed()  # a module that fails its check does not run, so it imports nothing
            script = to_utf8(body, "utf-8").decode()
            found = imports_in(script, url, text.import_map or ImportMap(url))
            return Parsed(references=[imported(item) for item in found])
