"""What ``object`` and ``embed`` show: the asset that they name, or their content.

HTML standard, 4.8.6 and 4.8.7. Assets that need a plug-in do not load. An object without an address, but
with a type that could be shown, counts as an empty frame. This rule and the types are Chromium's.
"""

from __future__ import annotations

from selectolax.lexbor import LexborNode

from libra.ascii import lowered, trimmed
from libra.urls import join
from libra.weighing.bodies.data_url import is_data_url
from libra.weighing.bodies.media_types import IMAGE_TYPES, is_playable

_SHOWN_TYPES = frozenset(
    {
        "application/xml", "application/xhtml+xml", "application/json", "application/javascript",
        "application/x-javascript", "application/pdf", "text/pdf",
    }
)  # fmt: skip
_NOT_SHOWN_SUFFIXES = (
    ".swf", ".swl", ".bin", ".exe", ".com", ".zip", ".epub", ".gz", ".tgz", ".tar", ".crx", ".woff",
    ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".ps", ".eps", ".ai", ".apk", ".wasm", ".rss",
)  # fmt: skip
"""Types that Chromium recognises by name and does not show; it requests unknown ones."""

_SOMEWHERE = "http://a.example/"
_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".ico", ".bmp")


def address_of(node: LexborNode) -> str | None:
    """The address that it names. For an embed with a type, the last of its two attributes counts."""
    if node.tag == "object":
        return node.attrs.get("data")
    kind = type_of(node)
    if not kind or (kind[:6] == "image/" and kind != "image/svg+xml"):
        return node.attrs.get("src")
    named = [value for name, value in node.attributes.items() if name in {"src", "code"}]
    return named[-1] if named else None


def type_of(node: LexborNode) -> str:
    """Its declared type, without parameters, in lower case."""
    return lowered(trimmed(node.attrs.sget("type").partition(";")[0]))


def is_image(node: LexborNode, address: str) -> bool:
    """Whether its type, or else the name of its address, is that of an image."""
    kind = type_of(node)
    if kind:
        return kind.startswith("image/") and kind != "image/svg+xml"
    return _path_of(address).endswith(_IMAGE_SUFFIXES)


def is_shown(node: LexborNode, address: str) -> bool:
    """Whether the asset at this address can be shown, judging by its type or its name."""
    if node.tag == "object" and node.attrs.get("classid") and not is_image(node, address):
        return False
    kind = type_of(node)
    return _shows(kind) if kind else not _path_of(address).endswith(_NOT_SHOWN_SUFFIXES)


def is_empty_frame(node: LexborNode) -> bool:
    """Whether an object names nothing and still acts as an empty frame."""
    if node.tag != "object" or node.attrs.get("classid"):
        return False
    address, kind = lowered(trimmed(address_of(node) or "")), type_of(node)
    if not address:
        return kind.startswith(("audio/", "video/")) or (bool(kind) and _shows(kind))
    return address.startswith("about:")


def shows_its_contents(node: LexborNode) -> bool:
    """Whether an object shows its content, as far as is known before anything has loaded."""
    if is_empty_frame(node):
        return False
    address = trimmed(address_of(node) or "")
    if not address or not is_shown(node, address):
        return True
    return not is_data_url(address) and join(_SOMEWHERE, address) is None


def _shows(kind: str) -> bool:
    if kind.startswith("image/"):
        return kind in IMAGE_TYPES
    if kind.startswith(("audio/", "video/")):
        return is_playable(kind)
    return kind.startswith("text/") or kind in _SHOWN_TYPES


def _path_of(address: str) -> str:
    return lowered(address.partition("?")[0].partition("#")[0])
