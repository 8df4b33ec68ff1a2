"""Frames, objects and embeds: documents inside a document (HTML standard, 4.8.5 to 4.8.7)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import msgspec
from selectolax.lexbor import LexborNode

from libra.weighing.bodies.charset import html_encoding, to_utf8, xml_encoding
from libra.weighing.bodies.data_url import decode_data_url, is_data_url
from libra.weighing.bodies.mime import is_page, is_xml, page_type
from libra.weighing.headers.content_policy import forbids_navigation
from libra.weighing.html.document_walk import NO_BASE, Walk, asked_by, is_dangling
from libra.weighing.html.elements_images import if_lazy
from libra.weighing.html.xhtml import as_html
from libra.weighing.orders.orders import BLOCKED, Reference
from libra.weighing.style.boxes.boxes import has_box
from libra.weighing.style.boxes.objects import (
    address_of,
    is_empty_frame,
    is_image,
    is_shown,
    type_of,
)

MAX_DEPTH = 3
"""Maximum nesting of documents written inside one another."""

MAX_INNER = 200
"""Maximum number of documents written in one. Each takes 200 kB of memory until its style is known."""

_FALLBACK_DEPTH = 8
_ANCESTORS = 100
_NOTHING_EMBEDDED_IN = frozenset({"audio", "video", "canvas"})
_LOOKED_AT = 500
_MOST_WAITING = 1_000
"""Objects and frames of a document that wait for its style; any beyond are assumed to be rendered."""


def on_frame(walk: Walk, node: LexborNode) -> None:
    """A frame: a document at another address, or one written in the attribute."""
    attributes = node.attrs
    source = attributes.get("src")
    if "srcdoc" in attributes and node.tag == "iframe":
        srcdoc = attributes.sget("srcdoc").encode("utf-8", "replace")
        _read_inner(walk, node, srcdoc, walk.base, walk.origin)
    elif source is not None and is_data_url(source) and not is_dangling(source):
        _on_data_document(walk, node, source, Reference("data:", "frame"))
    else:
        url = walk.address(source)
        lazy = if_lazy(node) if node.tag == "iframe" else None
        if url is not None and lazy is None and len(walk.scope.embedded) < _MOST_WAITING:
            walk.scope.embedded[len(walk.references)] = node, url
        walk.add(source, "frame", lazy=lazy)


def _on_data_document(walk: Walk, node: LexborNode, address: str, reference: Reference) -> None:
    """A document in a ``data:`` URL, which has an opaque origin."""
    data = decode_data_url(address)
    if data is None or walk.judged(reference).blocked:
        return
    essence = page_type(data.content_type, data.body)
    if not is_page(essence):
        return
    if is_xml(essence):
        html = as_html(to_utf8(data.body, xml_encoding(data.body, data.content_type)))
    else:
        html = to_utf8(data.body, html_encoding(data.body, data.content_type))
    _read_inner(walk, node, html, NO_BASE, "")


def _read_inner(walk: Walk, node: LexborNode, html: bytes, url: str, origin: str) -> None:
    if walk.depth >= MAX_DEPTH:
        return
    if len(walk.documents) > MAX_INNER:
        walk.cut_off = True
        return
    walk.inner(walk, html, url, origin, is_unseen=not has_box(node))


def on_object(walk: Walk, node: LexborNode) -> None:
    """The content of an ``object`` or ``embed``, unless it is the fallback of an enclosing one."""
    if walk.objects and _is_fallback(walk, node):
        return
    address = address_of(node)
    if address is not None and is_data_url(address) and _is_loaded(node, address):
        walk.objects.add(node.mem_id)
        _on_data_document(walk, node, address, Reference("data:", "object"))
        return
    if is_empty_frame(node):
        walk.objects.add(node.mem_id)
        return
    reference = _reference_of(walk, node, 0)
    if reference is not None:
        walk.objects.add(node.mem_id)
        if len(walk.scope.embedded) < _MOST_WAITING:
            walk.scope.embedded[len(walk.references)] = node, reference.url
        walk.references.append(reference)


def _reference_of(walk: Walk, node: LexborNode, depth: int) -> Reference | None:
    """The reference of an object, with its fallbacks in case the object fails."""
    address = address_of(node)
    url = walk.address(address) if address else None
    if url is None or not _is_loaded(node, address or ""):
        return None
    otherwise: tuple[Reference, ...] = ()
    if depth < _FALLBACK_DEPTH and node.first_child is not None:
        found = (_reference_of(walk, inner, depth + 1) for inner in _nearest(node))
        otherwise = tuple(reference for reference in found if reference is not None)
    # An embed that is an image by its type or name stays one; an object becomes what its response is.
    is_embed = node.tag == "embed"
    stays_image = is_embed and is_image(node, url)
    reference = Reference(
        url, "object", is_image=stays_image, is_embed=is_embed, otherwise=otherwise
    )
    if walk.policies and _may_be_document(node, url):
        directive = forbids_navigation(walk.policies, asked_by(reference), walk.own)
        if directive is not None:
            return msgspec.structs.replace(reference, blocked=BLOCKED.format(directive))
    return walk.judged(reference)


def _nearest(node: LexborNode) -> Iterator[LexborNode]:
    """The outermost loadable objects inside an object."""
    taken: set[int] = set()
    for inner in islice(node.traverse(), _LOOKED_AT):
        parent = inner.parent
        if parent is not None and parent.mem_id in taken:
            taken.add(inner.mem_id)
        elif inner.tag in {"object", "embed"} and inner.mem_id != node.mem_id:
            address = address_of(inner)
            if address and _is_loaded(inner, address):
                taken.add(inner.mem_id)
                yield inner


def _is_loaded(node: LexborNode, address: str) -> bool:
    """Whether it can load: it needs no plug-in, and no ancestor prevents it from having a box."""
    if not is_shown(node, address):
        return False
    parent = node.parent
    for _ in range(_ANCESTORS):
        if parent is None or parent.tag in _NOTHING_EMBEDDED_IN:
            return parent is None
        parent = parent.parent
    return True


def _may_be_document(node: LexborNode, url: str) -> bool:
    """Whether it may become a frame, judging by its type or the end of its address."""
    kind = type_of(node)
    if kind:
        return kind.startswith("text/") or kind in {"image/svg+xml", "application/xhtml+xml"}
    return not is_image(node, url)


def _is_fallback(walk: Walk, node: LexborNode) -> bool:
    """Whether it is the fallback of an enclosing object that loads."""
    parent = node.parent
    for _ in range(_FALLBACK_DEPTH):
        if parent is None:
            break
        if parent.mem_id in walk.objects:
            return True
        parent = parent.parent
    return False
