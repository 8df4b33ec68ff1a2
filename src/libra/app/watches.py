"""Watches: making, changing, finding, running and forgetting them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import get_args

import msgspec

from libra.app.lists import WatchList
from libra.app.parts import Parts
from libra.budgets.alarms import Jump
from libra.budgets.budget import Budget
from libra.errors import Full, Stopping, TooManyWatches, WatchNotFound, WatchUnknown
from libra.ids import is_page_id
from libra.inspector.records.watches.watch_changes import WantedChange, WatchChanges, checked
from libra.inspector.records.watches.watch_record import Watch, WatchRecord, WatchStatus
from libra.inspector.records.watches.webhook import address_and_headers
from libra.inspector.watches.selection import WatchOrder, select
from libra.inspector.watches.steps import edited, tested
from libra.urls import InvalidURL
from libra.weighing.options import InvalidOptions

#: Seconds to resolve the name of a webhook; after that Libra accepts the address without this check.
LOOK_UP = 3.0

#: How many public ids of watches are remembered, so that badges are found fast.
PUBLIC = 10_000

#: The jump of a watched page's weight that counts if the watch does not say.
JUMP = Jump()


class WatchCalls(Parts):
    """The operations on watches."""

    async def watch(
        self,
        url: str,
        *,
        every: str = "day",
        budgets: Sequence[Budget] = (),
        max_weight: int | str | None = None,
        jump: Jump | None = JUMP,
        webhook: str | None = None,
        webhook_headers: Mapping[str, str] | None = None,
        keep: float | str | None = None,
    ) -> Watch:
        """Weigh a URL now and again on a schedule, and send an alert when something is wrong.

        Args:
            url: the page to weigh.
            every: ``hour``, ``day``, ``week``, an interval such as ``30m``, or a cron expression.
            budgets: the limits of the page; the last budget that matches its path counts.
            max_weight: limit for its whole transfer size: bytes, or a size such as ``"500kB"``.
            jump: which increase of its weight counts as a jump; None for none.
            webhook: where alerts are sent, with credentials where the receiver needs them.
            webhook_headers: headers of the alerts, such as ``Authorization``.
            keep: how long all of its weigh-ins are kept before they are thinned: seconds, or a duration
                such as ``"90d"``; None for as long as the settings keep pages.

        Returns:
            The watch, with the secret that its alerts are signed with. It is shown only once.

        Raises:
            InvalidURL: saying what is wrong with the URL or the webhook.
            InvalidOptions: saying which other field is invalid, and why.
            InvalidSchedule: saying what is wrong with the schedule or the time zone.
            CannotRender: its method needs a browser and there is none.
            TooManyWatches: the limit of watches is reached.
            Stopping: the program is about to end.
        """
        if webhook is None and webhook_headers:
            raise InvalidOptions("webhook headers need a webhook: set one, too")
        return await self.make_watch(
            WatchChanges(
                url=url,
                every=every,
                budgets=tuple(budgets),
                max_weight=max_weight,
                jump=jump,
                webhook=webhook,
                webhook_headers=webhook_headers,
                keep=keep,
            )
        )

    async def make_watch(self, wanted: WatchChanges) -> Watch:
        """As `watch`, with every option of a watch; fields that are left out have their defaults.

        Raises:
            InvalidOptions: it has no URL; and as `watch` does.
        """
        if wanted.url is msgspec.UNSET:
            raise InvalidOptions("a watch needs a url")
        possible = await self._wanted(wanted)
        if self._pages.closing:
            raise Stopping
        if self._tree.watches.full():
            raise TooManyWatches(
                "the limit of watches is reached: delete a watch that you do not need"
            )
        record = await self._tree.watches.add(possible)
        shown: Watch = record.shown(whole=True)
        return msgspec.structs.replace(shown, secret=record.state.secret)

    async def change_watch(self, watch_id: str, changes: WatchChanges) -> Watch:
        """Change a watch; fields that are left out stay as they are.

        If a change affects how the page is weighed or judged, Libra weighs it again at once. A webhook
        at another host gets another secret. Headers do not follow a page or a webhook to another host.

        Returns:
            The watch, with its secret if that is new.

        Raises:
            InvalidURL: saying what is wrong with the URL or the webhook.
            InvalidOptions: saying which other field is invalid, and why.
            InvalidSchedule: saying what is wrong with the schedule or the time zone.
            CannotRender: its method needs a browser and there is none.
            WatchNotFound: there is no such watch.
            WatchUnknown: it may be in the database, which has not answered since the start.
        """
        await self.find_watch(watch_id)
        before = self._context.records.watches.get(watch_id)
        secret = None if before is None else before.state.secret
        wanted = await self._wanted(changes)
        record = await self._tree.watches.change(
            watch_id, lambda state: edited(state, wanted, self._context.services.now())
        )
        shown: Watch = record.shown(whole=True)
        new = record.state.secret if record.state.secret != secret else None
        return msgspec.structs.replace(shown, secret=new)

    async def test_alert(self, watch_id: str) -> Watch:
        """Send one test alert to the receivers of a watch now.

        Raises:
            InvalidOptions: it has no receivers.
            WatchNotFound: there is no such watch.
            WatchUnknown: it may be in the database, which has not answered since the start.
        """
        watch = await self.find_watch(watch_id)
        if watch.webhook is None and watch.destination is None:
            raise InvalidOptions("the watch has no webhook and no destination to alert: add one")
        record = await self._tree.watches.change(
            watch_id, lambda state: tested(state, self._context.services.now())
        )
        return record.shown(whole=True)

    def watched_weights(self) -> Iterator[tuple[str, str, int, bool]]:
        """The id, the name (or the URL) and the transfer size of each watched page that was weighed.

        The last part says whether that is the weight of the whole page.
        """
        for record in self._context.records.watches:
            state = record.state
            last = next(
                (run for run in (state.last, *state.runs) if run and run.total is not None), None
            )
            if last is not None and last.total is not None:
                yield state.id, state.name or state.url, last.total, last.whole

    @property
    def destinations(self) -> tuple[str, ...]:
        """The names of the alert destinations beside webhooks."""
        return tuple(sorted(self._context.processes.courier.destinations))

    def public_watch(self, public_id: str) -> Watch:
        """The watch that is public under this id, from memory.

        Raises:
            WatchNotFound: there is none.
            WatchUnknown: the watches of the database are not in memory yet.
        """
        watches = self._context.records.watches
        found = watches.get(self._public.get(public_id, ""))
        if found is None or found.state.public != public_id:
            found = next((one for one in watches if one.state.public == public_id), None)
        if found is not None:
            if len(self._public) >= PUBLIC:
                self._public.clear()
            self._public[public_id] = found.id
            return found.shown(whole=True)
        if not self._context.availability.watches_known.is_set():
            raise WatchUnknown(public_id[:64])
        raise WatchNotFound(public_id)

    def watches(
        self,
        *,
        limit: int = 100,
        after: str | None = None,
        url: str | None = None,
        tag: str | None = None,
        status: WatchStatus | None = None,
        order: WatchOrder = "newest",
    ) -> WatchList:
        """The watches, newest first, or first those that need attention.

        Args:
            limit: how many, from 1 to 1,000.
            after: the ``next`` of the list before this one.
            url: only watches of this URL.
            tag: only watches with this tag, ignoring case.
            status: only watches with this status.
            order: ``newest`` first, or ``broken`` first and then the newest.
        """
        watches, more = select(
            self._context.records.watches,
            limit=max(1, min(limit, 1_000)),
            after=after,
            url=url,
            tag=tag,
            status=status,
            order=order,
        )
        counts = self._context.records.watches.by_status()
        known = {one: counts[one] for one in get_args(WatchStatus)}
        return WatchList(
            watches, more, not self._context.availability.watches_known.is_set(), known
        )

    def watched(self, *, tag: str | None = None) -> dict[str, WatchStatus]:
        """Each watched URL, with the worst status of its watches.

        Args:
            tag: only URLs of watches with this tag.
        """
        return worst_by_url(self._context.records.watches, tag)

    def tags(self) -> list[str]:
        """All tags of watches, in alphabetical order."""
        return sorted(
            {tag for record in self._context.records.watches for tag in record.state.tags}
        )

    def watch_of(self, watch_id: str) -> Watch:
        """A watch as it is now.

        Raises:
            WatchNotFound: there is no such watch.
            WatchUnknown: it may be in the database, which has not answered since the start.
        """
        record = self._context.records.watches.get(watch_id)
        if record is not None:
            return record.shown(whole=True)
        deleted = not is_page_id(watch_id) or watch_id in self._context.records.deletions.watches
        if deleted:
            raise WatchNotFound(watch_id)
        if not self._context.availability.watches_known.is_set() or self._context.availability.owed:
            raise WatchUnknown(watch_id)
        raise WatchNotFound(watch_id, self._context.availability.may_be_lost(watch_id))

    async def find_watch(self, watch_id: str, *, at_least: int = 0) -> Watch:
        """As `watch_of`, and finds a watch that another node of a cluster made a moment ago, too.

        Args:
            watch_id: of the watch.
            at_least: a version that the client has seen, perhaps at another node.

        Raises:
            WatchNotFound: there is no such watch.
            WatchUnknown: it is not known now whether there is such a watch.
            Behind: this node has an older version only, and cannot get a newer one.
        """
        record = self._context.records.watches.get(watch_id)
        if is_page_id(watch_id) and (record is None or record.version < at_least):
            await self._tree.watches.look_up(watch_id, at_least)
        return self.watch_of(watch_id)

    async def unwatch(self, watch_id: str) -> None:
        """Forget a watch; its weigh-ins stay.

        Raises:
            WatchNotFound: there is no such watch.
            WatchUnknown: it may be in the database, which has not answered since the start.
        """
        await self.find_watch(watch_id)
        await self._tree.watches.remove(watch_id)

    async def watch_now(self, watch_id: str) -> str:
        """Weigh the page of a watch now, whenever it is due, and return the page's id.

        If the page is being weighed already, that is the page. A quarantined watch gets another
        chance.

        Raises:
            WatchNotFound: there is no such watch.
            WatchUnknown: it may be in the database, which has not answered since the start.
            Full: there is no room for another page now; the watch tries again later.
        """
        await self.find_watch(watch_id)
        page_id = await self._tree.watches.run(watch_id)
        if page_id is None:
            raise Full
        return page_id

    async def _wanted(self, changes: WatchChanges) -> WantedChange:
        wanted = checked(changes, self._context.processes.courier.destinations)
        _kept(wanted.fields.get("keep"), self._tree.settings.ttl)
        if wanted.fields.get("choice") == "rendered":
            self._pages.require_browser()
        webhook = wanted.fields.get("webhook")
        if webhook is not None:
            address, _ = address_and_headers(webhook, ())
            refusal = await self._context.services.fetcher.refusal(address, seconds=LOOK_UP)
            if refusal is not None:
                # A client that makes watches may do everything, so it may know how to open the gate.
                opens = self._tree.gate.refusals.words(address)
                raise InvalidURL(f"Libra cannot reach the webhook: {refusal}. {opens}.")
        return wanted


def worst_by_url(watches: Iterable[WatchRecord], tag: str | None = None) -> dict[str, WatchStatus]:
    """Each watched URL and the worst status of its watches; with a tag, only of those with it."""
    worst: dict[str, WatchStatus] = {}
    order = get_args(WatchStatus)
    for record in watches:
        if tag is None or record.has_tag(tag):
            url, status = record.state.url, record.status
            worst[url] = min(status, worst.get(url, status), key=order.index)
    return worst


def _kept(keep: float | None, least: float) -> None:
    """Refuse to keep stored pages for a shorter time than they stay in memory."""
    if keep is not None and not least <= keep < math.inf:
        raise InvalidOptions(
            f"keep is {keep:g} s: it must be at least {least:g} s, the time that pages stay in memory"
        )
