"""The sans-I/O state machine that weighs one page and decides what to fetch next.

A `Weighing` does no input or output and has no clock. It gives out orders (`Fetch`, `StyleJob`), takes
their outcomes (`Outcome`, `StyleFound`), and can report the current state at any moment (`report`). Its
driver, a process of the service or `weigh_once`, decides when to carry out orders, how many at the same
time, and when to give up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import msgspec

from libra.report import Bytes, Report
from libra.urls import host_of, join, without_fragment
from libra.weighing.findings.findings import FindingNotes
from libra.weighing.headers.request_client import NOBODY, RequestClient
from libra.weighing.options import Options
from libra.weighing.orders.orders import (
    Fetch,
    Order,
    Outcome,
    Reference,
    StyleFound,
    StyleJob,
    merged,
)
from libra.weighing.orders.source import Document, StyleWork
from libra.weighing.roles import DOCUMENT_ROLES, READ_ROLES
from libra.weighing.scripts.import_map import ImportMap
from libra.weighing.static.answers import (
    as_taken,
    followed,
    is_shown,
    sent_on,
    sheet_of,
    with_cookies,
)
from libra.weighing.static.asking import client_of, depth_of, fetch_of, judged
from libra.weighing.static.font_sources import FontSources
from libra.weighing.static.ledger import AssetLedger
from libra.weighing.static.modules_ahead import ModulesAhead, imports_of
from libra.weighing.static.page_facts import PageFacts
from libra.weighing.static.second_tries import SecondTries
from libra.weighing.static.step_queue import StepQueue, Steps, orders_in
from libra.weighing.static.style_jobs import StyleJobs, with_initiators
from libra.weighing.style.wanted import WantedByStyle

DEADLINE = "timeout: the page's deadline passed"


class Weighing:
    """The weighing of one page.

    Call `begin` once, then `record` for each outcome in any order, until `done`. While there is `more`,
    call `go_on` as well, and let others run in between. After `give_up`, later outcomes are ignored.

    Args:
        url: The page, as `parse_url` returned it.
        options: The options of the page.
    """

    __slots__ = (
        "_ahead",
        "_facts",
        "_fonts",
        "_lazy",
        "_ledger",
        "_notes",
        "_pending",
        "_pending_reads",
        "_second_tries",
        "_steps",
        "_styles",
        "options",
        "url",
    )

    def __init__(self, url: str, options: Options) -> None:
        self.url = url
        self.options = options
        self._ledger = AssetLedger(host_of(url))
        self._facts = PageFacts()
        self._pending = 0
        self._pending_reads = 0
        self._styles = StyleJobs()
        self._fonts = FontSources(self._ledger)
        self._ahead = ModulesAhead()
        self._lazy: dict[str, tuple[Reference, Fetch | None]] = {}
        self._steps = StepQueue()
        self._notes = FindingNotes()
        self._second_tries = SecondTries()

    @property
    def pending(self) -> int:
        """The number of orders without an outcome."""
        return self._pending

    @property
    def done(self) -> bool:
        """Whether all orders have an outcome."""
        return self._pending == 0 and not self._steps and bool(self._ledger.assets)

    @property
    def more(self) -> bool:
        """Whether further orders follow from the outcomes so far: `go_on` has them."""
        return bool(self._steps)

    @property
    def failed(self) -> str | None:
        """Why the page could not be weighed, as a named error, or None."""
        return self._facts.failed

    def begin(self) -> list[Fetch]:
        """The first order: the document."""
        return orders_in(self._ordering([Reference(without_fragment(self.url), "document")], None))

    def job(self, order: StyleJob) -> StyleWork | None:
        """The work of a style order, for a `Reader`; None if it was given up meanwhile.

        The work contains the document and its stylesheets, which the order does not.
        """
        return self._styles.work(order)

    def record(self, outcome: Outcome | StyleFound) -> list[Order]:
        """Record an outcome; return the first orders that follow from it."""
        if isinstance(outcome, StyleFound):
            return self._record_style(outcome)
        fetch = outcome.fetch
        if self._ledger.assets[fetch.index].status != "pending":
            return []
        if self._put_off(fetch, outcome):
            return self._due(read=False)
        outcome = as_taken(outcome, self.options.limits.redirects)
        self._settle(fetch, outcome)
        if outcome.redirect is not None:
            steps = self._following(outcome.redirect, with_cookies(fetch, outcome))
        elif fetch.reference.role == "document":
            steps = self._record_document(outcome)
        else:
            steps = self._record_part(outcome)
        return self._steps.enter(steps) + self._due(read=fetch.reference.role in READ_ROLES)

    def go_on(self) -> list[Order]:
        """The next orders that follow from earlier outcomes."""
        return self._steps.go_on() + self._due(read=True) if self._steps else []

    def give_up(self, error: str = DEADLINE) -> None:
        """End now: pending assets fail with this error, and the report is incomplete."""
        if self._pending == 0 and not self._steps:
            return
        self._steps.finish()
        self._ledger.give_up(error, self._second_tries.errors())
        self._pending = self._pending_reads = 0
        self._styles.clear()
        self._facts.give_up(error)

    def report(self, base: Report) -> Report:
        """The current state, filled into a report that has the rest (id, status, times, version)."""
        return self._facts.report(base, self.options, self._ledger, self._notes, done=self.done)

    # Handling outcomes

    def _record_part(self, outcome: Outcome) -> Steps:
        fetch = outcome.fetch
        steps = self._read(outcome)
        if fetch.reference.role == "stylesheet":
            self._styles.add_sheet((*fetch.hops, fetch.url), sheet_of(outcome))
        elif fetch.reference.role == "font" and outcome.error is not None:
            steps = chain(steps, self._try_next_source((*fetch.hops, fetch.url)[0]))
        elif fetch.reference.otherwise and not is_shown(outcome):
            steps = chain(
                steps, self._ordering(fetch.reference.otherwise, None, client=fetch.client)
            )
        return steps

    def _settle(self, fetch: Fetch, outcome: Outcome) -> None:
        self._pending -= 1
        if fetch.reference.role in READ_ROLES:
            self._pending_reads -= 1
        self._facts.whole = self._facts.whole and outcome.whole
        self._notes.note(fetch.index, outcome.facts)
        self._ledger.settle(fetch.index, outcome)

    def _record_document(self, outcome: Outcome) -> Steps:
        fetch = outcome.fetch
        if outcome.http_status is None:
            self._facts.failed = outcome.error
            return ()
        self._facts.final_url = fetch.url
        self._facts.body = Bytes(outcome.transfer_bytes, outcome.resource_bytes)
        self._ledger.settle_site(host_of(fetch.url))
        if outcome.error is not None and (outcome.http_status >= 300 or not outcome.transfer_bytes):
            self._facts.failed = outcome.error
            return ()
        self._facts.error = outcome.error  # weigh the part that arrived, say so
        reading = outcome.reading
        unread = reading is None and outcome.error is None and outcome.resource_bytes > 0
        self._notes.see_document(fetch.index, is_html=False if unread else None)
        if reading is None:
            return ()
        self._facts.title = reading.title
        if (onward := sent_on(outcome, self.options.limits.redirects)) is not None:
            # The first page's references are requested before the visitor leaves it.
            return chain(self._read(outcome), self._following(onward, with_cookies(fetch, outcome)))
        steps = self._read(outcome)
        if not reading.has_icon and reading.import_map is not None:
            icon = join(fetch.url, "/favicon.ico")
            if icon is not None:
                client = client_of(outcome)
                implied = judged(Reference(icon, "icon"), client, None)
                steps = chain(steps, self._ordering([implied], fetch, client=client))
        return steps

    def _following(self, url: str, fetch: Fetch) -> Steps:
        """Follow a redirect or a refresh, if the policies allow it."""
        return self._ordering([followed(url, fetch)], fetch, hop=True, client=fetch.client)

    def _read(self, outcome: Outcome) -> Steps:
        fetch, reading, source = outcome.fetch, outcome.reading, outcome.source
        if reading is None:
            return ()
        role = fetch.reference.role
        if role == "module" and self._ahead.take(fetch, reading):
            return ()
        import_map = reading.import_map or fetch.import_map
        client = client_of(outcome)
        for number, outline in enumerate(reading.documents):
            if source is not None and (outline.sheets or outline.asks):
                self._styles.add_document(Document(source, number, outline, client))
        self._facts.omitted += reading.omitted
        self._notes.see(reading.observed, is_page=fetch.reference.role == "document")
        references = reading.references
        if role in DOCUMENT_ROLES and role != "document":
            onward = sent_on(outcome, self.options.limits.redirects)
            if onward is not None:
                return chain(
                    self._ordering(references, fetch, import_map=import_map, client=client),
                    self._following(onward, fetch),
                )
        elif role == "module":
            references = imports_of(reading, fetch.reference.nonce)
        if not references:
            return ()
        return self._ordering(references, fetch, import_map=import_map, client=client)

    def _record_style(self, outcome: StyleFound) -> list[Order]:
        work = self._styles.done(outcome.job)
        if work is None:
            return []  # it was given up
        self._pending -= 1
        self._facts.note(outcome.error)
        client = work.document.client
        steps = self._wanting(with_initiators(outcome.wanted, work), client)
        if outcome.error is not None:
            steps = chain(steps, self._waking(client))
        return self._steps.enter(steps) + self._due(read=False)

    def _put_off(self, fetch: Fetch, outcome: Outcome) -> bool:
        """Postpone an asset that could not be reached to a second try at the end."""
        if (*fetch.hops, fetch.url)[0] in self._fonts:
            return False  # a browser uses the next source
        if not self._second_tries.take(fetch, outcome):
            return False
        self._pending -= 1
        if fetch.reference.role in READ_ROLES:
            self._pending_reads -= 1
        return True

    def _wanting(
        self, wanted: list[WantedByStyle], client: RequestClient
    ) -> Iterator[Fetch | None]:
        for item in sorted(wanted, key=lambda item: item.conditional):
            urls = self._fonts.still_to_try(item.urls)
            url = urls[0]
            if item.near:
                yield from self._wake(url, client, hidden=item.hidden) or (None,)
                continue
            self._fonts.note(item._replace(urls=urls), client)
            reference = Reference(
                url, "font" if item.font else "image", conditional=item.conditional
            )
            orders = orders_in(
                self._ordering([reference], None, initiator=item.initiator, client=client)
            )
            if not orders and self._ledger.is_blocked(url):
                orders = self._try_next_source(url)
            yield from orders or (None,)

    def _waking(self, client: RequestClient) -> Iterator[Fetch | None]:
        """Request what waited for a style that nobody knows now."""
        for url in [url for url, (found, _) in self._lazy.items() if found.if_rendered]:
            yield from self._wake(url, client, hidden=False) or (None,)

    def _wake(self, url: str, client: RequestClient, *, hidden: bool) -> list[Fetch]:
        """Request an asset that waited for stylesheets to know its position or visibility."""
        reference, parent = self._lazy.get(url, (None, None))
        if reference is None or (hidden and reference.role == "object"):
            return []
        del self._lazy[url]
        awake = msgspec.structs.replace(reference, lazy=False, unseen=hidden)
        return orders_in(self._ordering([awake], parent, client=client))

    def _try_next_source(self, url: str) -> list[Fetch]:
        """Try the next source of a font that failed."""
        found = self._fonts.after(url)
        return [] if found is None else orders_in(self._wanting([found[0]], found[1]))

    # Orders

    def _due(self, *, read: bool) -> list[Order]:
        """Orders for the second tries and the styles that are due, the latter if something was read."""
        if self._steps:
            return []  # what comes yet may be a stylesheet
        again = self._second_tries.due(pending=self._pending, pending_reads=self._pending_reads)
        self._pending += len(again)
        self._pending_reads += sum(fetch.reference.role in READ_ROLES for fetch in again)
        orders: list[Order] = [*again]
        if read and self._styles.waiting and self._facts.failed is None:
            # A document's style can be worked out once all its stylesheets have arrived.
            jobs = self._styles.due(all_there=self._pending_reads == 0)
            self._pending += len(jobs)
            orders += jobs
        if self.done:
            self._styles.clear()
        return orders

    def _ordering(
        self,
        references: Iterable[Reference],
        parent: Fetch | None,
        *,
        hop: bool = False,
        initiator: str | None = None,
        import_map: ImportMap | None = None,
        client: RequestClient = NOBODY,
    ) -> Iterator[Fetch | None]:
        """For each reference its order, or None if policies or limits allow none or it has one."""
        limits = self.options.limits
        for found in references if parent is None else merged(references):
            reference = found if hop else judged(found, client, parent)
            at = self._ledger.place_of(reference.url)
            if hop and parent is not None and reference.url in (parent.url, *parent.hops):
                at = None  # back to an earlier URL with a cookie: one more request, so one more asset
            if at is not None and not self._ledger.wakes(at, reference):
                yield from self._run_after_all(at, reference) or (None,)
                continue
            depth = depth_of(reference, parent, hop=hop)
            if depth.frames > limits.frame_depth or depth.imports > limits.import_depth:
                self._facts.note("too-deep: frames or imports nest too deeply")
                yield None
                continue
            if at is None:
                if (
                    len(self._ledger.assets) >= limits.assets
                    or self._ledger.total[1] > limits.page_bytes
                ):
                    self._facts.omitted += 1
                    yield None
                    continue
                at = self._ledger.enter(reference, initiator or (parent.url if parent else None))
            if reference.lazy:
                self._lazy.setdefault(reference.url, (reference, parent))
                yield None
                continue
            if reference.blocked:
                if reference.role == "stylesheet":
                    self._styles.add_sheet((reference.url,), None)
                yield None
                yield from self._ordering(reference.otherwise, None, client=client)
                continue
            self._pending += 1
            if reference.role in READ_ROLES:
                self._pending_reads += 1
            yield fetch_of(
                reference,
                parent,
                index=at,
                url=self.url,
                page=self._facts.final_url or self.url,
                initiator=self._ledger.assets[at].initiator,
                client=client,
                depth=depth,
                hop=hop,
                import_map=import_map,
            )

    def _run_after_all(self, at: int, reference: Reference) -> list[Fetch]:
        """A script needs a preloaded module: now its imports are needed, too."""
        found = self._ahead.run(at, reference)
        if found is None:
            return []
        fetch, imports = found
        steps = self._ordering(imports, fetch, import_map=fetch.import_map, client=fetch.client)
        return orders_in(steps)
