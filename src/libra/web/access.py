"""Who may do what: tokens, sessions of browsers, and what those without either may do.

The rules in one table:

========================  =====================================  ===========================
where Libra listens       without a token                        with a token
========================  =====================================  ===========================
loopback, no token set    everything                             -
loopback, tokens set      nothing, or what ``--public`` says     what its role says
elsewhere                 nothing, or what ``--public`` says     what its role says
========================  =====================================  ===========================

A browser shows its token once, on the login page, and gets a signed cookie for it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import socket
import time
from dataclasses import dataclass
from enum import IntFlag, auto
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote

from libra.settings import Settings
from libra.tokens import Token, digest_of

COOKIE = "libra_session"

SESSION = 30 * 24 * 3600
"""Seconds that a browser stays logged in."""


class Right(IntFlag):
    """What a request may need."""

    PAGES = auto()
    """To see the pages and their reports."""
    INTERNALS = auto()
    """To see how Libra itself is: health, metrics, processes, watches."""
    SUBMIT = auto()
    """To have pages weighed."""
    CHANGE = auto()
    """To delete, retry, watch: everything else that writes."""


NOTHING = Right(0)
READ = Right.PAGES | Right.INTERNALS
FULL = READ | Right.SUBMIT | Right.CHANGE

_ROLES = {"read": READ, "full": FULL}
_PUBLIC = {"no": NOTHING, "read": Right.PAGES, "submit": Right.PAGES | Right.SUBMIT}

_FOR_ALL = frozenset({"/login", "/logout", "/health/live", "/health/ready"})
_INTERNALS = ("/health", "/metrics", "/observer", "/watches")
_SUBMITS = frozenset({"/pages", "/pages/bulk"})


def needed(method: str, path: str) -> Right:
    """What a request needs; whatever is not known to be less needs `Right.CHANGE`."""
    if path in _FOR_ALL or path.startswith("/static/"):
        return NOTHING
    if method in ("GET", "HEAD", "OPTIONS"):
        under = any(path == one or path.startswith(f"{one}/") for one in _INTERNALS)
        return Right.INTERNALS if under else Right.PAGES
    if method == "POST" and path.rstrip("/") in _SUBMITS:
        return Right.SUBMIT
    return Right.CHANGE


@dataclass(frozen=True, slots=True)
class Client:
    """Who a request comes from.

    Attributes:
        key: what limits are kept by: the token, or the address (of IPv6 the /64 network, as one
            customer has all of it).
        rights: what it may do.
        token: the token's name; None for a stranger.
        secure: whether it came over TLS, as far as that can be known.
    """

    key: str
    rights: Right
    token: str | None = None
    secure: bool = False


class Access:
    """The tokens of a program and what strangers may do. Immutable; a reload makes a new one.

    Args:
        settings: its ``token``, ``token_file``, ``public`` and ``host``.
        key: what sessions are signed with, from `session_key`.
    """

    def __init__(self, settings: Settings, key: bytes) -> None:
        self._tokens = {token.name: token for token in settings.tokens()}
        self._digests = [(token, token.digest.encode()) for token in self._tokens.values()]
        self._key = key
        self.open = (
            not self._tokens
            and settings.token_file is None  # which may be filled later
            and settings.public == "no"
            and is_loopback(settings.host)
        )
        """Whether there is nothing to guard: everybody may do everything."""
        self.strangers = FULL if self.open else _PUBLIC[settings.public]

    def rights(self, token: Token | None) -> Right:
        """What the holder of a token may do; without one, what strangers may."""
        return self.strangers if token is None else _ROLES[token.role] | self.strangers

    def of_secret(self, secret: str) -> Token | None:
        """The token of this secret.

        Every token is compared, each in constant time, so that the time it takes says nothing.
        """
        digest = digest_of(secret).encode()
        found = None
        for token, known in self._digests:
            if hmac.compare_digest(digest, known):
                found = token
        return found

    def of_bearer(self, authorization: str) -> Token | None:
        """The token of an ``Authorization`` field (RFC 6750, section 2.1)."""
        scheme, _, secret = authorization.partition(" ")
        return self.of_secret(secret.strip()) if scheme.lower() == "bearer" else None

    def session(self, token: Token, *, now: float | None = None) -> str:
        """The value of the cookie that lets the holder of a token in until it ends."""
        ends = int((time.time() if now is None else now) + SESSION)
        return f"{token.name}.{ends}.{self._sign(token, ends)}"

    def of_session(self, cookies: str, *, now: float | None = None) -> Token | None:
        """The token of a ``Cookie`` field that has a session of ours which has not ended."""
        name, _, rest = _cookie(cookies).partition(".")
        ends, _, signature = rest.partition(".")
        token = self._tokens.get(name)
        if token is None or not ends.isascii() or not ends.isdigit() or len(ends) > 12:
            return None
        expected = self._sign(token, int(ends))
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            return None
        return token if int(ends) > (time.time() if now is None else now) else None

    def _sign(self, token: Token, ends: int) -> str:
        # The digest is part of it: a token that is replaced takes its sessions with it. The key is
        # as well, which is in no settings file: who reads the digest there can forge nothing.
        message = f"{token}|{ends}".encode()
        mac = hmac.new(self._key, message, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(mac).decode().rstrip("=")


def session_key(data_dir: Path) -> bytes:
    """What sessions are signed with: kept in the data directory, or of this life of the program only.

    Without it everybody would have to log in again after each restart.
    """
    path = data_dir / "session.key"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made complete beside it and linked: two programs that start at once end with one key.
        if not path.exists():
            fresh = data_dir / f".session.key.{secrets.token_hex(8)}"
            fresh.touch(0o600)
            fresh.write_bytes(secrets.token_bytes(32))
            try:
                os.link(fresh, path)
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        key = path.read_bytes()
    except OSError:
        return secrets.token_bytes(32)
    return key if len(key) >= 32 else secrets.token_bytes(32)


def is_loopback(host: str) -> bool:
    """Whether all that a host stands for is on this machine only. May ask the system's resolver."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host or None, 0, flags=socket.AI_PASSIVE)
    except OSError:
        return False
    return all(ip_address(str(item[4][0]).partition("%")[0]).is_loopback for item in found)


def _cookie(cookies: str) -> str:
    for pair in cookies[:8192].split(";"):
        name, _, value = pair.partition("=")
        if name.strip() == COOKIE:
            return unquote(value.strip())
    return ""
