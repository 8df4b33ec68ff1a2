"""Preloads: ``<link rel=preload>``, and the same in the ``Link`` header of a response.

For pages and frames, Chromium loads the ``preload`` and ``modulepreload`` links of a header. It ignores
stylesheets, icons and manifests in headers, and links with an ``anchor``. Addresses in headers are
relative to the response, whatever ``<base>`` says. Parsing follows RFC 8288, section 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from libra.ascii import BLANKS_OF_C, HTTP_BLANKS, lowered, words
from libra.urls import join
from libra.weighing.bodies.media_types import IMAGE_TYPES
from libra.weighing.bodies.mime import JAVASCRIPT_TYPES
from libra.weighing.html.document_walk import is_dangling
from libra.weighing.options import Viewport
from libra.weighing.orders.orders import Reference
from libra.weighing.roles import Role
from libra.weighing.viewport.media_queries import media_matches
from libra.weighing.viewport.srcset import choose

MAX_LINKS = 500

DICTIONARY = "compression-dictionary"
"""A dictionary for compressing later responses (RFC 9842); a browser fetches it when idle."""

_ROLES: dict[str, Role] = {
    "script": "script",
    "style": "stylesheet",
    "image": "image",
    "font": "font",
    "fetch": "other",
    "track": "track",
}
"""The destinations that Chromium preloads; it ignores all others."""

_TYPES: dict[str, frozenset[str]] = {
    "image": IMAGE_TYPES,
    "style": frozenset({"text/css"}),
    "font": frozenset(
        {"font/collection", "font/otf", "font/sfnt", "font/ttf", "font/woff", "font/woff2"}
    ),
}
"""The types that are loaded for a destination; other destinations accept any type."""

_TYPES_IN_HEADERS: dict[str, frozenset[str]] = {
    "script": JAVASCRIPT_TYPES,
    "track": frozenset({"text/vtt"}),
}
"""The types that are checked only in headers, and without parameters."""

_MODULES = frozenset({"script", "style", "json"})
"""The destinations of ``modulepreload`` in headers."""

_LINK = re.compile(
    r'(?:[^,"<]++|"(?:[^"\\]|\\.)*+(?:"|\Z)|<[^>]*+(?:>|\Z))++',  # an address may hold commas
    re.DOTALL,
)
_TARGET = re.compile(r"<([^>]*+)>[ \t\r\n]*+(?:;|\Z)")
_PARAMETER = re.compile(r'(?:[^;"]++|"(?:[^"\\]|\\.)*+(?:"|\Z))++', re.DOTALL)
_NAME = re.compile(r"[\w!#$&+.^`|~-]+\Z", re.ASCII)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"\Z', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

_NEED_A_VALUE = frozenset(
    {"rel", "anchor", "title", "media", "type", "rev", "referrerpolicy", "hreflang"}
)
"""Parameters of RFC 8288; a link that has one of them without a value is invalid."""


def preload(
    parameters: Mapping[str, str | None], href: str | None, viewport: Viewport
) -> tuple[str, Role] | None:
    """The target and role of a preload, or None if Chromium ignores it.

    Args:
        parameters: ``as``, ``type``, ``media``, ``imagesrcset`` and ``imagesizes``, as present.
        href: The address, which ``imagesrcset`` overrides.
        viewport: The window for media queries and candidates.
    """
    destination = lowered(parameters.get("as") or "")
    role = _ROLES.get(destination)
    if role is None or not media_matches(parameters.get("media") or "", viewport):
        return None
    if not is_supported(parameters.get("type") or "", _TYPES.get(destination)):
        return None
    if role == "image":
        srcset, sizes = parameters.get("imagesrcset"), parameters.get("imagesizes")
        href = choose(srcset, sizes, href, viewport)
    return (href, role) if href else None


def is_supported(kind: str, types: frozenset[str] | None) -> bool:
    """Whether a ``type`` is empty or one of these, ignoring its parameters. None accepts any type."""
    essence = lowered(kind.partition(";")[0].strip(BLANKS_OF_C))
    return not essence or types is None or essence in types


def preloads_in_headers(values: Iterable[str], url: str, viewport: Viewport) -> list[Reference]:
    """The preloads in the ``Link`` headers of a response. Linear in their length; never raises.

    Args:
        values: The header's values, as received.
        url: The address of the response.
        viewport: See `preload`.
    """
    # Fields with one name form one value (RFC 9110, 5.3): an open quote continues in the next field.
    links = parse_links(", ".join(values))
    found = (_reference(target, parameters, url, viewport) for target, parameters in links)
    return [reference for reference in found if reference is not None]


def parse_links(value: str) -> list[tuple[str, dict[str, str]]]:
    """The links of a header value: targets with their parameters, keeping the first of each name.

    As in Chromium, a quote anywhere hides commas and semicolons up to the next one, and one invalid
    parameter makes the whole link invalid.
    """
    links: list[tuple[str, dict[str, str]]] = []
    for match in _LINK.finditer(value):
        link = match[0].strip(HTTP_BLANKS)
        target = _TARGET.match(link)
        if target is None:
            continue
        parameters = _parameters(link[target.end() :])
        if parameters is not None:
            links.append((target[1].strip(HTTP_BLANKS), parameters))
        if len(links) >= MAX_LINKS:
            break
    return links


def _parameters(text: str) -> dict[str, str] | None:
    """The parameters of a link; None if one of them is invalid."""
    parameters: dict[str, str] = {}
    for match in _PARAMETER.finditer(text):
        part = match[0].strip(HTTP_BLANKS)
        if not part:
            continue
        name, equals, value = part.partition("=")
        name, value = lowered(name.rstrip(HTTP_BLANKS)), value.lstrip(HTTP_BLANKS)
        if _NAME.match(name) is None or (equals and not value):
            return None
        if not equals and name in _NEED_A_VALUE:
            return None
        if value[:1] == '"':
            quoted = _QUOTED.match(value)
            if quoted is None:
                return None
            value = _ESCAPED.sub(r"\1", quoted[1])
        parameters.setdefault(name, value)
    return parameters


def _is_taken(parameters: Mapping[str, str]) -> bool:
    types = _TYPES_IN_HEADERS.get(lowered(parameters.get("as", "")))
    kind = lowered(parameters.get("type", ""))
    return "\v" not in kind and (not kind or types is None or kind in types)


def _reference(
    target: str, parameters: Mapping[str, str], url: str, viewport: Viewport
) -> Reference | None:
    if "anchor" in parameters or not target:
        return None
    rel = words(lowered(parameters.get("rel", "")))
    found: tuple[str, Role] | None = None
    ahead = False
    if "preload" in rel and _is_taken(parameters):
        found = preload(parameters, target, viewport)
    elif "modulepreload" in rel and media_matches(parameters.get("media", ""), viewport):
        # Chromium ignores one with another destination.
        known = lowered(parameters.get("as", "script")) in _MODULES
        found, ahead = (target, "module") if target and known else None, True
    elif DICTIONARY in rel and parameters.get("as", "fetch"):  # an empty ``as`` makes it invalid
        found = (target, "other")
    if found is None or is_dangling(found[0]):
        return None
    address = join(url, found[0])
    if address is None:
        return None
    nonce = parameters.get("nonce", "")
    return Reference(address, found[1], nonce=nonce, inserted=not ahead, ahead=ahead)
