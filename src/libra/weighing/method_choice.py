"""Chooses the method for a page that is submitted with ``auto``.

Libra reads every page without a browser first, which takes a small part of the time. A page that scripts
build shows almost nothing that way, so Libra weighs it again in a browser.
"""

from __future__ import annotations

from typing import Final, Literal

from libra.report import Report

Choice = Literal["auto", "static", "rendered"]

UNDECIDED: Final = (
    "Weighed without a browser first, and again in a browser if scripts build the page."
)

READ: Final = "Weighed without a browser: the document has content of its own."

IN_BROWSER: Final = "Weighed in a browser: scripts build this page."


def no_browser(reason: str) -> str:
    """Explain that there is no browser to weigh a page that scripts build."""
    return f"Weighed without a browser, because none is available: {reason}"


def browser_failed(error: str) -> str:
    """Explain that the browser failed to weigh a page that scripts build."""
    return f"Weighed without a browser, because the browser failed: {error}"


def needs_browser(report: Report) -> bool:
    """Whether a browser would see more of a page that was read without one."""
    return report.method == "static" and report.status != "failed" and bool(report.coverage)
