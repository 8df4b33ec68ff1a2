"""What the flags of the command take: sizes, durations, headers, viewports."""

from __future__ import annotations

from typing import Any

import click

from libra.settings import parse_duration, parse_size
from libra.weighing.options import InvalidOptions, Viewport


class Size(click.ParamType[int]):
    """``500kB``, ``1.5MB``, ``300KiB`` or a number of bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Bytes."""
        try:
            return parse_size(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Duration(click.ParamType[float]):
    """``500ms``, ``60s``, ``5m`` or a number of seconds; more than none."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds."""
        try:
            seconds = parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if seconds <= 0:
            self.fail("it must be more than 0", param, ctx)
        return seconds


class Header(click.ParamType[tuple[str, str]]):
    """``Name: value``; in the environment one on each line."""

    name = "K:V"
    envvar_list_splitter = "\n"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """The name and the value, without white space around them."""
        if isinstance(value, tuple):
            return value
        name, colon, content = str(value).partition(":")
        if not colon or not name.strip():
            self.fail(f"{value!r} is no header: write 'Name: value'", param, ctx)
        return name.strip(), content.strip()


class ViewportType(click.ParamType[Viewport]):
    """``1350x940`` or ``1350x940@2``."""

    name = "WxH[@DPR]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Viewport:
        """The window that images and media queries are chosen for."""
        if isinstance(value, Viewport):
            return value
        try:
            return Viewport.parse(str(value))
        except InvalidOptions as error:
            self.fail(str(error), param, ctx)
