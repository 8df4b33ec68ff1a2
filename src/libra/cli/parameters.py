"""Parameter types of flags (sizes, durations, headers, viewports), and a shared flag."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import click

from libra.budgets.budget import Limit
from libra.budgets.growth import Growth, parse_growth
from libra.budgets.rules import parse_rule
from libra.weighing.options import InvalidOptions, Viewport
from libra.wording import parse_duration, parse_size


class SizeType(click.ParamType[int]):
    """``500kB``, ``1.5MB``, ``300KiB`` or a number of bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The size in bytes."""
        try:
            return parse_size(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class DurationType(click.ParamType[float]):
    """``500ms``, ``60s``, ``5m`` or a number of seconds; above 0."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The duration in seconds."""
        try:
            seconds = parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if seconds <= 0:
            self.fail("it must be more than 0", param, ctx)
        return seconds


class GrowthType(click.ParamType[Growth]):
    """``5%`` or ``20kB``."""

    name = "growth"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Growth:
        """The growth that a page may have."""
        if isinstance(value, Growth):
            return value
        try:
            return parse_growth(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class RuleType(click.ParamType[Limit]):
    """``app.*.js < 50kB``; in the environment, one on each line."""

    name = "rule"
    envvar_list_splitter = "\n"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Limit:
        """A limit on a file, a kind or a third party."""
        if isinstance(value, Limit):
            return value
        try:
            return parse_rule(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class AddressType(click.ParamType[str]):
    """The address of a running service, without the slash at its end."""

    name = "URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address without the slash, ready to be put before a path."""
        parts = urlsplit(str(value))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            self.fail(f"{value!r} is not an address: write http://127.0.0.1:8000", param, ctx)
        return str(value).rstrip("/")


class HeaderType(click.ParamType[tuple[str, str]]):
    """``Name: value``; in the environment, one on each line."""

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
            self.fail(f"{value!r} is not a header: write 'Name: value'", param, ctx)
        return name.strip(), content.strip()


class ViewportType(click.ParamType[Viewport]):
    """``1350x940`` or ``1350x940@2``."""

    name = "WxH[@DPR]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Viewport:
        """The window, for images and media queries."""
        if isinstance(value, Viewport):
            return value
        try:
            return Viewport.parse(str(value))
        except InvalidOptions as error:
            self.fail(str(error), param, ctx)


base_option = click.option(
    "--base",
    default="main",
    envvar="LIBRA_BASE",
    show_default=True,
    help="The branch to compare these results with.",
)
"""A flag of the commands that send results to a server."""
