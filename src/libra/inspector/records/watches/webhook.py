"""Receivers of a watch's alerts, and the credentials that they need.

Basic credentials (RFC 7617) are part of the address, as `curl` takes them. Any other kind is a header:
``Authorization: Bearer ...``. Both are secrets of the watch: they are stored with it and never shown.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from libra.urls import InvalidURL, parse_url
from libra.weighing.options import InvalidOptions, require_headers

Headers = tuple[tuple[str, str], ...]

MAX_HEADERS: Final = 20

_OURS: Final = frozenset({"content-type", "libra-signature", "user-agent"})


def parse_webhook(text: str) -> str:
    """The normalised address of a receiver, with its credentials.

    Raises:
        InvalidURL: says what is wrong, without the credentials.
    """
    try:
        parts = urlsplit(text.strip())
        credentials, at, place = parts.netloc.rpartition("@")
    except ValueError:
        return parse_url(text)  # which says what is wrong
    bare = parse_url(urlunsplit(parts._replace(netloc=place)) if at else text)
    if not at or credentials in ("", ":"):
        return bare
    if any(character <= " " or character in '"<>\\^`{|}' for character in credentials):
        raise InvalidURL(
            "The user name or the password has a character that an address cannot have."
            " Write it in percent-encoding: %20 for a space."
        )
    scheme, rest = bare.split("://", 1)
    return f"{scheme}://{credentials}@{rest}"


def parse_webhook_headers(headers: Mapping[str, str]) -> Headers:
    """Validate the headers that are sent with each alert.

    Raises:
        InvalidOptions: says which header cannot be sent.
    """
    if len(headers) > MAX_HEADERS:
        raise InvalidOptions(f"there are {len(headers)} headers; at most {MAX_HEADERS} are allowed")
    found = tuple(headers.items())
    require_headers(found)
    for name, _ in found:
        if name.lower() in _OURS:
            raise InvalidOptions(f"headers: {name} is set by Libra itself")
    return found


def address_and_headers(webhook: str, headers: Headers) -> tuple[str, dict[str, str]]:
    """The address that an alert is posted to, and the extra headers."""
    parts = urlsplit(webhook)
    credentials, at, place = parts.netloc.rpartition("@")
    if not at:
        return webhook, dict(headers)
    user, _, password = credentials.partition(":")
    token = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
    given = {name.lower() for name, _ in headers}
    basic = {} if "authorization" in given else {"Authorization": f"Basic {token}"}
    return urlunsplit(parts._replace(netloc=place)), basic | dict(headers)


def shown(webhook: str) -> str:
    """The scheme and the host: the rest may be a secret."""
    parts = urlsplit(webhook)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…"
