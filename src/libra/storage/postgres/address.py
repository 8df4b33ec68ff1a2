"""Checks the address of a PostgreSQL server before a driver reads it.

A password with a character that has a meaning in addresses ends early, and its rest is taken for a host,
a port or a field. urllib and asyncpg quote what they cannot read, and so would show the password.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

_HOST: Final = re.compile(r"(?:\[[^\[\]]+\]|[^\[\]:@]+)?(?::[0-9]*)?")


def require_address(url: str) -> None:
    """Check that an address can be read.

    Raises:
        ValueError: it cannot; the message does not repeat any of it.
    """
    try:
        readable = _is_readable(url)
    except ValueError:
        readable = False
    if not readable:
        # Without the error of urllib behind it, which quotes the address.
        raise ValueError(
            "the address of the database cannot be read: use postgresql://user:password@host/name, and "
            "write characters that have a meaning in addresses as %XX: / as %2F, ? as %3F, # as %23, "
            "@ as %40, : as %3A"
        )


def _is_readable(url: str) -> bool:
    parts = urlsplit(url)
    parse_qsl(parts.query, strict_parsing=bool(parts.query))
    user, at, hosts = parts.netloc.partition("@")
    if not at:
        hosts = user
        if "@" in parts.path or "@" in parts.fragment:
            return False  # the password has ended early, and with it the user
    several = hosts.split(",")
    return all(_HOST.fullmatch(host) and (host or len(several) == 1) for host in several)
