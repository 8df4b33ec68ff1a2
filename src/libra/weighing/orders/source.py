"""What was read once and may have to be read again: a body, as long as its page's style is not known."""

from __future__ import annotations

import msgspec

from libra.weighing.bodies.kept import KeptBody
from libra.weighing.headers.document_headers import DocumentHeaders
from libra.weighing.headers.request_client import NOBODY, RequestClient
from libra.weighing.orders.outline import DocumentOutline, LinkedSheet, SheetOutline
from libra.weighing.roles import Role
from libra.weighing.scripts.import_map import ImportMap


class Text(msgspec.Struct, frozen=True, array_like=True):
    """What a reader has to know of a body beside its bytes.

    Attributes:
        id: A number that no other body has in the life of the program.
        role: What it was wanted for.
        url: Where it is, after redirects.
        content_type: The whole header with its parameters.
        applies: Of a style sheet, whether its rules take effect.
        integrity: Of a style sheet or a module, what its digest has to be so that it is used.
        import_map: Of a module, what its specifiers stand for.
        headers: What else the answer of a document says.
        is_unseen: Of a document, whether its frame is not rendered.
        encoding: The encoding of who asks for it, which it has if it declares none.
    """

    id: int
    role: Role
    url: str
    content_type: str | None = None
    applies: bool = True
    integrity: str = ""
    import_map: ImportMap | None = None
    headers: DocumentHeaders = DocumentHeaders()
    encoding: str = ""
    is_unseen: bool = False


class Source(msgspec.Struct, frozen=True, eq=False):
    """A body that is kept."""

    text: Text
    body: KeptBody


class Document:
    """A document that waits for its style sheets, or one that is written in it (``srcdoc``).

    Attributes:
        source: The body.
        number: Which of the documents in that body.
        client: Who it is, when it asks for something.
        asks: Whether its style matters whatever its sheets say.
        sheets: Its style sheets in their order.
    """

    __slots__ = ("asks", "client", "number", "sheets", "source")

    def __init__(
        self, source: Source, number: int, outline: DocumentOutline, client: RequestClient = NOBODY
    ) -> None:
        self.source = source
        self.client = client
        self.number = number
        self.asks = outline.asks
        self.sheets: tuple[LinkedSheet, ...] = outline.sheets


class SheetSource:
    """A style sheet that is a body of its own.

    Attributes:
        source: The body.
        imports: What it imports.
        size: Of what is kept of it to work out a style, in characters.
        asks: Whether it names anything that is fetched if a rule applies.
    """

    __slots__ = ("asks", "imports", "size", "source")

    def __init__(self, source: Source, outline: SheetOutline) -> None:
        self.source = source
        self.imports = outline.imports
        self.size = outline.size
        self.asks = outline.asks


class StyleWork(msgspec.Struct, frozen=True, eq=False):
    """All that is needed to work out what the style of a document asks for.

    Attributes:
        document: The document.
        parts: Its style sheets in the order of the cascade, with the layers that imports put them into.
    """

    document: Document
    parts: list[tuple[SheetOutline | SheetSource, str]]
