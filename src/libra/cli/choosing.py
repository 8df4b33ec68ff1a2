"""Which method a page is weighed by where that is left to Libra.

Every page is read without a browser first, which takes a hundredth of the time. One that scripts build
shows next to nothing in that way, and is weighed again in a browser.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

import msgspec

from libra.weighing.report import Method, Report

Choice = Method | Literal["auto"]


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


def choose(static: Report, rendered: Report | None, no_browser: str | None) -> Report:
    """The report that counts, saying which method was taken and why.

    Args:
        static: what was seen without a browser.
        rendered: what a browser saw, if it was asked.
        no_browser: why none was asked, if that is so.
    """
    if not static.coverage:
        reason = "Weighed without a browser: the document has content of its own."
    elif rendered is None:
        reason = f"Weighed without a browser, as there is none: {no_browser}"
    elif rendered.status == "weighed":
        return msgspec.structs.replace(
            rendered, chosen="Weighed in a browser: scripts build this page."
        )
    else:
        reason = f"Weighed without a browser, as that failed: {rendered.error}"
    return msgspec.structs.replace(static, chosen=reason)
