"""Submissions per second with the journal on and off, and bytes of journal per page.

Pages are submitted over 64 connections from another core, of a server that accepts and never answers:
one page is being fetched, all others are queued, so that what is measured is accepting. With the
journal each 202 waits until the submission is synced to the disk, together with others.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from benchmarks import machine
from benchmarks.dataset import reports
from benchmarks.figures import Figure, Rounds, Sample
from benchmarks.load import SUBMIT, wrk
from benchmarks.service import libra
from libra.report import Report
from libra.storage import Snapshot
from libra.storage.journal.journal import Journal

SWITCH = {"on": "true", "off": "false"}


def measure(rounds: Rounds) -> Iterable[Figure]:
    """Submissions per second, and bytes."""
    subject, load, _ = machine.cores()
    seconds = rounds.pick(5, 2)
    late: dict[str, list[float]] = {"on": [], "off": []}

    def side(journal: str) -> float:
        flags = ("--concurrency", "1", "--max-pages", "1000000", "--shutdown-grace", "0s")
        environ = {"LIBRA_JOURNAL": SWITCH[journal], "LIBRA_ALLOW": "127.0.0.0/8"}
        with (
            tempfile.TemporaryDirectory() as name,
            socket.create_server(("127.0.0.1", 0)) as silent,
            libra(Path(name), *flags, core=subject, environ=environ) as service,
        ):
            found = wrk(
                f"{service.url}/pages",
                core=load,
                seconds=seconds,
                connections=64,
                script=SUBMIT,
                environ={"BENCH_URL": f"http://127.0.0.1:{silent.getsockname()[1]}/"},
            )
        late[journal].append(found.p99_ms)
        return found.per_second

    found = rounds.in_turn({"on": lambda: side("on"), "off": lambda: side("off")}, "/s")
    p99 = {name: Sample(tuple(values), "ms") for name, values in late.items()}
    yield Figure(
        "Submissions per second with the journal, beside without",
        found["on"],
        found["off"],
        "off",
        note="64 connections; each 202 waits for the disk, together with those that came meanwhile.",
    )
    yield Figure("  p99 of a submission", p99["on"], p99["off"], "off", less_is_better=True)
    queued, weighed = bytes_per_page(rounds.pick(5_000, 1_000))
    note = "Compressed, with frame and checksum; gone once the database has the page."
    yield Figure("  bytes of journal for a submission", Sample((queued,), "B"), note=note)
    yield Figure("  bytes of journal for a report of 40 assets", Sample((weighed,), "B"), note=note)


def bytes_per_page(count: int) -> tuple[float, float]:
    """What a submission and what a result takes on the disk."""

    def size(entries: list[Snapshot]) -> float:
        with tempfile.TemporaryDirectory() as name:
            journal = Journal(Path(name) / "journal")
            journal.lock()
            journal.scan()
            try:
                for start in range(0, len(entries), 100):
                    journal.write(entries[start : start + 100])
                return journal.size / len(entries)
            finally:
                journal.close()

    weighed = list(reports(count))
    return size([Snapshot.of(_queued(one)) for one in weighed]), size(
        [Snapshot.of(one) for one in weighed]
    )


def _queued(report: Report) -> Report:
    """The report as it was when the page had just been submitted."""
    fresh = Report(id=report.id, url=report.url, submitted_at=report.submitted_at)
    return msgspec.structs.replace(fresh, backup="stored")
