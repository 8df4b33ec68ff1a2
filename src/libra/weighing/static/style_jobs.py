"""Orders to work out the styles of a page's documents, once all their stylesheets have arrived."""

from __future__ import annotations

from libra.weighing.orders.orders import StyleJob
from libra.weighing.orders.outline import SheetOutline
from libra.weighing.orders.source import Document, SheetSource, StyleWork
from libra.weighing.style.page_styles import Styles
from libra.weighing.style.wanted import WantedByStyle


class StyleJobs(Styles[Document, SheetOutline | SheetSource]):
    """The styles of a page, and the orders under way for them."""

    __slots__ = ("_made", "_under_way")

    def __init__(self) -> None:
        super().__init__()
        self._made = 0
        self._under_way: dict[StyleJob, StyleWork] = {}

    def due(self, *, all_there: bool) -> list[StyleJob]:
        """Orders for the documents whose style can be worked out now and may cause requests.

        Args:
            all_there: Whether nothing more will arrive, so that missing stylesheets stay missing.
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
        """The work for an order; None if it was given up meanwhile."""
        return self._under_way.get(job)

    def done(self, job: StyleJob) -> StyleWork | None:
        """Remove a finished order and return its work; None if it was given up meanwhile."""
        return self._under_way.pop(job, None)

    def clear(self) -> None:
        """Forget everything, including orders under way: the page is weighed or given up."""
        super().clear()
        self._under_way.clear()


def with_initiators(wanted: list[WantedByStyle], work: StyleWork) -> list[WantedByStyle]:
    """The references of a style, those of the document with its own address instead of its base."""
    sheets = {part.source.text.url for part, _ in work.parts if isinstance(part, SheetSource)}
    own = work.document.source.text.url
    return [item if item.initiator in sheets else item._replace(initiator=own) for item in wanted]
