"""What `libra weigh` is given: addresses, options, budgets, earlier reports; or what is wrong."""

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
    """The addresses as a browser would read them, each once, in their order.

    Args:
        urls: from the command line; ``-`` stands for a list on standard input.
        lists: files with an address on each line.

    Raises:
        click.UsageError: if one cannot be weighed, with the line of its list.
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
        raise click.UsageError(f"{name} has no addresses: it takes one on each line.")
    return pages


def parse_page(url: str, where: str = "") -> str:
    """The address as a browser would read it.

    Raises:
        click.UsageError: if it cannot be weighed, with where it was found.
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
    """How the pages are to be weighed; no asset may take longer than its page.

    Raises:
        click.UsageError: if a header or the user agent cannot be sent, or there is no such limit.
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
"""Lighthouse's devices: a Moto G Power, and a window on a desk."""


def window(context: click.Context, preset: str, viewport: Viewport) -> Viewport:
    """The window where there is a preset: what is typed counts, whatever the settings say.

    Raises:
        click.UsageError: both are typed, so that nobody knows which is meant.
    """
    device, exact = (
        context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        for name in ("preset", "viewport")
    )
    if device and exact:
        raise click.UsageError("--preset and --viewport are both a window size: say one of them.")
    return viewport if exact else PRESETS[preset]


class Route(NamedTuple):
    """How the command gets to the web: whose certificates it believes, by which way."""

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
    """What the flags and the environment describe.

    Raises:
        click.UsageError: if a file or an address cannot be used.
    """
    try:
        proxies = proxies_of(os.environ, proxy, no_proxy)
        believed = trust(ca, insecure=insecure)
    except (ProxyError, TrustError) as error:
        raise click.UsageError(str(error)) from None
    return Route(believed, proxies, http3)


def read_budgets(path: Path | None) -> list[Budget]:
    """The budgets of a file; none without one.

    Raises:
        click.UsageError: if it cannot be read or is no budget file, with the place in it.
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
        click.echo(f"{path}: Libra measures no timings; these budgets are not checked.", err=True)
    return budgets


def read_reports(path: Path | None) -> list[Report]:
    """The reports of an earlier run in JSON; none without a file.

    Raises:
        click.UsageError: if it cannot be read or holds something else.
    """
    if path is None:
        return []
    try:
        return from_json(path.read_bytes())
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise click.UsageError(
            f"{path} is no report of `libra weigh --format json`: {error}"
        ) from None


def require_writable(path: Path | None) -> None:
    """Find out before the weighing, not after it, that its result could not be written.

    Raises:
        click.UsageError: if a file cannot be made or written there.
    """
    if path is None or str(path) == "-":
        return
    if not path.parent.is_dir():
        raise click.UsageError(f"{path} cannot be written: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise click.UsageError(f"{path} cannot be written: permission denied")
