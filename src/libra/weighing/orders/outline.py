"""What a document or a style sheet has to do with others: plain data, without its parse.

A page knows by it which sheets a document waits for, and whether working out its style can find
anything. The parse stays where it was made; whoever works out the style makes it again from the bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from libra.weighing.stylesheets.imports import SheetImport
from libra.weighing.stylesheets.stylesheet import Sheet


class SheetOutline(msgspec.Struct, frozen=True, array_like=True):
    """A style sheet.

    Attributes:
        imports: What it imports.
        size: Of what is kept of it to work out a style, in characters.
        asks: Whether it names anything that is fetched if a rule applies.
        number: Its place among the sheets of its document; -1 if it is a body of its own.
    """

    imports: tuple[SheetImport, ...] = ()
    size: int = 0
    asks: bool = False
    number: int = -1


class LinkedSheet(NamedTuple):
    """A style sheet of a document: one that is written in it, or where it is to be had.

    A shadow root's are in a layer of its own.
    """

    sheet: SheetOutline | str
    applies: bool = True
    layer: str = ""


class DocumentOutline(msgspec.Struct, frozen=True, array_like=True):
    """A document.

    Attributes:
        sheets: Its style sheets in their order.
        asks: Whether its style matters whatever its sheets say.
    """

    sheets: tuple[LinkedSheet, ...] = ()
    asks: bool = False


def outline_of_sheet(sheet: Sheet, number: int = -1) -> SheetOutline:
    """What others need to know of a style sheet."""
    asks = sheet.has_images or any(face.sources for face in sheet.faces)
    return SheetOutline(sheet.imports, sheet.size, asks, number)
