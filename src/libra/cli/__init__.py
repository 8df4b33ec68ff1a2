"""The command `libra`: weigh, push, serve, watch, history, db, token, github and cluster.

Every flag is also ``LIBRA_<FLAG>`` in the environment and a key of ``libra.toml``; a flag beats the
environment, the environment the file.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from libra.cli import streams
from libra.cli.lazy_commands import CommandPlace, LazyGroup

INTERRUPTED = 130
"""The exit code that a shell reports after Ctrl-C: 128 and the number of SIGINT."""

BUG = 70
"""EX_SOFTWARE of sysexits.h."""


_PLACES = {
    "weigh": CommandPlace("libra.cli.weigh", "weigh", "Weigh pages once, here."),
    "push": CommandPlace(
        "libra.cli.push", "push_command", "Send results to a server that keeps them."
    ),
    "serve": CommandPlace("libra.cli.service", "serve", "Start the service."),
    "watch": CommandPlace(
        "libra.cli.watch",
        "watch",
        "Weigh a page on a schedule, and send an alert when it gets heavier.",
    ),
    "db": CommandPlace("libra.cli.database", "db", "Manage the database."),
    "history": CommandPlace(
        "libra.cli.database", "history", "List the stored weigh-ins of a page."
    ),
    "github": CommandPlace("libra.cli.github", "github", "Report results to GitHub Actions."),
    "cluster": CommandPlace("libra.cli.cluster", "cluster", "Manage a cluster."),
    "token": CommandPlace("libra.cli.service", "token", "Make access tokens."),
}


@click.group(
    cls=LazyGroup,
    places=_PLACES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="LIBRA_CONFIG",
    help="Settings file; by default libra.toml in the working directory.",
)
@click.version_option(package_name="libra-weigh", prog_name="libra", message="%(prog)s %(version)s")
@click.pass_context
def libra(context: click.Context, config: Path | None) -> None:
    """Weighs web pages, and keeps working when its database is down."""
    # Neither --help nor --version comes here: both must be fast.
    from libra.settings import SettingsError, read_file  # noqa: PLC0415 - as said

    context.obj = config
    try:
        _, written = read_file(config)
    except SettingsError as error:
        raise click.UsageError(str(error)) from None
    if context.invoked_subcommand == "weigh":
        # Commands take their settings from here, through click; the service reads the file itself.
        context.default_map = {"weigh": _defaults_of_weigh(written)}


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and end the program with its exit code: 2 for usage, 130 for Ctrl-C."""
    signal.signal(signal.SIGINT, _end_at_once)
    streams.guard()
    try:
        code = libra.main(arguments, prog_name="libra", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except Exception:  # noqa: BLE001 - a bug; Python would end with 1, which is a page over budget
        traceback.print_exc()
        code = BUG
    unwritten = streams.flush()
    sys.exit(code or unwritten or 0)


def _defaults_of_weigh(written: Mapping[str, Any]) -> dict[str, Any]:
    from libra.settings import SHARED_KEYS, WEIGH_KEYS  # noqa: PLC0415 - as above

    weigh = libra.commands["weigh"]
    parameters = {
        flag.removeprefix("--").replace("-", "_"): parameter
        for parameter in weigh.params
        for flag in parameter.opts
    }
    found: dict[str, Any] = {}
    for key, value in written.items():
        name = key.replace("-", "_")
        if name in WEIGH_KEYS | SHARED_KEYS:
            parameter = parameters[name]
            several = parameter.multiple and isinstance(value, str)
            found[parameter.name or name] = [value] if several else value
    return found


def _end_at_once(_signal: int, _frame: FrameType | None) -> NoReturn:
    # There is nothing to save, and an orderly end would wait for threads that look up names.
    if sys.stderr.isatty():
        os.write(2, b"\r\x1b[2K\x1b[?25h")  # the progress hid the cursor
    os._exit(INTERRUPTED)
