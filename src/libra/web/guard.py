"""What is asked of every request before a route sees it: host, origin, token, rate."""

from __future__ import annotations

import logging
import math
import resource
import socket
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from libra.settings import Settings
from libra.web.access import FULL, Access, Client, Right, needed, session_key
from libra.web.problems import Refused
from libra.web.rate import Buckets, Rate

log = logging.getLogger("libra.http")

READ_RATE = Rate(100, 1)
"""Requests of one client, where nothing else is set and strangers may come in."""

SUBMIT_RATE = Rate(60, 60)
"""Pages that one client submits, likewise."""

TOKEN_FACTOR = 20
"""How much more the holder of a token may do than a stranger."""

FAILURES = Rate(20, 60)
"""Wrong tokens of one address."""

CONNECTIONS = 20_000
"""Connections at a time; a report of usual size that waits to be read takes some 20 kB."""

CONNECTIONS_OF_ONE = 500
"""Connections of one address, where strangers may come in and it is no proxy of ours."""

_KNOWN_HOSTS = 1000
_UNMETERED = frozenset({"/health/live", "/health/ready"})

Fields = dict[bytes, str]


class _Limit:
    """A rate for strangers, and the higher one for holders of a token; None is no limit."""

    def __init__(self, text: str | None, default: Rate | None) -> None:
        rate = default if text is None else Rate.parse(text)
        self.stranger = rate
        self.token = None if rate is None else rate * TOKEN_FACTOR


class _Rules:
    """What of the settings the guard goes by, made once."""

    def __init__(self, settings: Settings, key: bytes) -> None:
        self.access = Access(settings, key)
        guarded = not self.access.open
        self.reads = _Limit(settings.read_limit, READ_RATE if guarded else None)
        self.submissions = _Limit(settings.submit_limit, SUBMIT_RATE if guarded else None)
        self.proxies = [ip_network(network) for network in settings.trusted_proxy]
        self.names = {
            "localhost",
            socket.gethostname().lower(),
            settings.host.lower(),
            *(name.lower().rstrip(".") for name in settings.allowed_host),
        }
        self.names.discard("")
        self.hosts: set[str] = set()


