"""`libra serve`, `libra db` and `libra history`: the service and what it has stored."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from libra.cli.parameters import Duration
from libra.settings import Settings, SettingsError, redact
from libra.tokens import Role, new_token
from libra.weighing.urls import InvalidURL, parse_url
from libra.words import count, size

if TYPE_CHECKING:
    from libra.storage import SchemaStatus, Store

T = TypeVar("T")


@click.command(short_help="Start the service.")
@click.option("--host", help="The address to listen on; 127.0.0.1 by default.")
@click.option("--port", help="The port to listen on; 8000 by default, 0 for a free one.")
@click.option("--data-dir", metavar="DIR", help="Where the embedded database lives.")
@click.option("--database", metavar="URL", help="sqlite:///path or postgresql://user@host/name.")
@click.option(
    "--migrate/--no-migrate",
    default=None,
    help="Migrate a PostgreSQL database at start; not by default. SQLite always is.",
)
@click.option(
    "--journal/--no-journal",
    default=None,
    help="Keep what is acknowledged on the local disk until it is stored; the default.",
)
@click.option(
    "--keep-deletions",
    metavar="DURATION",
    help="How long deletions are remembered for a database that goes back in time; 30d by default.",
)
@click.option(
    "--local-copy",
    metavar="SIZE",
    help="Disk for a copy of what is in memory, for a restart while the database is away; 1GB.",
)
@click.option("--ttl", metavar="DURATION", help="How long a page rests in memory; 24h by default.")
@click.option(
    "--restore",
    metavar="[eager|lazy|off]",
    help="Bring stored pages back at start (the default), each when it is asked for, or never.",
)
@click.option("--concurrency", metavar="N", help="Pages fetched at a time; 32 by default.")
@click.option("--max-pages", metavar="N", help="Pages held in memory; 100000 by default.")
@click.option(
    "--allow",
    multiple=True,
    metavar="CIDR",
    help="A network that may be fetched from although it is not public; may be repeated.",
)
@click.option(
    "--allow-port",
    multiple=True,
    metavar="PORT",
    help="A port that may be fetched from beside 80, 443, 8080 and 8443; may be repeated.",
)
@click.option("--ca", metavar="FILE", help="Authorities, in PEM form, that are believed as well.")
@click.option("--proxy", metavar="URL", help="The proxy that everything is fetched through.")
@click.option(
    "--proxy-is-the-gate/--proxy-is-no-gate",
    default=None,
    help="The proxy keeps to public addresses itself; needed with --proxy.",
)
@click.option(
    "--limits",
    multiple=True,
    metavar="NAME=VALUE",
    help="What one page may cost, such as assets=500 or page-bytes=50MB; may be repeated.",
)
@click.option(
    "--delay", metavar="DURATION", help="Pause between two requests to one origin; none by default."
)
@click.option(
    "--method",
    metavar="[auto|static|rendered]",
    help="How pages are weighed that do not say: read (the default), in a browser, or in one if "
    "scripts build them.",
)
@click.option("--browser", metavar="PATH", help="The browser for rendered pages.")
@click.option("--browsers", metavar="N", help="Pages rendered at a time; 2 by default.")
@click.option(
    "--browser-memory",
    metavar="SIZE",
    help="What each browser may take with all its processes; 1GB by default.",
)
@click.option("--parsers", metavar="N", help="Processes that read pages; one for each processor.")
@click.option(
    "--parser-memory", metavar="SIZE", help="What each of them may take; 128MB by default."
)
@click.option("--page-timeout", metavar="DURATION", help="Time for one page; 60s by default.")
@click.option("--asset-timeout", metavar="DURATION", help="Time for one asset; 20s by default.")
@click.option(
    "--unsent",
    metavar="SIZE",
    help="Answers that may wait for clients that do not read them, in all; 64MB by default.",
)
@click.option(
    "--shutdown-grace",
    metavar="DURATION",
    help="Time that pages under way are given at the end; 10s by default.",
)
@click.option(
    "--token",
    multiple=True,
    metavar="NAME:ROLE:SECRET",
    help="Who may come in, to read or to do all (full); may be repeated. See `libra token new`.",
)
@click.option("--token-file", metavar="FILE", help="A file with such tokens, one on each line.")
@click.option(
    "--public",
    is_flag=False,
    flag_value="submit",
    metavar="[read|submit]",
    help="What may be done without a token on a public address; submit if nothing is said.",
)
@click.option(
    "--allowed-host",
    multiple=True,
    metavar="NAME",
    help="A name that the service is reached by, beside IP addresses and localhost; repeatable.",
)
@click.option(
    "--trusted-proxy",
    multiple=True,
    metavar="CIDR",
    help="A network whose X-Forwarded-For is believed; may be repeated.",
)
@click.option("--read-limit", metavar="RATE", help="Requests of one client, such as 100/s; or off.")
@click.option("--submit-limit", metavar="RATE", help="Pages that one client submits: 60/m; or off.")
@click.option("--public-url", metavar="URL", help="Where people reach it, for links in alerts.")
@click.option(
    "--log-format", metavar="[text|json]", help="How the log is written; text by default."
)
@click.option(
    "--log-level", metavar="[debug|info|warning|error]", help="What is logged; info by default."
)
@click.option(
    "--otel/--no-otel",
    default=None,
    help="Send traces by OpenTelemetry, which libra-weigh[otel] installs.",
)
@click.pass_obj
def serve(config: Path | None, /, **flags: Any) -> None:
    """Serve the page, the API and the live events until SIGTERM or Ctrl-C.

    What is under way is finished first; a second signal ends at once. SIGHUP reads libra.toml and
    the token file again.
    """
    settings = load_settings(config, **flags)
    from libra.web.serve import run  # noqa: PLC0415 - the server's imports would slow every command

    given = {name: value for name, value in flags.items() if value not in (None, ())}
    if shown := [text.partition(":")[0] for text in flags["token"] if ":sha256:" not in text]:
        click.echo(
            f"libra: everybody on this machine can read the secret of {', '.join(shown)} in the list "
            "of processes: write the hashed line of `libra token new`, or use --token-file.",
            err=True,
        )
    again = partial(Settings.load, given, file=config)
    click.get_current_context().exit(run(settings, again))


@click.group(short_help="Make access tokens.")
def token() -> None:
    """Make the tokens that `libra serve` lets people and programs in with."""


@token.command("new", short_help="Make a token.")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["read", "full"]),
    default="read",
    show_default=True,
    help="read sees everything and changes nothing; full may do everything.",
)
def new(name: str, role: Role) -> None:
    """Make a secret for NAME, and the line that lets it in.

    The secret is shown once and kept nowhere; the line holds only its hash.
    """
    try:
        secret, made = new_token(name, role)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(secret)
    click.echo(
        f"\nGive the secret above to {name}: it is not kept and cannot be shown again.\n"
        f'Put this into libra.toml (token = ["..."]) or a --token-file:\n\n{made}',
        err=True,
    )


@click.group(short_help="Look after the database.")
def db() -> None:
    """Look after the database that pages are saved in."""


def _database_options(command: Any) -> Any:
    for option in (
        click.option("--database", metavar="URL", help="sqlite:///path or postgresql://..."),
        click.option("--data-dir", metavar="DIR", help="Where the embedded database lives."),
    ):
        command = option(command)
    return command


@db.command(short_help="Bring the schema up to date.")
@_database_options
@click.pass_obj
def migrate(config: Path | None, /, **flags: Any) -> None:
    """Bring the database's schema up to date; a database that is new is made."""
    settings = load_settings(config, **flags)
    _say_schema(settings, asyncio.run(_with_store(settings, lambda store: store.migrate())))


