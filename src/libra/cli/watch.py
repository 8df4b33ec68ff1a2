"""`libra watch`: manages the watches of a running service, over HTTP."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import click

from libra.cli.inputs import read_budgets
from libra.cli.parameters import AddressType, HeaderType, SizeType
from libra.cli.running_libra import RunningLibra
from libra.decoding import decode_json
from libra.wording import plain, size


@click.command()
@click.argument("url", metavar="URL", required=False)
@click.option(
    "--every",
    metavar="SCHEDULE",
    show_default="day",
    help='hour, day, week, an interval such as 2h, or a cron expression such as "0 6 * * mon-fri".',
)
@click.option(
    "--time-zone",
    metavar="ZONE",
    help="Time zone of a cron expression, such as Europe/Berlin; UTC by default.",
)
@click.option(
    "--budget",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Budget of the page: a Lighthouse budget.json.",
)
@click.option(
    "--max-weight", type=SizeType(), metavar="SIZE", help="Maximum transfer size, such as 500kB."
)
@click.option(
    "--jump-percent",
    type=click.FloatRange(0, 1e6),
    help="Alert when the weight rises by more than this many percent (20 by default)...",
)
@click.option(
    "--jump-bytes",
    type=SizeType(),
    metavar="SIZE",
    help="...and by more than this (50kB by default).",
)
@click.option("--no-jump", is_flag=True, help="Do not alert when the weight rises.")
@click.option("--webhook", metavar="URL", help="Send alerts to this URL, as signed JSON.")
@click.option(
    "--webhook-header",
    "webhook_headers",
    type=HeaderType(),
    multiple=True,
    help="Header to send with alerts, as 'Name: value'; may be repeated.",
)
@click.option(
    "--destination", metavar="NAME", help="Send alerts to this destination of the service, too."
)
@click.option(
    "--confirm",
    metavar="N",
    help="Alert only when this many weigh-ins show a problem, such as '2 of 3'.",
)
@click.option(
    "--repeat",
    metavar="DURATION",
    help="Repeat an alert this often while the problem lasts, such as 24h.",
)
@click.option(
    "--no-recover", is_flag=True, help="Do not send an alert when the page is fine again."
)
@click.option("--name", help="Name of the watch, shown instead of its URL.")
@click.option("--tag", "tags", multiple=True, help="Tag of the watch; may be repeated.")
@click.option("--note", help="Note about the watch, for the people who read it.")
@click.option(
    "--method",
    type=click.Choice(("auto", "static", "rendered")),
    help="How to weigh the page; by default, the method of the service.",
)
@click.option("--viewport", metavar="WxH[@DPR]", help="Window size to weigh the page at.")
@click.option(
    "--header",
    "headers",
    type=HeaderType(),
    multiple=True,
    help="Request header for the page's own site, as 'Name: value'; may be repeated. Libra keeps it "
    "secret.",
)
@click.option(
    "--public",
    is_flag=True,
    help="Publish a page and a badge for everyone who knows their address.",
)
@click.option("--edit", metavar="ID", help="Change this watch instead, as the other options say.")
@click.option("--pause", metavar="ID", help="Pause this watch instead.")
@click.option("--resume", metavar="ID", help="Resume this watch instead.")
@click.option("--test", metavar="ID", help="Send a test alert of this watch instead.")
@click.option(
    "--keep",
    metavar="DURATION",
    help="How long to keep all its weigh-ins, such as 90d; older ones are thinned to one a day, then "
    "one a week.",
)
@click.option("--list", "listing", is_flag=True, help="List the watches, or those of URL, instead.")
@click.option("--run", metavar="ID", help="Weigh the page of this watch now instead.")
@click.option("--delete", metavar="ID", help="Delete this watch instead.")
@click.option(
    "--server",
    type=AddressType(),
    envvar="LIBRA_SERVER",
    default="http://127.0.0.1:8000",
    show_default=True,
    help="Address of the running service.",
)
def watch(
    url: str | None,
    server: str,
    *,
    listing: bool,
    run: str | None,
    delete: str | None,
    edit: str | None,
    pause: str | None,
    resume: str | None,
    test: str | None,
    **wanted: Any,
) -> None:
    """Make a running service weigh URL now, and again on a schedule.

    Prints the id of the watch and, if it has a webhook, the secret that signs its alerts. If the
    service needs a token, put it into LIBRA_TOKEN.
    """
    service = RunningLibra(server, os.environ.get("LIBRA_TOKEN"))
    verbs = {
        "--run": run,
        "--delete": delete,
        "--edit": edit,
        "--pause": pause,
        "--resume": resume,
        "--test": test,
    }
    asked = {option: watch_id for option, watch_id in verbs.items() if watch_id is not None}
    for option, watch_id in asked.items():
        others = [one for one in asked if one != option]
        # A change may replace the URL.
        _alone(option, None if option == "--edit" else url, listing, others)
        _do(service, option, watch_id, _body(url, wanted))
    if asked:
        return
    if listing:
        _list(service, url)
    elif url is None:
        raise click.UsageError("Give a URL to watch, or --list, or --edit ID, --pause ID, ...")
    else:
        _make(service, _body(url, wanted))


def _do(service: RunningLibra, option: str, watch_id: str, body: dict[str, Any]) -> None:
    path = f"/watches/{quote(watch_id, safe='')}"
    match option:
        case "--run":
            page = service.ask("POST", f"{path}/run")
            click.echo(page["id"])
            click.echo(f"Now: {service.server}/pages/{page['id']}", err=True)
        case "--delete":
            service.ask("DELETE", path)
            click.echo(f"Deleted watch {watch_id}.", err=True)
        case "--test":
            service.ask("POST", f"{path}/test")
            click.echo(f"Sending a test alert: {service.server}{path}", err=True)
        case "--edit":
            if not body:
                raise click.UsageError(
                    "Give something to change, such as --every 2h or --name Shop."
                )
            changed = service.ask("PATCH", path, body)
            click.echo(_line(changed))
            if changed["secret"]:
                click.echo(changed["secret"])
                click.echo("The second line signs the alerts; it is not shown again.", err=True)
        case "--pause" | "--resume":
            changed = service.ask("PATCH", path, {"paused": option == "--pause"})
            click.echo(_line(changed))


def _alone(option: str, *others: object) -> None:
    if any(others):
        raise click.UsageError(f"{option} ID cannot be combined with a URL or another action.")


_AS_GIVEN = (
    *("confirm", "destination", "every", "keep", "max_weight", "method", "name", "note", "repeat"),
    *("time_zone", "viewport", "webhook"),
)


def _body(url: str | None, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The request as JSON; options that were not given are left out."""
    body: dict[str, Any] = {} if url is None else {"url": url}
    body |= {name: wanted[name] for name in _AS_GIVEN if wanted[name] is not None}
    for name in ("headers", "webhook_headers"):
        if wanted[name]:
            body[name] = dict(wanted[name])
    if wanted["tags"]:
        body["tags"] = list(wanted["tags"])
    if wanted["no_recover"]:
        body["recover"] = False
    if wanted["public"]:
        body["public"] = True
    if wanted["budget"] is not None:
        read_budgets(wanted["budget"])  # an error message shows its place in the file
        body["budget"] = decode_json(wanted["budget"].read_bytes())
    jump = {"percent": wanted["jump_percent"], "bytes": wanted["jump_bytes"]}
    jump = {name: value for name, value in jump.items() if value is not None}
    if wanted["no_jump"]:
        body["jump"] = None
    elif jump:
        body["jump"] = jump
    return body


