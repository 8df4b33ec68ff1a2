"""The command `libra`: weigh, serve, watch, history, db and token.

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
from libra.cli.service import db, history, serve, token
from libra.cli.watch import watch
from libra.cli.weigh import weigh
from libra.settings import SHARED_KEYS, WEIGH_KEYS, SettingsError, read_file

INTERRUPTED = 130
"""What a shell reports for a program that Ctrl-C ended: 128 and the number of SIGINT."""

BUG = 70
"""EX_SOFTWARE of sysexits.h."""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="LIBRA_CONFIG",
    help="Settings; libra.toml in the working directory by default.",
)
@click.version_option(package_name="libra-weigh", prog_name="libra", message="%(prog)s %(version)s")
@click.pass_context
def libra(context: click.Context, config: Path | None) -> None:
    """Weighs web pages, and goes on doing so while what it depends on is down."""
    context.obj = config
    try:
        _, written = read_file(config)
    except SettingsError as error:
        raise click.UsageError(str(error)) from None
    # `weigh` takes its settings from here, through click; the service reads the file by itself.
    context.default_map = {"weigh": _defaults_of_weigh(written)}


libra.add_command(weigh)
libra.add_command(serve)
libra.add_command(watch)
libra.add_command(db)
libra.add_command(history)
libra.add_command(token)


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
    # Nothing is to be saved, and an orderly end would wait for threads that look up names.
    if sys.stderr.isatty():
        os.write(2, b"\r\x1b[2K\x1b[?25h")  # the progress hid the cursor
    os._exit(INTERRUPTED)
