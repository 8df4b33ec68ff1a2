"""One pass over the elements of a document, and the state that the pass collects."""

from __future__ import annotations

import re
from typing import Protocol

import msgspec
from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, LexborNode

from libra.ascii import lowered
from libra.urls import join, origin_of
from libra.weighing.bodies.data_imports import with_data_imports
from libra.weighing.bodies.integrity import NEVER, asks
from libra.weighing.bodies.query_encoding import in_encoding
from libra.weighing.headers.content_policy import (
    Policies,
    PolicyRequest,
    forbids,
    forbids_inline,
    upgraded,
    upgrades,
)
from libra.weighing.headers.refresh import Refresh
from libra.weighing.headers.request_client import RequestClient
from libra.weighing.html.icons import Icon
from libra.weighing.html.parser_limits import limit_source
from libra.weighing.options import Viewport
from libra.weighing.orders.orders import BLOCKED, Reference
from libra.weighing.roles import Role
from libra.weighing.scripts.import_map import ImportMap
from libra.weighing.style.shadow_roots import attach_shadow_roots
from libra.weighing.style.styled_document import Linked, StyledDocument
from libra.weighing.stylesheets.stylesheet import Sheet, read_stylesheet

LARGE = 1_000_000
"""Bytes from which a document counts as large: too large to search for selectors."""

NO_BASE = "data:,"
"""Base of the references in a ``data:`` document; only absolute ones resolve."""


_FOREIGN = re.compile(rb"<(?:svg|math)[ \t\n\f\r/>]", re.IGNORECASE)


class Inner(Protocol):
    """Reads a document that is written inside another one."""

    def __call__(self, outer: Walk, html: bytes, url: str, origin: str, *, is_unseen: bool) -> None:
        """Read it: its source in UTF-8, its URL, its origin, and whether it is not rendered."""


def parse_html(html: bytes) -> tuple[LexborHTMLParser, bool]:
    """Build the tree of a document in UTF-8, as a browser that runs scripts does.

    Also returns whether the document was cut off because its tree would have grown too large.
    """
    html, cut_off = limit_source(html)
    # No events: updating <selectedcontent> takes time that grows with the square of the number of
    # options and changes no request.
    options = LexborDocumentOptions.WO_EVENTS
    return LexborHTMLParser(html, scripting=True, options=options), cut_off


class Walk:
    """The state of reading one document from its beginning to its end.

    Args:
        html: Its source in UTF-8.
        url: Its address.
        client: Its request client, for policies and encodings.
        viewport: The window for which candidates are chosen.
        is_frame: Whether it is shown in a frame: frames have no icons and no manifest.
        depth: How many documents are written around it in the same body.
        documents: The earlier documents of the same body.
        inner: Reads a document that is written inside this one.
        is_unseen: Whether its frame is not rendered.
    """

    def __init__(
        self,
        html: bytes,
        url: str,
        client: RequestClient,
        viewport: Viewport,
        *,
        is_frame: bool,
        depth: int,
        documents: list[StyledDocument],
        inner: Inner,
        is_unseen: bool = False,
    ) -> None:
        self.tree, self.cut_off = parse_html(html)
        self.html = html
        self.url = self.base = url
        self.origin = client.origin
        self.own = client.origin or client.precursor
        """The origin that ``'self'`` in a policy means."""
        self.policies: Policies = client.policies
        self.encoding = client.encoding
        self.viewport = viewport
        self.is_frame = is_frame
        self.depth = depth
        self.documents = documents
        self.inner = inner
        self.is_unseen = is_unseen
        self.size = len(html)
        self.large = self.size > LARGE
        self.has_foreign = _FOREIGN.search(html) is not None
        self.is_scanned = not _names_policy(self.tree)
        """Whether Chromium's preload scanner runs: it does not if a ``<meta>`` may forbid requests."""
        self.scope = StyledDocument(self.tree, url=url, size=self.size)
        if b"shadowrootmode" in html.lower():
            self.scope.has_roots = attach_shadow_roots(self.tree) > 0
        self.documents.append(self.scope)
        self.references: list[Reference] = []
        self.icons: list[Icon] = []
        self.manifest: str | None = None
        self.import_map = ImportMap(url)
        self.title: str | None = None
        self.has_base = False
        self.refresh: Refresh | None = None
        self.preferred: str | None = None
        self.objects: set[int] = set()
        self.tracks: set[tuple[int, str]] = set()
        self.layer = ""
        """The layer of the shadow root that is being read."""

    def address(self, reference: str | None) -> str | None:
        """The absolute address of a reference, or None if it causes no request."""
        if reference is None or not reference.strip("\t\n\f\r "):
            return None
        if is_dangling(reference):
            return None
        url = join(self.base, in_encoding(reference, self.encoding))
        if url is not None and self.policies and upgrades(self.policies):
            return upgraded(url)
        return url

    def add(
        self,
        reference: str | None,
        role: Role,
        *,
        lazy: LexborNode | None = None,
        partial: bool = False,
        cors: bool = False,
        nonce: str = "",
        integrity: str = "",
        otherwise: tuple[Reference, ...] = (),
    ) -> None:
        """Record a reference, unless it is empty or causes no request."""
        url = self.address(reference)
        if url is None:
            return
        if lazy is not None:
            self.scope.lazy.setdefault(lazy.mem_id, []).append(url)
        self.refer(
            Reference(
                url,
                role,
                lazy=lazy is not None,
                partial=partial,
                cors=cors,
                nonce=nonce,
                integrity=integrity,
                otherwise=otherwise,
            )
        )

    def refer(self, reference: Reference) -> None:
        """Record a reference, blocked or not."""
        self.references.append(self.judged(reference))

    def judged(self, reference: Reference) -> Reference:
        """The reference, marked as blocked if the document's policies forbid it here."""
        if not self.policies or reference.blocked:
            return reference
        directive = forbids(self.policies, asked_by(reference), self.own)
        if directive is None:
            return reference
        return msgspec.structs.replace(reference, blocked=BLOCKED.format(directive))

    def forbids_script(self, text: str, nonce: str) -> bool:
        """Whether the policies forbid an inline script."""
        return bool(self.policies) and bool(forbids_inline(self.policies, "script", text, nonce))

    def forbids_style(self, declarations: str) -> bool:
        """Whether the policies forbid a ``style`` attribute."""
        return bool(self.policies) and bool(
            forbids_inline(self.policies, "style-attr", declarations)
        )

    def add_sheet(
        self,
        url: str,
        *,
        applies: bool,
        cors: bool = False,
        integrity: str = "",
        nonce: str = "",
        encoding: str = "",
    ) -> None:
        """Record a stylesheet that has a body of its own."""
        if integrity and not cors and origin_of(url) != self.origin:
            # The browser cannot check a body that the page may not read.
            integrity = NEVER if asks(integrity) else ""
        reference = self.judged(
            Reference(
                url,
                "stylesheet",
                applies=applies,
                cors=cors,
                integrity=integrity,
                nonce=nonce,
                encoding=encoding,
            )
        )
        self.references.append(reference)
        if not reference.blocked:
            self.scope.sheets.append(Linked(url, applies, self.layer))

    def add_inline_sheet(self, css: str, base: str, *, applies: bool) -> None:
        """Add a stylesheet that is written in the document."""
        css = with_data_imports(css)
        sheet = read_stylesheet(css, base, self.viewport, applies=applies)
        for reference in imports_of(sheet):
            self.refer(reference)
        self.scope.sheets.append(Linked(sheet, applies, self.layer))