def _make(service: RunningLibra, body: Mapping[str, Any]) -> None:
    made = service.ask("POST", "/watches", body)
    click.echo(made["id"])
    if made["secret"]:
        click.echo(made["secret"])
    click.echo(
        f"\nWatching {made['url']} every {_every(made)}, next at {_when(made['next_at'])}.",
        err=True,
    )
    if made["page"]:
        click.echo(f"Now: {service.server}/pages/{made['page']}", err=True)
    if made["secret"]:
        click.echo("The second line above signs the alerts; it is not shown again.", err=True)


def _list(service: RunningLibra, url: str | None) -> None:
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
        click.echo("Libra could not read the database yet: there may be more watches.", err=True)


def _line(one: dict[str, Any]) -> str:
    last = one["last"] or {}
    weight = "-" if last.get("total") is None else size(last["total"])
    whole = last.get("total") is None or (last["complete"] and last.get("bound") != "at_most")
    weight = weight if whole else f"≥ {weight}"
    name = f"  {plain(one['name'])}" if one["name"] else ""
    waiting = f"  {one['alerts_waiting']} alerts waiting" if one["alerts_waiting"] else ""
    return (
        f"{one['id']}  {one['status']:<11}  {weight:>9}  every {_every(one)}, "
        f"{'paused' if one['paused'] else 'next ' + _when(one['next_at'])}  "
        f"{plain(one['url'])}{name}{waiting}"
    )


def _every(one: dict[str, Any]) -> str:
    every: str = one["every"]
    return f'"{every}"' if " " in every else every


def _when(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M} UTC"