@db.command(short_help="Say where the database is and whether its schema is current.")
@_database_options
@click.pass_obj
def status(config: Path | None, /, **flags: Any) -> None:
    """Say where the database is and whether its schema is current; exits with 1 if it is not."""
    settings = load_settings(config, **flags)
    schema = asyncio.run(_with_store(settings, lambda store: store.schema()))
    _say_schema(settings, schema)
    if schema.state != "current":
        click.get_current_context().exit(1)


@db.command(short_help="Delete old pages.")
@click.option(
    "--older-than",
    type=Duration(),
    required=True,
    help="Delete pages that were submitted longer ago than this, for instance 90d.",
)
@_database_options
@click.pass_obj
def prune(config: Path | None, /, *, older_than: float, **flags: Any) -> None:
    """Delete the pages that were submitted before a time, for good."""
    settings = load_settings(config, **flags)
    moment = datetime.now(UTC) - timedelta(seconds=older_than)
    removed = asyncio.run(_with_store(settings, lambda store: store.prune(older_than=moment)))
    click.echo(f"{count(removed, 'page')} deleted.")


@click.command(short_help="List the weigh-ins of a page.")
@click.argument("url", metavar="URL")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@_database_options
@click.pass_obj
def history(config: Path | None, /, *, url: str, limit: int, **flags: Any) -> None:
    """List what the service has stored of a page over time, newest first."""
    settings = load_settings(config, **flags)
    try:
        page = parse_url(url)
    except InvalidURL as error:
        raise click.UsageError(str(error)) from None
    rows = asyncio.run(_with_store(settings, lambda store: store.history(page, limit=limit)))
    if not rows:
        click.echo(f"Nothing is stored of {page}.", err=True)
    for row in rows:
        when = f"{row.submitted_at:%Y-%m-%d %H:%M:%S}" if row.submitted_at else "-"
        score = "-" if row.score is None else str(row.score)
        weight = size(row.transfer_bytes)
        click.echo(
            f"{when}  {row.status:<8}  {weight:>9}  {row.requests:>5} requests  "
            f"score {score:>3}  {row.id}"
        )


def load_settings(config: Path | None, **flags: Any) -> Settings:
    """The settings from the flags given, the environment and the file.

    Raises:
        click.UsageError: naming the setting, where it came from and what it takes.
    """
    given = {name: value for name, value in flags.items() if value not in (None, ())}
    try:
        return Settings.load(given, file=config)
    except SettingsError as error:
        raise click.UsageError(str(error)) from None


def _say_schema(settings: Settings, schema: SchemaStatus) -> None:
    click.echo(f"Database: {redact(settings.database_url())}")
    has = {
        "current": f"{schema.current}, which is current",
        "missing": f"none yet; {schema.wanted} is wanted: run `libra db migrate`",
        "behind": f"{schema.current}; {schema.wanted} is wanted: run `libra db migrate`",
        "newer": f"{schema.current}, of a newer Libra; this one knows up to {schema.wanted}",
    }
    click.echo(f"Schema:   {has[schema.state]}")


async def _with_store(settings: Settings, act: Callable[[Store], Awaitable[T]]) -> T:
    """What a call of the store comes to, or a word on why it could not be made."""
    from libra.storage import StoreError, open_store  # noqa: PLC0415 - only these commands need it

    if settings.database is None:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        store = open_store(settings.database_url())
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        return await act(store)
    except StoreError as error:
        raise click.ClickException(
            f"{redact(settings.database_url())} cannot be asked: {error}"
        ) from None
    finally:
        await store.close()
