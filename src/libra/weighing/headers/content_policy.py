"""Content Security Policy (level 3), as far as it restricts the requests of a document.

A document has any number of policies; a request that one of them forbids is not made. Policies come with
the response (``Content-Security-Policy``) or from ``<meta>``, which affects only what follows it.
Report-only policies forbid nothing. Where the standard and browsers differ, this module follows
Chromium.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from libra.ascii import lowered, words
from libra.weighing.roles import Role

MAX_POLICIES = 20
MAX_SOURCES = 500
"""Maximum over all policies of a document, because each source is compared with every request."""

_MOST_TEXT = 200_000

Inline = Literal["script", "script-attr", "style", "style-attr"]
"""The kinds of inline code: an element's text, or an attribute."""

_SCRIPTS = ("script-src-elem", "script-src", "default-src")
_STYLES = ("style-src-elem", "style-src", "default-src")
_FRAMES = ("frame-src", "child-src", "default-src")
_OF_ROLE: dict[Role, tuple[str, ...]] = {
    "frame": _FRAMES,
    "stylesheet": _STYLES,
    "script": _SCRIPTS,
    "module": _SCRIPTS,
    "image": ("img-src", "default-src"),
    "icon": ("img-src", "default-src"),
    "font": ("font-src", "default-src"),
    "media": ("media-src", "default-src"),
    "track": ("media-src", "default-src"),
    "manifest": ("manifest-src", "default-src"),
    "object": ("object-src", "default-src"),
    "other": ("connect-src", "default-src"),
}
"""The directives that govern a request; the first one present decides (section 6.8.3)."""

_OF_INLINE: dict[Inline, tuple[str, ...]] = {
    "script": _SCRIPTS,
    "script-attr": ("script-src-attr", "script-src", "default-src"),
    "style": _STYLES,
    "style-attr": ("style-src-attr", "style-src", "default-src"),
}
_NOT_IN_META = frozenset({"frame-ancestors", "report-uri", "sandbox"})

_VISIBLE = re.compile(r"[ \t\n\f\r\x21-\x7e]*+\Z")
_SCHEME_SOURCE = re.compile(r"([a-z][a-z0-9+.-]*):\Z", re.IGNORECASE | re.ASCII)
_HOST_SOURCE = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<host>\*|(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*\.?)"
    r"(?::(?P<port>[0-9]+|\*))?(?:(?P<path>/[^?#]*)(?:[?#].*)?)?\Z",  # Chromium ignores a query
    re.IGNORECASE | re.ASCII,
)
_HASH = re.compile(r"'(sha256|sha384|sha512)-([a-z0-9+/_-]+={0,2})'\Z", re.IGNORECASE | re.ASCII)
_NONCE = re.compile(r"'nonce-([a-z0-9+/_-]+={0,2})'\Z", re.IGNORECASE | re.ASCII)
_OWN_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_DEFAULT_PORT = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class Policy(msgspec.Struct, frozen=True, array_like=True):
    """One policy: its directives with their values, names in lower case."""

    directives: dict[str, tuple[str, ...]] = {}

    def governing(self, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]] | None:
        """The first of these directives that the policy contains."""
        for name in names:
            if name in self.directives:
                return name, self.directives[name]
        return None


Policies = tuple[Policy, ...]


class PolicyRequest(msgspec.Struct, frozen=True):
    """A request, as a policy sees it.

    Attributes:
        url: The absolute URL.
        role: The role of the requested body.
        nonce: The nonce of the requesting element, or of the script whose import this is.
        integrity: The integrity metadata of the element.
        inserted: Whether the parser created the element; False for imports and requests by scripts.
        redirected: Whether a redirect led here. Then policies do not compare paths.
    """

    url: str
    role: Role
    nonce: str = ""
    integrity: str = ""
    inserted: bool = True
    redirected: bool = False


