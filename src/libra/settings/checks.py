"""Checks of single settings that their types do not cover."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path

from libra.network.libcurl.trust import TrustError, trust
from libra.network.proxies import ProxyError, proxies_of
from libra.settings.errors import SettingsError
from libra.settings.redaction import redact

RATE = re.compile(r"\s*0*([1-9]\d{0,8})\s*/\s*([smh])\s*", re.ASCII | re.IGNORECASE)
"""A rate: a number per second, minute or hour."""
_FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_NO_USER_HEADERS = frozenset(
    {"authorization", "cookie", "host", "origin", "x-forwarded-for", "x-forwarded-proto"}
)
_BASE_PATH = re.compile(r"(/[A-Za-z0-9._~-]*[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")


def check_rate(name: str, limit: str | None) -> None:
    """Refuse a text that is not a rate such as ``100/s``, or ``off``.

    Raises:
        SettingsError: naming the setting and what it accepts.
    """
    if limit is not None and limit.strip().lower() != "off" and not RATE.fullmatch(limit):
        raise SettingsError(f"{name} takes 100/s, 60/m, 1000/h or off, not {limit!r}")


def check_networks(name: str, networks: Iterable[str]) -> None:
    """Refuse texts that are not networks such as ``10.0.0.0/8``.

    Raises:
        SettingsError: naming the setting and the text.
    """
    for network in networks:
        try:
            ip_network(network)
        except ValueError as error:
            raise SettingsError(f"{name} takes networks such as 10.0.0.0/8: {error}") from None


def check_database(url: str) -> None:
    """Refuse a text that is not the address of a database.

    Raises:
        SettingsError: saying what to write, without a password.
    """
    if not re.match(r"(sqlite|postgres(ql)?)://", url):
        raise SettingsError(
            f"database takes sqlite:///path or postgresql://user@host/name, not {redact(url)!r}"
        )
    # Imported here, because `libra weigh` reads settings without a database.
    from libra.storage.engines import file_of  # noqa: PLC0415 - see above

    try:
        file_of(url)
    except ValueError as error:
        raise SettingsError(f"database: {error}") from None


def check_user_header(name: str) -> None:
    """Refuse a header that cannot name a user.

    Raises:
        SettingsError: it is not a header name, or the header means something else.
    """
    if not _FIELD_NAME.fullmatch(name) or name.lower() in _NO_USER_HEADERS:
        raise SettingsError(
            f"trusted_user_header takes a header such as X-Remote-User, not {name!r}"
        )


def check_base_path(path: str) -> None:
    """Refuse a text that is not a path below the root of a host, such as ``/libra``; empty is allowed.

    Raises:
        SettingsError: saying what it accepts.
    """
    if path and not _BASE_PATH.fullmatch(path):
        raise SettingsError(f"base_path takes a path such as /libra, not {path!r}")


def check_way(proxy: str | None, ca: Path | None) -> None:
    """Refuse a route to the web that cannot work.

    Raises:
        SettingsError: the proxy is invalid, or the authorities cannot be read.
    """
    try:
        proxies_of({}, proxy or "")
        trust(ca)
    except ProxyError as error:
        raise SettingsError(str(error).replace("--proxy", "proxy")) from None
    except TrustError as error:
        raise SettingsError(f"ca: {error}") from None
