"""What a body asks for: references, and the plain data that carries them around.

A `Reference` is found in a body, a `Fetch` is the order to get it, an `Outcome` is what came of that.
They are immutable and know nothing of how they are fetched. What a document's style asks for takes
computing and no request: that is a `StyleJob`, whose outcome is a `StyleFound`.
"""

from __future__ import annotations

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
"""Why something is not requested, as a named error; with the directive."""


class Reference(msgspec.Struct, frozen=True):
    """Something that a body asks for.

    Attributes:
        url: Absolute, http or https, without fragment.
        role: What it is wanted for.
        lazy: A browser would load it only when it is scrolled near.
        conditional: A browser would load it only if something holds that is not known here.
        partial: Only its beginning is read (media with ``preload=metadata``).
        applies: For a style sheet, whether its rules take effect (``media``, not alternate).
        cors: Whether another origin has to allow that the page reads it (``crossorigin``); fonts and
            modules need that in any case.
        integrity: What its digest has to be so that it is used.
        nonce: What the element says by which a policy knows its scripts and styles.
        inserted: Whether the parser made the element that asks.
        ahead: For a module, that it is only loaded ahead (``modulepreload``): what it imports is loaded
            when a script needs it.
        encoding: For a style sheet, what its ``link`` says of its encoding.
        blocked: Why it is not requested, as a named error.
        unseen: For a frame, that it is not rendered: nothing in it is laid out.
        if_rendered: Whether it waits for the style sheets, as `lazy`, to see if it is shown at all.
        is_image: For an object, that it is shown as an image, whatever comes.
        is_embed: For an object, that it is an ``embed``, which shows the page of an error, too.
        otherwise: For an object, what is wanted if it cannot be shown.
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
        """How the report counts it, unless the answer shows otherwise."""
        return KIND_OF[self.role]


def merged(references: list[Reference]) -> list[Reference]:
    """One reference for each URL, with what the most demanding of them asks for.

    A body may name a URL several times: as a preload and by its consumer, lazily and eagerly.
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
                ahead=not (_runs(known) or _runs(reference)),
                blocked=known.blocked and reference.blocked,
            )
    return list(merged.values())


def _runs(reference: Reference) -> bool:
    """Whether a module is wanted to run, and not only to be there."""
    return reference.role == "module" and not reference.ahead


class Reading(msgspec.Struct, frozen=True):
    """What was read in a body.

    Attributes:
        references: What it asks for, in its order, duplicates included.
        title: The document's title.
        import_map: What the specifiers of its modules stand for; None if it is no document.
        has_icon: Whether a document names an icon; if none does, ``/favicon.ico`` is implied.
        sheet: The style sheet, if it is one that is used.
        documents: The document, and those that are written in it (``srcdoc``).
        error: Why not all of the body was read, as a named error.
        observed: What a document shows beside what it asks for.
        omitted: How many references there are beyond those that are listed.
        refresh: Where a document sends its visitors.
        policies: What a document may ask for.
        encoding: The encoding that a document or a style sheet is in.
        in_quirks_mode: Whether a document is.
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
    """An order to fetch one URL. `index` is its place among the page's assets.

    Attributes:
        index: The asset's place in the report.
        reference: What is wanted.
        initiator: The URL of the body that asked for it; None for the page.
        document: The origin of the document that it is fetched for; "" for the page.
        same_site: Whether it is of the page's site, and so are the frames around it, so that all of the
            site's cookies go with it.
        set_cookies: Whether one of the redirects to here set a cookie.
        own_origin: Whether the submission's own headers may be sent along.
        reader: The origin that has to be allowed to read the answer; "" if none has.
        frame_depth: Frames between the page and this.
        import_depth: Imports (of style sheets or modules) between a document and this.
        hops: The URLs that redirected to here.
        import_map: What the specifiers of a module stand for; None if it is no module.
        client: The document that asks.
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
        """Where to."""
        return self.reference.url


class Outcome(msgspec.Struct, frozen=True, eq=False):
    """What came of a `Fetch`.

    Attributes:
        fetch: The order.
        http_status: None if no answer came.
        transfer_bytes: Body bytes that arrived, as on the wire.
        resource_bytes: What they decode to.
        content_type: Without parameters, lower case.
        encoding: The content encodings as sent, or None.
        duration_ms: From the start of the request to its last byte.
        protocol: What the answer came over: ``http/1.1``, ``h2`` or ``h3``.
        timings: What each step took.
        started: When the request was started, in seconds of a clock that all of a page share.
        error: A named error (``code: explanation``), or None. Whether the bytes that arrived are all
            there is can be seen from `whole`.
        whole: The whole answer arrived and was measured.
        kind: How it is counted, where that shows only in the answer (``<object>``, ``<embed>``).
        denied: It was not requested because the gate or a limit forbids it.
        redirect: Where a 3xx answer leads, absolute.
        retry_after: Seconds for which the server asks to be left alone.
        set_cookies: Whether the page's cookies are others since.
        reading: What was read in the body, if it was to be read.
        source: The body, if the style of a document needs it.
        facts: What was noted of the body beside its sizes, if all of it arrived.
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
    """An order to work out what the style of a document asks for: see `Weighing.job`.

    It needs a processor and no connection, so it waits in no origin's queue.

    Attributes:
        number: Which of the page's jobs.
    """

    number: int


class StyleFound(msgspec.Struct, frozen=True, eq=False):
    """What came of a `StyleJob`.

    Attributes:
        job: The order.
        wanted: What the style asks for.
        error: Why that could not be worked out, as a named error.
    """

    job: StyleJob
    wanted: list[WantedByStyle]
    error: str | None = None


Order: TypeAlias = Fetch | StyleJob
"""What a page being weighed has somebody do."""
