"""Finds the references in a document, as a desktop browser with scripting enabled would follow them.

The parser (lexbor) builds the tree that the HTML standard prescribes. So comments, templates and
``noscript`` mean the same as in a browser. Each kind of element has one small function in the
``elements_`` modules, which follows the HTML standard's "fetch" steps for that element.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec
from selectolax.lexbor import LexborNode

from libra.ascii import lowered, words
from libra.urls import origin_of
from libra.weighing.bodies.charset import html_encoding, to_utf8, xml_encoding
from libra.weighing.bodies.mime import is_page, is_xml, page_type
from libra.weighing.css.tokens import preprocessed
from libra.weighing.findings.document_facts import observe
from libra.weighing.headers.document_headers import NO_HEADERS, DocumentHeaders
from libra.weighing.headers.refresh import Refresh, parse_refresh
from libra.weighing.headers.request_client import RequestClient
from libra.weighing.html import elements_embedded as embedded
from libra.weighing.html import elements_head as head
from libra.weighing.html import elements_images as images
from libra.weighing.html import elements_media as media
from libra.weighing.html.document_walk import Walk, characters_of, foreign_root, is_foreign
from libra.weighing.html.icons import Icon, choose_icons, others_than
from libra.weighing.html.parsed import Parsed
from libra.weighing.html.quirks import is_in_quirks_mode
from libra.weighing.html.xhtml import as_html
from libra.weighing.options import DESKTOP, Viewport
from libra.weighing.orders.orders import Reference
from libra.weighing.style.boxes.boxes import has_box
from libra.weighing.style.boxes.nearness import near
from libra.weighing.style.shadow_roots import IN, INERT, LAYER
from libra.weighing.style.styled_document import StyledDocument
from libra.weighing.viewport.media_queries import media_matches

_MOST_ICONS = 20
"""Maximum number of icons to try one after the other."""


def read_document(
    body: bytes,
    content_type: str | None,
    url: str,
    viewport: Viewport = DESKTOP,
    *,
    is_frame: bool = False,
    headers: DocumentHeaders = NO_HEADERS,
    inherited: str = "",
    is_unseen: bool = False,
) -> Parsed:
    """Parse a document and find its references. Never raises, whatever the body contains.

    Args:
        body: The decoded bytes.
        content_type: The header, which may name the character encoding.
        url: The address of the document, after redirects.
        viewport: The window for which candidates are chosen.
        is_frame: Whether it is shown in a frame: frames have no icons and no manifest.
        headers: The other headers of the response.
        inherited: The encoding of the document around it, if both have the same origin.
        is_unseen: Whether its frame is not rendered: then nothing in it is laid out.
    """
    refresh = parse_refresh(headers.refresh, url, url) if headers.refresh else None
    essence = page_type(content_type, body, nosniff=headers.is_typed)
    if not is_page(essence):
        return Parsed(refresh=refresh)
    if is_xml(essence):
        encoding = xml_encoding(body, content_type)
        html = as_html(to_utf8(body, encoding))
    else:
        encoding = html_encoding(body, content_type, inherited)
        html = to_utf8(body, encoding)
    client = RequestClient(origin_of(url), headers.parsed_policies(), encoding)
    walk = _walk(
        html,
        url,
        client,
        viewport,
        is_frame=is_frame,
        depth=0,
        documents=[],
        is_unseen=is_unseen,
    )
    return _parsed(walk, _sooner(refresh, walk.refresh))


def _walk(
    html: bytes,
    url: str,
    client: RequestClient,
    viewport: Viewport,
    *,
    is_frame: bool,
    depth: int,
    documents: list[StyledDocument],
    is_unseen: bool = False,
) -> Walk:
    walk = Walk(
        html,
        url,
        client,
        viewport,
        is_frame=is_frame,
        depth=depth,
        documents=documents,
        inner=_read_inner,
        is_unseen=is_unseen,
    )
    late_base = walk.tree.css_first("base[href]") is not None
    deferred: list[LexborNode] = []
    for node in _elements(walk):
        tag = node.tag or ""
        if walk.scope.has_roots:
            walk.layer = _layer_of(node)
        if late_base and not walk.has_base and tag in _RESOLVED_LATER:
            deferred.append(node)
            continue
        known = len(walk.references)
        _HANDLERS[tag](walk, node)
        if deferred and _is_waited_for(node, walk.references[known:]):
            resolved = [each for each in deferred if each.tag not in _LAID_OUT_FIRST]
            deferred = [each for each in deferred if each.tag in _LAID_OUT_FIRST]
            for each in resolved:
                _HANDLERS[each.tag or ""](walk, each)
    walk.layer = ""
    for node in deferred:
        _HANDLERS[node.tag or ""](walk, node)
    for node in walk.tree.css("[style]"):
        _inline_style(walk, node)
    if walk.has_foreign:
        _hints_in_svg(walk)
    walk.scope.base = walk.base
    walk.scope.has_policies = bool(walk.policies)
    _leave_to_styles(walk)
    if walk.is_unseen:
        walk.documents.remove(walk.scope)
    elif walk.scope.lazy and not walk.scope.sheets:
        _wake_near(walk)
    if not walk.is_frame:
        walk.add(walk.manifest, "manifest")
        icons = [Icon(walk.address(icon.url) or "", icon.sizes) for icon in walk.icons]
        _refer_to_icons(walk, icons)
    return walk


def _is_waited_for(node: LexborNode, added: list[Reference]) -> bool:
    """Whether the parser waits for a script long enough to resolve all earlier references."""
    if node.tag != "script" or "async" in node.attrs or "defer" in node.attrs:
        return False
    return any(reference.role == "script" for reference in added)


def _leave_to_styles(walk: Walk) -> None:
    """Mark or drop embedded documents by whether they are rendered, or leave that to the stylesheets.

    Objects that are not rendered do not load. Such frames load, but their content is not laid out.
    """
    scope = walk.scope
    if not scope.embedded:
        return
    later = bool(scope.sheets) and not walk.large and not walk.is_unseen
    hidden = {
        at: walk.is_unseen or (not later and not has_box(node))
        for at, (node, _) in scope.embedded.items()
    }
    kept: list[Reference] = []
    for at, reference in enumerate(walk.references):
        if at not in hidden:
            kept.append(reference)
        elif later and not reference.lazy and not reference.blocked:
            kept.append(msgspec.structs.replace(reference, lazy=True, if_rendered=True))
        elif not hidden[at]:
            kept.append(reference)
        elif reference.role == "frame":
            kept.append(msgspec.structs.replace(reference, unseen=True))
    walk.references = kept
    scope.embedded = {at: item for at, item in scope.embedded.items() if later}


def _refer_to_icons(walk: Walk, icons: list[Icon]) -> None:
    chosen = choose_icons(icons)
    otherwise: tuple[Reference, ...] = ()
    for url in reversed(others_than(chosen, icons)[:_MOST_ICONS]):
        otherwise = (walk.judged(Reference(url, "icon", otherwise=otherwise)),)
    for url in chosen:
        walk.refer(Reference(url, "icon", otherwise=otherwise if url == chosen[-1] else ()))


def _read_inner(outer: Walk, html: bytes, url: str, origin: str, *, is_unseen: bool) -> None:
    """Read a document written inside another one; it inherits that document's policies."""
    client = RequestClient(origin, outer.policies, "utf-8", precursor=outer.own)
    inner = _walk(
        html,
        url,
        client,
        outer.viewport,
        is_frame=True,
        depth=outer.depth + 1,
        documents=outer.documents,
        is_unseen=is_unseen or outer.is_unseen,
    )
    outer.references += inner.references
    if inner.refresh is not None and inner.refresh.url is not None and not inner.refresh.seconds:
        outer.refer(Reference(inner.refresh.url, "frame"))
    outer.cut_off |= inner.cut_off


