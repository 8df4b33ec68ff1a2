"""Results that CI jobs weighed elsewhere and sent here: pages that are finished on arrival.

They are in memory, in the journal and in the database as other pages are, with the same guarantees.
The id of a result is derived from its content. So sending it again gives the same result, to any
Libra of this database and across any outage.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from libra.errors import ResultDeleted, UnusableResult
from libra.inspector.context import Context
from libra.inspector.durability.database_reader import DatabaseReader
from libra.inspector.pages.pages import Pages
from libra.inspector.records.page_record import PageRecord, first_version
from libra.report import Build, Report
from libra.storage import PageQuery, Unavailable
from libra.weighing.options import Viewport

#: How far the clock of a CI job may be ahead of this machine's clock.
AHEAD: Final = timedelta(days=1)


class Newest(NamedTuple):
    """The newest result of a series; ``known`` is False if the database could not be asked."""

    page_id: str | None
    known: bool = True


class Builds:
    """Accepts results and finds the earlier results to compare them with.

    Args:
        context: the shared state.
        reader: reads the database.
        pages: adds results to the pages in memory.
    """

    def __init__(self, context: Context, reader: DatabaseReader, pages: Pages) -> None:
        self._context = context
        self._reader = reader
        self._pages = pages

    async def keep(self, report: Report, build: Build) -> tuple[str, bool]:
        """Accept a result, and return its id and whether it is new.

        On return the result is as safe as its report says, like a submission.

        Raises:
            UnusableResult: it is not a finished report, or does not add up.
            ResultDeleted: it was kept before, and somebody deleted it.
            Stopping: the program is about to end.
            Full: the limit of pages in memory is reached and no page may leave yet.
        """
        context = self._context
        record = self._record(report, build)
        if context.records.pages.get(record.id) is None and await self._is_stored(record.id):
            return record.id, False
        if context.records.pages.get(record.id) is not None:
            # The CI job sent it before, perhaps a moment ago, and it may not be safe yet.
            await context.processes.durability.kept(record.id)
            return record.id, False
        await self._pages.enter(record)
        return record.id, True

    async def _is_stored(self, page_id: str) -> bool:
        """Whether the database has a result; False also while the database cannot be asked.

        A result that is sent again has the same id and version there. If another Libra deleted it
        there, or longer ago than this Libra remembers, the database writer finds that out.

        Raises:
            ResultDeleted: this Libra or the database knows that it was deleted.
        """
        with self._context.records.deletions.meanwhile() as deleted:
            if page_id in self._context.records.deletions.pages:
                raise ResultDeleted
            try:
                trace = await self._reader.trace(page_id)
            except Unavailable:
                gone = await self._context.processes.durability.was_deleted(page_id)
                trace = "deleted" if gone else None
            if trace == "deleted" or page_id in deleted:
                raise ResultDeleted
            return trace == "stored"

    async def newest(self, branch: str, *, page_id: str, build: Build) -> Newest:
        """The newest result of the same page on a branch; on the result's own branch, the one before it.

        Args:
            branch: the branch to search.
            page_id: the id of the result.
            build: the build of the result.
        """
        series = build.on(branch).series
        before = page_id if branch == build.branch else None
        held = self._context.records.pages.newest_of(series, before)
        try:
            rows = await self._reader.recent(PageQuery(limit=1, after=before, series=series))
        except Unavailable:
            return Newest(held, known=False)
        stored = next((row.id for row in rows), None)
        return Newest(max(filter(None, (held, stored)), default=None))

    def _record(self, report: Report, build: Build) -> PageRecord:
        require_usable(report)
        context, now = self._context, self._context.services.now()
        submitted = _moment("submitted_at", report.submitted_at)
        if max(submitted, _moment("finished_at", report.finished_at)) > now + AHEAD:
            raise UnusableResult("submitted_at or finished_at is in the future")
        record = PageRecord(id_of(report, build), report.url, None, submitted)
        record.method, record.viewport = report.method, Viewport.parse(report.viewport)
        record.series = build.series
        kept = msgspec.structs.replace(
            report,
            id=record.id,
            version=first_version(1) + 1,
            backup="memory",
            expires_at=now + timedelta(seconds=context.services.ttl),
            build=build,
        )
        record.rest(kept, context.processes.durability.steps("memory"))
        return record


def id_of(report: Report, build: Build) -> str:
    """A UUIDv7 (RFC 9562, section 5.7) of the time of the weighing, with a hash as its random part."""
    milliseconds = int(_moment("submitted_at", report.submitted_at).timestamp() * 1000)
    text = f"{report.id}\0{build.series}\0{build.commit}"
    digest = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:10])
    number = (max(0, milliseconds) & (1 << 48) - 1) << 80 | digest
    number = number & ~(0xF << 76) | 7 << 76
    number = number & ~(3 << 62) | 2 << 62
    digits = f"{number:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _moment(name: str, moment: datetime | None) -> datetime:
    if moment is None or moment.tzinfo is None:
        raise UnusableResult(f"{name} must be a time with a time zone")
    return moment


def parse_build(build: Build) -> Build:
    """Return the build if its parts have valid values.

    Raises:
        UnusableResult: a part is invalid.
    """
    problem = build.problem()
    if problem is not None:
        raise UnusableResult(problem)
    return build


def require_usable(report: Report) -> None:
    """Check that a report is finished and adds up.

    Raises:
        UnusableResult: says what is wrong.
    """
    if report.status != "weighed":
        raise UnusableResult("it is not the report of a weighed page")
    try:
        Viewport.parse(report.viewport)
    except ValueError as error:
        raise UnusableResult(str(error)) from None
    score = report.score
    if score is not None and not (0 <= score.teledrin <= 100 and 0 <= score.lighthouse <= 100):
        raise UnusableResult("a score is not a number from 0 to 100")
    total = report.total.requests, report.total.transfer_bytes, report.total.resource_bytes
    sums = {
        "assets": (
            sum(asset.transfer_bytes for asset in report.assets),
            sum(asset.resource_bytes for asset in report.assets),
        ),
        "by_kind": (
            sum(one.transfer_bytes for one in report.by_kind.values()),
            sum(one.resource_bytes for one in report.by_kind.values()),
        ),
        "by_host": (
            sum(one.transfer_bytes for one in report.by_host.values()),
            sum(one.resource_bytes for one in report.by_host.values()),
        ),
    }
    for name, found in sums.items():
        if found != total[1:]:
            raise UnusableResult(f"its total is not the sum over {name}")
    sizes = [total, *((0, a.transfer_bytes, a.resource_bytes) for a in report.assets)]
    if any(not 0 <= size < 2**53 for three in sizes for size in three):
        raise UnusableResult("a size is negative, or more than any page weighs")
