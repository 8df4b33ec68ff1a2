"""The stored forms of a page or a watch: one version of it, or its deletion.

Pages and watches send these to their storage. They are immutable, and each has a version, because
saves may be repeated, delayed and overtaken by newer ones. The higher version wins, in the queue, in
the journal and in the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal, TypeAlias, cast, get_args
from urllib.parse import urlsplit

import msgspec

from libra import report as reports
from libra.report import Report, Status, Summary
from libra.storage.rows.frames import frame, unframe

DELETED_VERSION: Final = 2**63 - 1
"""The version of a deletion: the highest that both engines can hold, so no version is higher."""


_STATUSES: Final = frozenset(get_args(Status))

Headers: TypeAlias = tuple[tuple[str, str], ...]
"""Names and values of request headers."""


class Snapshot(msgspec.Struct, frozen=True):
    """A page at one version, ready to be stored.

    ``report`` is its JSON as `libra.report.encode` writes it; the other fields are the columns that
    people query. Sizes are bytes and times are aware datetimes. ``idempotency`` is the key of its
    submission (see `libra.inspector.records.submission_keys`). ``series`` is the series of a CI
    result (see `libra.report.Build`). ``way`` is how the page was weighed
    (`libra.report.Summary.way`); rows of an older Libra may lack it. ``headers`` are the request
    headers of an unfinished page; their values are secrets.
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
        """Show no secrets: a crash report contains this."""
        name = type(self).__name__
        return f"{name}(id={self.id!r}, version={self.version}, status={self.status!r}, ...)"

    @classmethod
    def of(cls, report: Report, data: bytes | None = None) -> Snapshot:
        """The snapshot of a report; ``data`` is its JSON, if the caller has it."""
        data = reports.encode(report) if data is None else data
        return cls.of_summary(reports.summarize(report), data)

    @classmethod
    def of_summary(cls, report: Summary, data: bytes) -> Snapshot:
        """The snapshot of a report from its summary; ``data`` is its JSON."""
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
    """A page as it comes back at a start: its report is one zstd frame of the JSON.

    It rests in memory in this form. A start may bring back 100,000 pages, and unpacking and packing
    them again would take longer than all the rest. The journal also writes this form, as an array, so
    new fields come last.
    """

    @classmethod
    def of_row(cls, row: Snapshot) -> Packed:
        """The same page with its report in a frame."""
        fields = {name: getattr(row, name) for name in Snapshot.__struct_fields__}
        fields["report"] = frame(row.report)
        return cls(**fields)

    def unpacked(self) -> Snapshot:
        """The same page with the JSON itself.

        Raises:
            ValueError: the report is not such a frame.
        """
        fields = {name: getattr(self, name) for name in Snapshot.__struct_fields__}
        fields["report"] = unframe(self.report)
        return Snapshot(**fields)


class WatchRow(msgspec.Struct, frozen=True):
    """A watch at one version, ready to be stored; ``data`` is its JSON, which only its process reads."""

    id: str
    url: str
    version: int
    data: bytes

    def __repr__(self) -> str:
        """Show no secrets, as for a page."""
        return f"WatchRow(id={self.id!r}, version={self.version}, ...)"


class Deleted(msgspec.Struct, frozen=True):
    """A deleted page or watch, and when; it outranks every version of that entry."""

    id: str
    at: datetime
    of: Literal["page", "watch"] = "page"

    @property
    def version(self) -> int:
        """Higher than the version of any stored entry."""
        return DELETED_VERSION


Entry: TypeAlias = Snapshot | WatchRow | Deleted
"""The items of a save."""


class RefusedRow(msgspec.Struct, frozen=True):
    """An entry that the database refused.

    Attributes:
        id: the id of the entry.
        version: the version of the entry.
        reason: the reason in words for people.
        deleted: whether the reason is that the database has the page as deleted, which no save
            outranks.
    """

    id: str
    version: int
    reason: str
    deleted: bool = False


def outranked(page: Snapshot) -> RefusedRow:
    """The refusal of a page that the database has as deleted."""
    return RefusedRow(page.id, page.version, "it was deleted", deleted=True)


def status_of_text(text: str) -> Status:
    """A status from a column.

    Raises:
        ValueError: there is no such status.
    """
    if text not in _STATUSES:
        raise ValueError(f"its status is {text!r}")
    return cast("Status", text)


def text_of_headers(headers: Headers) -> str | None:
    """Encode headers for a column."""
    return msgspec.json.encode(headers).decode() if headers else None


def headers_of_text(text: str | None) -> Headers:
    """Decode headers from a column.

    Raises:
        msgspec.MsgspecError: the text does not hold headers.
    """
    return () if text is None else msgspec.json.decode(text, type=Headers)


def newest(entries: Iterable[Entry]) -> list[Entry]:
    """The entry with the highest version for each id, in the order of first appearance."""
    latest: dict[str, Entry] = {}
    for entry in entries:
        known = latest.get(entry.id)
        if known is None or known.version < entry.version:
            latest[entry.id] = entry
    return list(latest.values())


def bare_host_of(url: str) -> str:
    """The host of a URL, or an empty text if it has no readable host."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
