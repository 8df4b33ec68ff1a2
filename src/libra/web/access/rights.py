"""The rights of requests: by token, by browser session, and without either.

The rules in one table:

========================  =====================================  ===========================
where Libra listens       without a token                        with a token
========================  =====================================  ===========================
loopback, no token set    everything                             -
loopback, tokens set      nothing, or what ``--public`` says     what its role says
elsewhere                 nothing, or what ``--public`` says     what its role says
========================  =====================================  ===========================

A user whom a proxy signs in is not a stranger: the settings give the user's role, ``read`` if they do
not name the user.

A browser sends its token once, on the login page, and gets a signed cookie for it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntFlag, auto
from ipaddress import ip_address
from urllib.parse import unquote

from itsdangerous import BadSignature, TimestampSigner

from libra.credentials.tokens import AccessToken, UserRole, digest_of
from libra.settings import Public, Settings
from libra.web.access.made_tokens import MadeToken

COOKIE = "libra_session"

SESSION = 30 * 24 * 3600
"""Seconds that a browser stays logged in."""


class Right(IntFlag):
    """The rights that requests may need."""

    PAGES = auto()
    """To read pages and their reports."""
    INTERNALS = auto()
    """To read the state of Libra itself: health, metrics, processes, watches."""
    SUBMIT = auto()
    """To submit pages."""
    CHANGE = auto()
    """To delete, retry, watch: all other writes."""
    PUSH = auto()
    """To send results of CI; for one project, if the token is bound to it."""


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
    """The right that a request needs; `Right.CHANGE` for every request without another rule."""
    if path in _FOR_ALL or path.startswith("/static/"):
        return NOTHING
    if path.startswith(_PUBLIC_PAGES) and method in ("GET", "HEAD", "OPTIONS"):
        return NOTHING  # the id in the path is the secret
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
    """The client of a request.

    Attributes:
        key: the key of its limits: the token, or the address (the /64 network for IPv6, because one
            customer has all of it).
        rights: its rights.
        token: the name of its token; None if it showed none.
        user: the user whom a proxy has signed in; None without one.
        project: the project that its token is bound to, if any.
        secure: whether the request came over TLS, as far as that can be known.
    """

    key: str
    rights: Right
    token: str | None = None
    secure: bool = False
    project: str | None = None
    user: str | None = None

    @property
    def name(self) -> str | None:
        """The caller's name, for people; None for a stranger."""
        return self.token or self.user

    def may_push(self, project: str) -> bool:
        """Whether the caller may send results of this project."""
        return self.project in (None, project)


@dataclass(frozen=True, slots=True)
class Granted:
    """The access that the settings grant, with the files and names in them as they were when read.

    Attributes:
        tokens: the tokens of the settings.
        users: the roles of users whom a proxy signs in.
        public: the rights of strangers.
        unguarded: whether the settings protect nothing, so that without a token made elsewhere
            everybody may do everything.
    """

    tokens: tuple[AccessToken, ...]
    users: Mapping[str, UserRole]
    public: Public
    unguarded: bool

    @classmethod
    def by(cls, settings: Settings) -> Granted:
        """Read it. May read files and ask the system's resolver.

        Raises:
            SettingsError: a token or a role is invalid, or a file cannot be read.
        """
        tokens = settings.tokens()
        unguarded = (
            not tokens
            and settings.token_file is None  # the file may be filled later
            and settings.trusted_user_header is None
            and settings.public == "no"
            and is_loopback(settings.host)
        )
        return cls(tokens, settings.users(), settings.public, unguarded)


class Access:
    """The tokens of a program and the rights of strangers. Immutable; a reload makes a new one.

    Args:
        granted: the access that the settings grant.
        key: signs sessions.
        made: the tokens made in the browser.
        shared: tokens that all nodes of a cluster accept.
    """

    def __init__(
        self,
        granted: Granted,
        key: bytes,
        made: Sequence[MadeToken] = (),
        shared: Iterable[AccessToken] = (),
    ) -> None:
        self._made = {one.token.name: one for one in made}
        # Tokens in the settings win: whoever can change the settings can do everything anyway.
        every = (*shared, *(one.token for one in made), *granted.tokens)
        self._tokens = {token.name: token for token in every}
        self.given = frozenset(token.name for token in granted.tokens)
        """The names of the tokens in the settings."""
        self._digests = [(token, token.digest.encode()) for token in self._tokens.values()]
        self._key = key
        self._users = granted.users
        self.open = granted.unguarded and not self._tokens
        """Whether everybody may do everything, because there is nothing to protect."""
        self.strangers = FULL if self.open else _PUBLIC[granted.public]

    def rights(self, token: AccessToken | None) -> Right:
        """The rights of a token's holder; without a token, those of strangers."""
        return self.strangers if token is None else _ROLES[token.role] | self.strangers

    def rights_of_user(self, name: str) -> Right:
        """The rights of a user whom a proxy has signed in: read, unless the settings say otherwise."""
        return _ROLES[self._users.get(name, "read")] | self.strangers

    def of_secret(self, secret: str) -> AccessToken | None:
        """The token of this secret.

        Every token is compared, each in constant time, so that the duration reveals nothing.
        """
        digest = digest_of(secret).encode()
        found = None
        for token, known in self._digests:
            if hmac.compare_digest(digest, known):
                found = token
        return found if found is not None and self.holds(found) else None

    def others_are_full(self, name: str) -> bool:
        """Whether a client with full rights remains if the token of this name is removed."""
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
        """The value of the cookie that lets a token's holder in until it expires."""
        return self._signer(token).sign(token.name).decode("ascii")

    def of_session(self, cookies: str, *, now: float | None = None) -> AccessToken | None:
        """The token of the valid session in a ``Cookie`` field."""
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
        # The digest is part of it, so replacing a token ends its sessions. The key is part of it, too,
        # and is in no settings file: whoever reads the digest there can forge nothing.
        return TimestampSigner(
            self._key,
            salt=f"libra.session|{token}",
            key_derivation="hmac",
            digest_method=hashlib.sha256,
        )


def is_loopback(host: str) -> bool:
    """Whether all addresses of a host are on this machine. May ask the system's resolver."""
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
