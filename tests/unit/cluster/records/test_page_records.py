"""What is kept of a page in the engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.cluster.engine.errors import UnknownFormat
from libra.cluster.records.page_records import (
    FORMAT,
    LEAST_TTL,
    STEPS,
    Record,
    SubmissionRecord,
    Tombstone,
    finished_record,
    first_record,
    of_record,
    of_submission,
    read_record,
    read_submission,
    read_tombstone,
    rewritten,
    row_of,
    to_bytes,
    ttl_of,
)
from libra.ids import new_id
from libra.inspector.records.page_record import first_version, life_of
from libra.report import decode
from libra.weighing.options import Options, Viewport
from support.samples import ordinary

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def submission(options: Options | None = None, *, lives: int = 0) -> SubmissionRecord:
    return SubmissionRecord(new_id(), "https://example.com/", NOW, options, "key", lives)


def weighed(sub: SubmissionRecord, life: int = 1) -> Record:
    """The record of a page whose life has ended well."""
    begun = first_record(sub, 7, life=life, node="a", epoch="e")
    page = of_submission(sub)
    page.version = first_version(life)
    page.begin_life()
    report = msgspec.structs.replace(
        ordinary(),
        id=sub.id,
        url=sub.url,
        version=page.version + 1,
        backup="memory",
        expires_at=NOW + timedelta(hours=1),
    )
    page.rest(report, STEPS["memory"])
    return finished_record(begun, page, write=1)


def test_a_submission_says_how_the_page_is_to_be_weighed_headers_and_all() -> None:
    sub = submission(Options(headers=(("Cookie", "secret=1"),), viewport=Viewport(800, 600)))
    assert read_submission(to_bytes(sub)) == sub
    page = of_submission(sub)
    assert page.options == sub.options
    assert (page.status, page.backup, page.key) == ("queued", "replicated", "key")


def test_the_secrets_of_a_submission_are_not_in_the_record() -> None:
    sub = submission(Options(headers=(("Cookie", "secret=1"),)))
    assert b"secret" not in to_bytes(first_record(sub, 1, life=1, node="a", epoch="e"))
    assert b"secret" not in to_bytes(weighed(sub))


def test_a_record_comes_back_as_the_page_that_it_was() -> None:
    record = weighed(submission())
    page = of_record(read_record(to_bytes(record)))
    data = page.resting()
    assert data is not None
    report = decode(data)
    assert (report.version, report.backup) == (record.version, "replicated")
    assert report.status == "weighed"
    assert page.key == "key"


def test_the_row_of_a_page_is_above_all_that_was_seen_of_it() -> None:
    record = weighed(submission())
    row = row_of(record)
    assert row.version == record.stored_version > record.version
    assert decode(row.report).backup == "stored"
    assert row.idempotency == "key"


def test_a_life_begins_above_every_version_of_the_one_before() -> None:
    sub = submission()
    record = weighed(sub)
    assert life_of(record.stored_version) == 1
    assert first_record(sub, 1, life=2, node="b", epoch="f").version > record.stored_version


def test_a_page_that_lived_at_a_node_alone_goes_on_above_that() -> None:
    sub = submission(lives=3)
    assert of_submission(sub).version > first_version(3)
    assert of_submission(sub).version < first_version(4)


@given(st.dictionaries(st.text(min_size=1), st.integers(0, 9)))
def test_what_a_newer_libra_wrote_beside_survives_a_rewrite(more: dict[str, int]) -> None:
    record = weighed(submission())
    known = msgspec.msgpack.decode(to_bytes(record))
    beside = {name: value for name, value in more.items() if name not in known}
    data = rewritten(msgspec.msgpack.encode(known | beside), backup="stored", version=9)
    fields = msgspec.msgpack.decode(data)
    assert {name: fields[name] for name in beside} == beside
    assert read_record(data) == msgspec.structs.replace(record, backup="stored", version=9)


def test_a_rewrite_keeps_who_wrote_the_record_so_that_its_owner_knows_it_again() -> None:
    record = weighed(submission())
    stored = read_record(rewritten(to_bytes(record), backup="stored"))
    assert (stored.epoch, stored.life, stored.write) == (record.epoch, record.life, record.write)


def test_what_is_of_a_newer_format_is_left_alone() -> None:
    newer = FORMAT + 1
    for what, read in (
        (weighed(submission()), read_record),
        (submission(), read_submission),
        (Tombstone(NOW), read_tombstone),
    ):
        data = to_bytes(msgspec.structs.replace(what, format=newer))
        with pytest.raises(UnknownFormat, match=f"format {newer}"):
            read(data)
        # What goes to nodes that know less is written in their format.
        assert read(to_bytes(msgspec.structs.replace(what, format=newer), FORMAT)) == what
    # Whatever else has changed in it.
    with pytest.raises(UnknownFormat, match=f"format {newer}"):
        read_record(msgspec.msgpack.encode({"format": newer, "id": 7}))


@given(st.binary())
def test_what_is_no_record_at_all_is_left_alone_too(data: bytes) -> None:
    with pytest.raises(UnknownFormat):
        read_record(data)


def test_only_what_the_database_has_or_refuses_expires() -> None:
    soon, later = NOW + timedelta(seconds=5), NOW + timedelta(hours=2)
    assert ttl_of("replicated", soon, NOW) is None
    assert ttl_of("memory", later, NOW) is None
    assert ttl_of("stored", later, NOW) == 7200
    assert ttl_of("rejected", later, NOW) == 7200
    assert ttl_of("stored", soon, NOW) == LEAST_TTL
    assert ttl_of("stored", None, NOW) == LEAST_TTL
