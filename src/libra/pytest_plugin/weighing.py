"""Weighs one page for a test, and refuses results that prove nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import msgspec

from libra.errors import NotWeighed, NotWhole
from libra.formats.sentences import outcome, why_not_whole
from libra.parsers.once import weigh_once
from libra.report import Report
from libra.weighing.method_choice import IN_BROWSER, READ, Choice, needs_browser
from libra.weighing.options import InvalidOptions, Options, Viewport


def how(
    options: Options | None,
    method: Choice | None,
    viewport: str | None,
    headers: Mapping[str, str] | None,
) -> tuple[Options, Choice]:
    """The options and the method in the arguments of a test.

    Raises:
        InvalidOptions: one of them is invalid, or there are options and another argument.
    """
    if method is not None and method not in get_args(Choice):
        raise InvalidOptions(f"method is {method!r}: it must be static, rendered or auto")
    if options is None:
        window = Viewport() if viewport is None else Viewport.parse(viewport)
        return Options(viewport=window, headers=tuple((headers or {}).items())), method or "static"
    if method is not None or viewport is not None or headers is not None:
        raise InvalidOptions(
            "options cannot be combined with method, viewport or headers: put these into options"
        )
    return options, "auto" if options.auto else options.method


async def weigh_page(url: str, options: Options, method: Choice, *, in_process: bool) -> Report:
    """Weigh a page by a method.

    Args:
        url: absolute.
        options: the options; their method is replaced.
        method: ``auto`` runs a browser for pages that scripts build.
        in_process: whether to read its documents in this process, because they are trusted.

    Raises:
        RenderUnavailable: a browser is needed and there is none.
    """
    if method == "rendered":
        return await _in_browser(url, options)
    report = await weigh_once(
        url, msgspec.structs.replace(options, method="static"), in_process=in_process
    )
    if method == "static":
        return report
    if not needs_browser(report):
        return msgspec.structs.replace(report, chosen=READ)
    return msgspec.structs.replace(await _in_browser(url, options), chosen=IN_BROWSER)


def require(report: Report, *, whole: bool) -> None:
    """Return only if the page was weighed.

    Raises:
        NotWeighed: it was not.
        NotWhole: the test needs the whole page, and only a part was weighed.
    """
    __tracebackhide__ = True  # the traceback ends at the line of the test
    problem = outcome(report)
    if problem is not None:
        raise NotWeighed(report.url, problem)
    lacks = why_not_whole(report)
    if lacks is not None and whole:
        raise NotWhole(report.url, f"{lacks} (allow_partial=True accepts that)")


async def _in_browser(url: str, options: Options) -> Report:
    from libra.weighing.rendered import BrowserPool, weigh_rendered  # noqa: PLC0415 - an extra

    options = msgspec.structs.replace(options, method="rendered")
    async with BrowserPool(size=1) as browsers:
        return await weigh_rendered(url, options, browsers)