def _parsed(walk: Walk, refresh: Refresh | None) -> Parsed:
    observed = None if walk.large else observe(walk.tree, walk.size, walk.base)
    if observed is not None and refresh is not None and refresh.url is not None:
        observed = msgspec.structs.replace(
            observed, refresh=refresh.url, refresh_seconds=refresh.seconds
        )
    return Parsed(
        references=walk.references,
        title=walk.title,
        import_map=walk.import_map,
        has_icon=bool(walk.icons),
        error="too-large: the document has too many elements" if walk.cut_off else None,
        documents=walk.documents,
        observed=observed,
        refresh=refresh,
        policies=walk.policies,
        encoding=walk.encoding,
        in_quirks_mode=is_in_quirks_mode(walk.html),
    )


def _sooner(first: Refresh | None, second: Refresh | None) -> Refresh | None:
    """Choose between a header's refresh and the document's: the second wins unless it is slower."""
    if first is None or second is None:
        return first or second
    return second if second.seconds <= first.seconds else first


def _elements(walk: Walk) -> Iterator[LexborNode]:
    """The elements that may cause requests, in document order.

    This walks the tree instead of searching it. A search holds the interpreter lock until it ends, which
    delays other threads noticeably in a large document.
    """
    root = walk.tree.root
    if root is None:
        return
    names: set[str] = set()
    apart = {node.mem_id for inert in walk.tree.css(INERT) for node in inert.traverse()}
    for node in root.traverse():
        if not node.is_element_node:
            continue  # a comment has no attributes
        tag = node.tag or ""
        if walk.large:
            names.add(tag)
            names.update(f".{name}" for name in words(node.attrs.sget("class")))
            names.add(f"#{node.attrs.sget('id')}")
        if tag not in _HANDLERS:
            continue
        alone = node.mem_id in apart or (tag == "link" and walk.has_foreign and is_foreign(node))
        is_it = tag not in _BY_NAMESPACE or _is_of_its_kind(walk, node, tag)
        if tag == "style" and (alone or not is_it):
            head.on_scanned_style(walk, node)
            continue
        if (alone and not _is_scanned(walk, node, tag)) or not is_it:
            continue
        yield node
    if walk.large:
        walk.scope.use_names(names, characters_of(walk.html))


