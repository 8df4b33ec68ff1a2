"""References of a body, and the plain data that carries them: orders and outcomes.

Reading a body finds each `Reference`. A `Fetch` is the order to request it, and an `Outcome` is the
result. They are immutable and independent of how requests are made. Working out the references of a
document's style needs computing but no request: its order is a `StyleJob`, and its outcome a
`StyleFound`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import msgspec

from libra.report import Kind, Timings
from libra.weighing.bodies.body_facts import BodyFacts
from libra.weighing.findings.observed import Observed
from libra.weighing.headers.content_policy import Policies
from libra.weighing.headers.refresh import Refresh
from libra.weighing.headers.request_client import NOBODY, RequestClient
from libra.weighing.orders.outline import DocumentOutline, SheetOutline
from libra.weighing.orders.source import Source
from libra.weighing.roles import KIND_OF, READ_ROLES, Role
from libra.weighing.scripts.import_map import ImportMap
from libra.weighing.style.wanted import WantedByStyle

BLOCKED = "blocked: the page's Content-Security-Policy forbids it ({})"
"""Why a policy forbids a request, as a named error with the directive."""


class Reference(msgspec.Struct, frozen=True):
    """A reference from a body to an asset.

    Attributes:
        url: Absolute, http or https, without its fragment.
        role: The role of the requested body.
        lazy: Whether a browser would load it only when the visitor scrolls near.
        conditional: Whether a browser would load it only under a condition that Libra cannot check.
        partial: Whether only its beginning is read (media with ``preload=metadata``).
        applies: For a stylesheet, whether its rules take effect (``media``, not alternate).
        cors: Whether another origin must allow the page to read it (``crossorigin``). Fonts and modules
            always need that.
        integrity: The integrity metadata that its digest must match.
        nonce: The element's nonce, by which a policy recognises allowed scripts and styles.
        inserted: Whether the parser created the requesting element.
        ahead: For a module, whether it is only preloaded (``modulepreload``). Its imports load when a
            script needs it.
        encoding: For a stylesheet, the encoding that its ``link`` declares.
        blocked: Why it must not be requested, as a named error.
        unseen: For a frame, whether it is not rendered. Then nothing in it is laid out.
        if_rendered: Whether it waits for the stylesheets, as `lazy`, until they show whether it is
            rendered.
        is_image: For an object, whether a browser shows any response as an image.
        is_embed: For an object, whether it is an ``embed``, which also shows error pages.
        otherwise: What is tried if it cannot be shown: the fallbacks of an object, the next icon, the
            next source of audio or video.
    """

    url: str
    role: Role
    lazy: bool = False
    conditional: bool = False
    partial: bool = False
    applies: bool = True
    cors: bool = False
    integrity: str = ""
    nonce: str = ""
    inserted: bool = True
    ahead: bool = False
    encoding: str = ""
    blocked: str = ""
    if_rendered: bool = False
    unseen: bool = False
    is_image: bool = False
    is_embed: bool = False
    otherwise: tuple[Reference, ...] = ()

    @property
    def kind(self) -> Kind:
        """The kind in the report, unless the response shows another."""
        return KIND_OF[self.role]


def merged(references: Iterable[Reference]) -> list[Reference]:
    """Merge references with the same URL; each result keeps the most demanding properties.

    A body may name a URL several times: as a preload and by its user, lazily and eagerly.
    """
    merged: dict[str, Reference] = {}
    for reference in references:
        known = merged.get(reference.url)
        if known is None:
            merged[reference.url] = reference
        elif known != reference:
            keep = (
                known if known.role in READ_ROLES or reference.role not in READ_ROLES else reference
            )
            merged[reference.url] = msgspec.structs.replace(
                keep,
                lazy=known.lazy and reference.lazy,
                conditional=known.conditional and reference.conditional,
                partial=known.partial and reference.partial,
                applies=known.applies or reference.applies,
                cors=known.cors and reference.cors,
                unseen=known.unseen and reference.unseen,
                if_rendered=known.if_rendered and reference.if_rendered,
                otherwise=known.otherwise + reference.otherwise,
                ahead=not (_runs(known) or _runs(reference)),
                blocked=known.blocked and reference.blocked,
            )
    return list(merged.values())


def _runs(reference: Reference) -> bool:
    """Whether a module is requested to run, and not only preloaded."""
    return reference.role == "module" and not reference.ahead


class Reading(msgspec.Struct, frozen=True):
    """The result of reading a body.

    Attributes:
        references: Its references in order, duplicates included.
        title: The document's title.
        import_map: The import map of its modules; None if it is not a document.
        has_icon: Whether a document names an icon. Without one ``/favicon.ico`` is implied.
        sheet: The stylesheet, if it is used.
        documents: The document, and those written inside it (``srcdoc``).
        error: Why a part of the body was not read, as a named error.
        observed: Observations about a document other than its references.
        omitted: Number of references beyond those listed.
        refresh: The refresh of a document.
        policies: The policies of a document.
        encoding: The encoding of a document or a stylesheet.
        in_quirks_mode: Whether a document is in quirks mode.
    """

    references: list[Reference] = []
    title: str | None = None
    import_map: ImportMap | None = None
    has_icon: bool = False
    sheet: SheetOutline | None = None
    documents: list[DocumentOutline] = []
    error: str | None = None
    observed: Observed | None = None
    omitted: int = 0
    refresh: Refresh | None = None
    policies: Policies = ()
    encoding: str = ""
    in_quirks_mode: bool = False


class Fetch(msgspec.Struct, frozen=True, eq=False):
    """An order to fetch one URL.

    Attributes:
        index: The asset's place in the report.
        reference: The reference to fetch.
        initiator: The URL of the body with the reference; None for the page.
        document: The origin of the document that needs it; "" for the page.
        same_site: Whether it and all frames around it belong to the page's site. Then all cookies of the
            site go with it.
        set_cookies: Whether a redirect on the way here set a cookie.
        own_origin: Whether the submission's own headers may be sent.
        reader: The origin that the response must allow to read it; "" if none.
        frame_depth: Number of frames between the page and this.
        import_depth: Number of imports (of stylesheets or modules) between a document and this.
        hops: The URLs that redirected here.
        import_map: The import map of a module; None if it is not a module.
        client: The requesting document.
    """

    index: int
    reference: Reference
    initiator: str | None = None
    document: str = ""
    same_site: bool = True
    set_cookies: bool = False
    own_origin: bool = False
    reader: str = ""
    frame_depth: int = 0
    import_depth: int = 0
    hops: tuple[str, ...] = ()
    import_map: ImportMap | None = None
    client: RequestClient = NOBODY

    @property
    def url(self) -> str:
        """The URL to request."""
        return self.reference.url


class Outcome(msgspec.Struct, frozen=True, eq=False):
    """The result of a `Fetch`.

    Attributes:
        fetch: The order.
        http_status: The status; None without a response.
        transfer_bytes: Body bytes received on the wire.
        resource_bytes: Body bytes after decoding.
        content_type: In lower case, without parameters.
        encoding: The content encodings as sent, or None.
        duration_ms: From the start of the request to its last byte.
        protocol: The protocol of the response: ``http/1.1``, ``h2`` or ``h3``.
        timings: The duration of each step.
        started: When the request started, in seconds of a clock that all requests of a page share.
        error: A named error (``code: explanation``), or None. `whole` tells whether all bytes arrived.
        whole: Whether the whole response arrived and was measured.
        kind: The kind in the report, if only the response shows it (``<object>``, ``<embed>``).
        denied: Whether it was not requested because the gate or a limit forbids it.
        redirect: The absolute target of a 3xx response.
        retry_after: Seconds for which the server asks Libra to wait.
        set_cookies: Whether it changed the page's cookies.
        reading: The result of reading the body, if it was to be read.
        source: The body, if a document's style needs it.
        facts: The facts about the body beyond its sizes, if all of it arrived.
    """

    fetch: Fetch
    http_status: int | None = None
    transfer_bytes: int = 0
    resource_bytes: int = 0
    content_type: str | None = None
    encoding: str | None = None
    duration_ms: int | None = None
    protocol: str | None = None
    timings: Timings | None = None
    started: float | None = None
    error: str | None = None
    whole: bool = False
    kind: Kind | None = None
    denied: bool = False
    redirect: str | None = None
    retry_after: float | None = None
    set_cookies: bool = False
    reading: Reading | None = None
    source: Source | None = None
    facts: BodyFacts | None = None


class StyleJob(msgspec.Struct, frozen=True):
    """An order to find the references of a document's style: see `Weighing.job`.

    It needs processor time but no connection, so it waits in no origin's queue.

    Attributes:
        number: The number of the job within its page.
    """

    number: int


class StyleFound(msgspec.Struct, frozen=True, eq=False):
    """The result of a `StyleJob`.

    Attributes:
        job: The order.
        wanted: The references of the style.
        error: Why they could not be found, as a named error.
    """

    job: StyleJob
    wanted: list[WantedByStyle]
    error: str | None = None


Order: TypeAlias = Fetch | StyleJob
"""An order that a page's weighing gives out."""
