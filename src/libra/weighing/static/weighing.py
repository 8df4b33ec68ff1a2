"""The heart: what one page weighs so far, and what is to be fetched next.

A `Weighing` does no input or output and has no clock. It gives out orders (`Fetch`, `StyleJob`), is told
what came of them (`Outcome`, `StyleFound`), and can say at any moment what is known (`report`). Whoever
drives it, a process of the service or `weigh_once`, decides when and how many at a time, and when to
give up.
"""

from __future__ import annotations

import msgspec

from libra.report import (
    Bytes,
    Report,
    Total,
)
from libra.urls import (
    host_of,
    is_same_site,
    join,
    origin_of,
    without_fragment,
)
from libra.weighing.findings.findings import FindingNotes
from libra.weighing.footprint import figures
from libra.weighing.headers.content_policy import forbids, upgraded, upgrades
from libra.weighing.headers.request_client import NOBODY, RequestClient
from libra.weighing.html.document_walk import asked_by
from libra.weighing.options import Options
from libra.weighing.orders.orders import (
    BLOCKED,
    Fetch,
    Order,
    Outcome,
    Reading,
    Reference,
    StyleFound,
    StyleJob,
    merged,
)
from libra.weighing.orders.outline import SheetOutline
from libra.weighing.orders.source import Document, SheetSource, StyleWork
from libra.weighing.roles import CORS_ROLES, DOCUMENT_ROLES, READ_ROLES, Role
from libra.weighing.score import score
from libra.weighing.scripts.import_map import ImportMap
from libra.weighing.static.ledger import AssetLedger
from libra.weighing.static.second_tries import SecondTries
from libra.weighing.style.page_styles import Styles
from libra.weighing.style.wanted import WantedByStyle

DEADLINE = "timeout: the page's deadline passed"
_UNREAD: frozenset[Role] = frozenset({"script", "module", "stylesheet", "font"})
"""What a browser lets go of as soon as it sees an error status; of all else it reads the error."""


