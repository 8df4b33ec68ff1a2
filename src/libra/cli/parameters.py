"""What the flags of the command take: sizes, durations, headers, viewports."""

from __future__ import annotations

import math
import re
from typing import Any

import click
import msgspec

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


class Growth(msgspec.Struct, frozen=True):
    """How much more a page may weigh than before: bytes, or a share of what it weighed."""

    transfer_bytes: int = 0
    percent: float | None = None

    def allowed(self, before: int) -> int:
        """By how many bytes a page may grow that weighed so many."""
        if self.percent is None:
            return self.transfer_bytes
        return math.floor(before * self.percent / 100)


class GrowthType(click.ParamType[Growth]):
    """``5%`` or ``20kB``."""

    name = "growth"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Growth:
        """How much more a page may weigh."""
        if isinstance(value, Growth):
            return value
        text = str(value).strip()
        match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)\s*%", text, re.ASCII)
        if match is not None:
            return Growth(percent=float(match[1]))
        try:
            return Growth(transfer_bytes=parse_size(text))
        except ValueError:
            self.fail(f"{text!r} is no growth: write 5% or 20kB", param, ctx)


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
