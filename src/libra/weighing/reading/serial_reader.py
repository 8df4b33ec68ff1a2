"""Reads bodies and works out styles, one task at a time, in any process.

A reader knows nothing of pages and keeps only the parses that it is told to keep. It rebuilds a missing
parse from the bytes, so any reader can do any task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from libra.weighing.html.parsed import Parsed
from libra.weighing.options import Viewport
from libra.weighing.orders.orders import Reading
from libra.weighing.orders.source import Source, StyleWork, Text
from libra.weighing.reading.body_reading import read_body
from libra.weighing.style.page_styles import style
from libra.weighing.style.wanted import WantedByStyle
from libra.weighing.stylesheets.stylesheet import Sheet


class StyleTask(msgspec.Struct, frozen=True, array_like=True):
    """A `StyleWork` with numbers in place of bodies.

    Attributes:
        document: The id of the body with the document.
        number: The place of the document among those in the body.
        parts: Stylesheets in cascade order, with their layers. Each is the id of a body, or ``-1 - n``
            for the nth stylesheet that the document names.
    """

    document: int
    number: int
    parts: list[tuple[int, str]]

    @classmethod
    def of(cls, work: StyleWork) -> tuple[StyleTask, dict[int, Source]]:
        """The task, and the bodies that it refers to."""
        document = work.document
        sources = {document.source.text.id: document.source}
        parts: list[tuple[int, str]] = []
        for sheet, layer in work.parts:
            source = getattr(sheet, "source", None)
            if isinstance(source, Source):
                sources[source.text.id] = source
                parts.append((source.text.id, layer))
            else:
                parts.append((-1 - getattr(sheet, "number", 0), layer))
        return cls(document.source.text.id, document.number, parts), sources


Find = Callable[[int], tuple[Text, bytes]]
"""Returns the body with an id."""


class SerialReader:
    """Does one task at a time. Several threads may use the parses that it keeps."""

    __slots__ = ("_parsed",)

    def __init__(self) -> None:
        self._parsed: dict[int, Parsed] = {}

    def read(
        self, text: Text, body: bytes, viewport: Viewport, *, most: int, keep: bool
    ) -> Reading:
        """Find the references of a body.

        Args:
            text: The context of the body.
            body: The decoded bytes.
            viewport: The window for which candidates are chosen.
            most: Maximum number of references to list, from the first on.
            keep: Whether to keep the parse for its style.
        """
        parsed = read_body(text, body, viewport)
        if keep:
            self._parsed[text.id] = parsed
        return parsed.reading(most)

    def style(self, task: StyleTask, find: Find, viewport: Viewport) -> list[WantedByStyle]:
        """Find the references of a document's style.

        Args:
            task: The document and its stylesheets.
            find: Returns the bodies whose parse is not kept.
            viewport: The window for media queries.
        """
        document = self._parse(task.document, find, viewport)
        scope = document.documents[task.number]
        if len(document.documents) == 1:
            self._parsed.pop(task.document, None)  # the walk consumes it
        linked = scope.sheets
        sheets: dict[int, Sheet | None] = {}
        parts: list[tuple[Sheet, str]] = []
        for number, layer in task.parts:
            if number not in sheets:
                if number < 0:
                    own = linked[-1 - number].sheet
                    sheets[number] = own if isinstance(own, Sheet) else None
                else:
                    sheets[number] = self._parse(number, find, viewport).sheet
            sheet = sheets[number]
            if sheet is not None:
                parts.append((sheet, layer))
        return style(scope, parts, viewport)

    def forget(self, numbers: Iterable[int]) -> None:
        """Drop the parses of these bodies."""
        for number in numbers:
            self._parsed.pop(number, None)

    def _parse(self, number: int, find: Find, viewport: Viewport) -> Parsed:
        return self._parsed.get(number) or read_body(*find(number), viewport)
