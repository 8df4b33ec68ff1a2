"""`libra db` and `libra history`: the stored pages of the service."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from libra.cli.parameters import DurationType
from libra.cli.service import load_settings
from libra.settings import Settings, redact
from libra.urls import InvalidURL, parse_url
from libra.wording import count, size

if TYPE_CHECKING:
    from libra.storage import SchemaStatus, Store
    from libra.storage.backup_file import Contents

T = TypeVar("T")


@click.group()
def db() -> None:
    """Manage the database that pages are saved in."""


def _database_options(command: Any) -> Any:
    for option in (
        click.option("--database", metavar="URL", help="sqlite:///path or postgresql://..."),
        click.option(
            "--data-dir", metavar="DIR", help="Folder of the embedded database and the journal."
        ),
    ):
        command = option(command)
    return command


@db.command(short_help="Bring the schema up to date.")
@_database_options
@click.pass_obj
def migrate(config: Path | None, /, **flags: Any) -> None:
    """Bring the database's schema up to date; creates a new database."""
    settings = load_settings(config, **flags)
    _say_schema(settings, asyncio.run(_with_store(settings, lambda store: store.migrate())))


@db.command(short_help="Show where the database is and whether its schema is current.")
@_database_options
@click.pass_obj
def status(config: Path | None, /, **flags: Any) -> None:
    """Show where the database is and whether its schema is current; exits with 1 if it is not."""
    settings = load_settings(config, **flags)
    schema = asyncio.run(_with_store(settings, lambda store: store.schema()))
    _say_schema(settings, schema)
    if schema.state != "current":
        click.get_current_context().exit(1)


@db.command(short_help="Write a backup, also while Libra runs.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_database_options
@click.pass_obj
def backup(config: Path | None, /, *, file: Path, **flags: Any) -> None:
    """Write all stored pages and watches to FILE, as of one moment, without delaying a running Libra.

    FILE is a SQLite database, whichever engine it comes from. It replaces an older backup of that name
    when it is complete.
    """
    settings = load_settings(config, **flags)
    from libra.storage import engines  # noqa: PLC0415 - only these commands need it

    contents = _with_file(settings, engines.back_up(_database_of(settings), file))
    click.echo(f"Backed up {_said(contents)} to {file} ({size(contents.size)}).")


@db.command(short_help="Replace the stored data with a backup, also while Libra runs.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@_database_options
@click.pass_obj
def restore(config: Path | None, /, *, file: Path, yes: bool, **flags: Any) -> None:
    """Replace everything in the database with the contents of FILE, in one step.

    A running Libra notices, and saves again what is in its memory but not in the backup.
    """
    settings = load_settings(config, **flags)
    from libra.storage import engines  # noqa: PLC0415 - only these commands need it

    url = _database_of(settings)
    if not yes:
        click.confirm(
            f"Replace everything in {redact(url)} with the contents of {file}?",
            abort=True,
            err=True,
        )
    contents = _with_file(settings, engines.restore(file, url))
    click.echo(f"Restored {_said(contents)} from {file}.")


@db.command(short_help="Delete old pages.")
@click.option(
    "--older-than",
    type=DurationType(),
    required=True,
    help="Delete pages that were submitted longer ago than this, for instance 90d.",
)
@click.option(
    "--yes", is_flag=True, help="Do not ask for confirmation; without a terminal, it never asks."
)
@_database_options
@click.pass_obj
def prune(config: Path | None, /, *, older_than: float, yes: bool, **flags: Any) -> None:
    """Delete the pages submitted before a time, for good, and free their disk space.

    For watched URLs it keeps one weigh-in a day for three times as long, and one a week after that. A
    running Libra drops the deleted pages from memory.
    """
    settings = load_settings(config, **flags)
    from libra.storage.keeping import thinnings, watched_in  # noqa: PLC0415 - only this needs it

    now = datetime.now(UTC)
    # Timers also run this, where nobody could answer: whoever wrote one has decided.
    if not yes and sys.stdin.isatty():
        click.confirm(
            f"Delete the pages submitted before {now - timedelta(seconds=older_than):%Y-%m-%d %H:%M} "
            f"UTC from {redact(_database_of(settings))}, for good?",
            abort=True,
            err=True,
        )

    async def act(store: Store) -> tuple[int, int]:
        watched = thinnings(watched_in(await store.watches()), older_than, now)
        moment = now - timedelta(seconds=older_than)
        removed = await store.prune(older_than=moment, watched=watched)
        return removed, await store.give_back(whole=True)

    removed, freed = asyncio.run(_with_store(settings, act))
    given = f" Freed {size(freed)} of disk space." if freed else ""
    click.echo(f"Deleted {count(removed, 'page')}.{given}")


@click.command()
@click.argument("url", metavar="URL")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@_database_options
@click.pass_obj
def history(config: Path | None, /, *, url: str, limit: int, **flags: Any) -> None:
    """List the stored weigh-ins of a page, newest first."""
    settings = load_settings(config, **flags)
    try:
        page = parse_url(url)
    except InvalidURL as error:
        raise click.UsageError(str(error)) from None
    rows = asyncio.run(_with_store(settings, lambda store: store.history(page, limit=limit)))
    if not rows:
        click.echo(f"No weigh-ins of {page} are stored.", err=True)
    for row in rows:
        when = f"{row.submitted_at:%Y-%m-%d %H:%M:%S}" if row.submitted_at else "-"
        score = "-" if row.score is None else str(row.score)
        weight = size(row.transfer_bytes)
        click.echo(
            f"{when}  {row.status:<8}  {weight:>9}  {row.requests:>5} requests  "
            f"score {score:>3}  {row.id}{'  from CI' if row.series else ''}"
        )


def _say_schema(settings: Settings, schema: SchemaStatus) -> None:
    click.echo(f"Database: {redact(settings.database_url())}")
    has = {
        "current": f"{schema.current}, which is current",
        "missing": f"none yet; this Libra needs {schema.wanted}: run `libra db migrate`",
        "behind": f"{schema.current}; this Libra needs {schema.wanted}: run `libra db migrate`",
        "newer": f"{schema.current}, made by a newer Libra; this one knows up to {schema.wanted}",
    }
    click.echo(f"Schema:   {has[schema.state]}")


def _said(contents: Contents) -> str:
    return f"{count(contents.pages, 'page')} and {count(contents.watches, 'watch', 'watches')}"


def _database_of(settings: Settings) -> str:
    if settings.database is None:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return settings.database_url()


def _with_file(settings: Settings, work: Coroutine[Any, Any, Contents]) -> Contents:
    """The result of a backup or a restore, or an error that says why it failed."""
    from libra.storage import StoreError  # noqa: PLC0415 - only these commands need it
    from libra.storage.backup_file import NoBackup  # noqa: PLC0415 - as above

    try:
        return asyncio.run(work)
    except NoBackup as error:
        raise click.ClickException(str(error)) from None
    except StoreError as error:
        raise click.ClickException(
            f"{redact(settings.database_url())} cannot be used: {error}"
        ) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None


async def _with_store(settings: Settings, act: Callable[[Store], Awaitable[T]]) -> T:
    """The result of a call of the store, or an error that says why it failed."""
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
            f"{redact(settings.database_url())} cannot be used: {error}"
        ) from None
    finally:
        await store.close()
