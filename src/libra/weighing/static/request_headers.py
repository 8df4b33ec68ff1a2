"""Request headers: Chromium's, plus an honest user agent.

Servers choose their response by these headers: formats by ``Accept``, fonts by ``User-Agent``, and
whether to respond at all by ``Sec-Fetch-*``. So all of them except the name are Chromium's own, as
observed. The differences:

- no ``Sec-CH-UA``, which would claim to be a browser, not only to understand the same formats;
- no ``signed-exchange`` in ``Accept``, which Libra cannot read.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address

from libra.urls import host_of, is_same_site, origin_of
from libra.weighing.options import Options
from libra.weighing.orders.orders import Fetch
from libra.weighing.roles import CORS_ROLES, Role

_HTML = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,"
    "image/jxl,image/avif,image/webp,image/apng,*/*;q=0.8"
)
_IMAGE = "image/jxl,image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
_ACCEPT: dict[Role, str] = {
    "document": _HTML,
    "frame": _HTML,
    "object": _HTML,
    "stylesheet": "text/css,*/*;q=0.1",
    "image": _IMAGE,
    "icon": _IMAGE,
}
"""All other roles get ``*/*``."""

_DESTINATION: dict[Role, str] = {
    "document": "document",
    "frame": "iframe",
    "object": "object",
    "stylesheet": "style",
    "script": "script",
    "module": "script",
    "image": "image",
    "icon": "image",
    "font": "font",
    "media": "video",
    "track": "track",
    "manifest": "manifest",
    "other": "empty",
}
_NAVIGATIONS: frozenset[Role] = frozenset({"document", "frame", "object"})


def request_headers(fetch: Fetch, options: Options, cookies: str = "") -> str:
    """All header lines of a request except ``Host``, each with its line ending.

    Args:
        fetch: The order and its requester.
        options: The options of the page; its own headers go only to its own origin.
        cookies: The cookies for this address from the page's jar.
    """
    role, document = fetch.reference.role, client_of(fetch)
    cors = is_cors(fetch)
    headers = _usual_headers(
        role,
        options.user_agent,
        _mode(role, cors=cors),
        _site(document, (*fetch.hops, fetch.url)) if is_trustworthy(origin_of(fetch.url)) else "",
    )
    if fetch.initiator is not None:
        referrer = referrer_of(fetch.initiator, fetch.url)
        if referrer is not None:
            headers += f"Referer: {referrer}\r\n"
    if fetch.reader or (cors and document):
        headers += f"Origin: {fetch.reader or document}\r\n"
    own = options.headers if fetch.own_origin else ()
    if own:
        own, cookies = _with_cookies(own, cookies)
    if cookies:
        headers += f"Cookie: {cookies}\r\n"
    return _with_own(headers, own) if own else headers


def client_of(fetch: Fetch) -> str:
    """The origin of the document that it is fetched for; "" for the page itself."""
    if fetch.document or fetch.initiator is None:
        return fetch.document
    return origin_of(fetch.initiator)


def is_cors(fetch: Fetch) -> bool:
    """Whether another origin must allow the request."""
    return fetch.reference.cors or fetch.reference.role in CORS_ROLES


def has_credentials(fetch: Fetch) -> bool:
    """Whether cookies are sent and stored: not for the manifest or CORS requests to another origin."""
    if fetch.reference.role == "manifest":
        return False
    if not is_cors(fetch):
        return True
    document = client_of(fetch)
    return all(origin_of(url) == document for url in (*fetch.hops, fetch.url))


@lru_cache(maxsize=4096)
def is_trustworthy(origin: str) -> bool:
    """Whether nobody on the way can read along ("potentially trustworthy" in Secure Contexts).

    Only to such origins does a browser send ``Sec-Fetch-*``, and only from them does it store ``Secure``
    cookies.
    """
    if origin.startswith("https:"):
        return True
    host = host_of(origin)
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def referrer_of(initiator: str, url: str) -> str | None:
    """The referrer by the default policy of browsers, ``strict-origin-when-cross-origin``."""
    origin = origin_of(initiator)
    if origin == origin_of(url):
        return initiator
    if initiator.startswith("https:") and not url.startswith("https:"):
        return None
    return origin + "/"


@lru_cache(maxsize=1024)
def _usual_headers(role: Role, user_agent: str, mode: str, site: str) -> str:
    """The header lines with which all requests of this kind begin."""
    lines = [f"User-Agent: {user_agent}", f"Accept: {_ACCEPT.get(role, '*/*')}"]
    if role in _NAVIGATIONS:
        lines.insert(0, "Upgrade-Insecure-Requests: 1")
    if site:
        lines += [f"Sec-Fetch-Site: {site}", f"Sec-Fetch-Mode: {mode}"]
        if role == "document":
            lines.append("Sec-Fetch-User: ?1")
        lines.append(f"Sec-Fetch-Dest: {_DESTINATION[role]}")
    # A browser requests media without compression, so that it can request a part of them.
    media = role == "media"
    lines.append(f"Accept-Encoding: {'identity' if media else 'gzip, deflate, br, zstd'}")
    lines.append("Accept-Language: en-US,en;q=0.9")
    if media:
        lines.append("Range: bytes=0-")
    return "".join(f"{line}\r\n" for line in lines)


def _mode(role: Role, *, cors: bool) -> str:
    """The mode of the request in the Fetch standard."""
    if role in _NAVIGATIONS:
        return "navigate"
    if cors or role == "manifest":
        return "cors"
    return "same-origin" if role == "track" else "no-cors"


def _site(document: str, urls: tuple[str, ...]) -> str:
    """The relation between requester and target; the most distant URL of a redirect chain decides."""
    if not document:
        return "none"
    site = "same-origin"
    for origin in map(origin_of, urls):
        if origin == document:
            continue
        if not is_same_site(origin, document):
            return "cross-site"
        site = "same-site"
    return site


def _with_own(lines: str, own: tuple[tuple[str, str], ...]) -> str:
    """Replace the usual header lines with those of the page's options that have the same names."""
    names = {name.lower() for name, _ in own}
    usual = lines.splitlines(keepends=True)
    kept = [line for line in usual if line.partition(":")[0].lower() not in names]
    # The last of two headers with one name wins.
    last = {name.lower(): f"{name}: {value}\r\n" for name, value in own}
    return "".join((*kept, *last.values()))


def _with_cookies(
    own: tuple[tuple[str, str], ...], cookies: str
) -> tuple[tuple[tuple[str, str], ...], str]:
    """The options' own headers without cookies, and their cookies merged with those of the jar.

    A cookie that the server has set since is newer and replaces the given one.
    """
    given = [value for name, value in own if name.lower() == "cookie"]
    if not given:
        return own, cookies
    pairs = [pair.strip() for value in (*given[-1:], cookies) for pair in value.split(";")]
    newest = {pair.partition("=")[0]: pair for pair in pairs if pair}
    rest = tuple((name, value) for name, value in own if name.lower() != "cookie")
    return rest, "; ".join(newest.values())
