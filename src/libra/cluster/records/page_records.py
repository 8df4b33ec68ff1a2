"""The engine's data about a page: its submission, its record, its tombstone.

Each names its format. A node leaves data of a higher format than it knows alone, and keeps unknown
fields when it changes a record.

``version = life x 2^32 + changes in that life``: a node counts a life in the record and writes it before
the life begins, so no clock decides.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec
import zstandard

from libra.cluster.engine.errors import UnknownFormat
from libra.inspector.records.page_record import PageRecord, first_version, life_of
from libra.report import (
    Backup,
    Method,
    Report,
    Status,
    decode_summary,
    encode,
    restamp,
)
from libra.storage import Snapshot
from libra.weighing.options import Options, Viewport

FORMAT: Final = 1
"""The format that is written here, and the highest that is read."""

LEAST_TTL: Final = 60
"""Seconds that a record stays at least, so that readers have time to read it."""

QUARANTINED: Final = "quarantined: "
"""The prefix of the error of a page that is no longer weighed."""

STEPS: Final[dict[Backup, int]] = {
    "memory": 3,
    "journaled": 2,
    "replicated": 1,
    "rejected": 1,
    "stored": 0,
}
"""How many more levels a page of each level reports until it is stored, at most."""


class _Format(msgspec.Struct):
    format: int


class SubmissionRecord(msgspec.Struct, frozen=True):
    """A page to be weighed; only here are the headers for its requests.

    Attributes:
        options: None if the client chose none: the inspector then reads the page without a browser,
            within its own limits.
        lives: the lives that it had before, at a node that was alone or until it was quarantined.
        version: higher than any version of those lives that a client may have seen.
        deaths: for a page that continues in a browser, how many owners died over it.
        chosen: for a page that continues in a browser, the method that was chosen for it, and why.
        read: for a page that continues in a browser, the report so far, packed.
        result: for a result of CI, its record.
    """

    id: str
    url: str
    submitted_at: datetime
    options: Options | None = None
    key: str | None = None
    lives: int = 0
    version: int = 0
    deaths: int = 0
    chosen: str | None = None
    read: bytes = b""
    result: bytes = b""
    format: int = FORMAT


class Tombstone(msgspec.Struct, frozen=True):
    """A client deleted the page; nothing follows."""

    at: datetime
    stored: bool = False
    format: int = FORMAT


class Record(msgspec.Struct, frozen=True):
    """The state of a page that must survive the machine that weighs it.

    Attributes:
        node: the node that weighs or weighed it; empty when it was handed back.
        epoch: identifies the start of that node.
        write: how many writes of this life came before this one.
        stored_version: the version that it has once it is stored.
        deaths: how many of its lives ended because their owner died.
        sub: the place of its submission in the stream.
        report: its JSON, as one zstd frame; empty until it is finished.
        database: the id of the database that has it.
        series: identifies the series of a result of CI.
    """

    id: str
    url: str
    submitted_at: datetime
    life: int
    version: int
    node: str
    epoch: str
    write: int = 0
    status: Status = "queued"
    backup: Backup = "replicated"
    stored_version: int = 0
    method: Method = "static"
    viewport: str = ""
    chosen: str | None = None
    key: str | None = None
    deaths: int = 0
    sub: int = 0
    error: str | None = None
    expires_at: datetime | None = None
    report: bytes = b""
    database: str = ""
    series: str | None = None
    format: int = FORMAT

    @property
    def finished(self) -> bool:
        """Whether it has a report, which no longer changes."""
        return bool(self.report)


T = TypeVar("T", SubmissionRecord, Record, Tombstone)

_encoder = msgspec.msgpack.Encoder()
_submission = msgspec.msgpack.Decoder(SubmissionRecord)
_record = msgspec.msgpack.Decoder(Record)
_tombstone = msgspec.msgpack.Decoder(Tombstone)
_format = msgspec.msgpack.Decoder(_Format)
_compressor = zstandard.ZstdCompressor(level=1, write_checksum=False)


def to_bytes(what: SubmissionRecord | Record | Tombstone, number: int | None = None) -> bytes:
    """The bytes in the engine: MessagePack, with the names of the fields.

    Args:
        what: the object to write.
        number: the format to write, the newest that every node reads; by default the object's own.
    """
    if number is not None and what.format != number:
        what = msgspec.structs.replace(what, format=number)
    return _encoder.encode(what)


def read_submission(data: bytes) -> SubmissionRecord:
    """Read a submission.

    Raises:
        UnknownFormat: a newer Libra wrote it, or it is not a submission.
    """
    return _read(data, _submission)


def read_record(data: bytes) -> Record:
    """Read a record; raises the errors of `read_submission`."""
    return _read(data, _record)


def read_tombstone(data: bytes) -> Tombstone:
    """Read a tombstone; raises the errors of `read_submission`."""
    return _read(data, _tombstone)


def _read(data: bytes, decoder: msgspec.msgpack.Decoder[T]) -> T:
    try:
        known = decoder.decode(data)
    except msgspec.MsgspecError as error:
        try:
            number = _format.decode(data).format
        except msgspec.MsgspecError:
            raise UnknownFormat(f"it cannot be read: {error}") from None
        raise UnknownFormat(f"it is of format {number}: {error}") from None
    if known.format > FORMAT:
        raise UnknownFormat(f"it is of format {known.format}, this Libra reads up to {FORMAT}")
    return known


def rewritten(data: bytes, **changes: Any) -> bytes:
    """A record or a tombstone with some fields changed, and the unknown fields kept."""
    fields: dict[str, Any] = msgspec.msgpack.decode(data)
    return _encoder.encode(fields | changes)


def ttl_of(backup: Backup, expires_at: datetime | None, now: datetime) -> int | None:
    """Seconds until a record expires; None for never.

    If the database has it or refused it, it stays until the page expires. Otherwise only the engine has
    it.
    """
    if backup not in ("stored", "rejected"):
        return None
    left = 0 if expires_at is None else round((expires_at - now).total_seconds())
    return max(LEAST_TTL, left)


def pack_report(data: bytes) -> bytes:
    """The JSON of a report, compressed."""
    return _compressor.compress(data)


def of_submission(sub: SubmissionRecord) -> PageRecord:
    """The page in memory after its submission: it waits for an inspector."""
    if sub.result:
        return of_record(read_record(sub.result))
    record = PageRecord(sub.id, sub.url, sub.options, sub.submitted_at)
    record.chosen = sub.chosen or record.chosen
    record.version = max(sub.version, first_version(sub.lives) + 1)
    record.backup = "replicated"
    record.key = sub.key
    return record


def of_record(rec: Record) -> PageRecord:
    """The page in memory after its record.

    Raises:
        UnknownFormat: its viewport is unknown here.
    """
    record = PageRecord(rec.id, rec.url, None, rec.submitted_at)
    record.method, record.chosen = rec.method, rec.chosen
    if rec.viewport:
        try:
            record.viewport = Viewport.parse(rec.viewport)
        except ValueError as error:
            raise UnknownFormat(str(error)) from None
    record.version = rec.version
    record.stored_version = rec.stored_version or rec.version
    record.status = rec.status
    record.backup = rec.backup
    record.error = rec.error
    record.expires_at = rec.expires_at
    record.key = rec.key
    record.series = rec.series
    if rec.finished:
        record.rest_packed(rec.report)
    return record


def is_quarantined(page: PageRecord | Record) -> bool:
    """Whether a page failed because it is no longer weighed; a client may retry it."""
    return page.finished and (page.error or "").startswith(QUARANTINED)


def row_of(rec: Record) -> Snapshot:
    """The row of a finished page, as it will be once it is stored.

    Raises:
        ValueError: its report cannot be read.
    """
    try:
        data = zstandard.decompress(rec.report)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
    data = restamp(data, rec.stored_version, "stored")
    row = Snapshot.of_summary(decode_summary(data), data)
    return msgspec.structs.replace(row, id=rec.id, idempotency=rec.key)


def shown(record: PageRecord) -> Snapshot:
    """A page as if it were a row, at its present version."""
    data = record.encoded()
    return Snapshot.of_summary(decode_summary(data), data)


def finished_record(begun: Record, record: PageRecord, *, write: int) -> Record:
    """The record of a page that has just been weighed.

    Args:
        begun: the record of the beginning of its life.
        record: the finished page in memory.
        write: how many writes of this life came before.
    """
    data = record.resting()
    if data is None:
        raise ValueError(f"page {record.id} is not finished")
    return msgspec.structs.replace(
        begun,
        write=write,
        version=record.version + 1,
        stored_version=record.stored_version,
        status=record.status,
        backup="replicated",
        method=record.method,
        chosen=record.chosen,
        error=record.error,
        expires_at=record.expires_at,
        report=pack_report(data),
        series=record.series,
    )


def failed_report(base: Report, reason: str, now: datetime, expires_at: datetime) -> bytes:
    """The JSON of the report of a page that no inspector will weigh."""
    return encode(
        msgspec.structs.replace(
            base,
            status="failed",
            complete=False,
            error=reason,
            finished_at=now,
            expires_at=expires_at,
        )
    )


def first_record(
    sub: SubmissionRecord, sequence: int, *, life: int, node: str, epoch: str
) -> Record:
    """The record of a page whose life begins."""
    options = sub.options
    return Record(
        id=sub.id,
        url=sub.url,
        submitted_at=sub.submitted_at,
        life=life,
        version=max(first_version(life), sub.version),
        node=node,
        epoch=epoch,
        method="static" if options is None else options.method,
        chosen=sub.chosen,
        viewport="" if options is None else str(options.viewport),
        key=sub.key,
        sub=sequence,
    )


def record_of(page: PageRecord, node: str, epoch: str) -> Record:
    """The record of a page that a node has weighed without the engine.

    Args:
        page: the finished page in memory.
        node: the name of the node.
        epoch: identifies the start of the node.
    """
    begun = Record(
        id=page.id,
        url=page.url,
        submitted_at=page.submitted_at,
        life=life_of(page.version),
        version=page.version,
        node=node,
        epoch=epoch,
        viewport=str(page.viewport),
        key=page.key,
    )
    return finished_record(begun, page, write=1)