def _names_policy(tree: LexborHTMLParser) -> bool:
    return any(
        lowered(node.attrs.sget("http-equiv")) == "content-security-policy"
        for node in tree.css("meta[http-equiv]")
    )


def is_foreign(node: LexborNode) -> bool:
    """Whether an element belongs to SVG or MathML."""
    return bool(foreign_root(node))


def foreign_root(node: LexborNode) -> str:
    """``svg`` or ``math`` by the element's ancestors (HTML standard, 13.2.6), or "" for HTML.

    A ``math`` element inside a drawing belongs to the drawing. So does a ``mi`` there, and no HTML
    begins in it.
    """
    around: list[LexborNode] = []
    parent = node.parent
    while parent is not None:
        around.append(parent)
        parent = parent.parent
    root = above = ""
    for element in reversed(around):
        tag = lowered(element.tag or "")
        if not root:
            root = tag if tag in _INTEGRATION_POINTS else ""
        elif root == "math" and tag == "svg" and above == "annotation-xml":
            root = "svg"
        elif tag in _INTEGRATION_POINTS[root] or (
            root == "math"
            and tag == "annotation-xml"
            and lowered(element.attrs.sget("encoding")) in _HTML_IN_MATHML
        ):
            root = ""
        above = tag
    return root


_INTEGRATION_POINTS = {
    "svg": frozenset({"foreignobject", "desc", "title"}),
    "math": frozenset({"mi", "mo", "mn", "ms", "mtext"}),
}
"""Elements inside which HTML begins again."""

_HTML_IN_MATHML = frozenset({"text/html", "application/xhtml+xml"})


def is_dangling(reference: str) -> bool:
    """Whether Chromium takes an address for injected markup and does not follow it."""
    return "<" in reference and any(blank in reference for blank in "\n\r\t")


def asked_by(reference: Reference, *, redirected: bool = False) -> PolicyRequest:
    """A policy's view of a reference."""
    return PolicyRequest(
        reference.url,
        reference.role,
        reference.nonce,
        reference.integrity,
        reference.inserted,
        redirected,
    )


def imports_of(sheet: Sheet) -> list[Reference]:
    """The stylesheets that a stylesheet imports."""
    return [Reference(url, "stylesheet", applies=applies) for url, applies, _ in sheet.imports]


def characters_of(html: bytes) -> frozenset[int]:
    """The code points of a large document's source, whose text uses almost as many."""
    found: set[str] = set()
    for at in range(0, len(html), LARGE):
        found.update(html[at : at + LARGE].decode("utf-8", "ignore"))
    return frozenset(map(ord, found))
