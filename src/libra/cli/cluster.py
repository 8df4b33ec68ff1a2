"""`libra cluster`: inspects and changes a cluster of Libras from outside."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from libra.cli.service import load_settings
from libra.credentials.tokens import parse_tokens
from libra.settings import Settings, redact
from libra.wording import count

if TYPE_CHECKING:
    from libra.cluster.engine.connection import Engine

T = TypeVar("T")

#: Seconds to try servers that cannot be reached.
PATIENCE: Final = 5.0


@click.group(short_help="Manage a cluster.")
def cluster() -> None:
    """Inspect and change the cluster on the given NATS servers."""


def _server_options(command: Any) -> Any:
    for option in (
        click.option(
            "--cluster-tls-ca", metavar="FILE", help="Certificate authorities (PEM) of the servers."
        ),
        click.option("--cluster-credentials", metavar="FILE", help="Credentials for the servers."),
        click.option("--cluster", metavar="URL,…", help="NATS servers, such as nats://a:4222."),
    ):
        command = option(command)
    return command


@cluster.command(short_help="Show nodes, queues and streams.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Output format.",
)
@_server_options
@click.pass_obj
def status(config: Path | None, /, *, form: str, **flags: Any) -> None:
    """Show each node and its work, the queues, and the copies of each stream.

    Exits with 1 if the servers do not answer.
    """
    from libra.cluster import status as cluster_status  # noqa: PLC0415 - only these need its client

    state = _asked(_settings(config, flags), cluster_status.look)
    click.echo(cluster_status.as_table(state) if form == "table" else cluster_status.as_json(state))


@cluster.command(short_help="Forget a node that is gone for good.")
@click.argument("node", metavar="NODE")
@_server_options
@click.pass_obj
def remove(config: Path | None, /, *, node: str, **flags: Any) -> None:
    """Forget NODE, which has ended and will not come back.

    Pages that only its disk has are lost. While NODE is known, no node reports a page as missing if it
    may be on that disk. Libra refuses to forget a node that still runs.
    """
    from libra.cluster.node import ledger  # noqa: PLC0415 - only these need its client

    entry = _asked(_settings(config, flags), lambda engine: ledger.remove(engine, node))
    if entry is None:
        raise click.ClickException(f"there is no node {node}: see `libra cluster status`")
    click.echo(f"Forgot {node}.")
    if entry.oldest is not None:
        click.echo("Pages that only its disk had are lost.", err=True)


@cluster.command(short_help="Change the number of shards.")
@click.argument("number", metavar="N", type=click.IntRange(1, 64))
@_server_options
@click.pass_obj
def shards(config: Path | None, /, *, number: int, **flags: Any) -> None:
    """Change the number of shards to N for pages that are submitted in ten minutes or later.

    Earlier pages stay where they are. Running nodes adopt N without a restart. From now on, start
    further nodes with --cluster-shards N.
    """
    from libra.cluster.records import layout  # noqa: PLC0415 - only these need its client

    now = int(time.time() * 1000)
    settings = _settings(config, flags)
    entry = _asked(settings, lambda engine: layout.reshard(engine, number, now=now))
    since = datetime.fromtimestamp(entry.since / 1000, UTC)
    click.echo(f"{number} shards, starting at {since:%Y-%m-%d %H:%M:%S} UTC.")


@cluster.command(short_help="Give all web nodes the same tokens.")
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@_server_options
@click.pass_obj
def tokens(config: Path | None, /, *, file: Path, **flags: Any) -> None:
    """Give every web node the access tokens in FILE; they replace those that this command gave before.

    Only the hash of each secret is sent, never the secret. Each node also has the tokens of its own
    settings. An empty file removes all tokens that this command gave.
    """
    from libra.cluster.node import access  # noqa: PLC0415 - only these need its client

    try:
        found = parse_tokens(file.read_text("utf-8").splitlines())
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    _asked(_settings(config, flags), lambda engine: access.give(engine, found))
    click.echo(f"{count(len(found), 'token')} for all web nodes.")


def _settings(config: Path | None, flags: dict[str, Any]) -> Settings:
    # These commands use no database.
    settings = load_settings(config, **flags, database="postgresql://unused/unused")
    if not settings.cluster:
        raise click.UsageError(
            "name the servers of the cluster: --cluster nats://a:4222,nats://b:4222"
        )
    return settings


def _asked(settings: Settings, ask: Callable[[Engine], Awaitable[T]]) -> T:
    """Ask the engine and return its answer.

    Raises:
        click.ClickException: the engine does not answer; it says why.
    """
    try:
        from libra.cluster.engine.connection import Engine  # noqa: PLC0415 - as above
        from libra.cluster.engine.errors import (  # noqa: PLC0415 - as above
            Conflict,
            EngineAway,
            Misconfigured,
        )
    except ImportError as error:
        raise click.ClickException(
            f"this command needs the extra libra-weigh[cluster]: {error}"
        ) from None

    async def asked() -> T:
        engine = Engine(
            settings.cluster,
            name="libra cluster",
            credentials=settings.cluster_credentials,
            tls_ca=settings.cluster_tls_ca,
            inbox="_INBOX.operator",
        )
        try:
            async with asyncio.timeout(PATIENCE):
                await engine.connect()
            return await ask(engine)
        except TimeoutError:
            servers = ", ".join(map(redact, settings.cluster))
            raise click.ClickException(
                f"none of {servers} can be reached: {engine.trouble}"
            ) from None
        finally:
            await engine.close()

    try:
        return asyncio.run(asked())
    except (Conflict, EngineAway, Misconfigured, LookupError) as error:
        raise click.ClickException(str(error)) from None
