"""URLs as browsers see them: parsing, joining, hosts, sites.

One parser decides everything (ada, an implementation of the WHATWG URL standard). Libra connects to
exactly the normalised ASCII that it returns, so no second parser can disagree with it.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from ipaddress import ip_address

import ada_url
from publicsuffixlist import PublicSuffixList

MAX_PAGE_URL = 2_083
"""Longest submitted URL, in characters: the classic limit of browsers, short enough for any index."""

MAX_ASSET_URL = 65_536
"""Longest URL found in a page, in characters; a longer one is misplaced data, not an address."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?P<rest>.*)", re.DOTALL)
_PLAIN = re.compile(
    r"/?(?:[A-Za-z0-9_~-][\w.~-]*/)*[A-Za-z0-9_~-][\w.~-]*(?:\?[\w.~=&/-]*)?\Z", re.ASCII
)
_STRIPPED = "".join(map(chr, range(0x21)))
"""C0 controls and space: what the URL standard strips from both ends."""


class InvalidURL(ValueError):
    """A URL that cannot be weighed; the message says what is wrong and what to do."""


def parse_url(text: str) -> str:
    """The normalised form of a submitted URL, as a browser's parser would read it.

    Args:
        text: What a person typed: absolute, ``http`` or ``https``, without credentials.

    Raises:
        InvalidURL: with a sentence for the person who typed it.
    """
    if not isinstance(text, str):
        raise InvalidURL(f"A URL is text such as 'https://example.com/', not {text!r}.")
    stripped = _scalar(text).strip(_STRIPPED)
    if not stripped:
        raise InvalidURL("The URL is empty. Give a URL such as https://example.com/.")
    if len(stripped) > MAX_PAGE_URL:
        raise InvalidURL(
            f"The URL is {len(stripped):,} characters long; at most {MAX_PAGE_URL:,} are accepted."
        )
    try:
        url = ada_url.URL(stripped)
    except ValueError:
        raise InvalidURL(_what_is_wrong(stripped)) from None
    if url.protocol not in {"http:", "https:"}:
        raise InvalidURL(_what_is_wrong(stripped))
    if url.username or url.password:
        raise InvalidURL(
            "The URL contains a user name or password. Remove them; send credentials as a request"
            " header instead."
        )
    href = url.href
    if len(href) > MAX_PAGE_URL:
        raise InvalidURL(
            f"The URL is {len(href):,} characters long when encoded; at most {MAX_PAGE_URL:,} are"
            " accepted."
        )
    return href


def as_typed(text: str) -> str:
    """What a person typed, with the scheme that browsers would add where there is none.

    ``https`` for names of the public internet; ``http`` for IP addresses, ``localhost`` and names with a
    port, which are likely to be local machines. Anything else is left for `parse_url` to refuse.
    """
    match = _BARE.match(text.strip(_STRIPPED))
    if match is None:
        return text
    host, port = match["host"].lower(), match["port"]
    local = host == "localhost" or host.endswith(".localhost") or _is_ip(host)
    if not (local or port or "." in host):
        return text
    secure = port in ("443", "8443") if port else not local
    return f"{'https' if secure else 'http'}://{text.strip(_STRIPPED)}"


_BARE = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[^\s/\\?#@:\[\]]{1,253})(?::(?P<port>\d{1,5}))?(?=[/?#]|\Z)"
)


def join(base: str, reference: str) -> str | None:
    """The absolute form of a reference, without fragment; None if it is not an http(s) address.

    Args:
        base: An absolute URL.
        reference: The text of an attribute or of a ``url()``.
    """
    if len(reference) > MAX_ASSET_URL:
        return None
    if _PLAIN.match(reference) is not None and base.startswith("http") and "@" not in base:
        # The usual case needs no parser: only the slashes have a meaning in it.
        return (_directory(base) if reference[0] != "/" else origin_of(base)) + reference
    if reference[:5].lower() == "data:":
        return None
    try:
        href = ada_url.join_url(base, reference)
    except ValueError:  # not a URL, or text that has no UTF-8 form (lone surrogates)
        return None
    if not href.startswith(("http://", "https://")):
        return None
    if "@" in href and "@" in href[: _end_of_authority(href, href.index("://") + 3)]:
        return None  # browsers do not load parts of a page with credentials in their URL
    if "|" in href:
        path, mark, query = href.partition("?")
        href = path.replace("|", "%7C") + mark + query  # as Chromium writes it
    fragment = href.find("#")
    return href if fragment < 0 else href[:fragment]


