"""Bodies that may have to be read again, as long as their page's style is not known."""

from __future__ import annotations

import msgspec

from libra.weighing.bodies.kept import KeptBody
from libra.weighing.headers.document_headers import DocumentHeaders
from libra.weighing.headers.request_client import NOBODY, RequestClient
from libra.weighing.orders.outline import DocumentOutline, LinkedSheet, SheetOutline
from libra.weighing.roles import Role
from libra.weighing.scripts.import_map import ImportMap


class Text(msgspec.Struct, frozen=True, array_like=True):
    """The context that a reader needs besides the bytes of a body.

    Attributes:
        id: A number that is unique in the life of the program.
        role: The role in which it was requested.
        url: Its address, after redirects.
        content_type: The whole header with its parameters.
        applies: For a stylesheet, whether its rules take effect.
        integrity: For a stylesheet or a module, the metadata that its digest must match.
        import_map: For a module, its import map.
        headers: For a document, the other headers of the response.
        is_unseen: For a document, whether its frame is not rendered.
        encoding: The encoding of its requester, which applies if it declares none.
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
    """A document that waits for its stylesheets, or one written inside it (``srcdoc``).

    Attributes:
        source: The body.
        number: Its place among the documents in that body.
        client: Its request client.
        asks: Whether its style matters even without its stylesheets.
        sheets: Its stylesheets in order.
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
    """A stylesheet that has a body of its own.

    Attributes:
        source: The body.
        imports: The stylesheets that it imports.
        size: Characters that are kept of it to work out a style.
        asks: Whether one of its rules would cause a request if it applied.
    """

    __slots__ = ("asks", "imports", "size", "source")

    def __init__(self, source: Source, outline: SheetOutline) -> None:
        self.source = source
        self.imports = outline.imports
        self.size = outline.size
        self.asks = outline.asks


class StyleWork(msgspec.Struct, frozen=True, eq=False):
    """The input for finding the references of a document's style.

    Attributes:
        document: The document.
        parts: Its stylesheets in cascade order, with the layers that imports put them into.
    """

    document: Document
    parts: list[tuple[SheetOutline | SheetSource, str]]