def _is_scanned(walk: Walk, node: LexborNode, tag: str) -> bool:
    """Whether Chromium's preload scanner acts on an element that has no effect where it stands."""
    if not walk.is_scanned:
        return False
    attributes = node.attrs
    if tag == "script":
        return "src" in attributes
    if tag == "link":
        rel = frozenset(words(lowered(attributes.sget("rel"))))
        return (
            not rel.isdisjoint({"stylesheet", "preload", "modulepreload"})
            and "alternate" not in rel
            and media_matches(attributes.sget("media"), walk.viewport)
        )
    return tag in {"img", "input", "image"}


def _is_of_its_kind(walk: Walk, node: LexborNode, tag: str) -> bool:
    """Whether an element is in the namespace (HTML or SVG) in which it has a meaning."""
    root = foreign_root(node) if walk.has_foreign else ""
    if tag in _HTML_ONLY:
        return not root
    return root == "svg" or (tag in _IN_BOTH and not root)


def _layer_of(node: LexborNode) -> str:
    """The layer of the enclosing shadow root's stylesheets, or ""."""
    number = node.attrs.get(IN)
    return f"{LAYER}{number}" if number else ""


def _inline_style(walk: Walk, node: LexborNode) -> None:
    declarations = preprocessed(node.attrs.sget("style"))
    if _MAY_MATTER.search(declarations) and not walk.forbids_style(declarations):
        walk.scope.style_element(node, declarations)


def _hints_in_svg(walk: Walk) -> None:
    """Collect SVG attributes that act as CSS properties (SVG 2, "presentation attributes")."""
    for node in walk.tree.css(",".join(f"[{name}]" for name in _PRESENTATION)):
        if not (node.tag == "svg" or is_foreign(node)):
            continue
        for name in _PRESENTATION:
            value = node.attrs.sget(name)
            if (name in _DECIDING or "url(" in lowered(value)) and value and ";" not in value:
                walk.scope.hint(node, f"{name}:{value}")


def _wake_near(walk: Walk) -> None:
    """Load lazy elements that are near the window. Without stylesheets this is known at once."""
    lazy, walk.scope.lazy = walk.scope.lazy, {}
    urls = {url for element in near(walk.tree, walk.viewport) for url in lazy.get(element, ())}
    walk.references = [
        msgspec.structs.replace(reference, lazy=False)
        if reference.lazy and reference.url in urls
        else reference
        for reference in walk.references
    ]


_DECIDING = ("display", "font-family", "font-weight", "font-style")
_PRESENTATION = (
    "fill", "stroke", "filter", "mask", "clip-path", "marker-start", "marker-mid", "marker-end",
    "cursor", *_DECIDING,
)  # fmt: skip
"""Properties that name a file or affect requests, and that SVG allows as attributes."""

_HTML_ONLY = frozenset({"object", "iframe", "frame", "audio", "track", "base"})
_IN_BOTH = frozenset({"script", "style"})
_BY_NAMESPACE = _HTML_ONLY | _IN_BOTH | {"set", "image", "use", "feimage", "feImage"}
"""Elements that have a meaning only in HTML, or only in drawings."""

_BACKGROUNDS = frozenset(
    {"col", "colgroup", "body", "table", "td", "th", "tr", "tbody", "tfoot", "thead"}
)
_LAID_OUT_FIRST = frozenset({"object", "embed"})
_RESOLVED_LATER = _BACKGROUNDS | _LAID_OUT_FIRST | {"video", "audio", "track"}
"""Elements that resolve their address only after parsing continues, so a later ``base`` counts."""

_HANDLERS: dict[str, Callable[[Walk, LexborNode], None]] = {
    "base": head.on_base,
    "title": head.on_title,
    "meta": head.on_meta,
    "link": head.on_link,
    "script": head.on_script,
    "style": head.on_style,
    "img": images.on_img,
    "input": images.on_input,
    "image": images.on_svg_image,
    "feimage": images.on_svg_image,
    "feImage": images.on_svg_image,
    "use": images.on_svg_use,
    "set": images.on_svg_set,
    **dict.fromkeys(_BACKGROUNDS, images.on_background),
    "video": media.on_video,
    "audio": media.on_audio,
    "track": media.on_track,
    "iframe": embedded.on_frame,
    "frame": embedded.on_frame,
    "object": embedded.on_object,
    "embed": embedded.on_object,
}

_MAY_MATTER = re.compile(
    r"font|url\(|image-set|display|background|--|content|mask|list-style|border-image|filter|clip-path"
    r"|cursor|animation|quotes|text-transform|\ball\b",
    re.IGNORECASE | re.ASCII,
)
"""A ``style`` attribute must match this to affect any request."""
