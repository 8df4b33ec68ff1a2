"""Which method a page is weighed by where that is left to Libra: ``auto``.

Every page is read without a browser first, which takes a small part of the time. One that scripts build
shows next to nothing in that way, and is weighed again in a browser.
"""

from __future__ import annotations

from typing import Final, Literal

from libra.report import Report

Choice = Literal["auto", "static", "rendered"]

UNDECIDED: Final = "Weighed without a browser first; in one if scripts build the page."

READ: Final = "Weighed without a browser: the document has content of its own."

IN_BROWSER: Final = "Weighed in a browser: scripts build this page."


def no_browser(reason: str) -> str:
    """Why a page that scripts build was not weighed in a browser: there is none."""
    return f"Weighed without a browser, as there is none: {reason}"


def browser_failed(error: str) -> str:
    """Why a page that scripts build was not weighed in a browser: that went wrong."""
    return f"Weighed without a browser, as that failed: {error}"


def needs_browser(report: Report) -> bool:
    """Whether a browser would see more of a page that was read without one."""
    return report.method == "static" and report.status != "failed" and bool(report.coverage)
