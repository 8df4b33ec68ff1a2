"""Images in HTML and SVG: one candidate for each (HTML standard, "update the image data")."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborNode

from libra.ascii import lowered, trimmed
from libra.urls import origin_of
from libra.weighing.bodies.media_types import IMAGE_TYPES
from libra.weighing.css.name_characters import NAME
from libra.weighing.html.document_walk import Walk
from libra.weighing.html.preloads import is_supported
from libra.weighing.options import DESKTOP
from libra.weighing.viewport.lengths import length_px
from libra.weighing.viewport.media_queries import media_matches
from libra.weighing.viewport.srcset import choose

_WITHOUT_CONTENT = frozenset(
    {
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source",
        "template", "track", "wbr",
    }
)  # fmt: skip
"""Void elements and ``template``, whose content is not part of the document."""


def on_img(walk: Walk, node: LexborNode) -> None:
    """The candidate of the first usable source, or else the image's own."""
    attributes = node.attrs
    lazy = if_lazy(node)
    chosen: str | None = None
    parent = node.parent
    if parent is not None and parent.tag == "picture":
        chosen = _from_sources(walk, parent, node, lazy=lazy is not None)
        if chosen is not None and lazy is None and walk.is_scanned and _ends_before(node):
            # The preload scanner takes the end tag of any element for the end of the picture.
            walk.add(_own_candidate(walk, node, lazy=False), "image")
    if chosen is None:
        chosen = _own_candidate(walk, node, lazy=lazy is not None)
    walk.add(chosen, "image", lazy=lazy, cors="crossorigin" in attributes)


def _own_candidate(walk: Walk, node: LexborNode, *, lazy: bool) -> str | None:
    attributes = node.attrs
    return choose(
        attributes.get("srcset"),
        _sizes(attributes.get("sizes"), node, lazy=lazy),
        attributes.get("src"),
        walk.viewport,
        at_hand=_is_unscanned(walk, lazy=lazy),
    )


def _ends_before(image: LexborNode) -> bool:
    """Whether an element that may have content precedes an image in its picture."""
    before = image.prev
    while before is not None:
        if before.is_element_node and before.tag not in _WITHOUT_CONTENT:
            return True
        before = before.prev
    return False


def _from_sources(walk: Walk, picture: LexborNode, image: LexborNode, *, lazy: bool) -> str | None:
    """The candidate of the first source before the image that has one and whose conditions hold."""
    child = picture.first_child
    while child is not None and child.mem_id != image.mem_id:
        if child.tag == "source" and child.attrs.get("srcset"):
            attributes = child.attrs
            if media_matches(attributes.sget("media"), walk.viewport) and is_supported(
                attributes.sget("type"), IMAGE_TYPES
            ):
                sizes = _sizes(attributes.get("sizes"), image, lazy=lazy)
                at_hand = _is_unscanned(walk, lazy=lazy)
                chosen = choose(
                    attributes.get("srcset"), sizes, None, walk.viewport, at_hand=at_hand
                )
                if chosen:
                    return chosen
        child = child.next
    return None


def _is_unscanned(walk: Walk, *, lazy: bool) -> bool:
    """Whether only the parser requests the image, which knows the candidates at hand."""
    return lazy or not walk.is_scanned


_AUTO = re.compile(rf"[ \t\n\f\r]*+auto(?!{NAME})", re.IGNORECASE | re.ASCII)


def _sizes(sizes: str | None, image: LexborNode, *, lazy: bool) -> str | None:
    if lazy and sizes and _AUTO.match(sizes):
        return _auto_size(image.attrs.sget("width")) or sizes.partition(",")[2]
    return sizes


def _auto_size(width: str) -> str | None:
    """The ``sizes`` value of ``auto``, if a width attribute gives it."""
    text = trimmed(width).removesuffix("px")
    return f"{text}px" if length_px(f"{text}px", DESKTOP) else None


def on_input(walk: Walk, node: LexborNode) -> None:
    """An image button."""
    if lowered(node.attrs.sget("type")) == "image":
        walk.add(node.attrs.get("src"), "image")


def on_svg_image(walk: Walk, node: LexborNode) -> None:
    """An image in a drawing or in a filter."""
    walk.add(href_of(node), "image")


def href_of(node: LexborNode) -> str | None:
    """The address of an SVG element; even an empty ``href`` overrides the older attribute."""
    attributes = node.attrs
    return attributes.get("href") if "href" in attributes else attributes.get("xlink:href")


def on_svg_set(walk: Walk, node: LexborNode) -> None:
    """An animation that changes the address of an image."""
    parent = node.parent
    if parent is not None and parent.tag == "image":
        name = node.attrs.sget("attributename") or node.attrs.sget("attributeName")
        if name in {"href", "xlink:href"}:
            walk.add(node.attrs.get("to"), "image")


def on_svg_use(walk: Walk, node: LexborNode) -> None:
    """A part of another drawing; browsers refuse one from another origin."""
    href = trimmed(href_of(node) or "")
    if not href or href.startswith("#"):
        return
    url = walk.address(href)
    if url is not None and origin_of(url) == walk.origin:
        walk.add(href, "image")


def on_background(walk: Walk, node: LexborNode) -> None:
    """The ``background`` attribute of tables and the body."""
    url = walk.address((node.attrs.get("background") or "").strip("\t\n\f\r "))
    if url is not None:
        walk.scope.hint(node, f'background-image:url("{url}")')


def if_lazy(node: LexborNode) -> LexborNode | None:
    """The element itself, if it loads only near the window."""
    return node if lowered(node.attrs.sget("loading")) == "lazy" else None
