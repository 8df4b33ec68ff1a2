"""`libra watch`: tell a running service what to watch, over HTTP."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import click

from libra.cli.inputs import read_budgets
from libra.cli.parameters import Header, Size
from libra.decoding import Undecodable, decode_json
from libra.words import plain, size

PATIENCE = 30.0
"""Seconds that the service has for an answer; it gives one in milliseconds."""


class _Server(click.ParamType[str]):
    """The address of a running service, without the slash at its end."""

    name = "URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        parts = urlsplit(str(value))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            self.fail(f"{value!r} is no address: write http://127.0.0.1:8000", param, ctx)
        return str(value).rstrip("/")


@click.command(short_help="Weigh a page again and again, and tell somebody when it gets heavy.")
@click.argument("url", metavar="URL", required=False)
@click.option(
    "--every",
    metavar="SCHEDULE",
    default="day",
    show_default=True,
    help='hour, day, week or a cron expression such as "0 6 * * mon-fri", in UTC.',
)
@click.option(
    "--budget",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="What the page must keep to: a Lighthouse budget.json.",
)
@click.option("--max-weight", type=Size(), metavar="SIZE", help="What it may weigh in all: 500kB.")
@click.option(
    "--jump-percent",
    type=click.FloatRange(0, 1e6),
    help="A jump is more than so many percent of what it weighed before; 20 by default...",
)
@click.option(
    "--jump-bytes", type=Size(), metavar="SIZE", help="...and more than this; 50kB by default."
)
@click.option("--no-jump", is_flag=True, help="Tell nobody of jumps.")
@click.option("--webhook", metavar="URL", help="Where alerts are sent to, as signed JSON.")
@click.option(
    "--webhook-header",
    "webhook_headers",
    type=Header(),
    multiple=True,
    help="A header that is sent with alerts, as 'Name: value'; may be repeated.",
)
@click.option(
    "--list", "listing", is_flag=True, help="List the watches instead; with URL, its own."
)
@click.option("--run", metavar="ID", help="Weigh the page of a watch now, whenever it is due.")
@click.option("--delete", metavar="ID", help="Delete a watch instead.")
@click.option(
    "--server",
    type=_Server(),
    envvar="LIBRA_SERVER",
    default="http://127.0.0.1:8000",
    show_default=True,
    help="The running service.",
)
def watch(
    url: str | None,
    server: str,
    *,
    listing: bool,
    run: str | None,
    delete: str | None,
    **wanted: Any,
) -> None:
    """Have a running service weigh URL now and every hour, day or week.

    Prints the id of the watch and, if it has a webhook, the secret that its alerts are signed with.
    A service that asks for a token finds it in LIBRA_TOKEN.
    """
    service = _Service(server, os.environ.get("LIBRA_TOKEN"))
    if run is not None:
        _alone("--run", url, listing, delete)
        page = service.ask("POST", f"/watches/{quote(run, safe='')}/run")
        click.echo(page["id"])
        click.echo(f"Now: {service.server}/pages/{page['id']}", err=True)
    elif delete is not None:
        _alone("--delete", url, listing)
        service.ask("DELETE", f"/watches/{quote(delete, safe='')}")
        click.echo(f"Watch {delete} is deleted.", err=True)
    elif listing:
        _list(service, url)
    elif url is None:
        raise click.UsageError("Say which URL to watch, or --list, --run ID or --delete ID.")
    else:
        _make(service, url, wanted)


def _alone(option: str, *others: object) -> None:
    if any(others):
        raise click.UsageError(f"{option} ID stands alone.")


def _make(service: _Service, url: str, wanted: Mapping[str, Any]) -> None:
    body: dict[str, Any] = {"url": url, "every": wanted["every"]}
    body |= {name: wanted[name] for name in ("max_weight", "webhook") if wanted[name] is not None}
    if wanted["webhook_headers"]:
        body["webhook_headers"] = dict(wanted["webhook_headers"])
    if wanted["budget"] is not None:
        read_budgets(wanted["budget"])  # a mistake in it is told with its place in the file
        body["budget"] = decode_json(wanted["budget"].read_bytes())
    jump = {"percent": wanted["jump_percent"], "bytes": wanted["jump_bytes"]}
    jump = {name: value for name, value in jump.items() if value is not None}
    if wanted["no_jump"]:
        body["jump"] = None
    elif jump:
        body["jump"] = jump
    made = service.ask("POST", "/watches", body)
    click.echo(made["id"])
    if made["secret"]:
        click.echo(made["secret"])
    click.echo(
        f"\n{made['url']} is weighed now and every {_every(made)}, "
        f"next at {_when(made['next_at'])}.",
        err=True,
    )
    if made["page"]:
        click.echo(f"Now: {service.server}/pages/{made['page']}", err=True)
    if made["secret"]:
        click.echo("The second line above signs the alerts; it is not shown again.", err=True)


def _list(service: _Service, url: str | None) -> None:
    query = {"limit": "1000", **({} if url is None else {"url": url})}
    partial = False
    while True:
        found = service.ask("GET", f"/watches?{urlencode(query)}")
        for one in found["watches"]:
            click.echo(_line(one))
        partial = partial or found["partial"]
        if found["next"] is None:
            break
        query["after"] = found["next"]
    if partial:
        click.echo("The database could not be read yet: there may be more.", err=True)


def _line(one: dict[str, Any]) -> str:
    last = one["last"] or {}
    weight = "-" if last.get("total") is None else size(last["total"])
    waiting = f"  {one['alerts_waiting']} alerts waiting" if one["alerts_waiting"] else ""
    return (
        f"{one['id']}  {one['status']:<11}  {weight:>9}  every {_every(one)}, "
        f"next {_when(one['next_at'])}  {plain(one['url'])}{waiting}"
    )


def _every(one: dict[str, Any]) -> str:
    every: str = one["every"]
    return f'"{every}"' if " " in every else every


def _when(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M} UTC"


class _Service:
    """A running Libra.

    Args:
        server: its address.
        token: what is in ``LIBRA_TOKEN``: a secret, or the ``NAME:ROLE:SECRET`` of the service.
    """

    def __init__(self, server: str, token: str | None) -> None:
        self.server = server
        self._secret = token.strip().rpartition(":")[2] if token else None

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What the service answers, decoded.

        Raises:
            click.ClickException: it refuses, or it does not answer.
        """
        headers = {"Accept": "application/json", "User-Agent": "libra-watch"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        if self._secret:
            headers["Authorization"] = f"Bearer {self._secret}"
        request = urllib.request.Request(  # noqa: S310 - http or https, see _Server
            self.server + path, data=data, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - see above
                content = answer.read()
            return decode_json(content) if content else None
        except urllib.error.HTTPError as error:
            with error:
                raise click.ClickException(_refusal(error)) from None
        except (OSError, ValueError, Undecodable) as error:
            reason = getattr(error, "reason", None) or error
            raise click.ClickException(
                f"{self.server} gives no answer that can be used ({reason}). Is `libra serve` "
                "running there? Say where it is with --server."
            ) from None


def _refusal(error: urllib.error.HTTPError) -> str:
    try:
        problem = decode_json(error.read())
        detail = plain(str(problem.get("detail") or problem.get("title")))
    except (Undecodable, AttributeError, OSError):
        return f"The service answers {error.code} {error.reason}."
    if error.code == 401:
        detail += " Put its secret into LIBRA_TOKEN."
    return detail
