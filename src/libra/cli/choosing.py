"""Which method the command takes where nobody said one, and what it needs for a browser."""

from __future__ import annotations

from importlib.util import find_spec

import click
import msgspec

from libra.report import Report
from libra.weighing.method_choice import IN_BROWSER, READ, Choice, browser_failed, no_browser

NOT_IN_A_BROWSER = "--ca, --insecure and --proxy are for pages that are weighed without a browser"


def default_method() -> Choice:
    """``auto`` where the extra for rendering is installed: a browser on PATH alone is nobody's wish."""
    return "auto" if find_spec("playwright") is not None else "static"


def why_no_browser(browser: str | None) -> str | None:
    """What keeps pages from being rendered, and what to do about it; None if nothing does.

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
        direct: whether the web is reached without a proxy and with the system's certificates.

    Raises:
        click.UsageError: they cannot, and why.
    """
    if not direct:
        raise click.UsageError(NOT_IN_A_BROWSER)
    reason = why_no_browser(browser)
    if reason is not None:
        raise click.UsageError(reason)


def choose(static: Report, rendered: Report | None, missing: str | None) -> Report:
    """The report that counts, saying which method was taken and why.

    Args:
        static: what was seen without a browser.
        rendered: what a browser saw, if it was asked.
        missing: why none was asked, if that is so.
    """
    if not static.coverage:
        return msgspec.structs.replace(static, chosen=READ)
    if rendered is None:
        return msgspec.structs.replace(static, chosen=no_browser(missing or "nobody was asked"))
    if rendered.status == "weighed":
        return msgspec.structs.replace(rendered, chosen=IN_BROWSER)
    return msgspec.structs.replace(static, chosen=browser_failed(rendered.error or "it ended"))
