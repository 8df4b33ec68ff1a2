"""Observations about a document other than its references, for findings and the note on coverage."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from libra.urls import join
from libra.weighing.findings.observed import Observed

SHELL_BYTES = 60_000
"""Maximum source size in bytes of a document that leaves everything to scripts."""

SHELL_TEXT = 200
"""Maximum text of such a document: a name, "loading", or a request to enable JavaScript."""

_IMAGES = 2_000
"""Maximum number of images to examine."""

_NOT_SEEN = frozenset({"script", "style", "noscript", "template", "textarea", "iframe", "title"})


def observe(tree: LexborHTMLParser, html_bytes: int, base: str) -> Observed:
    """Examine a parsed document that is not large.

    Args:
        tree: The document.
        html_bytes: The length of its source.
        base: The base URL of its references.
    """
    return Observed(
        shown=_shown(tree, base),
        is_shell=html_bytes <= SHELL_BYTES and _is_shell(tree),
        asks_password=tree.css_first("input[type=password i]") is not None,
        elements=len(tree.css("*")) - len(tree.css("svg *")),
    )


def _shown(tree: LexborHTMLParser, base: str) -> dict[str, tuple[int, int]]:
    if tree.css_first("img[width]") is None:
        return {}
    shown: dict[str, tuple[int, int] | None] = {}
    for image in tree.css("img[src]")[:_IMAGES]:
        url = join(base, image.attrs.get("src") or "")
        if url is None:
            continue
        size = _size(image)
        known = shown.get(url, (0, 0))
        if size is None or known is None:
            shown[url] = None
        else:
            shown[url] = max(known[0], size[0]), max(known[1], size[1])
    return {url: size for url, size in shown.items() if size is not None}


def _size(image: LexborNode) -> tuple[int, int] | None:
    attributes = image.attrs
    if "srcset" in attributes:
        return None
    width, height = _pixels(attributes.get("width")), _pixels(attributes.get("height"))
    return (width, height) if width and height else None


def _pixels(text: str | None) -> int | None:
    """The number of a dimension attribute; a percentage does not count (HTML standard, 2.3.4.4)."""
    match = re.match(
        r"[ \t\n\f\r]*([0-9]{1,6})(?:\.[0-9]*)?[ \t\n\f\r]*(?:px)?[ \t\n\f\r]*\Z", text or ""
    )
    return int(match[1]) if match else None


def _is_shell(tree: LexborHTMLParser) -> bool:
    body = tree.body
    if body is None or tree.css_first("script") is None:
        return False
    if tree.css_first("body img, body video, body iframe, body object, body frame") is not None:
        return False
    seen = 0
    for node in body.traverse(include_text=True):
        if node.is_text_node and (node.parent is None or node.parent.tag not in _NOT_SEEN):
            seen += len((node.text_content or "").strip())
            if seen > SHELL_TEXT:
                return False
    return True
