"""What is going on, on standard error and only where somebody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TaskID
from rich.text import Text

from libra.formats.words import count, plain, shorten, size
from libra.weighing.report import FINISHED, Report

Watch = Callable[[Report], None]


@contextmanager
def progress(console: Console, pages: int) -> Iterator[Watch | None]:
    """A line for each page under way; nothing at all when the console is no terminal.

    Yields what to tell of every change of a report, or None when nobody watches.
    """
    if not console.is_terminal or console.is_dumb_terminal:
        yield None
        return
    display = Progress(SpinnerColumn(), _State(console.width - 6), console=console, transient=True)
    lines: dict[str, TaskID] = {}
    done: set[str] = set()

    def watch(report: Report) -> None:
        if report.url not in lines:
            lines[report.url] = display.add_task("")
        if report.status in FINISHED:
            done.add(report.url)
            display.update(lines[report.url], visible=False)
        settled = sum(asset.status in {"fetched", "failed"} for asset in report.assets)
        state = (
            f"{settled} of {count(report.total.requests, 'request')}, "
            f"{size(report.total.transfer_bytes)}"
        )
        if pages > 1:
            state += f"  [{len(done)} of {pages} pages]"
        display.update(lines[report.url], url=plain(report.url), state=state)

    with display:
        yield watch


class _State(ProgressColumn):
    """The address as far as it fits, and how far its page has come."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self._width = width

    def render(self, task: Task) -> Text:
        state = str(task.fields.get("state", ""))
        room = max(12, self._width - len(state) - 2)
        address = shorten(str(task.fields.get("url", "")), room)
        return Text.assemble(address, "  ", (state, "dim"))
