"""What outlives a crash."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.ids import is_page_id
from libra.inspector.records.page_record import PageRecord, first_version, life_of
from libra.inspector.records.page_records import PageRecords
from libra.inspector.records.records import BATCH_BYTES, Records
from libra.inspector.records.restored_page import restore
from libra.report import (
    Asset,
    Backup,
    Finding,
    HostTotal,
    Report,
    decode,
    decode_summary,
    encode,
    restamp,
    summarize,
    without_assets,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TEXT = st.text(max_size=60)
BACKUPS = st.sampled_from(["memory", "journaled", "stored", "rejected"])


def finished(record: PageRecord, **changes: object) -> Report:
    report = msgspec.structs.replace(
        record.base(), status="weighed", version=record.version + 1, **changes
    )
    record.rest(report, 2)
    return report


def test_a_record_begins_with_an_id_that_sorts_by_time() -> None:
    ids = [PageRecord.submitted("http://a.test/", None, NOW).id for _ in range(50)]
    assert ids == sorted(ids)
    assert all(is_page_id(page_id) for page_id in ids)


@pytest.mark.parametrize("text", ["", "x", "..", "0199" * 9, "A" * 36, "0" * 36 + "\n"])
def test_what_is_no_uuid_is_no_page_id(text: str) -> None:
    assert not is_page_id(text)


@given(st.integers(0, 2**40), st.integers(0, 2**31))
def test_a_life_after_a_restart_goes_on_above_all_that_the_one_before_can_have_shown(
    stored: int, changes: int
) -> None:
    record = PageRecord.submitted("http://a.test/", None, NOW)
    record.begin_life()
    row = msgspec.structs.replace(record.row(), version=stored)
    again = restore(row)
    again.begin_life()
    assert again.version > (stored >> 32 << 32) + changes
    assert life_of(again.version) == life_of(stored) + 1
    assert restore(row, life=17).version == first_version(17)


def test_a_crash_of_its_process_alone_goes_on_in_the_same_life() -> None:
    record = PageRecord.submitted("http://a.test/", None, NOW)
    record.begin_life()
    assert record.version == first_version(1)
    record.version += 17
    record.begin_life()
    assert record.version == first_version(1) + 18


def test_a_finished_page_rests_in_a_fraction_of_its_json() -> None:
    record = PageRecord.submitted("http://a.test/", None, NOW)
    assets = tuple(
        Asset(url=f"http://a.test/static/asset-{n}.js", kind="script") for n in range(40)
    )
    report = finished(record, assets=assets)
    assert record.report() == report
    resting = record.resting()
    assert resting == encode(report)
    assert record._resting is not None
    assert resting is not None
    assert len(record._resting) < len(resting) / 4


def test_a_record_that_was_stored_comes_back_equal_to_what_memory_says_then() -> None:
    record = PageRecord.submitted("http://a.test/", None, NOW)
    finished(record, expires_at=NOW + timedelta(hours=1))
    row = record.row()
    record.mark("stored", row.version)
    assert restore(row).report() == record.report()
    assert record.report().backup == "stored"


def test_what_comes_back_from_the_journal_goes_on_above_what_may_have_been_stored() -> None:
    record = PageRecord.submitted("http://a.test/", None, NOW)
    finished(record)
    row = record.row()
    record.mark("stored", row.version)
    first = restore(row, "journaled", 1)
    assert record.version < first.version < first.stored_version
    again = restore(row, "journaled", 1, life_of(first.version) + 1)
    assert first.stored_version < again.version
    assert again.report().backup == "journaled"


def test_what_is_no_report_cannot_come_back() -> None:
    record = PageRecord.submitted("http://a.test/", None, NOW)
    finished(record)
    row = msgspec.structs.replace(record.row(), report=b'{"id": 1}')
    with pytest.raises(ValueError):
        restore(row)


@given(TEXT, TEXT, st.none() | TEXT, st.integers(0, 2**62), BACKUPS, BACKUPS)
def test_restamping_changes_version_and_backup_and_nothing_else(
    url: str, title: str, error: str | None, version: int, before: Backup, after: Backup
) -> None:
    report = Report(id="x", url=url, title=title, version=7, backup=before, error=error)
    expected = msgspec.structs.replace(report, version=version, backup=after)
    assert decode(restamp(encode(report), version, after)) == expected


def test_a_title_that_looks_like_the_fields_does_not_fool_restamping() -> None:
    title = '","version":1,"backup":"stored","x":"'
    report = Report(id="x", url=title, title=title)
    assert decode(restamp(encode(report), 9, "stored")).title == title
    assert decode(restamp(encode(report), 9, "stored")).version == 9


@given(
    TEXT,
    st.none() | TEXT,
    st.lists(TEXT, max_size=3),
    st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=3),
)
def test_a_summary_is_that_of_the_whole_report_whatever_is_in_it(
    title: str, error: str | None, hosts: list[str], assets: list[tuple[str, str, str]]
) -> None:
    like = ',"assets":[],"error":"],"findings":[{"assets":['
    report = Report(
        id="x",
        url=like,
        title=title + like,
        error=error,
        assets=tuple(Asset(url + like, "image", error=why) for url, why, _ in assets),
        by_host={f"{name}{like}": HostTotal() for name in [*hosts, "assets", "error"]},
        findings=tuple(Finding(code, like, assets=(url, like)) for url, _, code in assets),
    )
    assert decode_summary(encode(report)) == summarize(report)
    without = decode(without_assets(encode(report)))
    assert without == msgspec.structs.replace(report, assets=())


def test_a_summary_is_read_whatever_the_order_of_the_names() -> None:
    report = Report(id="x", url="u", assets=(Asset("a", "image"),), error="e")
    fields = msgspec.json.decode(encode(report))
    for names in (sorted(fields), sorted(fields, reverse=True), ["error", "assets", *fields]):
        data = msgspec.json.encode({name: fields[name] for name in names})
        assert decode_summary(data) == summarize(report)


def test_the_summary_of_a_record_is_as_of_its_version() -> None:
    record = PageRecord.submitted("http://a.test/", None, NOW)
    assert record.summary() == summarize(record.base())
    record.begin_life()
    assets = tuple(Asset(f"http://a.test/{number}", "image") for number in range(100))
    report = finished(record, assets=assets)
    record.mark("journaled", record.version + 1)
    assert record.summary() == summarize(record.report())
    assert record.report_bytes == len(encode(report))


def test_a_batch_has_no_more_than_one_write_should() -> None:
    records = {f"{number}": SimpleNamespace(report_bytes=BATCH_BYTES // 3) for number in range(9)}
    those = cast("Records", SimpleNamespace(pages=records))
    assert Records.batch(those, records, 500) == ["0", "1", "2"]
    assert Records.batch(those, records, 2) == ["0", "1"]
    records["0"].report_bytes = 2 * BATCH_BYTES
    assert Records.batch(those, records, 500) == ["0"]
    assert Records.batch(those, ["gone", *records], 500) == ["gone"]


def test_records_are_walked_from_the_newest_while_they_change() -> None:
    records = PageRecords()
    made = [PageRecord.submitted("http://a.test/", None, NOW) for _ in range(6)]
    for record in (made[3], made[0], made[5], made[1], made[4]):
        records.add(record)
    walk = records.newest()
    assert next(walk) is made[5]
    records.discard(made[4].id)
    records.add(made[2])
    assert list(walk) == [made[3], made[2], made[1], made[0]]
    assert list(records.newest(after=made[2].id)) == [made[1], made[0]]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8))))
def test_records_hold_exactly_what_was_added_and_not_discarded(
    steps: list[tuple[bool, int]],
) -> None:
    records, model = PageRecords(), dict[str, PageRecord]()
    for add, number in steps:
        record = PageRecord(f"page-{number}", "http://a.test/", None, NOW)
        if add:
            records.add(record)
            model[record.id] = record
        else:
            records.discard(record.id)
            model.pop(record.id, None)
    assert len(records) == len(model)
    assert [r.id for r in records.newest()] == sorted(model, reverse=True)
    assert all(records.get(page_id) is record for page_id, record in model.items())


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12), st.sampled_from([None, "a", "b"]))))
def test_the_newest_of_a_series_is_found_whatever_came_and_went(
    steps: list[tuple[bool, int, str | None]],
) -> None:
    records, kept = PageRecords(), dict[str, str | None]()
    for comes, number, series in steps:
        page_id = f"0199aaaa-aaaa-7aaa-8aaa-{number:012d}"
        if comes and page_id not in kept:
            record = PageRecord(page_id, "http://a.test/", None, NOW)
            record.series = kept[page_id] = series
            records.add(record)
        elif not comes:
            records.discard(page_id)
            kept.pop(page_id, None)
    for series in ("a", "b"):
        own = sorted(page_id for page_id, of in kept.items() if of == series)
        assert records.newest_of(series) == (own[-1] if own else None)
        for number, page_id in enumerate(own):
            assert records.newest_of(series, page_id) == (own[number - 1] if number else None)
