"""Watches: they are made, changed, found, run and forgotten."""

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

#: Seconds that the name of a webhook may take to resolve before it is taken as it is.
LOOK_UP = 3.0

#: Public ids of watches that are remembered, so that a badge is found at once.
PUBLIC = 10_000

#: What counts as a jump of a watched page's weight if nobody says.
JUMP = Jump()


class Watches(Parts):
    """What can be done with a watch."""

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
        """Have a URL weighed now and again and again, and alert somebody when something is wrong.

        Args:
            url: what is to be weighed.
            every: ``hour``, ``day``, ``week``, an interval such as ``30m``, or a cron expression.
            budgets: what the page must keep to; the last that matches its path counts.
            max_weight: transfer size that it may have in all: bytes, or a size such as ``"500kB"``.
            jump: what counts as a jump of its weight; None for nothing.
            webhook: where alerts are sent to, with credentials where it asks for them.
            webhook_headers: what is sent with them, such as ``Authorization``.
            keep: how long all of its weigh-ins are kept before they are thinned: seconds, or a duration
                such as ``"90d"``; None for as long as the settings keep pages.

        Returns:
            The watch, with the secret that its alerts are signed with: nobody is told it again.

        Raises:
            InvalidURL: saying what is wrong with the URL or the webhook.
            InvalidOptions: saying which other field cannot be so, and why.
            InvalidSchedule: saying what is wrong with the schedule or the time zone.
            CannotRender: it is to be weighed in a browser and there is none.
            TooManyWatches: there are as many as there may be.
            Stopping: the program is about to end.
        """
        if webhook is None and webhook_headers:
            raise InvalidOptions("headers of a webhook are of no use without one")
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
        """As `watch`, with everything that a watch can be told; what is left out is as usual.

        Raises:
            InvalidOptions: it has no URL; and as `watch` does.
        """
        if wanted.url is msgspec.UNSET:
            raise InvalidOptions("a watch needs a url")
        possible = await self._wanted(wanted)
        if self._pages.closing:
            raise Stopping
        if self._tree.watches.full():
            raise TooManyWatches("the limit of watches is reached: delete one that you do not need")
        record = await self._tree.watches.add(possible)
        shown: Watch = record.shown(whole=True)
        return msgspec.structs.replace(shown, secret=record.state.secret)

    async def change_watch(self, watch_id: str, changes: WatchChanges) -> Watch:
        """Change a watch; what is left out stays as it is.

        What is weighed or judged otherwise is weighed anew at once. A webhook at another host gets
        another secret.

        Returns:
            The watch, with a secret if that is a new one.

        Raises:
            InvalidURL: saying what is wrong with the URL or the webhook.
            InvalidOptions: saying which other field cannot be so, and why.
            InvalidSchedule: saying what is wrong with the schedule or the time zone.
            CannotRender: it is to be weighed in a browser and there is none.
            WatchNotFound: there is no such watch.
            WatchUnknown: it may be in the database, which could not be asked since the start.
        """
        self.watch_of(watch_id)
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
        """Send a test alert to the receivers of a watch, once, at once.

        Raises:
            InvalidOptions: it has none.
            WatchNotFound: there is no such watch.
            WatchUnknown: it may be in the database, which could not be asked since the start.
        """
        watch = self.watch_of(watch_id)
        if watch.webhook is None and watch.destination is None:
            raise InvalidOptions(
                "the watch has no webhook and no destination: nobody is told anything"
            )
        record = await self._tree.watches.change(
            watch_id, lambda state: tested(state, self._context.services.now())
        )
        return record.shown(whole=True)

    def watched_weights(self) -> Iterator[tuple[str, str, int]]:
        """The id, the name (or the URL) and the transfer size of each watched page that was weighed."""
        for record in self._context.records.watches:
            state = record.state
            last = next(
                (run for run in (state.last, *state.runs) if run and run.total is not None), None
            )
            if last is not None and last.total is not None:
                yield state.id, state.name or state.url, last.total

    @property
    def destinations(self) -> tuple[str, ...]:
        """The names of the destinations that alerts may go to beside webhooks."""
        return tuple(sorted(self._context.processes.courier.destinations))

    def public_watch(self, public_id: str) -> Watch:
        """The watch that somebody has made public under this id, from memory.

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
        """The watches, newest first, or first those that need somebody.

        Args:
            limit: how many, from 1 to 1,000.
            after: the ``next`` of the list before this one.
            url: only watches of this URL.
            tag: only watches with this tag, whatever the case.
            status: only watches of which this is known.
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
        """Each URL that is watched, and the worst of what its watches know of it.

        Args:
            tag: only URLs of watches with this tag.
        """
        return worst_by_url(self._context.records.watches, tag)

    def tags(self) -> list[str]:
        """All tags of watches, in the order of the alphabet."""
        return sorted(
            {tag for record in self._context.records.watches for tag in record.state.tags}
        )

    def watch_of(self, watch_id: str) -> Watch:
        """A watch as it is now.

        Raises:
            WatchNotFound: there is no such watch.
            WatchUnknown: it may be in the database, which could not be asked since the start.
        """
        record = self._context.records.watches.get(watch_id)
        if record is not None:
            return record.shown(whole=True)
        deleted = not is_page_id(watch_id) or watch_id in self._context.records.deletions.watches
        if deleted:
            raise WatchNotFound(watch_id)
        if (
            not self._context.availability.watches_known.is_set()
            or self._context.availability.gap is not None
        ):
            raise WatchUnknown(watch_id)
        raise WatchNotFound(watch_id, self._context.availability.may_be_lost(watch_id))

    async def find_watch(self, watch_id: str, *, at_least: int = 0) -> Watch:
        """As `watch_of`, of a watch too that was made at another node of a cluster a moment ago.

        Args:
            watch_id: which.
            at_least: a version that was seen of it, perhaps at another node.

        Raises:
            WatchNotFound: there is no such watch.
            WatchUnknown: nobody can tell now whether there is.
            Behind: what is here is older than that version, and nobody can be asked for a newer one.
        """
        record = self._context.records.watches.get(watch_id)
        if is_page_id(watch_id) and (record is None or record.version < at_least):
            await self._tree.watches.look_up(watch_id, at_least)
        return self.watch_of(watch_id)

    async def unwatch(self, watch_id: str) -> None:
        """Forget a watch; what was weighed for it stays.

        Raises:
            WatchNotFound: there is no such watch.
            WatchUnknown: it may be in the database, which could not be asked since the start.
        """
        await self.find_watch(watch_id)
        await self._tree.watches.remove(watch_id)

    async def watch_now(self, watch_id: str) -> str:
        """Have the page of a watch weighed now, whenever it is due, and return the page's id.

        If it is being weighed already that is the page. A watch that is quarantined gets another
        chance.

        Raises:
            WatchNotFound: there is no such watch.
            WatchUnknown: it may be in the database, which could not be asked since the start.
            Full: there is no room for another page now; the watch tries again by itself.
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
                # Who makes watches may do everything, and so may know what would open the way.
                opens = self._tree.gate.refusals.words(address)
                raise InvalidURL(
                    f"The webhook is not valid. It cannot be reached: {refusal}. {opens}."
                )
        return wanted


def worst_by_url(watches: Iterable[WatchRecord], tag: str | None = None) -> dict[str, WatchStatus]:
    """Each URL of watches, perhaps only those with a tag, and the worst of what they know of it."""
    worst: dict[str, WatchStatus] = {}
    order = get_args(WatchStatus)
    for record in watches:
        if tag is None or record.has_tag(tag):
            url, status = record.state.url, record.status
            worst[url] = min(status, worst.get(url, status), key=order.index)
    return worst


def _kept(keep: float | None, least: float) -> None:
    """Pages are not kept for a shorter time than they are in memory, where they are stored as well."""
    if keep is not None and not least <= keep < math.inf:
        raise InvalidOptions(
            f"keep is {keep:g} s: it must be at least {least:g} s, as long as pages stay in memory"
        )
