"""The elements of a document's head and their requests (HTML standard, "fetch and process")."""

from __future__ import annotations

import re

import msgspec
from selectolax.lexbor import LexborNode

from libra.ascii import BLANKS_OF_C, lowered, trimmed, words
from libra.weighing.bodies.charset import sheet_encoding, to_utf8
from libra.weighing.bodies.data_imports import as_data_sheet
from libra.weighing.bodies.data_url import decode_data_url, is_data_url
from libra.weighing.bodies.mime import JAVASCRIPT_TYPES, essence_of
from libra.weighing.bodies.prescan import known_encoding
from libra.weighing.bodies.query_encoding import queries_in_sheet
from libra.weighing.headers.content_policy import allows_base, forbids_inline, parse_policies
from libra.weighing.headers.refresh import parse_refresh
from libra.weighing.html.document_walk import Walk, imports_of, is_foreign
from libra.weighing.html.elements_images import href_of
from libra.weighing.html.icons import Icon
from libra.weighing.html.late_sheets import after_load
from libra.weighing.html.preloads import DICTIONARY, preload
from libra.weighing.orders.orders import Reference
from libra.weighing.roles import Role
from libra.weighing.scripts.import_map import absolute
from libra.weighing.scripts.module_scripts import Imported, imports_in, imports_of_data
from libra.weighing.stylesheets.stylesheet import read_stylesheet
from libra.weighing.viewport.media_queries import media_matches

_MAX_TITLE = 1_000
_BLANKS = re.compile(r"[\t\n\f\r ]+")
_HEAD_OF_SHEET = re.compile(
    r"(?:[ \t\n\f\r]++|/\*(?:[^*]++|\*(?!/))*+\*/"
    r"|@(?:charset|import)(?:[^;\"'()]++|\"[^\"]*+\"|'[^']*+'|\([^)]*+\))*+;)*+",
    re.IGNORECASE | re.ASCII,
)
"""The imports at the head of a stylesheet, and what may stand before and between them."""

_NO_BASES = ("data:", "javascript:")

_PRELOADED_AS: dict[str, Role] = {"style": "stylesheet", "image": "image", "json": "other"}
"""Destinations of ``modulepreload`` other than scripts."""


def on_base(walk: Walk, node: LexborNode) -> None:
    """Apply the first ``base`` with an address, which affects references that are resolved later."""
    href = node.attrs.get("href")
    if href is None or walk.has_base or walk.layer:
        return
    url = absolute(walk.url, href)
    if url is None:
        return
    walk.has_base = True
    if url.startswith(_NO_BASES) or not allows_base(walk.policies, url, walk.own):
        return
    walk.base = walk.import_map.base = url


def on_title(walk: Walk, node: LexborNode) -> None:
    """Take the document's title: the first one in HTML, since SVG may have its own."""
    if walk.title is None and (node.parent is None or node.parent.tag != "svg"):
        walk.title = " ".join(words(node.text(deep=True)))[:_MAX_TITLE] or None


def on_meta(walk: Walk, node: LexborNode) -> None:
    """Policies, and refreshes that redirect visitors."""
    name = lowered(node.attrs.sget("http-equiv"))
    if name == "content-security-policy":
        if node.parent is not None and node.parent.tag == "head":
            walk.policies += parse_policies([node.attrs.sget("content")], meta=True)
    elif name == "refresh" and not walk.layer:
        found = parse_refresh(node.attrs.sget("content"), walk.url, walk.base)
        # A second refresh wins unless it is slower (Chromium's NavigationScheduler).
        if found is not None and (walk.refresh is None or found.seconds <= walk.refresh.seconds):
            walk.refresh = found
    elif name == "default-style" and not walk.layer:
        walk.preferred = walk.preferred or node.attrs.sget("content")


