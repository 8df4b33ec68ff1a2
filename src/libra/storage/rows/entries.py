"""What is stored of a page or a watch: one version of it, or the fact that it was deleted.

These are the messages between them and their backup. They are immutable, and each carries a
version, because saves may be repeated, delayed and overtaken by newer ones: whoever has the higher
version is right, in the queue, in the journal and in the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from libra import report as reports
from libra.report import Report, Status, Summary
from libra.storage.rows.frames import frame, unframe

DELETED_VERSION: Final = 2**63 - 1
"""The version of a deletion: the highest that both engines can hold, so nothing can follow it."""


Headers: TypeAlias = tuple[tuple[str, str], ...]
"""Names and values of request headers."""


class Snapshot(msgspec.Struct, frozen=True):
    """A page at one version, ready to be stored.

    ``report`` is its JSON as `libra.report.encode` writes it; the other fields are the
    columns that people query. Sizes are bytes and times are aware datetimes. ``idempotency`` is the
    key that it was submitted with (see `libra.inspector.records.submission_keys`), ``series`` what a
    result of CI has in common with those before it (see `libra.report.Build`), ``way`` how the page was
    weighed (`libra.report.Summary.way`), which rows of an older Libra may not say. ``headers`` are those
    that a page which is not finished is asked for with; their values are secrets.
    """

    id: str
    url: str
    version: int
    report: bytes
    final_url: str | None = None
    host: str = ""
    title: str | None = None
    status: Status = "queued"
    submitted_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    transfer_bytes: int = 0
    resource_bytes: int = 0
    requests: int = 0
    score: int | None = None
    idempotency: str | None = None
    series: str | None = None
    way: str | None = None
    headers: Headers = ()

    def __repr__(self) -> str:
        """Without what is secret in it: a crash is reported with what was at hand."""
        name = type(self).__name__
        return f"{name}(id={self.id!r}, version={self.version}, status={self.status!r}, ...)"

    @classmethod
    def of(cls, report: Report, data: bytes | None = None) -> Snapshot:
        """The snapshot of a report; ``data`` is its JSON, if the caller has encoded it already."""
        data = reports.encode(report) if data is None else data
        return cls.of_summary(reports.summarize(report), data)

    @classmethod
    def of_summary(cls, report: Summary, data: bytes) -> Snapshot:
        """The snapshot of a report of which only the summary was decoded; ``data`` is its JSON."""
        return cls(
            id=report.id,
            url=report.url,
            version=report.version,
            report=data,
            final_url=report.final_url,
            host=bare_host_of(report.final_url or report.url),
            title=report.title,
            status=report.status,
            submitted_at=report.submitted_at,
            finished_at=report.finished_at,
            expires_at=report.expires_at,
            transfer_bytes=report.total.transfer_bytes,
            resource_bytes=report.total.resource_bytes,
            requests=report.total.requests,
            score=report.score.teledrin if report.score else None,
            series=report.build.series if report.build else None,
            way=report.way,
        )


class Packed(Snapshot, frozen=True, array_like=True):
    """A page as it comes back at a start, 100,000 at a time: its report is one zstd frame of the JSON.

    It rests in memory as it is. Unpacking and packing it again would take longer than all the rest. The
    journal writes it so, too, and as an array: new fields come last.
    """

    @classmethod
    def of_row(cls, row: Snapshot) -> Packed:
        """The same with its report in a frame."""
        fields = {name: getattr(row, name) for name in Snapshot.__struct_fields__}
        fields["report"] = frame(row.report)
        return cls(**fields)

    def unpacked(self) -> Snapshot:
        """The same with the JSON itself.

        Raises:
            ValueError: it is no such frame.
        """
        fields = {name: getattr(self, name) for name in Snapshot.__struct_fields__}
        fields["report"] = unframe(self.report)
        return Snapshot(**fields)


class WatchRow(msgspec.Struct, frozen=True):
    """A watch at one version, ready to be stored; ``data`` is its JSON, the process's own business."""

    id: str
    url: str
    version: int
    data: bytes

    def __repr__(self) -> str:
        """As that of a page."""
        return f"WatchRow(id={self.id!r}, version={self.version}, ...)"


class Deleted(msgspec.Struct, frozen=True):
    """What somebody deleted, at a moment; it outranks every version of that page or watch."""

    id: str
    at: datetime
    of: Literal["page", "watch"] = "page"

    @property
    def version(self) -> int:
        """Higher than that of anything stored."""
        return DELETED_VERSION


Entry: TypeAlias = Snapshot | WatchRow | Deleted
"""What a save consists of."""


class RefusedRow(msgspec.Struct, frozen=True):
    """An entry that the database would not take.

    Attributes:
        id: of the entry.
        version: of the entry.
        reason: in words for people.
        deleted: whether it is that the database has the page as deleted, which no save outranks.
    """

    id: str
    version: int
    reason: str
    deleted: bool = False


def outranked(page: Snapshot) -> RefusedRow:
    """A page that the database has as deleted."""
    return RefusedRow(page.id, page.version, "it was deleted", deleted=True)


def text_of_headers(headers: Headers) -> str | None:
    """Headers as a column has them."""
    return msgspec.json.encode(headers).decode() if headers else None


def headers_of_text(text: str | None) -> Headers:
    """The other way round.

    Raises:
        ValueError: it is no such text.
    """
    return () if text is None else msgspec.json.decode(text, type=Headers)


def newest(entries: Iterable[Entry]) -> list[Entry]:
    """One entry for each id, that of the highest version, in the order of first appearance."""
    latest: dict[str, Entry] = {}
    for entry in entries:
        known = latest.get(entry.id)
        if known is None or known.version < entry.version:
            latest[entry.id] = entry
    return list(latest.values())


def bare_host_of(url: str) -> str:
    """The host of a URL, or an empty text when it has none that can be read."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
