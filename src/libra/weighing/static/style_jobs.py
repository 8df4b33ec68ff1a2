"""Orders to work out what the styles of a page's documents ask for, once all their sheets are there."""

from __future__ import annotations

from libra.weighing.orders.orders import StyleJob
from libra.weighing.orders.outline import SheetOutline
from libra.weighing.orders.source import Document, SheetSource, StyleWork
from libra.weighing.style.page_styles import Styles


class StyleJobs(Styles[Document, SheetOutline | SheetSource]):
    """The styles of a page, and the orders for those that are being worked out."""

    __slots__ = ("_made", "_under_way")

    def __init__(self) -> None:
        super().__init__()
        self._made = 0
        self._under_way: dict[StyleJob, StyleWork] = {}

    def due(self, *, all_there: bool) -> list[StyleJob]:
        """Orders for the documents that can be styled now, as far as that can find anything.

        Args:
            all_there: That nothing more will come, so that what is missing stays missing.
        """
        jobs: list[StyleJob] = []
        for document, parts in self.ready(all_there=all_there):
            if not document.asks and not any(sheet.asks for sheet, _ in parts):
                continue
            job = StyleJob(self._made)
            self._made += 1
            self._under_way[job] = StyleWork(document, parts)
            jobs.append(job)
        return jobs

    def work(self, job: StyleJob) -> StyleWork | None:
        """What is to be done for an order; None if it was given up meanwhile."""
        return self._under_way.get(job)

    def done(self, job: StyleJob) -> StyleWork | None:
        """What was done for an order that is carried out; None if it was given up meanwhile."""
        return self._under_way.pop(job, None)

    def clear(self) -> None:
        """Forget everything, what is under way too: the page is weighed, or given up."""
        super().clear()
        self._under_way.clear()