def parse_policies(values: Iterable[str], *, meta: bool = False) -> Policies:
    """Parse the policies of headers, or of the ``content`` of a ``<meta>``. Never raises."""
    found: list[Policy] = []
    room = MAX_SOURCES
    for value in values:
        for text in [value] if meta else value[:_MOST_TEXT].split(","):
            directives: dict[str, tuple[str, ...]] = {}
            named = set(_NOT_IN_META if meta else ())
            for part in text[:_MOST_TEXT].split(";"):
                name, *rest = words(part) or [""]
                name = lowered(name)
                if not name or name in named:
                    continue
                named.add(name)
                # Chromium ignores a directive with other letters, and later ones of its name.
                if _VISIBLE.match(part):
                    directives[name] = tuple(rest[:room])
                    room -= len(directives[name])
            if directives and len(found) < MAX_POLICIES:
                found.append(Policy(directives))
    return tuple(found)


def forbids(policies: Policies, asked: PolicyRequest, own: str) -> str | None:
    """The directive that forbids a request, or None.

    Args:
        policies: The policies of the document.
        asked: The request.
        own: The origin of the document; "" for an opaque origin.
    """
    names = _OF_ROLE.get(asked.role)
    for policy in policies if names is not None else ():
        found = policy.governing(names or ())
        if found is None:
            continue
        name, sources = found
        allowed = (
            _allows_script(sources, asked, own)
            if asked.role in {"script", "module"}
            else _allows(sources, asked, own)
            or (asked.role == "stylesheet" and _has_nonce(sources, asked.nonce))
        )
        if not allowed:
            return name
    return None


def forbids_navigation(policies: Policies, asked: PolicyRequest, own: str) -> str | None:
    """As `forbids`, for an ``<object>`` or ``<embed>`` that shows a document and so acts as a frame."""
    frame = msgspec.structs.replace(asked, role="frame")
    return forbids(policies, asked, own) or forbids(policies, frame, own)


def forbids_inline(policies: Policies, kind: Inline, text: str, nonce: str = "") -> str | None:
    """The directive that forbids an inline script or style, or None (section 6.7.3.3)."""
    for policy in policies:
        found = policy.governing(_OF_INLINE[kind])
        if found is not None and not _allows_inline(found[1], kind, text, nonce):
            return found[0]
    return None


def forbids_framing(policies: Policies, ancestors: tuple[str, ...], own: str) -> bool:
    """Whether ``frame-ancestors`` forbids showing a document in frames with these ancestor origins."""
    for policy in policies:
        sources = policy.directives.get("frame-ancestors")
        if sources is None:
            continue
        for ancestor in ancestors:
            if not any(_matches(source, ancestor + "/", own, False) for source in sources):
                return True
    return False


def upgrades(policies: Policies) -> bool:
    """Whether the policies rewrite ``http:`` to ``https:`` (Upgrade Insecure Requests)."""
    return any("upgrade-insecure-requests" in policy.directives for policy in policies)


def upgraded(url: str, *, redirected: bool = False) -> str:
    """The address over TLS. Addresses of this machine stay as they are, since browsers trust them.

    After a redirect Chromium upgrades those, too.
    """
    host = urlsplit(url).hostname or ""
    is_own = host in _OWN_HOSTS or host.endswith(".localhost")
    if not url.startswith("http:") or (is_own and not redirected):
        return url
    return "https:" + url[5:]


def allows_base(policies: Policies, base: str, own: str) -> bool:
    """Whether the policies allow this ``<base>`` address."""
    for policy in policies:
        sources = policy.directives.get("base-uri")
        if sources is not None and not any(_matches(one, base, own, False) for one in sources):
            return False
    return True


def _allows(sources: tuple[str, ...], asked: PolicyRequest, own: str) -> bool:
    return any(_matches(source, asked.url, own, asked.redirected) for source in sources)


def _allows_script(sources: tuple[str, ...], asked: PolicyRequest, own: str) -> bool:
    if _has_nonce(sources, asked.nonce) or _has_integrity(sources, asked.integrity):
        return True
    if any(lowered(source) == "'strict-dynamic'" for source in sources):
        return not asked.inserted
    return _allows(sources, asked, own)


def _allows_inline(sources: tuple[str, ...], kind: Inline, text: str, nonce: str) -> bool:
    lower = [lowered(source) for source in sources]
    precise = any(
        _HASH.match(source) or _NONCE.match(source) or lowered(source) == "'strict-dynamic'"
        for source in sources
    )
    if "'unsafe-inline'" in lower and not precise:
        return True
    if kind in {"script", "style"} and _has_nonce(sources, nonce):
        return True
    if kind in {"script-attr", "style-attr"} and "'unsafe-hashes'" not in lower:
        return False
    return any(_is_hash_of(source, text) for source in sources)


