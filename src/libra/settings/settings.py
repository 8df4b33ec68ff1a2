"""Settings: every flag of the command, every ``LIBRA_*`` variable and every key of ``libra.toml``.

One structure, three sources. A flag beats the environment, the environment beats the file, the file
beats the default. Durations and sizes may be written as people write them (``24h``, ``500kB``).
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
import platformdirs

from libra.credentials.tokens import AccessToken, UserRole, read_token_file, read_user_roles
from libra.destinations import Destination
from libra.settings.checks import (
    check_base_path,
    check_database,
    check_networks,
    check_rate,
    check_user_header,
    check_way,
)
from libra.settings.conversion import FLAGS, convert
from libra.settings.errors import SettingsError
from libra.settings.keys import WEIGH_KEYS
from libra.settings.limits import parse_limits
from libra.settings.redaction import redact
from libra.settings.sources import from_environ, require_known, toml_of
from libra.weighing.method_choice import Choice
from libra.weighing.options import Limits

Restore = Literal["eager", "lazy", "off"]

Public = Literal["no", "read", "submit"]
"""The rights of strangers: none, read, or read and submit."""

Role = Literal["all", "web", "inspector"]
"""The role of a node in a cluster: it serves and weighs, or does one of the two."""

LogFormat = Literal["text", "json"]

LogLevel = Literal["debug", "info", "warning", "error"]

LEAST_PARSER_MEMORY = 16_000_000
"""Bytes: with less, a parser cannot read an ordinary page."""

LEAST_BROWSER_MEMORY = 500_000_000
"""Bytes: a browser and its driver take 290 MB before they show anything."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a Libra. Durations are seconds.

    Attributes:
        host: the address that `libra serve` listens on.
        port: the port that it listens on; 0 takes a free one.
        data_dir: folder of the embedded database and the journal.
        database: ``sqlite:///path`` or ``postgresql://...``; None is SQLite in the data directory.
        migrate: whether a PostgreSQL database is migrated at start; SQLite always is.
        journal: whether acknowledged entries are kept on the local disk until the database has them.
        keep: how long pages stay in the database, in seconds, at least ``ttl``; some pages of watched
            URLs stay longer (see `libra.storage.keeping`); None for ever.
        keep_deletions: how long a deletion is remembered, in seconds, so that it is repeated when an
            older state of the database comes back.
        local_copy: bytes of local disk for a copy of pages that are in memory and in the database, so
            that a restart finds them while the database is away; 0 for none.
        ttl: how long a finished page stays in memory, in seconds.
        restore: ``eager`` restores every unexpired page at start, ``lazy`` each at its first request,
            ``off`` leaves them in the database.
        concurrency: how many pages are fetched at a time.
        max_pages: how many pages are held in memory.
        allow: networks (CIDR) that the service may fetch from although they are not public.
        allow_port: ports that it may fetch from beside 80, 443, 8080 and 8443.
        ca: a PEM file of certificate authorities to trust beside the system's.
        http3: whether HTTP/3 is tried beside HTTP/2.
        proxy: the proxy for all fetches; proxies in the environment are ignored.
        proxy_is_the_gate: whether the proxy itself refuses addresses that are not public, which Libra
            cannot check behind one.
        limits: limits of one page, as ``name=value``: the names of `libra.weighing.Limits`.
        delay: seconds between the starts of two requests to one origin.
        method: how pages are weighed if their submission does not say: ``static``, ``rendered``, or
            ``auto``, a browser for those that scripts build.
        browser: the browser for rendered pages; by default the first that is found on PATH.
        browsers: how many pages are rendered at a time.
        browser_memory: bytes that each browser may use with all its processes.
        screenshots: whether pictures are kept of pages weighed in a browser.
        parsers: how many processes parse documents, at least two; None is the number of processors.
        parser_memory: bytes that each parser may use beyond its use at start.
        unsent: bytes of answers that may wait in all for clients that do not read them.
        shutdown_grace: seconds that pages under way get at shutdown.
        page_timeout: seconds until a page is weighed with what has arrived.
        asset_timeout: seconds that one asset may take.
        token: access tokens, each ``NAME:ROLE:sha256:HEX`` (see `libra.credentials`); a secret is
            hashed as soon as it is read.
        token_file: a file with more of them, one on each line.
        project_budgets: a folder with ``PROJECT.json`` for each project whose CI jobs send results: the
            ``budget.json`` of its pages.
        public: the rights of clients without a token where the address is not a loopback one.
        allowed_host: names of the service, beside IP addresses, ``localhost``, ``host`` and the name
            of the machine.
        trusted_proxy: networks (CIDR) of proxies whose ``X-Forwarded-For`` is trusted.
        trusted_user_header: the header in which a proxy of ``trusted_proxy`` names the user whom it has
            signed in; from any other client it is ignored.
        user_roles: a file with the roles of these users, ``NAME:ROLE`` on each line; ``read`` for a user
            that it does not name.
        base_path: the path that the service is reached under, such as ``/libra``; empty for none.
        read_limit: requests of one client, such as ``100/s``; ``off`` for none; None is 100/s where
            strangers may come in.
        submit_limit: pages that one client may submit, such as ``60/m``; None is 60/m likewise.
        public_url: where people reach the service, for links in alerts.
        alerts: destinations of alerts beside webhooks, by the names that watches use.
        log_format: ``text`` for people, ``json`` for machines.
        log_level: the lowest level that is logged.
        otel: whether traces are sent by OpenTelemetry.
        cluster: the NATS servers of the cluster of this node, such as ``nats://a:4222``; empty for a
            single Libra.
        role: what this node of a cluster does.
        node: the name of this node for people; by default a name that stays over restarts.
        cluster_credentials: a file of credentials for the NATS servers.
        cluster_tls_ca: a PEM file of the certificate authorities of the NATS servers.
        cluster_replicas: how many NATS servers have a copy of everything.
        cluster_shards: how many streams share the pages; a change needs more than this setting.
        cluster_bytes: how many bytes all pages may take in the engine; from 80 % of it on, none are
            accepted.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    data_dir: Path = msgspec.field(
        default_factory=lambda: Path(platformdirs.user_data_dir("libra", appauthor=False))
    )
    database: str | None = None
    migrate: bool = False
    journal: bool = True
    keep: float | None = None
    keep_deletions: float = 30 * 86_400.0
    local_copy: int = 1_000_000_000
    ttl: float = 24 * 3600.0
    restore: Restore = "eager"
    concurrency: int = 32
    max_pages: int = 100_000
    allow: tuple[str, ...] = ()
    allow_port: tuple[int, ...] = ()
    method: Choice = "static"
    ca: Path | None = None
    http3: bool = False
    proxy: str | None = None
    proxy_is_the_gate: bool = False
    browser: str | None = None
    browsers: int = 2
    browser_memory: int = 1_000_000_000
    screenshots: bool = False
    parsers: int | None = None
    parser_memory: int = 128_000_000
    unsent: int = 64_000_000
    shutdown_grace: float = 10.0
    page_timeout: float = 60.0
    asset_timeout: float = 20.0
    limits: tuple[str, ...] = ()
    delay: float = 0.0
    token: tuple[str, ...] = ()
    token_file: Path | None = None
    project_budgets: Path | None = None
    public: Public = "no"
    allowed_host: tuple[str, ...] = ()
    trusted_proxy: tuple[str, ...] = ()
    trusted_user_header: str | None = None
    user_roles: Path | None = None
    base_path: str = ""
    read_limit: str | None = None
    submit_limit: str | None = None
    public_url: str | None = None
    alerts: dict[str, Destination] = {}
    log_format: LogFormat = "text"
    log_level: LogLevel = "info"
    otel: bool = False
    cluster: tuple[str, ...] = ()
    role: Role = "all"
    node: str | None = None
    cluster_credentials: Path | None = None
    cluster_tls_ca: Path | None = None
    cluster_replicas: int = 3
    cluster_shards: int = 3
    cluster_bytes: int = 8_000_000_000

    def __post_init__(self) -> None:
        """Convert what people write: ``"24h"``, ``"500kB"``, a path, one network.

        Raises:
            SettingsError: naming the setting and what it accepts.
        """
        for name in self.__struct_fields__:
            given = getattr(self, name)
            if given is not None:
                msgspec.structs.force_setattr(
                    self, name, convert(name, given, "Settings", _types()[name])
                )

    def tokens(self) -> tuple[AccessToken, ...]:
        """All tokens, from the settings and from the file.

        Raises:
            SettingsError: a token is invalid, two have the same name, or the file cannot be read.
        """
        found: dict[str, AccessToken] = {}
        try:
            every = [AccessToken.parse(text) for text in self.token]
            every += read_token_file(self.token_file) if self.token_file else ()
        except ValueError as error:
            raise SettingsError(f"token: {error}") from None
        for token in every:
            if token.name in found:
                raise SettingsError(f"token: two tokens are named {token.name}: rename one")
            found[token.name] = token
        return tuple(found.values())

    def database_url(self) -> str:
        """The address of the database: the setting, or SQLite in the data directory."""
        return self.database or f"sqlite:///{(self.data_dir / 'libra.sqlite3').absolute()}"

    @classmethod
    def load(
        cls,
        flags: Mapping[str, Any] | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        file: Path | None = None,
    ) -> Settings:
        """Settings from flags, the environment and a file, in that order of precedence.

        Args:
            flags: the flags of the command line; None values count as not given.
            environ: the environment; the process's own by default.
            file: a ``libra.toml``; by default ``$LIBRA_CONFIG``, else ``libra.toml`` in the working
                directory where there is one.

        Raises:
            SettingsError: naming the setting, its source and what it accepts.
        """
        environ = os.environ if environ is None else environ
        known = set(cls.__struct_fields__)
        won: dict[str, tuple[Any, str]] = {}
        path, written = read_file(file, environ)
        for source, values in (
            (path, {k: v for k, v in written.items() if k.replace("-", "_") not in WEIGH_KEYS}),
            ("the environment", from_environ(environ, known)),
            (FLAGS, {k: v for k, v in (flags or {}).items() if v is not None}),
        ):
            require_known(values, source, known)
            for key, value in values.items():
                if key == "alerts" and key in won and isinstance(value, Mapping):
                    value = {**won[key][0], **value}  # noqa: PLW2901 - the file's are there as well
                won[key.replace("-", "_")] = value, source
        # Only the value that counts is converted: a flag also beats an invalid one in the environment.
        types = _types()
        settings = cls(**{name: convert(name, *value, types[name]) for name, value in won.items()})
        settings.check()
        return settings

    def check(self) -> None:
        """Refuse combinations and ranges that cannot work.

        Raises:
            SettingsError: naming the setting and what it accepts.
        """
        for name, value, least in (
            ("concurrency", self.concurrency, 1),
            ("max_pages", self.max_pages, 1),
            ("browsers", self.browsers, 1),
            ("browser_memory", self.browser_memory, LEAST_BROWSER_MEMORY),
            ("parsers", 1 if self.parsers is None else self.parsers, 1),
            ("parser_memory", self.parser_memory, LEAST_PARSER_MEMORY),
            ("unsent", self.unsent, 1),
            ("local_copy", self.local_copy, 0),
            ("delay", self.delay, 0),
            ("ttl", self.ttl, 1),
            # Pages in memory must be in the database as well.
            ("keep", self.ttl if self.keep is None else self.keep, self.ttl),
            ("keep_deletions", self.keep_deletions, 0),
            ("page_timeout", self.page_timeout, 0.001),
            ("asset_timeout", self.asset_timeout, 0.001),
            ("shutdown_grace", self.shutdown_grace, 0),
        ):
            if not least <= value < math.inf:  # TOML allows nan and inf
                raise SettingsError(f"{name} is {value}: it must be at least {least}")
        if not 0 <= self.port <= 65535:
            raise SettingsError(f"port is {self.port}: it must be from 0 to 65535")
        if self.restore not in ("eager", "lazy", "off"):
            raise SettingsError(f"restore is {self.restore!r}: it takes eager, lazy or off")
        if self.database is not None:
            check_database(self.database)
        if self.public_url is not None and not re.match(r"https?://[^/?#]+", self.public_url):
            raise SettingsError(
                f"public_url takes an address such as https://libra.example.com, "
                f"not {self.public_url!r}"
            )
        for port in self.allow_port:
            if not 1 <= port <= 65535:
                raise SettingsError(f"allow_port is {port}: it must be from 1 to 65535")
        check_way(self.proxy, self.ca)
        self._check_cluster()
        self._check_access()
        check_networks("allow", self.allow)
        check_networks("trusted_proxy", self.trusted_proxy)
        check_rate("read_limit", self.read_limit)
        check_rate("submit_limit", self.submit_limit)
        try:
            parse_limits(self.limits, Limits())
        except ValueError as error:
            raise SettingsError(f"limits: {error}") from None
        self.tokens()

    def users(self) -> dict[str, UserRole]:
        """The roles in the file of users whom a proxy signs in.

        Raises:
            SettingsError: the file cannot be read, or a line of it.
        """
        try:
            return {} if self.user_roles is None else read_user_roles(self.user_roles)
        except ValueError as error:
            raise SettingsError(f"user_roles: {error}") from None

    def _check_access(self) -> None:
        header = self.trusted_user_header
        if header is not None:
            check_user_header(header)
            if not self.trusted_proxy:
                raise SettingsError(
                    "trusted_user_header needs trusted_proxy, the network of the proxy that signs "
                    "people in: without it, every client could claim to be any user"
                )
        elif self.user_roles is not None:
            raise SettingsError("user_roles needs trusted_user_header, which names the users")
        self.users()
        check_base_path(self.base_path)

    def _check_cluster(self) -> None:
        if not self.cluster:
            if self.role != "all":
                raise SettingsError(
                    f"role is {self.role}: this role needs a cluster (set cluster, too)"
                )
            return
        for server in self.cluster:
            if not re.match(r"(nats|tls)://[^/?#]+", server):
                raise SettingsError(
                    f"cluster takes addresses such as nats://a:4222, not {redact(server)!r}"
                )
        if self.database is None or self.database.startswith("sqlite:"):
            raise SettingsError(
                "cluster: every node needs the same PostgreSQL database "
                "(database = postgresql://user@host/name), because machines cannot share a SQLite file"
            )
        if self.node is not None and not re.fullmatch(r"[A-Za-z0-9-]{1,60}", self.node):
            raise SettingsError(f"node takes letters, digits and hyphens, not {self.node!r}")
        for name, value, choices in (
            ("cluster_replicas", self.cluster_replicas, (1, 3, 5)),
            ("cluster_shards", self.cluster_shards, range(1, 65)),
        ):
            if value not in choices:
                takes = "1, 3 or 5" if name == "cluster_replicas" else "from 1 to 64"
                raise SettingsError(f"{name} is {value}: it takes {takes}")


def read_file(
    file: Path | None = None, environ: Mapping[str, str] | None = None
) -> tuple[str, dict[str, Any]]:
    """The name and the keys of ``libra.toml``; no keys where there is no such file.

    Args:
        file: the given file; by default ``$LIBRA_CONFIG``, else ``libra.toml`` in the
            working directory.
        environ: the environment; the process's own by default.

    Raises:
        SettingsError: the given file does not exist, it cannot be read, or it has a key that no
            command knows.
    """
    path, written = toml_of(file, os.environ if environ is None else environ)
    # Every command reads it, also one that needs no key: a misspelt budget would protect nothing.
    require_known(written, path, {*Settings.__struct_fields__, *WEIGH_KEYS})
    return path, written


@cache  # msgspec evaluates every annotation anew, and each field of each `Settings` asks
def _types() -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(Settings)}