@lru_cache(maxsize=4096)
def _directory(url: str) -> str:
    """The URL up to the last slash of its path."""
    path_end = min((at for at in (url.find("?"), url.find("#")) if at >= 0), default=len(url))
    return url[: url.rindex("/", 0, path_end) + 1]


def without_fragment(url: str) -> str:
    """The URL as it is requested."""
    return url.partition("#")[0]


@lru_cache(maxsize=4096)
def origin_of(url: str) -> str:
    """``scheme://host[:port]`` of a normalised http(s) URL."""
    scheme_end = url.index("://") + 3
    return url[: _end_of_authority(url, scheme_end)]


def host_of(url: str) -> str:
    """``host`` or, where the port is not the scheme's own, ``host:port`` of a normalised URL."""
    scheme_end = url.index("://") + 3
    authority = url[scheme_end : _end_of_authority(url, scheme_end)]
    return authority.rpartition("@")[2]


def host_and_port(url: str) -> str:
    """``host:port`` of a normalised URL, also where the port is the scheme's own."""
    host = host_of(url)
    if host.rpartition(":")[2].isdigit() and not host.endswith("]"):
        return host
    return f"{host}:{443 if url.startswith('https:') else 80}"


def is_third_party(host: str, page_host: str) -> bool:
    """Whether two hosts (with or without port) belong to different sites.

    A site is a registrable domain by the public suffix list, its private part included, so two
    projects on ``github.io`` are different sites. IP addresses and names without a suffix are each a
    site of their own.
    """
    return site_of(host) != site_of(page_host)


@lru_cache(maxsize=4096)
def is_same_site(origin: str, other: str) -> bool:
    """Whether two origins are of one site: the same scheme and the same registrable domain."""
    if origin == other:
        return True
    schemes = origin.partition(":")[0] == other.partition(":")[0]
    return schemes and site_of(host_of(origin)) == site_of(host_of(other))


@lru_cache(maxsize=65_536)
def site_of(host: str) -> str:
    """The registrable domain of a host, or the host itself where there is none."""
    name = _without_port(host).rstrip(".")
    if _is_ip(name):
        return name
    return _suffixes().privatesuffix(name) or name


def is_public_suffix(host: str) -> bool:
    """Whether names below this host belong to different owners, as with ``com`` and ``github.io``.

    By the algorithm of the list, every name of one label is such a suffix, ``localhost`` too.
    """
    return _suffixes().privatesuffix(host) is None


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()  # the copy inside the package, never one from the network


def _is_ip(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[: host.find("]") + 1]
    return host.partition(":")[0]


def _end_of_authority(url: str, start: int) -> int:
    # In a normalised http URL the authority is followed by "/" without exception.
    end = url.find("/", start)
    return len(url) if end < 0 else end


def _scalar(text: str) -> str:
    """Text whose lone surrogates are U+FFFD, as a browser converts strings (USVString)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _what_is_wrong(text: str) -> str:
    """Why the parser refused this text, for the person who typed it."""
    shown = text if len(text) <= 80 else text[:77] + "..."
    match = _SCHEME.match(text)
    if match is None:
        bare = text.strip().lstrip("/")
        host = re.split(r"[/\\?#]", bare, maxsplit=1)[0]
        spaced = re.search(r"\s", host) is not None
        then = f"Write it as https://{bare[:60]}."
        if spaced:
            then = f"The host {host[:60]!r} contains a space."
        return f"{shown!r} has no scheme. {then}"
    scheme, rest = match[1].lower(), match["rest"]
    if scheme not in {"http", "https"}:
        if re.match(r"\d{1,5}(?:[/?#]|\Z)", rest):
            return f"{shown!r} has no scheme. Write it as http://{text[:60]}."
        return f"The scheme {scheme!r} cannot be weighed; only http and https can."
    authority = re.split(r"[/\\?#]", rest.lstrip("/\\"), maxsplit=1)[0].rpartition("@")[2]
    host, port = _split_port(authority)
    if not host:
        return f"{shown!r} has no host. Write it as {scheme}://example.com/."
    if port and not (port.isascii() and port.isdigit() and int(port) <= 65_535):
        return f"The port {port[:20]!r} is not a number from 0 to 65535."
    if re.search(r"\s", host):
        return f"The host {host[:60]!r} contains a space."
    if host.startswith("["):
        return f"The host {host[:60]!r} is not an IPv6 address."
    return f"The host {host[:60]!r} is not a valid name or address."


def _split_port(authority: str) -> tuple[str, str]:
    if authority.startswith("["):
        host, _, port = authority.partition("]")
        return host + "]" if port or "]" in authority else host, port.removeprefix(":")
    host, _, port = authority.partition(":")
    return host, port