def on_link(walk: Walk, node: LexborNode) -> None:
    """Stylesheets, icons, preloads, the manifest."""
    attributes = dict(node.attributes)
    rel = _rel_of(attributes)
    href = attributes.get("href")
    late = after_load(attributes) if "onload" in attributes else None
    if late is not None and forbids_inline(
        walk.policies, "script-attr", attributes["onload"] or ""
    ):
        late = None
    if "stylesheet" in rel:
        if walk.has_foreign and is_foreign(node):
            attributes |= {"rel": "alternate stylesheet", "title": ""}  # requested, but not applied
        _on_stylesheet(walk, attributes, late)
        late = None
    elif "icon" in rel:
        _on_icon(walk, node, href)
    is_loaded = "preload" in rel and _on_preload(walk, attributes)
    if (is_loaded or "prefetch" in rel) and late is not None and "stylesheet" in _rel_of(late):
        _on_stylesheet(walk, late, None)
    if DICTIONARY in rel:
        walk.add(href, "other")
    if "modulepreload" in rel and media_matches(attributes.get("media") or "", walk.viewport):
        _on_modulepreload(walk, attributes)
    if "manifest" in rel and href and not walk.is_frame and walk.manifest is None:
        walk.manifest = href


def _rel_of(attributes: dict[str, str | None]) -> frozenset[str]:
    return frozenset(_BLANKS.split(lowered(attributes.get("rel") or "")))


def _on_stylesheet(
    walk: Walk, attributes: dict[str, str | None], late: dict[str, str | None] | None
) -> None:
    href = attributes.get("href")
    kind = lowered((attributes.get("type") or "").strip(BLANKS_OF_C))
    if not href or "disabled" in attributes or kind.partition(";")[0] not in {"", "text/css"}:
        return
    applies = _applies(walk, attributes)
    if late is not None:
        applies = "disabled" not in late and (applies or _applies(walk, late))
    nonce = attributes.get("nonce") or ""
    if is_data_url(href):
        _on_data_sheet(walk, href, nonce, applies=applies)
        return
    url = walk.address(href)
    if url is not None:
        walk.add_sheet(
            url,
            applies=applies,
            cors="crossorigin" in attributes,
            integrity=attributes.get("integrity") or "",
            nonce=nonce,
            encoding=known_encoding(trimmed(attributes.get("charset") or "")) or "",
        )


def _applies(walk: Walk, attributes: dict[str, str | None]) -> bool:
    """Whether a stylesheet takes effect: it belongs to the chosen set, and its media query holds."""
    return (
        "disabled" not in attributes
        and _is_chosen(walk, attributes)
        and media_matches(attributes.get("media") or "", walk.viewport)
    )


def _is_chosen(walk: Walk, attributes: dict[str, str | None]) -> bool:
    title = attributes.get("title")
    if "alternate" in _rel_of(attributes):
        return bool(title) and title == walk.preferred and not walk.layer
    return is_preferred(walk, title)


def is_preferred(walk: Walk, title: str | None) -> bool:
    """Whether a stylesheet has no title, or the one of the preferred set (CSSOM, 6.2).

    ``<meta http-equiv=default-style>`` or the first stylesheet with a title names that set.
    """
    if not title or walk.layer:
        return True
    walk.preferred = walk.preferred or title
    return title == walk.preferred


def _on_data_sheet(walk: Walk, href: str, nonce: str, *, applies: bool) -> None:
    data = decode_data_url(href)
    if data is None or essence_of(data.content_type) != "text/css":
        return
    if walk.judged(Reference("data:", "stylesheet", nonce=nonce)).blocked:
        return
    encoding = sheet_encoding(data.body, data.content_type, walk.encoding)
    css = to_utf8(data.body, encoding).decode()
    walk.add_inline_sheet(as_data_sheet(css), walk.base, applies=applies)  # as in Chromium


def _on_icon(walk: Walk, node: LexborNode, href: str | None) -> None:
    attributes, parent = node.attrs, node.parent
    if not href or parent is None or parent.tag != "head":
        return
    if media_matches(attributes.sget("media"), walk.viewport):
        walk.icons.append(Icon(href, attributes.sget("sizes")))