class Guard:
    """Lets requests in or says why not. One for an application; `reload` changes its mind."""

    def __init__(self, settings: Settings) -> None:
        self._key = session_key(settings.data_dir)
        self._reads = Buckets()
        self._submissions = Buckets()
        self._failures = Buckets()
        self._warned = False
        self._connections: Counter[str] = Counter()
        self.connections = 0
        """How many connections there are."""
        # Half of the files that the program may open: fetches, the database and the disk need some.
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        unlimited = files == resource.RLIM_INFINITY
        self._most = CONNECTIONS if unlimited else min(CONNECTIONS, files // 2)
        self.reload(settings)

    def reload(self, settings: Settings) -> None:
        """Take on other tokens, limits, names and proxies; what clients have used up stays so.

        May read files and ask the resolver: better done in a thread. Requests meanwhile see the old
        rules or the new ones and never a mixture.

        Raises:
            SettingsError: a token cannot be read; everything stays as it was.
        """
        self._rules = _Rules(settings, self._key)

    @property
    def access(self) -> Access:
        """Who may do what."""
        return self._rules.access

    def judge(self, scope: Any) -> Client:
        """Who a request comes from, if it may go on.

        Raises:
            Refused: 400 or 421 for its host, 401 or 403 for its rights, 429 for its rate, 403 if
                another site sent it.
        """
        fields = _fields(scope)
        self._require_host(scope, fields)
        method, path = scope["method"], scope["path"]
        client = self._client(scope, fields)
        if path not in _UNMETERED:
            self._spend(self._reads, self._rules.reads, client, 1)
        if method not in ("GET", "HEAD", "OPTIONS") and _is_from_another_site(fields):
            raise Refused(403, "other-site", "This came from a page of another site.")
        missing = needed(method, path) & ~client.rights
        if missing and client.token is None:
            raise _unauthorized("This needs a token.")
        if missing:
            what = "see that" if missing in (Right.PAGES, Right.INTERNALS) else "do that"
            raise Refused(403, "not-allowed", f"The token {client.token} may not {what}.")
        return client

    def key(self, scope: Any) -> str:
        """What stands for the client of a request in the log, where it showed no token."""
        peer = (scope.get("client") or ("", 0))[0]
        return key_of(self._address(peer, _fields(scope).get(b"x-forwarded-for")))

    def lets_read(
        self, peer: str, host: str | None, authorization: str | None, forwarded: str | None
    ) -> bool:
        """Whether a page may be read, for the short cut; on False `judge` says why.

        Spends from the client's rate if so, and only then.
        """
        rules = self._rules
        if host not in rules.hosts:
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
        if token is not None:
            return not self._reads.take(f"token:{token.name}", rate)
        return not self._reads.take(key_of(self._address(peer, forwarded)), rate)

    def submit(self, client: Client, pages: int = 1) -> None:
        """Let a client submit so many pages.

        Raises:
            Refused: 429, if it has submitted too many.
        """
        self._spend(self._submissions, self._rules.submissions, client, pages)

    def login(self, secret: str, client: Client) -> str:
        """The session of whoever knows a secret.

        Raises:
            Refused: 401 for a wrong one, 429 for too many of them.
        """
        token = self.access.of_secret(secret)
        if token is None:
            self._fail(client.key)
            raise _unauthorized("There is no such token.")
        return self.access.session(token)

    def connected(self, peer: str) -> bool:
        """Count a connection; False if there are too many and it is to be closed."""
        key = key_of(peer)
        self._connections[key] += 1
        self.connections += 1
        if self.connections > self._most:
            return False
        if self.access.open or self._connections[key] <= CONNECTIONS_OF_ONE:
            return True
        return self.is_trusted(peer)

    def disconnected(self, peer: str) -> None:
        """A connection has ended, also one that was refused."""
        key = key_of(peer)
        self.connections -= 1
        self._connections[key] -= 1
        if not self._connections[key]:
            del self._connections[key]

    def is_trusted(self, peer: str) -> bool:
        """Whether an address is a proxy of ours, for which limits of one client are wrong."""
        return bool(self._rules.proxies) and _is_in(peer, self._rules.proxies)

    def _client(self, scope: Any, fields: Fields) -> Client:
        peer = (scope.get("client") or ("", 0))[0]
        key = key_of(self._address(peer, fields.get(b"x-forwarded-for")))
        secure = scope.get("scheme") == "https" or (
            fields.get(b"x-forwarded-proto") == "https" and self.is_trusted(peer)
        )
        access = self.access
        if access.open:
            if b"x-forwarded-for" in fields and not self._warned:
                self._warned = True
                log.warning(
                    "a proxy passes on requests, and everybody may do everything here: "
                    "name it with --trusted-proxy, and say who may come in"
                )
            return Client(key, FULL, secure=secure)
        authorization, cookie = fields.get(b"authorization"), fields.get(b"cookie")
        token = None
        if authorization is not None:
            token = access.of_bearer(authorization)
            if token is None:
                self._fail(key)
                # Never as a stranger instead: who shows a token wants to know that it is wrong.
                raise _unauthorized("There is no such token.", error="invalid_token")
        elif cookie is not None:
            token = access.of_session(cookie)
        if token is None:
            return Client(key, access.strangers, secure=secure)
        return Client(f"token:{token.name}", access.rights(token), token.name, secure)

    def _address(self, peer: str, forwarded: str | None) -> str:
        """The address of the client: what the proxies of ours say, from the right.

        What stands further left than the first address that is none of ours, that one wrote itself.
        """
        if not self._rules.proxies or not forwarded:
            return peer
        hops = forwarded.split(",")
        address = peer
        while hops and _is_in(address, self._rules.proxies):
            hop = _without_port(hops.pop().strip())
            if not _is_address(hop):
                break
            address = hop
        return address

    def _spend(self, buckets: Buckets, limit: _Limit, client: Client, cost: int) -> None:
        rate = limit.stranger if client.token is None else limit.token
        if rate is None:
            return
        wait = buckets.take(client.key, rate, cost)
        if wait:
            raise _too_many(wait, f"This client may do {rate}.")

    def _fail(self, key: str) -> None:
        wait = self._failures.take(key, FAILURES)
        if wait:
            raise _too_many(wait, "Too many wrong tokens.")

    def _require_host(self, scope: Any, fields: Fields) -> None:
        """A page of a foreign name that was made to point at this machine must not get in.

        This is DNS rebinding: the browser takes such a page for ours, `Origin` and all. An address
        in numbers cannot be rebound, so all of those are fine.
        """
        host = fields.get(b"host")
        several = sum(name == b"host" for name, _ in scope["headers"]) > 1
        if host in self._rules.hosts and not several:
            return
        if several or (host is None and scope.get("http_version") == "1.1"):
            raise Refused(400, None, "Exactly one Host is needed (RFC 9112, section 3.2).")
        if host is None:
            return
        name = _without_port(host.strip()).lower().rstrip(".")
        if not (name in self._rules.names or name.endswith(".localhost") or _is_address(name)):
            raise Refused(
                421,
                "wrong-host",
                f"This service does not go by the name {name[:80]!r}. "
                "If it should, start it with --allowed-host.",
            )
        if len(self._rules.hosts) < _KNOWN_HOSTS:
            self._rules.hosts.add(host)


@lru_cache(maxsize=4096)
def key_of(address: str) -> str:
    """What the limits of an address are kept by: itself, or the /64 network of an IPv6 one."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or ip_network((int(found) >> 64 << 64, 64)))
    return str(found)


def _fields(scope: Any) -> Fields:
    fields: Fields = {}
    for name, value in scope["headers"]:
        text = value.decode("latin-1")
        # Several proxies may each have added a field of its own (RFC 9110, section 5.3).
        more = name == b"x-forwarded-for" and name in fields
        fields[name] = f"{fields[name]},{text}" if more else text
    return fields


def _is_in(address: str, networks: Sequence[Any]) -> bool:
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found.version == network.version and found in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _without_port(text: str) -> str:
    """The host of ``host:port``, ``[address]:port`` or either without a port."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    head, colon, port = text.rpartition(":")
    # An IPv6 address without brackets, as X-Forwarded-For has them, is full of colons.
    return head if colon and ":" not in head and port.isdigit() else text


def _is_from_another_site(fields: Fields) -> bool:
    """Whether a browser sent this on behalf of another site (cross-site request forgery).

    Every current browser says so in ``Sec-Fetch-Site``, and where the address is neither HTTPS nor
    of this machine, in ``Origin``. What sends neither is no browser and carries nobody's authority.
    """
    fetch_site = fields.get(b"sec-fetch-site")
    if fetch_site is not None:
        return fetch_site not in ("same-origin", "none")
    origin = fields.get(b"origin")
    if origin is None:
        return False
    return origin.partition("://")[2].lower() != fields.get(b"host", "").lower()


def _unauthorized(detail: str, *, error: str | None = None) -> Refused:
    challenge = 'Bearer realm="libra"' + (f', error="{error}"' if error else "")
    return Refused(401, "token-needed", detail, headers={"WWW-Authenticate": challenge})


def _too_many(wait: float, detail: str) -> Refused:
    seconds = 3600 if math.isinf(wait) else max(1, math.ceil(wait))
    return Refused(429, "too-many-requests", detail, retry_after=seconds)
