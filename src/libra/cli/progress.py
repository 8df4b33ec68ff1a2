"""Progress on standard error, only on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TaskID
from rich.text import Text

from libra.report import FINISHED, Report
from libra.wording import count, plain, shorten, size

Watch = Callable[[Report], None]


@contextmanager
def progress(console: Console, pages: int) -> Iterator[Watch | None]:
    """Show a line for each page under way; nothing when the console is no terminal.

    Yields the function to call with every change of a report, or None without a terminal.
    """
    if not console.is_terminal or console.is_dumb_terminal:
        yield None
        return
    column = _StateColumn(console.width - 6, pages)
    display = Progress(SpinnerColumn(), column, console=console, transient=True)
    lines: dict[str, TaskID] = {}

    def watch(report: Report) -> None:
        if report.url not in lines:
            lines[report.url] = display.add_task("")
        finished = report.status in FINISHED
        column.done += finished
        display.update(lines[report.url], report=report, visible=not finished)

    with display:
        yield watch


class _StateColumn(ProgressColumn):
    """The address, shortened to fit, and the progress of its page.

    It is computed when it is shown, ten times a second: a page of thousands of assets changes more
    often.
    """

    def __init__(self, width: int, pages: int) -> None:
        super().__init__()
        self.done = 0
        self._width = width
        self._pages = pages

    def render(self, task: Task) -> Text:
        report = task.fields.get("report")
        if not isinstance(report, Report):
            return Text()
        settled = sum(asset.status in {"fetched", "failed"} for asset in report.assets)
        state = (
            f"{settled:,} of {count(report.total.requests, 'request')}, "
            f"{size(report.total.transfer_bytes)}"
        )
        if self._pages > 1:
            state += f"  [{self.done:,} of {self._pages:,} pages]"
        address = shorten(plain(report.url), max(12, self._width - len(state) - 2))
        return Text.assemble(address, "  ", (state, "dim"))