class Weighing:
    """What one page weighs.

    The order of calls is `begin` once, then `record` for each outcome in any order, until `done`. After
    `give_up`, outcomes that still arrive are ignored.

    Args:
        url: The page, as `parse_url` returned it.
        options: How it is to be weighed.
    """

    __slots__ = (
        "_ahead",
        "_body",
        "_error",
        "_failed",
        "_final_url",
        "_jobs",
        "_lazy",
        "_ledger",
        "_notes",
        "_omitted",
        "_origin",
        "_pending",
        "_pending_reads",
        "_run",
        "_second_tries",
        "_sources",
        "_styled",
        "_styles",
        "_title",
        "_whole",
        "options",
        "url",
    )

    def __init__(self, url: str, options: Options) -> None:
        self.url = url
        self.options = options
        self._ledger = AssetLedger(host_of(url))
        self._pending = 0
        self._pending_reads = 0
        self._whole = True
        self._failed: str | None = None
        self._error: str | None = None
        self._omitted = 0
        self._title: str | None = None
        self._final_url: str | None = None
        self._body = Bytes()
        self._origin = origin_of(url)
        self._styles: Styles[Document, SheetOutline | SheetSource] = Styles()
        self._styled = 0
        self._jobs: dict[StyleJob, StyleWork] = {}
        self._sources: dict[str, tuple[WantedByStyle, RequestClient]] = {}
        self._ahead: dict[int, tuple[Fetch, Reading]] = {}
        self._run: set[int] = set()
        self._lazy: dict[str, tuple[Reference, Fetch | None]] = {}
        self._notes = FindingNotes()
        self._second_tries = SecondTries()

    @property
    def pending(self) -> int:
        """How many orders have no outcome yet."""
        return self._pending

    @property
    def done(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self._pending == 0 and bool(self._ledger.assets)

    @property
    def failed(self) -> str | None:
        """Why the page could not be weighed, as a named error, or None."""
        return self._failed

    def begin(self) -> list[Fetch]:
        """The first order: the document."""
        return self._order([Reference(without_fragment(self.url), "document")], None)

    def job(self, order: StyleJob) -> StyleWork | None:
        """What is to be done for an order, by a `Reader`; None if it was given up meanwhile.

        It holds the document and its style sheets, which the order does not.
        """
        return self._jobs.get(order)

    def record(self, outcome: Outcome | StyleFound) -> list[Order]:
        """Take an outcome; return the orders that it gives rise to."""
        if isinstance(outcome, StyleFound):
            return self._record_style(outcome)
        fetch = outcome.fetch
        if self._ledger.assets[fetch.index].status != "pending":
            return []
        if self._put_off(fetch, outcome):
            return [*self._try_again()]
        outcome = self._as_taken(outcome)
        self._settle(fetch, outcome)
        if outcome.redirect is not None:
            orders = self._follow(outcome.redirect, _with_cookies(fetch, outcome))
        elif fetch.reference.role == "document":
            orders = self._record_document(outcome)
        else:
            orders = self._record_part(outcome)
        orders += self._try_again()
        if self._styles.waiting and fetch.reference.role in READ_ROLES and self._failed is None:
            orders += self._order_styled()
        if self._pending == 0:
            self._styles.clear()
        return orders

    def give_up(self, error: str = DEADLINE) -> None:
        """End now: what is pending becomes failed with this error, the report is not complete."""
        if self._pending == 0:
            return
        self._ledger.give_up(error, self._second_tries.errors())
        self._pending = self._pending_reads = 0
        self._jobs.clear()
        self._styles.clear()
        self._whole = False
        if self._final_url is None and self._failed is None:
            self._failed = error
        self._error = self._error or error

    def report(self, base: Report) -> Report:
        """What is known now, filled into a report that holds the rest (id, status, times, version)."""
        weighed = self.done and self._failed is None
        complete = weighed and self._whole and not self._omitted and self._error is None
        return msgspec.structs.replace(
            base,
            final_url=self._final_url,
            title=self._title,
            method=self.options.method,
            viewport=str(self.options.viewport),
            complete=complete,
            body=self._body,
            total=Total(*self._ledger.total),
            by_kind=self._ledger.by_kind(),
            by_host=self._ledger.by_host(),
            score=(
                score(self._ledger.total[1], whole=complete and self._notes.coverage is None)
                if weighed
                else None
            ),
            figures=(
                figures(self._ledger.total[1], self._ledger.total[0], self._notes.elements)
                if weighed
                else None
            ),
            assets=tuple(self._ledger.assets),
            error=self._failed or self._error or self._limit_reached(),
            findings=(
                self._notes.findings(self._ledger.assets, self.options.viewport.dpr)
                if weighed
                else ()
            ),
            coverage=self._notes.coverage,
            with_headers=bool(self.options.headers),
        )

    # What an outcome means

    def _as_taken(self, outcome: Outcome) -> Outcome:
        """An answer as a browser takes it: redirects end, and of some errors no body is read."""
        fetch = outcome.fetch
        if outcome.redirect is not None and self._loops(fetch, outcome):
            hops = len(fetch.hops) + 1
            outcome = msgspec.structs.replace(
                outcome, redirect=None, error=f"redirect-loop: {hops} redirects", whole=False
            )
        if (outcome.http_status or 0) >= 400 and fetch.reference.role in _UNREAD:
            outcome = msgspec.structs.replace(outcome, transfer_bytes=0, resource_bytes=0)
        return outcome

    def _record_part(self, outcome: Outcome) -> list[Order]:
        fetch = outcome.fetch
        orders = self._read(outcome)
        if fetch.reference.role == "stylesheet":
            self._styles.add_sheet((*fetch.hops, fetch.url), _sheet_of(outcome))
        elif fetch.reference.role == "font" and outcome.error is not None:
            orders += self._try_next_source((*fetch.hops, fetch.url)[0])
        elif fetch.reference.otherwise and not _is_shown(outcome):
            orders += self._order([*fetch.reference.otherwise], None, client=fetch.client)
        return orders

    def _settle(self, fetch: Fetch, outcome: Outcome) -> None:
        self._pending -= 1
        if fetch.reference.role in READ_ROLES:
            self._pending_reads -= 1
        self._whole = self._whole and outcome.whole
        self._notes.note(fetch.index, outcome.facts)
        self._ledger.settle(fetch.index, outcome)

    def _record_document(self, outcome: Outcome) -> list[Order]:
        fetch = outcome.fetch
        if outcome.http_status is None:
            self._failed = outcome.error
            return []
        self._final_url = fetch.url
        self._body = Bytes(outcome.transfer_bytes, outcome.resource_bytes)
        self._ledger.settle_site(host_of(fetch.url))
        if outcome.error is not None and (outcome.http_status >= 300 or not outcome.transfer_bytes):
            self._failed = outcome.error
            return []
        self._error = outcome.error  # part of it arrived: weigh what it asks for, and say so
        reading = outcome.reading
        unread = reading is None and outcome.error is None and outcome.resource_bytes > 0
        self._notes.see_document(fetch.index, is_html=False if unread else None)
        if reading is None:
            return []
        self._title = reading.title
        if (onward := self._sent_on(outcome)) is not None:
            # What the stub names is asked for before its visitors are gone.
            return self._read(outcome) + self._follow(onward, _with_cookies(fetch, outcome))
        orders = self._read(outcome)
        if not reading.has_icon and reading.import_map is not None:
            icon = join(fetch.url, "/favicon.ico")
            if icon is not None:
                client = self._client_of(outcome)
                implied = self._judged(Reference(icon, "icon"), client, None)
                orders += self._order([implied], fetch, client=client)
        return orders

    def _sent_on(self, outcome: Outcome) -> str | None:
        """Where a document sends its visitors at once; None if nowhere, or round in circles."""
        fetch, reading = outcome.fetch, outcome.reading
        refresh = None if reading is None else reading.refresh
        if refresh is None or refresh.url is None or refresh.seconds:
            return None
        onward = msgspec.structs.replace(outcome, redirect=refresh.url)
        return None if self._loops(fetch, onward) else refresh.url

    def _follow(self, url: str, fetch: Fetch) -> list[Order]:
        """Go on to where an answer leads, if that is allowed."""
        client = fetch.client
        if client.policies and upgrades(client.policies):
            url = upgraded(url, redirected=True)
        reference = msgspec.structs.replace(fetch.reference, url=url)
        asked = asked_by(reference, redirected=True)
        directive = forbids(client.policies, asked, client.origin)
        if directive is not None:
            reference = msgspec.structs.replace(reference, blocked=BLOCKED.format(directive))
        return [*self._order([reference], fetch, hop=True, client=client)]

    def _client_of(self, outcome: Outcome) -> RequestClient:
        """On whose behalf that is fetched which was found in a body."""
        fetch, reading = outcome.fetch, outcome.reading
        if reading is None:
            return fetch.client
        if fetch.reference.role not in DOCUMENT_ROLES:
            return msgspec.structs.replace(
                fetch.client, encoding=reading.encoding or fetch.client.encoding
            )
        return RequestClient(
            origin_of(fetch.url),
            reading.policies,
            reading.encoding,
            fetch.client.around,
            reading.in_quirks_mode,
        )

    def _read(self, outcome: Outcome) -> list[Order]:
        fetch, reading, source = outcome.fetch, outcome.reading, outcome.source
        if reading is None:
            return []
        role = fetch.reference.role
        if role == "module" and fetch.reference.ahead and fetch.index not in self._run:
            self._ahead[fetch.index] = fetch, reading  # until a script asks for it
            return []
        import_map = reading.import_map or fetch.import_map
        client = self._client_of(outcome)
        for number, outline in enumerate(reading.documents):
            if source is not None and (outline.sheets or outline.asks):
                self._styles.add_document(Document(source, number, outline, client))
        self._omitted += reading.omitted
        self._notes.see(reading.observed, is_page=fetch.reference.role == "document")
        references = reading.references
        if role in DOCUMENT_ROLES and role != "document":
            onward = self._sent_on(outcome)
            if onward is not None:
                return [
                    *self._order(references, fetch, import_map=import_map, client=client),
                    *self._follow(onward, fetch),
                ]
        elif role == "module":
            nonce = fetch.reference.nonce
            references = [msgspec.structs.replace(found, nonce=nonce) for found in references]
        if not references:
            return []
        return [*self._order(references, fetch, import_map=import_map, client=client)]

    def _order_styled(self) -> list[Order]:
        """What the style of a document asks for is known when all its style sheets are."""
        orders: list[Order] = []
        for document, parts in self._styles.ready(all_there=self._pending_reads == 0):
            if not document.asks and not any(sheet.asks for sheet, _ in parts):
                continue
            job = StyleJob(self._styled)
            self._styled += 1
            self._jobs[job] = StyleWork(document, parts)
            self._pending += 1
            orders.append(job)
        return orders

    def _record_style(self, outcome: StyleFound) -> list[Order]:
        work = self._jobs.pop(outcome.job, None)
        if work is None:
            return []  # it was given up
        self._pending -= 1
        self._error = self._error or outcome.error
        client = work.document.client
        orders = self._order_wanted(outcome.wanted, client)
        if outcome.error is not None:
            waiting = [url for url, (found, _) in self._lazy.items() if found.if_rendered]
            for url in waiting:
                orders += self._wake(url, client, hidden=False)
        orders += self._try_again()
        if self._pending == 0:
            self._styles.clear()
        return orders

    def _put_off(self, fetch: Fetch, outcome: Outcome) -> bool:
        """Leave a part that could not be reached for a second try, at the end."""
        if (*fetch.hops, fetch.url)[0] in self._sources:
            return False  # a browser takes the next source
        if not self._second_tries.take(fetch, outcome):
            return False
        self._pending -= 1
        if fetch.reference.role in READ_ROLES:
            self._pending_reads -= 1
        return True

    def _try_again(self) -> list[Fetch]:
        """What could not be reached, once there is nothing else to wait for."""
        again = self._second_tries.due(pending=self._pending, pending_reads=self._pending_reads)
        self._pending += len(again)
        self._pending_reads += sum(fetch.reference.role in READ_ROLES for fetch in again)
        return again

    def _order_wanted(self, wanted: list[WantedByStyle], client: RequestClient) -> list[Order]:
        orders: list[Order] = []
        for item in sorted(wanted, key=lambda item: item.conditional):
            urls = self._still_to_try(item.urls)
            url = urls[0]
            if item.near:
                orders += self._wake(url, client, hidden=item.hidden)
                continue
            if len(urls) > 1:
                self._sources[url] = item._replace(urls=urls), client
            reference = Reference(
                url, "font" if item.font else "image", conditional=item.conditional
            )
            known = len(orders)
            orders += self._order([reference], None, initiator=item.initiator, client=client)
            if len(orders) == known and self._ledger.is_blocked(url):
                orders += self._try_next_source(url)
        return orders

    def _wake(self, url: str, client: RequestClient, *, hidden: bool) -> list[Fetch]:
        """Ask for what waited for style sheets, now that it is known where it is, or whether it is."""
        reference, parent = self._lazy.get(url, (None, None))
        if reference is None or (hidden and reference.role == "object"):
            return []
        del self._lazy[url]
        awake = msgspec.structs.replace(reference, lazy=False, unseen=hidden)
        return self._order([awake], parent, client=client)

    def _still_to_try(self, urls: tuple[str, ...]) -> tuple[str, ...]:
        """A font's sources from the first that has not failed, or else the last."""
        for number, url in enumerate(urls):
            if not self._ledger.has_failed(url):
                return urls[number:]
        return urls[-1:]

    def _try_next_source(self, url: str) -> list[Order]:
        """A font that could not be had is looked for where its rule says next."""
        item, client = self._sources.pop(url, (None, NOBODY))
        if item is None or len(item.urls) < 2:
            return []
        return self._order_wanted([item._replace(urls=item.urls[1:])], client)

    def _loops(self, fetch: Fetch, outcome: Outcome) -> bool:
        """Whether a redirect leads nowhere: too many, or back to where nothing has changed since."""
        if len(fetch.hops) >= self.options.limits.redirects:
            return True
        back = outcome.redirect in (fetch.url, *fetch.hops)
        return back and not (fetch.set_cookies or outcome.set_cookies)

    # Orders

    def _order(
        self,
        references: list[Reference],
        parent: Fetch | None,
        *,
        hop: bool = False,
        initiator: str | None = None,
        import_map: ImportMap | None = None,
        client: RequestClient = NOBODY,
    ) -> list[Fetch]:
        """Orders for those references that are new, as far as policies and limits allow."""
        limits = self.options.limits
        orders: list[Fetch] = []
        for found in references if parent is None else merged(references):
            reference = found if hop else self._judged(found, client, parent)
            at = self._ledger.place_of(reference.url)
            if hop and parent is not None and reference.url in (parent.url, *parent.hops):
                at = None  # back again, with a cookie: one more request, and so one more asset
            if at is not None and not self._ledger.wakes(at, reference):
                orders += self._run_after_all(at, reference)
                continue
            frame_depth, import_depth = _depths(reference, parent, hop=hop)
            if frame_depth > limits.frame_depth or import_depth > limits.import_depth:
                self._error = self._error or "too-deep: frames or imports nest too deeply"
                continue
            if at is None:
                if (
                    len(self._ledger.assets) >= limits.assets
                    or self._ledger.total[1] > limits.page_bytes
                ):
                    self._omitted += 1
                    continue
                at = self._ledger.enter(reference, initiator or (parent.url if parent else None))
            if reference.lazy:
                self._lazy.setdefault(reference.url, (reference, parent))
                continue
            if reference.blocked:
                if reference.role == "stylesheet":
                    self._styles.add_sheet((reference.url,), None)
                continue
            self._pending += 1
            if reference.role in READ_ROLES:
                self._pending_reads += 1
            origin = origin_of(reference.url)
            asked_by, document = self._ledger.assets[at].initiator, self._document_of(parent)
            if hop and parent is not None:
                # A redirect is followed in the name of whoever asked first.
                asked_by, document, import_map = (
                    parent.initiator,
                    parent.document,
                    parent.import_map,
                )
            orders.append(
                Fetch(
                    index=at,
                    reference=reference,
                    initiator=asked_by,
                    document="" if reference.role == "document" else document,
                    same_site=self._same_site(reference, parent, origin),
                    set_cookies=hop and parent is not None and parent.set_cookies,
                    own_origin=origin == self._origin,
                    reader=self._reader(reference, document, origin),
                    frame_depth=frame_depth,
                    import_depth=import_depth,
                    hops=(*parent.hops, parent.url) if hop and parent else (),
                    import_map=import_map if reference.role == "module" else None,
                    client=client,
                )
            )
        return orders

    def _document_of(self, parent: Fetch | None) -> str:
        """The origin of the document for which something is fetched that this body asks for."""
        if parent is not None and parent.reference.role == "frame":
            return origin_of(parent.url)
        return origin_of(self._final_url or self.url)

    def _same_site(self, reference: Reference, parent: Fetch | None, origin: str) -> bool:
        """Whether all of a site's cookies go with a request (``SameSite``)."""
        if reference.role == "document":
            return True
        if parent is not None and parent.reference.role == "frame" and not parent.same_site:
            return False
        return is_same_site(origin_of(self._final_url or self.url), origin)

    def _reader(self, reference: Reference, document: str, origin: str) -> str:
        """The origin of the document that is to read this, if that needs to be allowed."""
        if not (reference.cors or reference.role in CORS_ROLES):
            return ""
        return "" if document == origin else document

    def _judged(
        self, reference: Reference, client: RequestClient, parent: Fetch | None
    ) -> Reference:
        """The reference, blocked if it may not be asked for. Documents judge their own when read."""
        if not client.policies or reference.blocked:
            return reference
        if parent is not None and parent.reference.role in DOCUMENT_ROLES:
            return reference
        directive = forbids(client.policies, asked_by(reference), client.origin)
        if directive is None:
            return reference
        return msgspec.structs.replace(reference, blocked=BLOCKED.format(directive))

    def _run_after_all(self, at: int, reference: Reference) -> list[Fetch]:
        """A script asks for a module that was loaded ahead: now its imports are wanted, too."""
        if reference.role != "module" or reference.ahead or reference.blocked:
            return []
        self._run.add(at)
        fetch, reading = self._ahead.pop(at, (None, None))
        if fetch is None or reading is None:
            return []
        nonce = reference.nonce
        imports = [msgspec.structs.replace(found, nonce=nonce) for found in reading.references]
        return self._order(imports, fetch, import_map=fetch.import_map, client=fetch.client)

    def _limit_reached(self) -> str | None:
        if not self._omitted:
            return None
        limits = self.options.limits
        if self._ledger.total[1] > limits.page_bytes:
            limit = f"page-too-large: more than {limits.page_bytes:,} bytes"
        else:
            limit = f"too-many-assets: more than {limits.assets:,}"
        return f"{limit}; {self._omitted:,} were left out"


def _depths(reference: Reference, parent: Fetch | None, *, hop: bool) -> tuple[int, int]:
    """How deep in frames and in imports a reference is."""
    if parent is None:
        return 0, 0
    if hop:
        return parent.frame_depth, parent.import_depth
    if reference.role in {"frame", "object"}:
        return parent.frame_depth + 1, 0
    if reference.role == parent.reference.role:
        return parent.frame_depth, parent.import_depth + 1
    return parent.frame_depth, 0


def _is_shown(outcome: Outcome) -> bool:
    """Whether an object shows what came, so that what stands in for it is not asked for."""
    return outcome.error is None and (outcome.http_status or 0) < 400


def _sheet_of(outcome: Outcome) -> SheetSource | None:
    """The style sheet that has come, if it is one that is used."""
    reading, source = outcome.reading, outcome.source
    if reading is None or reading.sheet is None or source is None:
        return None
    return SheetSource(source, reading.sheet)


def _with_cookies(fetch: Fetch, outcome: Outcome) -> Fetch:
    """A hop on the way of a redirect, and whether cookies were set until there."""
    return msgspec.structs.replace(fetch, set_cookies=fetch.set_cookies or outcome.set_cookies)
