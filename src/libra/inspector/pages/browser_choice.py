"""Decides whether a page with the method ``auto`` needs a browser after it was read without one.

Libra first reads every such page without a browser. A page that its scripts build then goes on to a
browser: here, or at another node if this one has no browser. The first report is kept until the
browser is done, and is the result if the browser fails.
"""

from __future__ import annotations

from enum import Enum, auto

import msgspec

from libra.inspector.context import Context
from libra.inspector.pages.page_work import PageWork, StaticWork
from libra.inspector.records.page_record import PageRecord
from libra.report import Report, decode
from libra.weighing.method_choice import (
    IN_BROWSER,
    READ,
    UNDECIDED,
    browser_failed,
    needs_browser,
    no_browser,
)
from libra.weighing.rendered import RenderUnavailable


class NextStep(Enum):
    """The next step after a page was read."""

    NOTHING = auto()
    BROWSER_HERE = auto()
    BROWSER_ELSEWHERE = auto()


class BrowserChoice:
    """The choice for one page, and its first report, which was made without a browser."""

    __slots__ = ("_context", "_read", "_record")

    def __init__(self, context: Context, record: PageRecord) -> None:
        self._context = context
        self._record = record
        # Another node without a browser may have read it.
        read = record.growing if record.chosen == IN_BROWSER else None
        self._read: Report | None = None if read is None else decode(read)

    def after(self, work: PageWork) -> NextStep:
        """Choose the next step after the page was read, and write the choice into its record."""
        record = self._record
        if record.chosen != UNDECIDED or not isinstance(work, StaticWork) or work.failed:
            return NextStep.NOTHING
        report = work.report(record.base())
        if not needs_browser(report):
            record.chosen = READ
            return NextStep.NOTHING
        try:
            self._context.services.browsers.check()
        except RenderUnavailable as error:
            if not self._context.processes.durability.pass_on(record.id, report):
                record.chosen = no_browser(str(error))
                return NextStep.NOTHING
            # Another node continues with the page as it is here, and its process here is ended.
            record.method, record.chosen, record.status = "rendered", IN_BROWSER, "queued"
            return NextStep.BROWSER_ELSEWHERE
        self._read = report
        record.method, record.chosen, record.status = "rendered", IN_BROWSER, "queued"
        record.options = record.options and msgspec.structs.replace(
            record.options, method="rendered", auto=False
        )
        return NextStep.BROWSER_HERE

    def fall_back(self, work: PageWork) -> bool:
        """Make the first report the result if the browser has failed; False if there is none."""
        if self._read is None or not work.failed:
            return False
        self._record.method, self._record.chosen = "static", browser_failed(work.failed)
        return True

    def report(self) -> Report | None:
        """The first report with the present state of the record; None if there is none (any more)."""
        if self._read is None:
            return None
        base = self._record.base()
        names = ("status", "version", "backup", "method", "chosen")
        return msgspec.structs.replace(
            self._read, error=None, **{name: getattr(base, name) for name in names}
        )

    def forget(self) -> None:
        """Drop the first report: the page is done."""
        self._read = None
