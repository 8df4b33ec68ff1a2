"""What ``object`` and ``embed`` show: what they name, or what stands in them.

HTML standard, 4.8.6 and 4.8.7. What would need a plug-in is not loaded. An object without an address
whose type could be shown stands for itself all the same, as an empty frame; this and the types are as
Chromium has them.
"""

from __future__ import annotations

from selectolax.lexbor import LexborNode

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
"""Of what Chromium knows by its name and does not show; what it does not know it asks for."""

_SOMEWHERE = "http://a.example/"
_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".ico", ".bmp")


def address_of(node: LexborNode) -> str | None:
    """What it names: of the two attributes of an embed that says what it is the last."""
    if node.tag == "object":
        return node.attrs.get("data")
    kind = type_of(node)
    if not kind or (kind[:6] == "image/" and kind != "image/svg+xml"):
        return node.attrs.get("src")
    named = [value for name, value in node.attributes.items() if name in {"src", "code"}]
    return named[-1] if named else None


def type_of(node: LexborNode) -> str:
    """The type that it says, without parameters, in lower case."""
    return node.attrs.sget("type").partition(";")[0].strip().lower()


def is_image(node: LexborNode, address: str) -> bool:
    """Whether its type, or else the name of what it shows, is an image's."""
    kind = type_of(node)
    if kind:
        return kind.startswith("image/") and kind != "image/svg+xml"
    return _path_of(address).endswith(_IMAGE_SUFFIXES)


def is_shown(node: LexborNode, address: str) -> bool:
    """Whether what is at this address can be shown, as far as its type or its name tells."""
    if node.tag == "object" and node.attrs.get("classid") and not is_image(node, address):
        return False
    kind = type_of(node)
    return _shows(kind) if kind else not _path_of(address).endswith(_NOT_SHOWN_SUFFIXES)


def is_empty_frame(node: LexborNode) -> bool:
    """Whether an object names nothing and yet stands for itself."""
    if node.tag != "object" or node.attrs.get("classid"):
        return False
    address, kind = (address_of(node) or "").strip().lower(), type_of(node)
    if not address:
        return kind.startswith(("audio/", "video/")) or (bool(kind) and _shows(kind))
    return address.startswith("about:")


def shows_its_contents(node: LexborNode) -> bool:
    """Whether what stands in an object is shown, as far as is known before anything is loaded."""
    if is_empty_frame(node):
        return False
    address = (address_of(node) or "").strip()
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
    return address.partition("?")[0].partition("#")[0].lower()
