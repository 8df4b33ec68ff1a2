"""Health and process tree of a running Libra."""

from __future__ import annotations

from importlib.metadata import version as package_version
from typing import get_args

from libra.inspector.records.watches.watch_record import WatchStatus
from libra.inspector.tree import SupervisionTree
from libra.observability.health import Health, LoopLag, Node, Part, Processes
from libra.otp import Child, DynamicSupervisor, GenServer, Supervisor
from libra.parsers.pool import Ends
from libra.report import Status
from libra.settings import redact
from libra.weighing.rendered import BrowserEnds


def health(tree: SupervisionTree) -> Health:
    """Report each part from memory: this costs next to nothing and touches no database."""
    context = tree.context
    waiting = tree.durability.state()
    given_up = len(quarantined(tree))
    counts, watches = context.records.pages.by_status(), context.records.watches.by_status()
    parts = {
        "pages": Part(
            "degraded" if given_up else "ok",
            tree.started_at,
            f"{given_up} quarantined" if given_up else None,
        ),
        "database": _database(tree),
        "parsers": _parsers(tree),
        "browsers": _browsers(tree),
    }
    trouble = context.availability.disk_trouble
    damage = None if tree.journal is None else tree.journal.damage
    if trouble is not None:
        parts["journal"] = Part("down", trouble.since, trouble.reason)
    elif damage:
        parts["journal"] = Part("degraded", tree.started_at, str(damage))
    else:
        parts["journal"] = Part("ok", tree.started_at, None)
    parts |= tree.durability.parts()
    lag = tree.lag()
    culprit = lag.stall.words if lag.stall else None
    return Health(
        status="ok" if all(part.status == "ok" for part in parts.values()) else "degraded",
        accepting=not tree.pages.closing,
        version=package_version("libra-weigh"),
        started_at=tree.started_at,
        parts=parts,
        pages={status: counts[status] for status in get_args(Status)},
        waiting_to_be_stored=waiting.waiting,
        oldest_waiting_seconds=waiting.oldest_seconds,
        quarantined=given_up,
        loop_lag=LoopLag(lag.last * 1000, lag.p99 * 1000, lag.max * 1000, culprit),
        processes=_processes(tree),
        watches={status: watches[status] for status in get_args(WatchStatus)},
        nodes=tree.durability.nodes(),
    )


def quarantined(tree: SupervisionTree) -> dict[str, str]:
    """The quarantined pages and watches, which stay so until somebody retries them, and the reasons."""
    watches = tree.context.processes.watchers.quarantined()
    return tree.pages.quarantined() | {str(one.id): str(one.reason) for one in watches}


def _database(tree: SupervisionTree) -> Part:
    context = tree.context
    since = context.availability.available_since or tree.started_at
    outage = context.availability.outage
    if outage is not None:
        reason = f"{outage.reason} (breaker {context.processes.database_writer.breaker})"
        return Part("down", outage.since, reason)
    if context.availability.standby is not None:
        standby = context.availability.standby
        words = f"{standby.reason}. Pages accepted here are saved once its lease ends"
        return Part("degraded", standby.since, words)
    if context.availability.gap is not None:
        words = f"{context.availability.gap.reason}. Libra is saving again what it still has"
        return Part("degraded", context.availability.gap.noticed_at, words)
    words = redact(tree.settings.database_url())
    if context.availability.available_since is None:
        words += " (being opened)"
    if context.availability.losses:
        last = context.availability.losses[-1]
        words += (
            f" (at {last.noticed_at:%Y-%m-%d %H:%M:%S} UTC: {last.reason}; "
            f"anything stored {last.span} that this Libra did not have is lost)"
        )
    if unreadable := len(tree.store.unreadable):
        return Part("degraded", since, f"{words}; rows that could not be read: {unreadable}")
    return Part("ok", since, words)


def _parsers(tree: SupervisionTree) -> Part:
    parsers, since = tree.parsers, tree.started_at
    if parsers is None:
        words = (
            "this system has no parser processes: pages are parsed in threads, "
            "without limits of time and memory"
        )
        return Part("degraded", since, words)
    if parsers.trouble is not None:
        return Part(
            "down", parsers.trouble.since, f"no parser can be started: {parsers.trouble.reason}"
        )
    ends = parsers.ends
    words = f"{len(parsers.processes)} of {parsers.count} run"
    if ends != Ends():
        words += (
            f"; ended while they parsed a page: {ends.out_of_time} out of time, "
            f"{ends.out_of_memory} out of memory, {ends.other} otherwise"
        )
    return Part("ok", since, words)


def _browsers(tree: SupervisionTree) -> Part:
    browsers = tree.browsers
    words = f"{len(browsers.processes)} of {browsers.size} run"
    if browsers.shortcomings:
        words += f", {' and '.join(browsers.shortcomings)}"
    if browsers.ends != BrowserEnds():
        words += (
            f"; ended while they rendered a page: {browsers.ends.out_of_memory} out of memory, "
            f"{browsers.ends.other} otherwise"
        )
    return Part("ok", tree.started_at, words)


def _processes(tree: SupervisionTree) -> Processes:
    counts = tree.runtime.counts
    return Processes(
        started=counts.started,
        running=counts.started - counts.ended,
        crashed=counts.crashed,
        restarted=counts.restarted,
        refused=counts.refused,
        abandoned=counts.abandoned,
    )


#: Healthy children of one supervisor to show.
SHOWN = 50


def process_tree(tree: SupervisionTree) -> Node:
    """The running tree of processes; of many healthy siblings it shows only the last `SHOWN`."""
    return _node("libra", tree.root, None)


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