def _on_preload(walk: Walk, attributes: dict[str, str | None]) -> bool:
    found = preload(attributes, attributes.get("href"), walk.viewport)
    if found is None:
        return False
    nonce, integrity = attributes.get("nonce") or "", attributes.get("integrity") or ""
    address, role = found
    walk.add(address, role, nonce=nonce, integrity=integrity if role == "script" else "")
    return True


def _on_modulepreload(walk: Walk, attributes: dict[str, str | None]) -> None:
    url = walk.address(attributes.get("href"))
    if url is None:
        return
    role = _PRELOADED_AS.get(lowered(attributes.get("as") or ""), "module")
    walk.refer(
        Reference(
            url,
            role,
            nonce=attributes.get("nonce") or "",
            integrity=attributes.get("integrity") or "",
            inserted=False,
            ahead=role == "module",
        )
    )


def on_script(walk: Walk, node: LexborNode) -> None:
    """Scripts, module graphs and import maps."""
    attributes = node.attrs
    kind = script_type(attributes.get("type"), attributes.get("language"))
    source, nonce = attributes.get("src"), attributes.sget("nonce")
    is_drawn = False
    if walk.has_foreign and is_foreign(node):
        # Chromium requests a script in a drawing whatever its type.
        source, kind, is_drawn = href_of(node), kind or "classic", True
    if kind == "module":
        if source is not None and is_data_url(source):
            for found in imports_of_data(trimmed(source), walk.import_map):
                walk.refer(imported(found, nonce))
        elif source is not None:
            walk.add(source, "module", nonce=nonce, integrity=attributes.sget("integrity"))
        elif not walk.forbids_script(text := node.text(deep=True), nonce):
            for found in imports_in(text, walk.base, walk.import_map):
                walk.refer(imported(found, nonce))
    elif kind == "importmap":
        if source is None and not walk.forbids_script(text := node.text(deep=True), nonce):
            walk.import_map.add(text)
    elif kind == "classic" and (is_drawn or "nomodule" not in attributes):
        walk.add(
            source,
            "script",
            cors="crossorigin" in attributes,
            nonce=nonce,
            integrity=attributes.sget("integrity"),
        )


def script_type(kind: str | None, language: str | None) -> str | None:
    """``classic``, ``module``, ``importmap``, or None for a block of data."""
    if kind is None and language:
        kind = f"text/{language}"
    if not kind:
        return "classic"
    if lowered(kind) in {"module", "importmap"}:
        return lowered(kind)
    return "classic" if lowered(kind.strip(BLANKS_OF_C)) in JAVASCRIPT_TYPES else None


def imported(found: Imported, nonce: str = "") -> Reference:
    """The reference to an imported module, with the nonce of its importer."""
    role: Role = "other" if found.kind else "module"
    return Reference(found.url, role, nonce=nonce, inserted=False)


def on_scanned_style(walk: Walk, node: LexborNode) -> None:
    """A stylesheet that does not count by its type or place: Chromium's scanner requests its imports."""
    head = _HEAD_OF_SHEET.match(node.text(deep=False)) if walk.is_scanned else None
    if head is not None and "@import" in lowered(head[0]):
        for reference in imports_of(read_stylesheet(head[0], walk.base, walk.viewport)):
            if reference.applies:
                walk.refer(msgspec.structs.replace(reference, applies=False))


def on_style(walk: Walk, node: LexborNode) -> None:
    """A stylesheet that is written in the document."""
    attributes = node.attrs
    kind = lowered(attributes.sget("type"))
    text = node.text(deep=False)  # in a drawing it may have child elements, which do not count
    if kind not in {"", "text/css"}:
        on_scanned_style(walk, node)
        return
    if walk.policies and forbids_inline(walk.policies, "style", text, attributes.sget("nonce")):
        return
    written = dict(node.attributes)
    late = after_load(written) if "onload" in written else None
    applies = is_preferred(walk, written.get("title")) and media_matches(
        (late or written).get("media") or "", walk.viewport
    )
    walk.add_inline_sheet(queries_in_sheet(text, walk.encoding), walk.base, applies=applies)
