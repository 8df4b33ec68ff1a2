"""What a running Libra says of itself."""

from __future__ import annotations

from importlib.metadata import version as package_version
from typing import get_args

from libra.health import Health, LoopLag, Node, Part, Processes
from libra.inspector.house import House
from libra.inspector.watches import WatchStatus
from libra.otp import Child, DynamicSupervisor, GenServer, Supervisor
from libra.parsers.pool import Ends
from libra.settings import redact
from libra.weighing.rendered import BrowserEnds
from libra.weighing.report import Status


def health(house: House) -> Health:
    """The truth about each part, from memory: asking costs nothing and touches no database."""
    context = house.context
    waiting = house.durability.state()
    quarantined = len(context.inspectors.quarantined()) + len(context.watchers.quarantined())
    counts, watches = context.records.by_status(), context.watches.by_status()
    parts = {
        "pages": Part(
            "degraded" if quarantined else "ok",
            house.started_at,
            f"{quarantined} quarantined" if quarantined else None,
        ),
        "database": _database(house),
        "parsers": _parsers(house),
        "browsers": _browsers(house),
    }
    trouble = context.disk_trouble
    damage = None if house.journal is None else house.journal.damage
    if trouble is not None:
        parts["journal"] = Part("down", trouble.since, trouble.reason)
    elif damage:
        parts["journal"] = Part("degraded", house.started_at, str(damage))
    else:
        parts["journal"] = Part("ok", house.started_at, None)
    lag = house.lag()
    culprit = f"{lag.stall.process or 'a task'} {lag.stall.holder}" if lag.stall else None
    return Health(
        status="ok" if all(part.status == "ok" for part in parts.values()) else "degraded",
        accepting=not house.pages.closing,
        version=package_version("libra-weigh"),
        started_at=house.started_at,
        parts=parts,
        pages={status: counts[status] for status in get_args(Status)},
        waiting_to_be_stored=waiting.waiting,
        oldest_waiting_seconds=waiting.oldest_seconds,
        quarantined=quarantined,
        loop_lag=LoopLag(lag.last * 1000, lag.p99 * 1000, lag.max * 1000, culprit),
        processes=_processes(house),
        watches={status: watches[status] for status in get_args(WatchStatus)},
    )


def _database(house: House) -> Part:
    context = house.context
    since = context.available_since or house.started_at
    if context.outage is not None:
        reason = f"{context.outage.reason} (breaker {context.backup.breaker})"
        return Part("down", context.outage.since, reason)
    if context.standby is not None:
        words = f"{context.standby.reason}. What is accepted here waits for the end of its lease"
        return Part("degraded", context.standby.since, words)
    if context.gap is not None:
        words = f"{context.gap.reason}. What is here of it is being saved again"
        return Part("degraded", context.gap.noticed_at, words)
    words = redact(house.settings.database_url())
    if context.available_since is None:
        words += " (being opened)"
    if context.losses:
        last = context.losses[-1]
        words += (
            f" (at {last.noticed_at:%Y-%m-%d %H:%M:%S} UTC: {last.reason}; "
            f"what was stored {last.span} and was not here is lost)"
        )
    return Part("ok", since, words)


def _parsers(house: House) -> Part:
    parsers, since = house.parsers, house.started_at
    if parsers is None:
        words = "this system has none: pages are read in threads, without limits of time and memory"
        return Part("degraded", since, words)
    if parsers.trouble is not None:
        return Part("down", parsers.trouble.since, f"none can be started: {parsers.trouble.reason}")
    ends = parsers.ends
    words = f"{len(parsers.processes)} of {parsers.count} run"
    if ends != Ends():
        words += (
            f"; over pages ended {ends.out_of_time} for their time, {ends.out_of_memory} for their "
            f"memory, {ends.other} otherwise"
        )
    return Part("ok", since, words)


def _browsers(house: House) -> Part:
    browsers = house.browsers
    words = f"{len(browsers.processes)} of {browsers.size} run"
    if browsers.shortcomings:
        words += f", {' and '.join(browsers.shortcomings)}"
    if browsers.ends != BrowserEnds():
        words += (
            f"; over pages ended {browsers.ends.out_of_memory} for their memory, "
            f"{browsers.ends.other} otherwise"
        )
    return Part("ok", house.started_at, words)


def _processes(house: House) -> Processes:
    counts = house.runtime.counts
    return Processes(
        started=counts.started,
        running=counts.started - counts.ended,
        crashed=counts.crashed,
        restarted=counts.restarted,
        refused=counts.refused,
        abandoned=counts.abandoned,
    )


#: Children of one supervisor that are shown while nothing is wrong with them.
SHOWN = 50


def tree(house: House) -> Node:
    """The living tree of processes; of ten thousand healthy siblings only some are shown."""
    return _node("libra", house.root, None)


def _node(name: str, process: GenServer | None, child: Child | None) -> Node:
    children: list[Child] = []
    more = 0
    if isinstance(process, Supervisor | DynamicSupervisor):
        every = process.which_children()
        troubled = [c for c in every if c.state != "running"]
        healthy = [c for c in every[-SHOWN - len(troubled) :] if c.state == "running"][-SHOWN:]
        children = [*troubled, *healthy]
        more = len(every) - len(children)
    return Node(
        name=name,
        pid=process.pid if process is not None else None,
        kind="supervisor" if child is None or child.spec.supervises else "worker",
        state=child.state if child is not None else "running",
        mailbox=process.mailbox_size if process is not None else 0,
        restarts=child.restarts if child is not None else 0,
        reason=str(child.reason) if child is not None and child.reason is not None else None,
        children=tuple(_node(str(c.id), None if c.asleep else c.process, c) for c in children),
        more=more,
    )
