"""What must hold when everything is mended, and what watches may never have done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from chaos.checker import Contradiction
from chaos.cluster.call_rules import Page
from chaos.cluster.history import Alert, Final, Ran, Watch

_END = float("inf")


def ended(pages: dict[str, Page], final: Final) -> Iterator[Contradiction]:
    """What was acknowledged is finished at every node, and what was deleted is nowhere but in marks."""
    for page in pages.values():
        if page.deleted is not None:
            yield from _gone(page.id, final)
        elif page.acknowledged is not None and page.doomed == _END:
            yield from _there(page, final)


def _gone(page: str, final: Final) -> Iterator[Contradiction]:
    for node, answers in final.answers.items():
        if answers.get(page) is not None:
            yield Contradiction(_END, "came back", f"page {page} was deleted and is at {node}")
    if page in final.records:
        yield Contradiction(_END, "came back", f"page {page} was deleted and has a record")
    if page in final.rows:
        yield Contradiction(_END, "came back", f"page {page} was deleted and has a row")
    if page not in final.deleted:
        yield Contradiction(
            _END,
            "deletion not stored",
            f"page {page} was deleted and the database does not know it",
        )


def _there(page: Page, final: Final) -> Iterator[Contradiction]:
    for node, answers in final.answers.items():
        kept = answers.get(page.id)
        if kept is None:
            yield Contradiction(
                _END, "lost", f"page {page.id} was acknowledged and is not at {node}"
            )
            continue
        if not kept.finished:
            yield Contradiction(_END, "unfinished", f"page {page.id} never ended, as {node} has it")
        seen = max((call.version or 0 for call in page.seen), default=0)
        if kept.version < seen:
            yield Contradiction(
                _END, "version went back",
                f"page {page.id} was seen at version {seen} and ends at {kept.version} at {node}",
            )  # fmt: skip


def converged(final: Final) -> Iterator[Contradiction]:
    """Streams, replicas and the database say the same, and nothing waits."""
    for queue, number in sorted(final.pending.items()):
        if number:
            yield Contradiction(_END, "pending", f"the queue {queue} still holds {number}")
    for node, number in sorted(final.journals.items()):
        if number:
            yield Contradiction(
                _END,
                "journal not clean",
                f"{number} entries of {node}'s journal were not handed over",
            )
    yield from _stored(final)
    for page in sorted(final.tombstones - final.deleted):
        yield Contradiction(
            _END, "deletion not stored", f"page {page} has a tombstone that is not in the database"
        )
    for node, replica in sorted(final.replicas.items()):
        yield from _equal(node, replica, final)


def _stored(final: Final) -> Iterator[Contradiction]:
    for page, record in sorted(final.records.items()):
        row = final.rows.get(page)
        if page in final.refused:
            continue
        if row is None:
            yield Contradiction(_END, "unequal", f"page {page} has a record and no row")
        elif (row.version, row.content) != (record.version, record.content):
            yield Contradiction(
                _END, "unequal",
                f"page {page} is version {record.version}, {record.content} in its record and"
                f" version {row.version}, {row.content} in its row",
            )  # fmt: skip
        if not record.safe:
            yield Contradiction(_END, "unequal", f"the record of page {page} is not called stored")
        elif not record.expires:
            yield Contradiction(
                _END, "stays for ever", f"the record of page {page} is stored and never expires"
            )


def _equal(node: str, replica: dict[str, int], final: Final) -> Iterator[Contradiction]:
    stream = {page: record.version for page, record in final.records.items()}
    # What has left the stream may still be held until its own expiry, if it is in the database.
    for page in sorted(replica.keys() | stream.keys()):
        held, there = replica.get(page), stream.get(page)
        if there is None and page in final.rows and final.rows[page].version == held:
            continue
        if held != there:
            yield Contradiction(
                _END, "replica differs",
                f"page {page} is version {held} in the replica of {node} and {there} in its stream",
            )  # fmt: skip


def watched(
    runs: Iterable[Ran], watches: Iterable[Watch], alerts: Iterable[Alert]
) -> Iterator[Contradiction]:
    """One page for each due time, none for a watch that is gone, and every alert arrives."""
    made: dict[tuple[str, float], Ran] = {}
    gone: dict[str, float] = {}
    for watch in watches:
        if watch.gone:
            gone[watch.watch] = min(watch.at, gone.get(watch.watch, _END))
    for run in sorted(runs, key=lambda run: run.at):
        other = made.setdefault((run.watch, run.due), run)
        if other.page != run.page:
            yield Contradiction(
                run.at, "ran twice",
                f"watch {run.watch} made pages {other.page} and {run.page} for {run.due:.3f}",
            )  # fmt: skip
        if run.due > gone.get(run.watch, _END):
            yield Contradiction(
                run.at, "ran after deletion",
                f"watch {run.watch} was deleted at {gone[run.watch]:.3f} and ran for {run.due:.3f}",
            )  # fmt: skip
    arrived: dict[str, int] = defaultdict(int)
    due: dict[str, Alert] = {}
    for alert in alerts:
        if alert.arrived:
            arrived[alert.alert] += 1
        else:
            due.setdefault(alert.alert, alert)
    for name in sorted(due.keys() - arrived.keys()):
        yield Contradiction(due[name].at, "alert lost", f"alert {name} was due and never arrived")
