"""The result of reading a body, with its parse. It stays in the process and thread that made it."""

from __future__ import annotations

import msgspec

from libra.weighing.findings.observed import Observed
from libra.weighing.headers.content_policy import Policies
from libra.weighing.headers.refresh import Refresh
from libra.weighing.orders.orders import Reading, Reference, merged
from libra.weighing.orders.outline import DocumentOutline, LinkedSheet, outline_of_sheet
from libra.weighing.scripts.import_map import ImportMap
from libra.weighing.style.styled_document import StyledDocument
from libra.weighing.stylesheets.stylesheet import Sheet


class Parsed(msgspec.Struct, frozen=True):
    """The result of reading a body: a `Reading` together with its parse.

    Attributes:
        references: Its references in order, duplicates included.
        title: The document's title.
        import_map: The import map of its modules; None if it is not a document.
        has_icon: Whether a document names an icon.
        sheet: The stylesheet, if it is used.
        documents: The document, and those written inside it (``srcdoc``).
        error: Why a part of the body was not read, as a named error.
        observed: Observations about a document other than its references.
        refresh: The refresh of a document.
        policies: The policies of a document.
        encoding: The encoding of a document or a stylesheet.
        in_quirks_mode: Whether a document is in quirks mode.
    """

    references: list[Reference] = []
    title: str | None = None
    import_map: ImportMap | None = None
    has_icon: bool = False
    sheet: Sheet | None = None
    documents: list[StyledDocument] = []
    error: str | None = None
    observed: Observed | None = None
    refresh: Refresh | None = None
    policies: Policies = ()
    encoding: str = ""
    in_quirks_mode: bool = False

    def reading(self, most: int) -> Reading:
        """The same as plain data, with at most this many references."""
        references, omitted = self.references, 0
        if len(references) > most:
            references = merged(references)
            omitted = max(0, len(references) - most)
            references = references[:most]
        return Reading(
            references=references,
            title=self.title,
            import_map=self.import_map,
            has_icon=self.has_icon,
            sheet=None if self.sheet is None else outline_of_sheet(self.sheet),
            documents=[outline_of_document(scope) for scope in self.documents],
            error=self.error,
            observed=self.observed,
            omitted=omitted,
            refresh=self.refresh,
            policies=self.policies,
            encoding=self.encoding,
            in_quirks_mode=self.in_quirks_mode,
        )


def outline_of_document(scope: StyledDocument) -> DocumentOutline:
    """The outline of a document, for other documents and stylesheets."""
    sheets = tuple(
        LinkedSheet(
            linked.sheet
            if isinstance(linked.sheet, str)
            else outline_of_sheet(linked.sheet, number),
            linked.applies,
            linked.layer,
        )
        for number, linked in enumerate(scope.sheets)
    )
    return DocumentOutline(sheets, asks=bool(scope.lazy or scope.embedded) or scope.has_images)
