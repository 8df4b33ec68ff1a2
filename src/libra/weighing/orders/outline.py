"""Outlines: how a document or a stylesheet relates to others, as plain data without its parse.

With outlines a page knows which stylesheets a document waits for, and whether its style can cause
requests. The parse stays where it was made. A reader without the parse makes it again from the bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from libra.weighing.stylesheets.imports import SheetImport
from libra.weighing.stylesheets.stylesheet import Sheet


class SheetOutline(msgspec.Struct, frozen=True, array_like=True):
    """The outline of a stylesheet.

    Attributes:
        imports: The stylesheets that it imports.
        size: Characters that are kept of it to work out a style.
        asks: Whether one of its rules would cause a request if it applied.
        number: Its place among the stylesheets of its document; -1 if it has a body of its own.
    """

    imports: tuple[SheetImport, ...] = ()
    size: int = 0
    asks: bool = False
    number: int = -1


class LinkedSheet(NamedTuple):
    """A stylesheet of a document: its outline if it is written in the document, or else its address.

    The stylesheets of a shadow root are in a layer of their own.
    """

    sheet: SheetOutline | str
    applies: bool = True
    layer: str = ""


class DocumentOutline(msgspec.Struct, frozen=True, array_like=True):
    """The outline of a document.

    Attributes:
        sheets: Its stylesheets in order.
        asks: Whether its style matters even without its stylesheets.
    """

    sheets: tuple[LinkedSheet, ...] = ()
    asks: bool = False


def outline_of_sheet(sheet: Sheet, number: int = -1) -> SheetOutline:
    """The outline of a stylesheet."""
    asks = sheet.has_images or any(face.sources for face in sheet.faces)
    return SheetOutline(sheet.imports, sheet.size, asks, number)
