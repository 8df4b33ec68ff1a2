"""Standard output and standard error of the command, which may be closed, full or without a reader.

An error of writing to standard error is ignored, because messages must not stop the work. The result of
a command goes to standard output. If that cannot be written, the command says so and ends with 2, as
for a file that cannot be written, or with 141 if its reader has gone.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import click

BROKEN_PIPE = 141
"""The exit code that a shell reports when the reader went away, as in ``libra weigh ... | head``."""

_ENCODING = "utf-8"


class Unwritable(click.ClickException):
    """Standard output cannot be written."""

    exit_code = 2


class _Errors(io.FileIO):
    """Standard error; output that cannot be written is lost."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


class _Output(io.FileIO):
    """Standard output; the first failure ends the command, and buffered output is lost."""

    _lost = False

    def write(self, data: Any, /) -> int:
        if self._lost:
            return len(data)
        try:
            return super().write(data)
        except BrokenPipeError:
            self._lost = True
            raise click.exceptions.Exit(BROKEN_PIPE) from None
        except OSError as error:
            self._lost = True
            raise Unwritable(f"standard output cannot be written: {error.strerror}") from None


def guard() -> None:
    """Replace the interpreter's own streams by these."""
    if sys.stdout is None or sys.stdout is sys.__stdout__:
        sys.stdout = _text(_Output(1, "w", closefd=False), sys.__stdout__)
    if sys.stderr is None or sys.stderr is sys.__stderr__:
        sys.stderr = _text(_Errors(2, "w", closefd=False), sys.__stderr__)


def flush() -> int | None:
    """Write the buffered output; returns the exit code if that fails, else None."""
    try:
        sys.stdout.flush()
    except Unwritable as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as over:
        return over.exit_code
    return None


def fill_gaps() -> None:
    """Give descriptors to standard streams that were closed at the start.

    Otherwise the next file or socket would get their numbers, and output for standard error would go
    into it. Output to these descriptors fails, as it did before.
    """
    opened = os.open(os.devnull, os.O_RDONLY)
    while opened <= 2:
        opened = os.open(os.devnull, os.O_RDONLY)
    os.close(opened)


def _text(raw: io.FileIO, like: Any) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(like, "encoding", None) or _ENCODING,
        errors=getattr(like, "errors", None) or "backslashreplace",
        line_buffering=raw.isatty() or raw.fileno() == 2,
    )