def _has_nonce(sources: tuple[str, ...], nonce: str) -> bool:
    return bool(nonce) and any(
        (match := _NONCE.match(source)) is not None and match[1] == nonce for source in sources
    )


def _has_integrity(sources: tuple[str, ...], integrity: str) -> bool:
    """Whether the policy lists every digest that an element requires."""
    wanted = [lowered(item.partition("?")[0]) for item in words(integrity)]
    wanted = [item for item in wanted if _HASH.match(f"'{item}'")]
    if not wanted:
        return False
    exact = {item.partition("?")[0] for item in words(integrity)}
    named = {source.strip("'") for source in sources if _HASH.match(source)}
    return bool(named) and exact <= named


def _is_hash_of(source: str, text: str) -> bool:
    match = _HASH.match(source)
    if match is None:
        return False
    try:
        wanted = base64.b64decode(match[2].replace("-", "+").replace("_", "/") + "==")
    except (binascii.Error, ValueError):
        return False
    return hashlib.new(lowered(match[1]), text.encode("utf-8", "replace")).digest() == wanted


class _SourceExpression(NamedTuple):
    """A source expression other than a keyword: an address of which parts may be missing."""

    scheme: str
    host: str
    port: str | None
    path: str


@lru_cache(maxsize=4_096)
def _source(text: str) -> _SourceExpression | None:
    match = _SCHEME_SOURCE.match(text)
    if match is not None:
        return _SourceExpression(lowered(match[1]), "", None, "")
    match = _HOST_SOURCE.match(text)
    if match is None:
        return None
    scheme, host, port, path = match.groups()
    return _SourceExpression(lowered(scheme or ""), lowered(host), port, path or "")


def _matches(text: str, url: str, own: str, redirected: bool) -> bool:
    """Whether an address matches a source expression (section 6.7.2.7)."""
    address = urlsplit(url)
    if text[:1] == "'":
        return lowered(text) == "'self'" and bool(own) and _is_own(address, own)
    if text == "*":
        return address.scheme in {"http", "https", "ws", "wss"}
    source = _source(text)
    if source is None:
        return False
    if not source.host:
        return _scheme_matches(source.scheme, address.scheme)
    host = address.hostname
    if not host or not _host_matches(source.host, host):
        return False
    wanted = source.scheme or urlsplit(own).scheme
    return (
        (not wanted or _scheme_matches(wanted, address.scheme))
        and _port_matches(source.port, wanted, address.port, address.scheme)
        and (redirected or _path_matches(source.path, address.path))
    )


def _is_own(address: SplitResult, own: str) -> bool:
    mine = urlsplit(own)
    if address.netloc == mine.netloc and address.scheme == mine.scheme:
        return True
    return (
        (mine.scheme, address.scheme) == ("http", "https")
        and address.hostname == mine.hostname
        and mine.port is None
        and address.port is None
    )


def _scheme_matches(wanted: str, scheme: str) -> bool:
    return wanted == scheme or (wanted, scheme) in {("http", "https"), ("ws", "wss")}


def _host_matches(wanted: str, host: str) -> bool:
    if wanted == "*":
        return True
    if wanted.startswith("*."):
        return host.endswith(wanted[1:])
    return wanted == host


def _port_matches(wanted: str | None, said: str, port: int | None, scheme: str) -> bool:
    if wanted == "*":
        return True
    actual = port or _DEFAULT_PORT.get(scheme)
    if wanted is None:
        return actual == _DEFAULT_PORT.get(scheme)
    return int(wanted[:6]) == actual or (
        int(wanted[:6]) == 80 and actual == 443 and said in {"", "http"}
    )


def _path_matches(wanted: str, path: str) -> bool:
    if wanted in {"", "/"}:
        return True
    wanted, path = unquote(wanted), unquote(path or "/")
    return path.startswith(wanted) if wanted.endswith("/") else path == wanted
