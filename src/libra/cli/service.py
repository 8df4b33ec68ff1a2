"""`libra serve` and `libra token`: the service, and its access tokens."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from libra.credentials.tokens import Role, new_token
from libra.settings import Settings, SettingsError


@click.command()
@click.option("--host", help="Address to listen on; 127.0.0.1 by default.")
@click.option("--port", help="Port to listen on; 8000 by default, 0 for any free port.")
@click.option("--data-dir", metavar="DIR", help="Folder of the embedded database and the journal.")
@click.option("--database", metavar="URL", help="sqlite:///path or postgresql://user@host/name.")
@click.option(
    "--migrate/--no-migrate",
    default=None,
    help="Migrate a PostgreSQL database at start; not by default. SQLite always is.",
)
@click.option(
    "--journal/--no-journal",
    default=None,
    help="Keep acknowledged pages on the local disk until the database has them; the default.",
)
@click.option(
    "--keep",
    metavar="DURATION",
    help="How long to keep pages in the database, such as 90d; forever by default. Libra "
    "keeps some weigh-ins of watched URLs for longer.",
)
@click.option(
    "--keep-deletions",
    metavar="DURATION",
    help="How long to remember deletions, in case the database is restored from a backup; 30d.",
)
@click.option(
    "--local-copy",
    metavar="SIZE",
    help="Disk space for a copy of memory, for a restart while the database is down; 1GB.",
)
@click.option(
    "--ttl", metavar="DURATION", help="How long a finished page stays in memory; 24h by default."
)
@click.option(
    "--restore",
    metavar="[eager|lazy|off]",
    help="When to load stored pages: all at start (default), each when it is needed, or never.",
)
@click.option("--concurrency", metavar="N", help="Pages to fetch at the same time; 32 by default.")
@click.option(
    "--max-pages", metavar="N", help="Maximum number of pages in memory; 100000 by default."
)
@click.option(
    "--allow",
    multiple=True,
    metavar="CIDR",
    help="A private network that Libra may fetch from; may be repeated.",
)
@click.option(
    "--allow-port",
    multiple=True,
    metavar="PORT",
    help="A port that Libra may fetch from besides 80, 443, 8080 and 8443; may be repeated.",
)
@click.option("--ca", metavar="FILE", help="Trust these certificate authorities (PEM) too.")
@click.option("--proxy", metavar="URL", help="Fetch everything through this proxy.")
@click.option(
    "--http3/--no-http3",
    default=None,
    help="Try HTTP/3 as well, where a server speaks it.",
)
@click.option(
    "--proxy-is-the-gate/--proxy-is-no-gate",
    default=None,
    help="Let the proxy resolve names and block private addresses.",
)
@click.option(
    "--limits",
    multiple=True,
    metavar="NAME=VALUE",
    help="Limit of a page, such as assets=500 or page-bytes=50MB; may be repeated.",
)
@click.option(
    "--delay", metavar="DURATION", help="Pause between two requests to one origin; 0 by default."
)
@click.option(
    "--method",
    metavar="[auto|static|rendered]",
    help="Method for pages that do not name one: without a browser (static, the default), in a browser, "
    "or in a browser only if scripts build the page.",
)
@click.option("--browser", metavar="PATH", help="The browser for the rendered method.")
@click.option("--browsers", metavar="N", help="Pages to render at the same time; 2 by default.")
@click.option(
    "--browser-memory",
    metavar="SIZE",
    help="Memory limit of each browser and its processes; 1GB by default.",
)
@click.option(
    "--screenshots/--no-screenshots",
    default=None,
    help="Save screenshots of pages that are weighed in a browser to the database; off by default.",
)
@click.option(
    "--parsers",
    metavar="N",
    help="Number of processes that parse pages; by default one per processor.",
)
@click.option(
    "--parser-memory", metavar="SIZE", help="Memory limit of each parser process; 128MB by default."
)
@click.option("--page-timeout", metavar="DURATION", help="Time limit of a page; 60s by default.")
@click.option("--asset-timeout", metavar="DURATION", help="Time limit of an asset; 20s by default.")
@click.option(
    "--unsent",
    metavar="SIZE",
    help="Memory for responses that slow clients have not read yet; 64MB by default.",
)
@click.option(
    "--shutdown-grace",
    metavar="DURATION",
    help="Time for unfinished pages when Libra stops; 10s by default.",
)
@click.option(
    "--token",
    multiple=True,
    metavar="NAME:ROLE:SECRET",
    help="Who has access, with the role read, push (results of CI only) or full; may be repeated. See "
    "`libra token new`.",
)
@click.option("--token-file", metavar="FILE", help="A file with such tokens, one per line.")
@click.option(
    "--project-budgets",
    metavar="DIR",
    help="A folder with a budget for each project, PROJECT.json, for results that CI jobs send.",
)
@click.option(
    "--public",
    is_flag=False,
    flag_value="submit",
    metavar="[read|submit]",
    help="What anyone may do without a token on a public address; submit if no value is given.",
)
@click.option(
    "--allowed-host",
    multiple=True,
    metavar="NAME",
    help="A host name of the service, besides IP addresses and localhost; may be repeated.",
)
@click.option(
    "--trusted-proxy",
    multiple=True,
    metavar="CIDR",
    help="A network whose X-Forwarded-For header Libra trusts; may be repeated.",
)
@click.option(
    "--trusted-user-header",
    metavar="NAME",
    help="The header in which a --trusted-proxy names the signed-in person.",
)
@click.option(
    "--user-roles",
    metavar="FILE",
    help="Roles of these people, one NAME:ROLE per line: none, read (if not named) or full.",
)
@click.option(
    "--base-path",
    metavar="PATH",
    help="The path under which clients reach the service, such as /libra.",
)
@click.option(
    "--read-limit",
    metavar="RATE",
    help="Maximum rate of requests per client, such as 100/s, or off.",
)
@click.option(
    "--submit-limit",
    metavar="RATE",
    help="Maximum rate of submissions per client, such as 60/m, or off.",
)
@click.option(
    "--public-url", metavar="URL", help="The address of this service, for links in alerts."
)
@click.option(
    "--cluster",
    metavar="URL,…",
    help="Be a node of a cluster on these NATS servers, such as nats://a:4222,nats://b:4222.",
)
@click.option(
    "--role",
    metavar="[all|web|inspector]",
    help="What this node does: serve and weigh (the default), or one of the two.",
)
@click.option("--node", metavar="NAME", help="The name of this node; keep it across restarts.")
@click.option("--cluster-credentials", metavar="FILE", help="Credentials for the NATS servers.")
@click.option(
    "--cluster-tls-ca", metavar="FILE", help="Certificate authorities (PEM) of the NATS servers."
)
@click.option(
    "--cluster-replicas",
    metavar="N",
    help="Number of NATS servers that hold a copy of all data; 3 by default.",
)
@click.option(
    "--cluster-bytes",
    metavar="SIZE",
    help="Space for pages on the NATS servers; Libra accepts no pages from 80 % on; 8GB by default.",
)
@click.option(
    "--cluster-shards", metavar="N", help="Number of shards that share the pages; 3 by default."
)
@click.option("--log-format", metavar="[text|json]", help="Format of the log; text by default.")
@click.option(
    "--log-level",
    metavar="[debug|info|warning|error]",
    help="Lowest level to log; info by default.",
)
@click.option(
    "--otel/--no-otel",
    default=None,
    help="Send OpenTelemetry traces; needs the extra libra-weigh[otel].",
)
@click.pass_obj
def serve(config: Path | None, /, **flags: Any) -> None:
    """Serve the website, the API and the live events until SIGTERM or Ctrl-C.

    Libra finishes pages under way first; a second signal ends it at once. SIGHUP reads libra.toml and
    the token file again.
    """
    settings = load_settings(config, **flags)
    from libra.web.serving.program import run  # noqa: PLC0415 - the server's imports would slow every command

    given = {name: value for name, value in flags.items() if value not in (None, ())}
    if shown := [text.partition(":")[0] for text in flags["token"] if ":sha256:" not in text]:
        click.echo(
            f"libra: everyone on this machine can read the secret of {', '.join(shown)} in the list "
            "of processes: use the hashed line of `libra token new`, or use --token-file.",
            err=True,
        )
    again = partial(Settings.load, given, file=config)
    click.get_current_context().exit(run(settings, again))


@click.group()
def token() -> None:
    """Make access tokens for `libra serve`."""


@token.command("new", short_help="Make a token.")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["read", "push", "full"]),
    default="read",
    show_default=True,
    help="read may see everything and change nothing; push may only send results of CI for one "
    "project; full may do everything.",
)
@click.option("--project", metavar="NAME", help="The project of a token with the role push.")
def new(name: str, role: Role, project: str | None) -> None:
    """Make a secret for NAME, and the line that gives it access.

    The secret is shown only once and stored nowhere; the line holds only its hash.
    """
    if role == "push" and project is None:
        raise click.UsageError("--role push needs --project, whose results the token may send.")
    if role != "push" and project is not None:
        raise click.UsageError(
            f"--project is for --role push; a token with the role {role} has none."
        )
    try:
        secret, made = new_token(name, role, project)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(secret)
    click.echo(
        f"\nGive the secret above to {name}: it is not stored and cannot be shown again.\n"
        f'Put this into libra.toml (token = ["..."]) or a --token-file:\n\n{made}',
        err=True,
    )


def load_settings(config: Path | None, **flags: Any) -> Settings:
    """The settings from the flags, the environment and the file.

    Raises:
        click.UsageError: naming the setting, where it came from and what it accepts.
    """
    given = {name: value for name, value in flags.items() if value not in (None, ())}
    try:
        return Settings.load(given, file=config)
    except SettingsError as error:
        raise click.UsageError(str(error)) from None
