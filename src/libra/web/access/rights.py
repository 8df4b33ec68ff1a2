"""Who may do what: tokens, sessions of browsers, and what those without either may do.

The rules in one table:

========================  =====================================  ===========================
where Libra listens       without a token                        with a token
========================  =====================================  ===========================
loopback, no token set    everything                             -
loopback, tokens set      nothing, or what ``--public`` says     what its role says
elsewhere                 nothing, or what ``--public`` says     what its role says
========================  =====================================  ===========================

Where a proxy signs people in they are strangers no more: what their roles say holds for them, and
``read`` if those say nothing.

A browser shows its token once, on the login page, and gets a signed cookie for it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntFlag, auto
from ipaddress import ip_address
from urllib.parse import unquote

from itsdangerous import BadSignature, TimestampSigner

from libra.credentials.tokens import AccessToken, digest_of
from libra.settings import Settings
from libra.web.access.made_tokens import MadeToken

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
    PUSH = auto()
    """To send results of CI; of one project, if the token is bound to it."""


NOTHING = Right(0)
READ = Right.PAGES | Right.INTERNALS
FULL = READ | Right.SUBMIT | Right.CHANGE | Right.PUSH

_ROLES = {"none": NOTHING, "read": READ, "push": Right.PUSH, "full": FULL}
_PUBLIC = {"no": NOTHING, "read": Right.PAGES, "submit": Right.PAGES | Right.SUBMIT}

_FOR_ALL = frozenset(
    {"/login", "/logout", "/health/live", "/health/ready", "/robots.txt", "/favicon.ico"}
)
_PUBLIC_PAGES = "/public/"
_INTERNALS = ("/health", "/metrics", "/observer", "/watches")
_SUBMITS = frozenset({"/pages", "/pages/bulk"})
_PUSHES = re.compile(r"/projects/[^/]+/results/?")


def needed(method: str, path: str) -> Right:
    """What a request needs; whatever is not known to be less needs `Right.CHANGE`."""
    if path in _FOR_ALL or path.startswith("/static/"):
        return NOTHING
    if path.startswith(_PUBLIC_PAGES) and method in ("GET", "HEAD", "OPTIONS"):
        return NOTHING  # the id in it is the secret
    if path == "/tokens" or path.startswith("/tokens/"):
        return Right.CHANGE
    if method in ("GET", "HEAD", "OPTIONS"):
        under = any(path == one or path.startswith(f"{one}/") for one in _INTERNALS)
        return Right.INTERNALS if under else Right.PAGES
    if method == "POST" and path.rstrip("/") in _SUBMITS:
        return Right.SUBMIT
    if method == "POST" and _PUSHES.fullmatch(path):
        return Right.PUSH
    return Right.CHANGE


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request comes from.

    Attributes:
        key: what limits are kept by: the token, or the address (of IPv6 the /64 network, as one
            customer has all of it).
        rights: what it may do.
        token: the token's name; None for who showed none.
        user: whom a proxy has signed in; None for nobody.
        project: the one that its token is bound to, if it is to one.
        secure: whether it came over TLS, as far as that can be known.
    """

    key: str
    rights: Right
    token: str | None = None
    secure: bool = False
    project: str | None = None
    user: str | None = None

    @property
    def name(self) -> str | None:
        """Who it is, for people; None for a stranger."""
        return self.token or self.user

    def may_push(self, project: str) -> bool:
        """Whether results of this project may come from it."""
        return self.project in (None, project)


class Access:
    """The tokens of a program and what strangers may do. Immutable; a reload makes a new one.

    Args:
        settings: its ``token``, ``token_file``, ``public``, ``host`` and what concerns users.
        key: what sessions are signed with.
        made: the tokens that were made in the browser.
        shared: tokens that all nodes of a cluster let in.
    """

    def __init__(
        self,
        settings: Settings,
        key: bytes,
        made: Sequence[MadeToken] = (),
        shared: Iterable[AccessToken] = (),
    ) -> None:
        given = settings.tokens()
        self._made = {one.token.name: one for one in made}
        # What the settings say counts: somebody who can change them could do anything.
        every = (*shared, *(one.token for one in made), *given)
        self._tokens = {token.name: token for token in every}
        self.given = frozenset(token.name for token in given)
        """The names of those in the settings."""
        self._digests = [(token, token.digest.encode()) for token in self._tokens.values()]
        self._key = key
        self._users = settings.users()
        self.open = (
            not self._tokens
            and settings.token_file is None  # which may be filled later
            and settings.trusted_user_header is None
            and settings.public == "no"
            and is_loopback(settings.host)
        )
        """Whether there is nothing to guard: everybody may do everything."""
        self.strangers = FULL if self.open else _PUBLIC[settings.public]

    def rights(self, token: AccessToken | None) -> Right:
        """What the holder of a token may do; without one, what strangers may."""
        return self.strangers if token is None else _ROLES[token.role] | self.strangers

    def rights_of_user(self, name: str) -> Right:
        """What somebody may do whom a proxy has signed in: read, unless the settings say otherwise."""
        return _ROLES[self._users.get(name, "read")] | self.strangers

    def of_secret(self, secret: str) -> AccessToken | None:
        """The token of this secret.

        Every token is compared, each in constant time, so that the time it takes says nothing.
        """
        digest = digest_of(secret).encode()
        found = None
        for token, known in self._digests:
            if hmac.compare_digest(digest, known):
                found = token
        return found if found is not None and self.holds(found) else None

    def others_are_full(self, name: str) -> bool:
        """Whether somebody may still do everything without the token of this name, if that may."""
        mine = self._tokens.get(name)
        if mine is None or mine.role != "full":
            return True
        tokens = (token for token in self._tokens.values() if token.name != name)
        users = "full" in self._users.values()
        return users or any(token.role == "full" and self.holds(token) for token in tokens)

    def holds(self, token: AccessToken, now: datetime | None = None) -> bool:
        """Whether a token has not expired."""
        made = None if token.name in self.given else self._made.get(token.name)
        return made is None or made.holds(now or datetime.now(UTC))

    def of_bearer(self, authorization: str) -> AccessToken | None:
        """The token of an ``Authorization`` field (RFC 6750, section 2.1)."""
        scheme, _, secret = authorization.partition(" ")
        return self.of_secret(secret.strip()) if scheme.lower() == "bearer" else None

    def session(self, token: AccessToken) -> str:
        """The value of the cookie that lets the holder of a token in until it ends."""
        return self._signer(token).sign(token.name).decode("ascii")

    def of_session(self, cookies: str, *, now: float | None = None) -> AccessToken | None:
        """The token of a ``Cookie`` field that has a session of ours which has not ended."""
        session = _cookie(cookies)
        token = self._tokens.get(session.partition(".")[0])
        if token is None or not self.holds(token):
            return None
        try:
            _, begun = self._signer(token).unsign(session, return_timestamp=True)
        except BadSignature:
            return None
        ends = begun.timestamp() + SESSION
        return token if ends > (time.time() if now is None else now) else None

    def _signer(self, token: AccessToken) -> TimestampSigner:
        # The digest is part of it: a token that is replaced takes its sessions with it. The key is
        # as well, which is in no settings file: who reads the digest there can forge nothing.
        return TimestampSigner(
            self._key,
            salt=f"libra.session|{token}",
            key_derivation="hmac",
            digest_method=hashlib.sha256,
        )


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
