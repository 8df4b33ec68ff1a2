"""Chooses the method where the user chose none, and checks whether there is a browser."""

from __future__ import annotations

from importlib.util import find_spec

import click
import msgspec

from libra.report import Report
from libra.weighing.method_choice import IN_BROWSER, READ, Choice, browser_failed, no_browser

NOT_IN_A_BROWSER = "--ca, --insecure and --proxy work only without a browser"


def default_method() -> Choice:
    """``auto`` if the extra for rendering is installed; a browser on PATH alone is not enough."""
    return "auto" if find_spec("playwright") is not None else "static"


def why_no_browser(browser: str | None) -> str | None:
    """Why pages cannot be rendered, and what to do about it; None if they can.

    Args:
        browser: the program to use; None is the first that is found.
    """
    from libra.weighing.rendered import BrowserPool, RenderUnavailable  # noqa: PLC0415 - slow

    try:
        BrowserPool(executable=browser).check()
    except RenderUnavailable as error:
        return str(error)
    return None


def require_browser(browser: str | None, *, direct: bool) -> None:
    """Return only if pages can be rendered.

    Args:
        browser: the program to use; None is the first that is found.
        direct: whether Libra reaches the web without a proxy and with the system's certificates.

    Raises:
        click.UsageError: they cannot; it says why.
    """
    if not direct:
        raise click.UsageError(NOT_IN_A_BROWSER)
    reason = why_no_browser(browser)
    if reason is not None:
        raise click.UsageError(reason)


def choose(static: Report, rendered: Report | None, missing: str | None) -> Report:
    """The report that counts, with the method that was taken and why.

    Args:
        static: the report without a browser.
        rendered: the report of a browser, if there is one.
        missing: why there is no browser's report, if one was needed.
    """
    if not static.coverage:
        return msgspec.structs.replace(static, chosen=READ)
    if rendered is None:
        return msgspec.structs.replace(
            static, chosen=no_browser(missing or "the reason is unknown")
        )
    if rendered.status == "weighed":
        return msgspec.structs.replace(rendered, chosen=IN_BROWSER)
    return msgspec.structs.replace(
        static, chosen=browser_failed(rendered.error or "the browser ended")
    )
