"""The cookies of one weigh-in, as in a fresh browser profile; they end with it.

Some sites set a cookie and redirect to the same address: without a jar that is a loop. A `CookieJar`
belongs to one weigh-in and is dropped with it: nothing is kept, and no page sees the cookies of another.

The rules are those of RFC 6265bis as implemented in Chromium: domains by the public suffix list,
host-only cookies, paths, ``Secure``, prefixes of names such as ``__Secure-`` and ``__Host-``, and
``SameSite``. The default of ``SameSite`` is ``Lax``, so a cookie set by another site needs
``SameSite=None; Secure``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Literal

import msgspec

from libra.ascii import lowered
from libra.network.tolerant_http import AS_IT_CAME
from libra.urls import host_of, is_public_suffix, origin_of

MAX_COOKIES = 3_000
MAX_OF_A_SITE = 180
"""Chromium's limits: beyond them the oldest cookies are dropped."""

MAX_BYTES = 4_096
"""Bytes of name and value together (RFC 6265bis, section 5.6)."""

MAX_ATTRIBUTE = 1_024

SameSite = Literal["strict", "lax", "none"]

_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_DELIMITERS = re.compile(r"[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[^0-9]|\Z)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Cookie(msgspec.Struct, frozen=True):
    """One cookie in the jar.

    Attributes:
        name: The name; may be empty.
        value: The value as sent.
        domain: The domain that it belongs to, in lower case.
        host_only: Whether it belongs to this host only, without its subdomains.
        path: The path that it is sent to.
        secure: Whether it is sent only over connections that nobody can read.
        http_only: Whether scripts may not see it.
        same_site: When it is sent with requests of another site's page.
        expires: Seconds since the epoch; None if it lives as long as the jar.
    """

    name: str
    value: str
    domain: str
    host_only: bool
    path: str
    secure: bool
    http_only: bool
    same_site: SameSite
    expires: float | None

    def header(self) -> str:
        """The cookie as a pair of the ``Cookie`` header."""
        return f"{self.name}={self.value}" if self.name else self.value


class CookieJar:
    """The cookies of one weigh-in.

    Args:
        now: The time in seconds since the epoch; for tests.

    Attributes:
        revision: Rises whenever the cookies in the jar change.
    """

    __slots__ = ("_cookies", "_now", "revision")

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._cookies: dict[tuple[str, bool, str, str], Cookie] = {}
        self._now = now
        self.revision = 0

    def __len__(self) -> int:
        return len(self._cookies)

    def header(self, url: str, *, trusted: bool, same_site: bool) -> str:
        """The value of ``Cookie`` for a request; "" if there is none.

        Args:
            url: The URL of the request, in normal form.
            trusted: Whether nobody can read the connection.
            same_site: Whether a page of the same site makes the request, or the request is for a page.
        """
        if not self._cookies:
            return ""
        host, path, now = _host(url), _path(url), self._now()
        sent = [
            cookie
            for cookie in self._cookies.values()
            if (host == cookie.domain or (not cookie.host_only and _is_below(host, cookie.domain)))
            and _is_in(path, cookie.path)
            and (trusted or not cookie.secure)
            and (same_site or cookie.same_site == "none")
            and (cookie.expires is None or cookie.expires > now)
        ]
        # Longer paths first; among equal lengths the older cookie.
        sent.sort(key=lambda cookie: -len(cookie.path))
        return "; ".join(cookie.header() for cookie in sent)

    def take(self, url: str, lines: Iterable[str], *, trusted: bool, same_site: bool) -> bool:
        """Keep the cookies that an answer sets.

        Args:
            url: The URL of the request.
            lines: The values of its ``Set-Cookie`` headers.
            trusted: As in `header`.
            same_site: As in `header`.

        Returns:
            Whether the jar has changed.
        """
        before = self.revision
        for line in lines:
            cookie = parse_cookie(line, url, self._now())
            if cookie is None or not self._is_allowed(
                cookie, url, trusted=trusted, same_site=same_site
            ):
                continue
            self._keep(cookie)
        return self.revision != before

    def _is_allowed(self, cookie: Cookie, url: str, *, trusted: bool, same_site: bool) -> bool:
        if cookie.secure and not trusted:
            return False
        if cookie.same_site == "none" and not cookie.secure:
            return False
        if not same_site and cookie.same_site != "none":
            return False
        name = lowered(cookie.name) or lowered(cookie.value)
        if name.startswith("__secure-") and not (cookie.name and cookie.secure):
            return False
        if name.startswith("__host-") and not (
            cookie.name and cookie.secure and cookie.host_only and cookie.path == "/"
        ):
            return False
        if name.startswith(("__http-", "__host-http-")) and not (
            cookie.name and cookie.secure and cookie.http_only
        ):
            return False
        # A cookie from a readable connection does not replace one from a secure connection.
        return trusted or not any(
            kept.secure and kept.name == cookie.name and _overlap(kept, cookie)
            for kept in self._cookies.values()
        )

    def _keep(self, cookie: Cookie) -> None:
        key = (cookie.domain, cookie.host_only, cookie.path, cookie.name)
        if cookie.expires is not None and cookie.expires <= self._now():
            if self._cookies.pop(key, None) is not None:
                self.revision += 1
            return
        known = self._cookies.get(key)
        if known == cookie:
            return
        if known is not None and known.value != cookie.value:
            del self._cookies[key]  # in Chromium only the same value keeps its place
        self._cookies[key] = cookie
        self.revision += 1
        of_domain = [other for other in self._cookies if other[0] == cookie.domain]
        if len(of_domain) > MAX_OF_A_SITE:
            del self._cookies[of_domain[0]]
        elif len(self._cookies) > MAX_COOKIES:
            del self._cookies[next(iter(self._cookies))]


def parse_cookie(line: str, url: str, now: float) -> Cookie | None:
    """A ``Set-Cookie`` header as a cookie of a URL; None if a browser would not keep it.

    RFC 6265bis, sections 5.6 and 5.7.
    """
    if _CONTROLS.search(line):
        return None
    pair, *rest = line.split(";")
    name, equals, value = pair.partition("=")
    if not equals:
        name, value = "", pair
    name, value = name.strip(" \t"), value.strip(" \t")
    if "\t" in name + value or (not name and (not value or "=" in value)):
        return None
    if len(f"{name}{value}".encode(*AS_IT_CAME)) > MAX_BYTES:
        return None
    attributes = dict(_attributes(rest))  # of two with the same name the last counts
    if "partitioned" in attributes and "secure" not in attributes:
        return None
    host = _host(url)
    domain = _domain(attributes.get("domain", ""), host)
    if domain is None:
        return None
    path = attributes.get("path", "")
    if not path.startswith("/"):
        path = _directory(_path(url))
    wanted = lowered(attributes.get("samesite", ""))
    same_site: SameSite = "strict" if wanted == "strict" else "none" if wanted == "none" else "lax"
    return Cookie(
        name=name,
        value=value,
        domain=domain or host,
        host_only=not domain,
        path=path,
        secure="secure" in attributes,
        http_only="httponly" in attributes,
        same_site=same_site,
        expires=_expires(attributes, now),
    )


def parse_date(text: str) -> float | None:
    """A cookie's date in seconds since the epoch, by the tolerant rules of RFC 6265, section 5.1.1."""
    clock: tuple[int, int, int] | None = None
    day = month = year = None
    for token in _DELIMITERS.split(text):
        if clock is None and (match := _TIME.match(token)) is not None:
            clock = (int(match[1]), int(match[2]), int(match[3]))
        elif day is None and (match := re.match(r"([0-9]{1,2})(?:[^0-9]|\Z)", token)) is not None:
            day = int(match[1])
        elif month is None and lowered(token[:3]) in _MONTHS:
            month = _MONTHS.index(lowered(token[:3])) + 1
        elif year is None and (match := re.match(r"([0-9]{2,4})(?:[^0-9]|\Z)", token)) is not None:
            year = int(match[1])
            year += 1900 if 70 <= year <= 99 else 2000 if year < 70 else 0
    if clock is None or day is None or month is None or year is None or year < 1601:
        return None
    try:
        return datetime(year, month, day, *clock, tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def _attributes(parts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for part in parts:
        name, _, value = part.partition("=")
        value = value.strip(" \t")
        if len(value) <= MAX_ATTRIBUTE:
            yield lowered(name.strip(" \t")), value


def _domain(wanted: str, host: str) -> str | None:
    """The domain of a cookie, "" for the host alone; None if the host may not set it."""
    wanted = lowered(wanted.removeprefix("."))
    if not wanted:
        return ""
    if not wanted.isascii():
        return None
    if wanted == host:
        # On a public suffix or an address, the cookie can only be for the host itself.
        return "" if _is_address(host) or is_public_suffix(host) else host
    return wanted if _is_below(host, wanted) and not is_public_suffix(wanted) else None


def _expires(attributes: dict[str, str], now: float) -> float | None:
    """When a cookie ends; ``Max-Age`` takes precedence over ``Expires``."""
    seconds = attributes.get("max-age", "")
    if re.fullmatch(r"[-+]?[0-9]+", seconds):
        # Browsers allow four hundred days; no weigh-in takes longer.
        return now + min(int(seconds[:12]), 34_560_000) if not seconds.startswith("-") else 0.0
    return parse_date(attributes["expires"]) if "expires" in attributes else None


def _overlap(kept: Cookie, new: Cookie) -> bool:
    related = (
        kept.domain == new.domain
        or _is_below(kept.domain, new.domain)
        or _is_below(new.domain, kept.domain)
    )
    return related and _is_in(new.path, kept.path)


def _is_below(host: str, domain: str) -> bool:
    return host.endswith("." + domain) and not _is_address(host)


def _is_in(path: str, directory: str) -> bool:
    return path == directory or (
        path.startswith(directory)
        and (directory.endswith("/") or path[len(directory) : len(directory) + 1] == "/")
    )


def _host(url: str) -> str:
    host = host_of(url)
    if host.startswith("["):
        return host[: host.index("]") + 1]
    return host.partition(":")[0]


def _path(url: str) -> str:
    return url[len(origin_of(url)) :].partition("?")[0].partition("#")[0] or "/"


def _directory(path: str) -> str:
    return path[: path.rindex("/")] or "/"


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
