"""Describes the requester of a fetch: its document, origin, site and policies."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from libra.urls import is_same_site, origin_of
from libra.weighing.headers.content_policy import forbids
from libra.weighing.headers.request_client import RequestClient
from libra.weighing.html.document_walk import asked_by
from libra.weighing.orders.orders import BLOCKED, Fetch, Outcome, Reference
from libra.weighing.roles import CORS_ROLES, DOCUMENT_ROLES
from libra.weighing.scripts.import_map import ImportMap


class Depth(NamedTuple):
    """The depth of a fetch in frames and in imports."""

    frames: int = 0
    imports: int = 0


def client_of(outcome: Outcome) -> RequestClient:
    """The request client for the references in a body."""
    fetch, reading = outcome.fetch, outcome.reading
    if reading is None:
        return fetch.client
    if fetch.reference.role not in DOCUMENT_ROLES:
        return msgspec.structs.replace(
            fetch.client, encoding=reading.encoding or fetch.client.encoding
        )
    return RequestClient(
        origin_of(fetch.url),
        reading.policies,
        reading.encoding,
        fetch.client.around,
        reading.in_quirks_mode,
    )


def judged(reference: Reference, client: RequestClient, parent: Fetch | None) -> Reference:
    """The reference, blocked if the policies forbid it. Documents check their own when read."""
    if not client.policies or reference.blocked:
        return reference
    if parent is not None and parent.reference.role in DOCUMENT_ROLES:
        return reference
    directive = forbids(client.policies, asked_by(reference), client.origin)
    if directive is None:
        return reference
    return msgspec.structs.replace(reference, blocked=BLOCKED.format(directive))


def depth_of(reference: Reference, parent: Fetch | None, *, hop: bool) -> Depth:
    """The depth of a reference in a body, or of a redirect's target."""
    if parent is None:
        return Depth()
    if hop:
        return Depth(parent.frame_depth, parent.import_depth)
    if reference.role in {"frame", "object"}:
        return Depth(parent.frame_depth + 1)
    if reference.role == parent.reference.role:
        return Depth(parent.frame_depth, parent.import_depth + 1)
    return Depth(parent.frame_depth)


def fetch_of(
    reference: Reference,
    parent: Fetch | None,
    *,
    index: int,
    url: str,
    page: str,
    initiator: str | None,
    client: RequestClient,
    depth: Depth,
    hop: bool,
    import_map: ImportMap | None,
) -> Fetch:
    """Build the order for a reference.

    Args:
        reference: The reference to fetch.
        parent: The fetch of the body with the reference, or the one that redirected. None for the page
            itself and for references of a style.
        index: Its place among the assets.
        url: The submitted address of the page. The submission's headers go only to its origin.
        page: The address of the page, after redirects.
        initiator: The URL of the body with the reference.
        client: The requesting document.
        depth: Its depth.
        hop: Whether it is the target of a redirect.
        import_map: The import map of its document.
    """
    origin, document = origin_of(reference.url), client.origin or origin_of(page)
    set_cookies = False
    hops: tuple[str, ...] = ()
    if hop and parent is not None:
        # A redirect is followed on behalf of its first requester.
        initiator, document, import_map = parent.initiator, parent.document, parent.import_map
        set_cookies, hops = parent.set_cookies, (*parent.hops, parent.url)
    return Fetch(
        index=index,
        reference=reference,
        initiator=initiator,
        document="" if reference.role == "document" else document,
        same_site=_is_same_site(reference, client, origin),
        set_cookies=set_cookies,
        own_origin=origin == origin_of(url),
        reader=_reader(reference, document, origin),
        frame_depth=depth.frames,
        import_depth=depth.imports,
        hops=hops,
        import_map=import_map if reference.role == "module" else None,
        client=client,
    )


def _is_same_site(reference: Reference, client: RequestClient, origin: str) -> bool:
    """Whether all cookies of the site go with a request (``SameSite``)."""
    if reference.role == "document" or (origin == client.origin and not client.ancestors):
        return True
    return all(is_same_site(document, origin) for document in client.around)


def _reader(reference: Reference, document: str, origin: str) -> str:
    """The origin of the document that needs permission to read the response; "" if it needs none."""
    if not (reference.cors or reference.role in CORS_ROLES):
        return ""
    return "" if document == origin else document
