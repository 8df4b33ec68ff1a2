"""Reads the input of `libra weigh`: addresses, options, budgets and earlier reports."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
from click.core import ParameterSource

from libra.budgets.lighthouse import Budget, BudgetError, parse_budgets
from libra.formats.page_lists import parse_url_list
from libra.formats.report_json import from_json
from libra.network.libcurl.trust import SYSTEM, Trust, TrustError, trust
from libra.network.proxies import DIRECT, Proxies, ProxyError, proxies_of
from libra.report import Method, Report
from libra.settings import parse_limits
from libra.urls import InvalidURL, as_typed, parse_url
from libra.weighing.options import InvalidOptions, Limits, Options, Viewport


def pages_to_weigh(urls: Sequence[str], lists: Sequence[Path] = ()) -> list[str]:
    """The addresses as a browser would read them, each once, in order.

    Args:
        urls: from the command line; ``-`` stands for a list on standard input.
        lists: files with an address on each line.

    Raises:
        click.UsageError: one cannot be weighed, with the line of its list.
    """
    pages: dict[str, None] = {}
    for url in urls:
        if url == "-":
            pages |= _listed(Path("-"))
        else:
            pages[parse_page(url)] = None
    for path in lists:
        pages |= _listed(path)
    return list(pages)


def _listed(path: Path) -> dict[str, None]:
    name = "standard input" if str(path) == "-" else str(path)
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise click.UsageError(f"{name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{name} is not UTF-8 text.") from None
    pages = {parse_page(url, f"{name}, line {n}: "): None for n, url in parse_url_list(text)}
    if not pages:
        raise click.UsageError(f"{name} has no addresses: write one per line.")
    return pages


def parse_page(url: str, where: str = "") -> str:
    """The address as a browser would read it.

    Raises:
        click.UsageError: it cannot be weighed; it says where it was found.
    """
    try:
        return parse_url(as_typed(url))
    except InvalidURL as error:
        raise click.UsageError(f"{where}{error}") from None


def weighing_options(
    method: Method,
    viewport: Viewport,
    headers: Sequence[tuple[str, str]],
    user_agent: str,
    timeout: float,
    changed: Sequence[str],
) -> Options:
    """The options for weighing the pages; no asset may take longer than its page.

    Raises:
        click.UsageError: a header or the user agent cannot be sent, or there is no such limit.
    """
    limits = Limits(page_seconds=timeout, asset_seconds=min(Limits().asset_seconds, timeout))
    try:
        limits = parse_limits(changed, limits)
    except ValueError as error:
        raise click.UsageError(f"--limits: {error}") from None
    try:
        return Options(
            method=method,
            viewport=viewport,
            headers=tuple(headers),
            user_agent=user_agent,
            limits=limits,
        )
    except InvalidOptions as error:
        raise click.UsageError(str(error)) from None


PRESETS = {"mobile": Viewport(412, 823, 1.75), "desktop": Viewport()}
"""Lighthouse's devices: a Moto G Power, and a desktop window."""


def window(context: click.Context, preset: str, viewport: Viewport) -> Viewport:
    """The window, where there is a preset: flags beat the settings.

    Raises:
        click.UsageError: both are given as flags, so it is unclear which is meant.
    """
    device, exact = (
        context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        for name in ("preset", "viewport")
    )
    if device and exact:
        raise click.UsageError(
            "--preset and --viewport both set the window size: use only one of them."
        )
    return viewport if exact else PRESETS[preset]


class Route(NamedTuple):
    """The command's route to the web: the certificates that it trusts, and its proxies."""

    trust: Trust = SYSTEM
    proxies: Proxies = DIRECT
    http3: bool = False


DIRECTLY = Route()


def route_to_the_web(
    ca: Path | None,
    *,
    insecure: bool,
    proxy: str | None,
    no_proxy: str | None,
    http3: bool = False,
) -> Route:
    """The route in the flags and the environment.

    Raises:
        click.UsageError: a file or an address cannot be used.
    """
    try:
        proxies = proxies_of(os.environ, proxy, no_proxy)
        believed = trust(ca, insecure=insecure)
    except (ProxyError, TrustError) as error:
        raise click.UsageError(str(error)) from None
    return Route(believed, proxies, http3)


def read_budgets(path: Path | None) -> list[Budget]:
    """The budgets in a file; none without a file.

    Raises:
        click.UsageError: it cannot be read or is not a budget file; it says where the mistake is.
    """
    if path is None:
        return []
    try:
        budgets = parse_budgets(path.read_bytes())
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}") from None
    except BudgetError as error:
        raise click.UsageError(f"{path}: {error}") from None
    if any(budget.timings for budget in budgets):
        click.echo(
            f"{path}: Libra does not measure timings, so it does not check these budgets.", err=True
        )
    return budgets


def read_reports(path: Path | None) -> list[Report]:
    """The reports of an earlier run in JSON; none without a file.

    Raises:
        click.UsageError: it cannot be read or holds something else.
    """
    if path is None:
        return []
    try:
        return from_json(path.read_bytes())
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise click.UsageError(
            f"{path} is not a report of `libra weigh --format json`: {error}"
        ) from None


def require_writable(path: Path | None) -> None:
    """Find out before the weighing, not after it, whether its result can be written.

    Raises:
        click.UsageError: a file cannot be created or written there.
    """
    if path is None or str(path) == "-":
        return
    if not path.parent.is_dir():
        raise click.UsageError(f"{path} cannot be written: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise click.UsageError(f"{path} cannot be written: permission denied")
