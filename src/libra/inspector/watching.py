"""The watches of one Libra, seen from outside: made, listed, run and deleted."""

from __future__ import annotations

import logging
from functools import partial

from libra.ids import new_id
from libra.inspector import watch
from libra.inspector.alert import new_secret
from libra.inspector.context import Context
from libra.inspector.watch import Watcher
from libra.inspector.watches import WatchRecord, WatchState
from libra.inspector.webhook import Headers
from libra.otp import (
    Child,
    DynamicSupervisor,
    NotFound,
    ProcessException,
    ProcessExited,
    StartError,
)
from libra.weighing.alarm import Terms

log = logging.getLogger("libra.watch")

MAX_WATCHES = 10_000
"""How many watches there may be."""


class Watches(DynamicSupervisor):
    """The supervisor of the watches: each has a restart budget of its own."""

    __slots__ = ()

    def init(self, context: Context) -> None:  # type: ignore[override]  # as an __init__ may
        """Enter itself in the context."""
        super().init(on_quarantine=partial(_quarantined, context))
        context.watchers = self


def _quarantined(context: Context, child: Child) -> None:
    record = context.watches.get(str(child.id))
    if record is not None:
        record.error = f"quarantined: {child.reason}"
        context.followers.changed(record.id)


class Watching:
    """Makes watches and finds them.

    Args:
        context: the surroundings.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def full(self) -> bool:
        """Whether there are as many watches as there may be."""
        return len(self._context.watches) >= MAX_WATCHES

    async def add(
        self,
        url: str,
        *,
        every: str,
        terms: Terms,
        webhook: str | None,
        webhook_headers: Headers = (),
    ) -> tuple[WatchRecord, str | None]:
        """Make a watch, whose page is weighed at once; returns it and its secret, if it has one.

        When this returns it is as safe as it says.
        """
        context, now = self._context, self._context.now()
        secret = None if webhook is None else new_secret()
        record = WatchRecord(
            WatchState(
                id=new_id(),
                url=url,
                every=every,
                created_at=now,
                next_at=now,
                terms=terms,
                webhook=webhook,
                webhook_headers=webhook_headers,
                secret=secret,
            )
        )
        context.watches.add(record)
        try:
            process = context.watchers.start_child(Watcher.child_spec(context, record))
        except StartError:
            context.watches.discard(record.id)
            raise
        except ProcessExited as error:
            # The supervisor is between two lives. When it is back, the restorer finds the record.
            log.debug("watch %s is started later: %s", record.id, error)
        else:
            if process is not None:
                process.send(watch.Ask.RUN)
        await context.durability.kept(record.id)
        return record, secret

    async def remove(self, watch_id: str) -> None:
        """Forget a watch; a page that is being weighed for it is a page like any other."""
        context = self._context
        # In this order: nobody finds it any more, then it ends, then the backup learns of it.
        context.unwatched.add(watch_id)
        context.watches.discard(watch_id)
        context.followers.changed(watch_id)
        try:
            await context.watchers.terminate_child(watch_id)
        except (NotFound, ProcessExited):
            log.debug("watch %s had no process", watch_id)
        await context.durability.forget(watch_id)

    async def run(self, watch_id: str) -> str | None:
        """Have the page of a watch weighed now; its id, or None if that cannot be now.

        A watch that is quarantined gets another chance by this, and runs when it has taken it.
        """
        try:
            child = self._context.watchers.child(watch_id)
            if not self.retry(watch_id) and child is not None and child.process is not None:
                page_id: str | None = await child.process.call(watch.Ask.RUN)
                return page_id
        except ProcessException as error:
            log.debug("watch %s cannot run now: %s", watch_id, error)
        return None

    def retry(self, watch_id: str) -> bool:
        """Give a quarantined watch another chance; False if there is none of that id."""
        child = self._context.watchers.child(watch_id)
        if child is None or child.state != "quarantined":
            return False
        self._context.watchers.retry_child(watch_id)
        return True
