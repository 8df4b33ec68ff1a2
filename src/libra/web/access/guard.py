"""Checks every request before a route sees it: host, origin, token, rate."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from libra.credentials.session_key import session_key
from libra.credentials.tokens import Role
from libra.neighbours import Neighbours, SharedAccess
from libra.settings import Settings, SettingsError
from libra.web.access.client_address import TrustedProxies, key_of
from libra.web.access.connection_limits import ConnectionLimits
from libra.web.access.hosts import Hosts, is_from_another_site
from libra.web.access.made_tokens import MadeToken, MadeTokens
from libra.web.access.rate_limit import Buckets, Rate
from libra.web.access.request_fields import Fields, fields_of
from libra.web.access.rights import FULL, Access, Caller, Granted, Right, needed
from libra.web.http.problems import RequestRefused

log = logging.getLogger("libra.http")

READ_RATE = Rate(100, 1)
"""Requests of one client, if the settings give no rate and strangers may come in."""

SUBMIT_RATE = Rate(60, 60)
"""Pages that one client may submit, likewise."""

TOKEN_FACTOR = 20
"""How many times the rate of a stranger the holder of a token has."""

FAILURES = Rate(20, 60)
"""Wrong tokens that one address may send."""

_LONGEST_USER = 256
_UNMETERED = frozenset({"/health/live", "/health/ready"})


class _RateLimit:
    """A rate for strangers, and the higher one for holders of a token; None is no limit."""

    def __init__(self, text: str | None, default: Rate | None) -> None:
        rate = default if text is None else Rate.parse(text)
        self.stranger = rate
        self.token = None if rate is None else rate * TOKEN_FACTOR


class _Rules:
    """The rules of one moment. Making them reads no file."""

    def __init__(
        self,
        settings: Settings,
        granted: Granted,
        key: bytes,
        made: Sequence[MadeToken],
        shared: SharedAccess,
    ) -> None:
        self.shared = shared
        self.access = Access(granted, shared.session_key or key, made, shared.tokens)
        guarded = not self.access.open
        self.reads = _RateLimit(settings.read_limit, READ_RATE if guarded else None)
        self.submissions = _RateLimit(settings.submit_limit, SUBMIT_RATE if guarded else None)
        self.proxies = TrustedProxies(settings.trusted_proxy)
        header = settings.trusted_user_header
        self.user_header = None if header is None else header.lower().encode()
        self.hosts = Hosts(settings)


class Guard:
    """Lets requests in or refuses them with a reason. `reload` changes its rules.

    Args:
        settings: the rights and rates of clients.
        neighbours: other programs that serve the same clients: each grants a share of the rates.
    """

    def __init__(self, settings: Settings, neighbours: Neighbours | None = None) -> None:
        self._neighbours = neighbours or Neighbours()
        self._key = session_key(settings.data_dir)
        try:
            self._made = MadeTokens(settings.data_dir)
        except ValueError as error:
            raise SettingsError(str(error)) from None
        self._changing = threading.Lock()
        self._reads = Buckets()
        self._submissions = Buckets()
        self._failures = Buckets()
        self._warned = False
        self._connections = ConnectionLimits()
        self.reload(settings)

    def reload(self, settings: Settings) -> None:
        """Use new tokens, limits, names and proxies; what clients have spent stays counted.

        This may read files and ask the resolver, so call it in a thread. Requests meanwhile see either
        the old rules or the new ones, never a mixture.

        Raises:
            SettingsError: a token cannot be read; the old rules stay in force.
        """
        granted = Granted.by(settings)
        with self._changing:
            self._settings, self._granted = settings, granted
            self._current = self._made_rules()

    @property
    def _rules(self) -> _Rules:
        if self._current.shared is not self._neighbours.access:
            # The shared tokens or the session key of the cluster have changed.
            self._rebuild()
        return self._current

    def _rebuild(self) -> None:
        """Make the rules anew from the settings as they were read last.

        Files are read only when somebody says so: a file that is being edited, or that became
        unreadable, must neither change who is let in nor keep a token from being revoked.
        """
        # Threads make and revoke tokens and reload: the last one must see what all others did.
        with self._changing:
            self._current = self._made_rules()

    def _made_rules(self) -> _Rules:
        shared = self._neighbours.access
        return _Rules(self._settings, self._granted, self._key, self._made.every(), shared)

    @property
    def made(self) -> tuple[MadeToken, ...]:
        """The tokens made in the browser."""
        return self._made.every()

    def make_token(
        self, client: Caller, name: str, role: Role, project: str | None, days: int | None
    ) -> str:
        """Make a token, which is valid from the next request on; returns its secret.

        This may wait for the disk, so call it in a thread.

        Raises:
            ValueError: saying what is wrong with it.
            OSError: it cannot be stored.
        """
        now = datetime.now(UTC)
        if self._settings.cluster:
            raise ValueError(
                "only this node would know a token that is made here: in a cluster, give all nodes "
                "their tokens with libra cluster tokens FILE"
            )
        if name in self.access.given:
            raise ValueError(f"the settings already have a token {name}: choose another name")
        if self.access.open and role != "full":
            raise ValueError(
                "the first token must have the role full: only such a token can make others"
            )
        expires_at = None if days is None else now + timedelta(days=days)
        secret = self._made.make(name, role, project, expires_at, made_at=now, made_by=client.name)
        self._rebuild()
        log.warning("the token %s with the role %s was made by %s", name, role, client.key)
        return secret

    def revoke_token(self, client: Caller, name: str) -> bool:
        """Revoke a token from the next request on; False if no token of that name was made here.

        This may wait for the disk, so call it in a thread.

        Raises:
            ValueError: without it, nobody could change anything any more.
            OSError: the disk cannot be written; the token stays valid.
        """
        if not self.access.others_are_full(name):
            raise ValueError(
                f"{name} is the last token with the role full: make another one before you revoke it"
            )
        if not self._made.revoke(name):
            return False
        self._rebuild()
        log.warning("the token %s was revoked by %s", name, client.key)
        return True

    @property
    def access(self) -> Access:
        """The current tokens and rights."""
        return self._rules.access

    def judge(self, scope: Any) -> Caller:
        """The caller of a request, if the request is allowed.

        Raises:
            RequestRefused: 400 or 421 for its host, 401 or 403 for its rights, 429 for its rate, 403 if
                another site sent it.
        """
        fields = fields_of(scope)
        self._rules.hosts.require(scope, fields)
        method, path = scope["method"], scope["path"]
        client = self._client(scope, fields)
        if path not in _UNMETERED:
            self._spend(self._reads, self._rules.reads, client, 1)
        if method not in ("GET", "HEAD", "OPTIONS") and is_from_another_site(fields):
            raise RequestRefused(403, "other-site", "A page of another site sent this request.")
        missing = needed(method, path) & ~client.rights
        if missing and client.name is None:
            raise _unauthorized("This request needs a token.")
        if missing:
            sees = missing in (Right.PAGES, Right.INTERNALS)
            what, role = ("see that", "read") if sees else ("do that", "full")
            who, opens = (
                (f"The token {client.token}", f"Use a token with the role {role}.")
                if client.token
                else (
                    f"The user {client.user}",
                    f"Ask whoever runs this server for the role {role} (--user-roles).",
                )
            )
            raise RequestRefused(403, "not-allowed", f"{who} may not {what}. {opens}")
        return client

    def without_user(self, headers: Any) -> Any:
        """The headers of a request without the header that names a user, whoever wrote it."""
        name = self._rules.user_header
        return headers if name is None else [one for one in headers if one[0] != name]

    @property
    def user_header(self) -> bytes | None:
        """The header in which a proxy names its signed-in user, in lower case."""
        return self._rules.user_header

    def key(self, scope: Any) -> str:
        """The name of a request's client in the log, if it showed no token."""
        peer = (scope.get("client") or ("", 0))[0]
        return key_of(self._rules.proxies.client(peer, fields_of(scope).get(b"x-forwarded-for")))

    def lets_read(
        self, peer: str, host: str | None, authorization: str | None, forwarded: str | None
    ) -> bool:
        """Whether a client may read a page, for the fast path; if False, `judge` says why.

        It spends from the client's rate only if the answer is True.
        """
        rules = self._rules
        if not rules.hosts.has_let_in(host):
            return False
        access = rules.access
        token = None
        if authorization is not None and not access.open:
            token = access.of_bearer(authorization)
            if token is None:
                return False
        if Right.PAGES not in access.rights(token):
            return False
        rate = rules.reads.stranger if token is None else rules.reads.token
        if rate is None:
            return True
        key = f"token:{token.name}" if token else key_of(rules.proxies.client(peer, forwarded))
        return not self._reads.take(key, rate, share=self._neighbours.serving)

    def submit(self, client: Caller, pages: int = 1) -> None:
        """Spend this many pages from the client's rate.

        Raises:
            RequestRefused: 429, the client has submitted too many.
        """
        self._spend(self._submissions, self._rules.submissions, client, pages)

    def login(self, secret: str, client: Caller) -> str:
        """Log in with a secret; returns the session.

        Raises:
            RequestRefused: 401 for a wrong secret, 429 for too many wrong ones.
        """
        token = self.access.of_secret(secret)
        if token is None:
            self._fail(client.key)
            raise _unauthorized("Unknown token.")
        return self.access.session(token)

    @property
    def connections(self) -> int:
        """How many connections there are."""
        return self._connections.count

    def connected(self, peer: str) -> bool:
        """Count a connection; False if there are too many and the server must close it."""
        if not self._connections.opened(peer):
            return False
        if self.access.open or not self._connections.are_too_many_of(peer):
            return True
        return self.is_trusted(peer)

    def disconnected(self, peer: str) -> None:
        """Note the end of a connection, also of one that was refused."""
        self._connections.closed(peer)

    def is_trusted(self, peer: str) -> bool:
        """Whether an address is a trusted proxy, to which limits of one client do not apply."""
        return peer in self._rules.proxies

    def _client(self, scope: Any, fields: Fields) -> Caller:
        peer = (scope.get("client") or ("", 0))[0]
        key = key_of(self._rules.proxies.client(peer, fields.get(b"x-forwarded-for")))
        secure = scope.get("scheme") == "https" or (
            fields.get(b"x-forwarded-proto") == "https" and self.is_trusted(peer)
        )
        access = self.access
        if access.open:
            if b"x-forwarded-for" in fields and not self._warned:
                self._warned = True
                log.warning(
                    "requests arrive through a proxy, and every client may do everything: "
                    "name the proxy with --trusted-proxy, and set tokens or --public"
                )
            return Caller(key, FULL, secure=secure)
        authorization, cookie = fields.get(b"authorization"), fields.get(b"cookie")
        user = self._user(scope, peer)
        if user is not None and authorization and not authorization.lower().startswith("bearer "):
            authorization = None  # meant for the proxy, such as a password
        token = None
        if authorization is not None:
            token = access.of_bearer(authorization)
            if token is None:
                self._fail(key)
                # Never as a stranger instead: a client with a wrong token must learn that it is wrong.
                raise _unauthorized("Unknown token.", error="invalid_token")
        elif cookie is not None:
            token = access.of_session(cookie)
        if token is None and user is not None:
            rights = access.rights_of_user(user)
            return Caller(f"user:{user}", rights, secure=secure, user=user)
        if token is None:
            return Caller(key, access.strangers, secure=secure)
        rights = access.rights(token)
        return Caller(f"token:{token.name}", rights, token.name, secure, token.project)

    def _user(self, scope: Any, peer: str) -> str | None:
        """The user whom a trusted proxy has signed in; the header counts from no other client.

        Raises:
            RequestRefused: 400, the header names several users, or an invalid one.
        """
        name = self._rules.user_header
        if name is None or not self.is_trusted(peer):
            return None
        values = [value for field, value in scope["headers"] if field == name]
        if not values:
            return None
        try:
            user = str(values[0], "utf-8").strip()
        except UnicodeDecodeError:
            user = str(values[0], "latin-1").strip()
        if len(values) > 1 or len(user) > _LONGEST_USER or not user.isprintable():
            # A client may have written one of them, and the proxy passed it on.
            detail = f"The proxy must name one user in {name.decode()}."
            raise RequestRefused(400, None, detail)
        return user or None

    def _spend(self, buckets: Buckets, limit: _RateLimit, client: Caller, cost: int) -> None:
        rate = limit.stranger if client.name is None else limit.token
        if rate is None:
            return
        wait = buckets.take(client.key, rate, cost, share=self._neighbours.serving)
        if wait:
            raise _too_many(wait, f"The limit of this client is {rate}.")

    def _fail(self, key: str) -> None:
        wait = self._failures.take(key, FAILURES, share=self._neighbours.serving)
        if wait:
            raise _too_many(wait, "Too many wrong tokens.")


def _unauthorized(detail: str, *, error: str | None = None) -> RequestRefused:
    challenge = 'Bearer realm="libra"' + (f', error="{error}"' if error else "")
    return RequestRefused(401, "token-needed", detail, headers={"WWW-Authenticate": challenge})


def _too_many(wait: float, detail: str) -> RequestRefused:
    seconds = 3600 if math.isinf(wait) else max(1, math.ceil(wait))
    return RequestRefused(429, "too-many-requests", detail, retry_after=seconds)
