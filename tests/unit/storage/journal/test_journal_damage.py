"""A damaged journal: a flipped bit costs one entry, a file that cannot be read costs itself alone."""

from __future__ import annotations

import random
import shutil
import struct
import sys
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libra.storage.journal.journal import Begun, Journal, JournalGone
from libra.storage.journal.segments import (
    HEAD_BYTES,
    Raw,
    SegmentReader,
    SegmentWriter,
    decode,
    of_entry,
)
from libra.storage.rows.entries import Deleted, Entry, Snapshot, WatchRow

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
COUNT = 12


def page(number: int, version: int = 1) -> Snapshot:
    report = random.Random(number).randbytes(90).hex().encode()
    return Snapshot(f"page-{number:04}", "http://a.test/", version, report, submitted_at=NOW)


PAGES = [page(number) for number in range(COUNT)]


def segment(entries: list[Entry], before: int = 0) -> bytes:
    return SegmentWriter(before).encode([of_entry(entry) for entry in entries])


def read(data: bytes) -> tuple[SegmentReader, list[str]]:
    reader = SegmentReader(data)
    found = []
    for raw in reader:
        entry = decode(raw)
        assert isinstance(entry, Snapshot)
        assert entry in PAGES
        found.append(entry.id)
    return reader, found


def opened(directory: Path) -> tuple[Journal, dict[str, Entry]]:
    journal = Journal(directory)
    journal.lock()
    journal.scan()
    return journal, {entry.id: entry for batch in journal.batches() for entry in batch}


@settings(max_examples=150)
@given(st.data())
def test_a_flipped_bit_costs_one_entry_at_most_and_is_counted(data: st.DataObject) -> None:
    content = bytearray(segment(list(PAGES)))
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    reader, found = read(bytes(content))
    assert len(found) >= COUNT - 1
    assert reader.damage.entries == COUNT - len(found)
    if bit < 8 * HEAD_BYTES:
        assert len(found) == COUNT


@settings(max_examples=150)
@given(st.data())
def test_two_flipped_bits_cost_two_entries_at_most(data: st.DataObject) -> None:
    content = bytearray(segment(list(PAGES)))
    for bit in data.draw(st.lists(st.integers(0, 8 * len(content) - 1), min_size=2, max_size=2)):
        content[bit // 8] ^= 1 << bit % 8
    reader, found = read(bytes(content))
    assert len(found) >= COUNT - 2
    assert reader.damage.entries == COUNT - len(found)


@settings(max_examples=60)
@given(st.integers(0, 2_000), st.integers(1, 600))
def test_a_stretch_of_zeros_costs_what_it_covers_and_no_more(at: int, length: int) -> None:
    content = segment(list(PAGES))
    size = (len(content) - HEAD_BYTES) // COUNT
    at %= len(content) - length - size  # what is at the end looks as after a power cut
    holed = content[:at] + bytes(length) + content[at + length :]
    reader, found = read(holed)
    assert len(found) >= COUNT - length // size - 2
    assert reader.damage.entries == COUNT - len(found)


@given(st.binary(max_size=300))
def test_whatever_stands_in_a_segment_is_read_without_an_error(content: bytes) -> None:
    for data in (content, segment(list(PAGES[:2])) + content, bytes(64) + content):
        reader = SegmentReader(data)
        assert len(list(reader)) <= reader.entries


def test_what_a_page_contains_is_never_taken_for_an_entry() -> None:
    """Its marker would have to be guessed, even if the head of the entry around it is damaged."""
    inside = segment([Deleted("page-0001", NOW)])
    outer = SegmentWriter().encode([Raw("s", "a", 1, inside), of_entry(PAGES[0])])
    content = bytearray(outer)
    content[HEAD_BYTES + 10] ^= 1
    found = [raw.key for raw in SegmentReader(bytes(content))]
    assert found == [PAGES[0].id]


def old_format(entries: list[Entry]) -> bytes:
    kinds = {Snapshot: b"s", WatchRow: b"w", Deleted: b"d"}
    frames = []
    for entry in entries:
        payload = zstd.compress(kinds[type(entry)] + msgspec.msgpack.encode(entry), 1)
        frames.append(struct.pack("<II", len(payload), zlib.crc32(payload)) + payload)
    dropped = zstd.compress(b"x" + msgspec.msgpack.encode([("page-0003", 1)]), 1)
    frames.append(struct.pack("<II", len(dropped), zlib.crc32(dropped)) + dropped)
    return b"".join(frames)


def test_the_format_before_this_one_is_read_and_written_anew_when_it_is_tidied(
    tmp_path: Path,
) -> None:
    watch = WatchRow("watch-1", "http://a.test/", 3, b"{}")
    gone = Deleted("page-0002", NOW)
    (tmp_path / "000000000007.journal").write_bytes(old_format([*PAGES, watch, gone]))
    journal, found = opened(tmp_path)
    expected: dict[str, Entry] = {one.id: one for one in PAGES}
    del expected["page-0003"]
    expected |= {watch.id: watch, gone.id: gone}
    assert found == expected
    assert not journal.damage
    journal.write([page(1, version=2)])
    journal.close()
    journal, found = opened(tmp_path)
    assert found == expected | {"page-0001": page(1, version=2)}
    journal.close()


def test_kinds_of_a_later_version_are_kept_unread_also_when_their_segment_is_cleared(
    tmp_path: Path,
) -> None:
    later = Raw("z", "page-0001", 5, b"what only a later Libra knows")
    (tmp_path / "000000000001.journal").write_bytes(
        SegmentWriter().encode([later, *[of_entry(PAGES[1])] * 4])
    )
    journal = Journal(tmp_path, segment_bytes=500, tidy_bytes=1_000)
    journal.lock()
    journal.scan()
    for version in range(1, 40):
        journal.write([page(1, version)])
    journal.drop([("page-0001", 39)])
    journal.close()
    kept = [
        raw
        for path in sorted(tmp_path.glob("*.journal"))
        for raw in SegmentReader(path.read_bytes())
    ]
    assert later in kept
    assert len(list(tmp_path.glob("*.journal"))) < 10


def test_a_segment_of_a_later_format_is_left_alone(tmp_path: Path) -> None:
    content = bytearray(segment([PAGES[0]]))
    content[8] = 3
    content[HEAD_BYTES - 4 : HEAD_BYTES] = zlib.crc32(content[: HEAD_BYTES - 4]).to_bytes(
        4, "little"
    )
    path = tmp_path / "000000000004.journal"
    path.write_bytes(content)
    journal, found = opened(tmp_path)
    assert found == {}
    journal.write([PAGES[1]])
    journal.drop([(PAGES[1].id, 1)])
    journal.close()
    assert path.read_bytes() == content


def test_a_name_among_the_segments_that_is_no_file_costs_itself_alone(tmp_path: Path) -> None:
    for number in (1, 2):
        journal, _ = opened(tmp_path)
        journal.write([page(number)])
        journal.close()
    (tmp_path / "000000000002.journal").rename(tmp_path / "000000000005.journal")
    (tmp_path / "000000000004.journal").mkdir()
    (tmp_path / "000000000009.journal").symlink_to(tmp_path / "nowhere")
    (tmp_path / "notes.journal").write_text("by somebody else")
    journal, found = opened(tmp_path)
    assert sorted(found) == ["page-0001", "page-0002"]
    assert journal.damage.files == 2
    journal.write([page(3)])
    journal.close()
    journal, found = opened(tmp_path)
    assert sorted(found) == ["page-0001", "page-0002", "page-0003"]
    journal.close()


def test_a_segment_that_was_cut_off_or_is_missing_is_counted_by_the_next_one(
    tmp_path: Path,
) -> None:
    for first in (0, 3, 6):
        journal, _ = opened(tmp_path)
        journal.write(PAGES[first : first + 3])
        journal.close()
    paths = sorted(tmp_path.glob("*.journal"))
    kept = paths[1].read_bytes()
    marker = kept[HEAD_BYTES : HEAD_BYTES + 8]
    paths[1].write_bytes(kept[: kept.index(marker, HEAD_BYTES + 1)])
    journal, found = opened(tmp_path)
    assert len(found) == 7
    assert journal.damage.entries == 2
    journal.close()
    paths[1].unlink()
    journal, found = opened(tmp_path)
    assert len(found) == 6
    assert journal.damage.entries == 3
    assert "3 damaged or missing entries" in str(journal.damage)
    journal.close()


def removed(folder: Path) -> None:
    shutil.rmtree(folder)


def replaced(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.mkdir()


def restored(folder: Path) -> None:
    """By an older copy of itself."""
    older = folder.with_name("older")
    shutil.copytree(folder, older)
    folder.rename(folder.with_name("elsewhere"))
    older.rename(folder)


def emptied(folder: Path) -> None:
    for path in folder.glob("*.journal"):
        path.unlink()


def cut_off(folder: Path) -> None:
    for path in folder.glob("*.journal"):
        path.write_bytes(path.read_bytes()[:100])


def swapped(folder: Path) -> None:
    for path in folder.glob("*.journal"):
        fresh = path.with_suffix(".new")
        fresh.write_bytes(path.read_bytes())
        fresh.replace(path)


@pytest.mark.parametrize("strike", [removed, replaced, restored, emptied, cut_off, swapped])
def test_a_journal_whose_folder_or_files_are_not_what_they_were_says_so_and_begins_again(
    strike: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = tmp_path / "journal"
    journal, _ = opened(folder)
    journal.write(PAGES)
    journal.begin([("page-0001", Begun(3, 2))])
    journal.check()
    strike(folder)
    with pytest.raises(JournalGone, match="journal"):
        journal.check()
    journal.renew()
    journal.write(PAGES)
    journal.check()
    journal.close()
    journal, found = opened(folder)
    assert found == {one.id: one for one in PAGES}
    assert journal.begun() == {"page-0001": Begun(3, 2)}
    journal.close()


def test_a_write_into_a_folder_that_has_gone_is_no_success(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    journal, _ = opened(folder)
    journal.write(PAGES)
    shutil.rmtree(folder)
    with pytest.raises(JournalGone):
        journal.write([page(99)])
    journal.close()


def test_notes_outlive_the_rows_of_their_page_and_end_when_they_are_told_to(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path)
    journal.write([PAGES[0]])
    journal.begin([(PAGES[0].id, Begun(1, 1)), ("page-0007", Begun(5, 2))])
    journal.begin([(PAGES[0].id, Begun(2, 2))])
    journal.drop([(PAGES[0].id, 1)])
    assert len(journal) == 0
    journal.close()
    journal, found = opened(tmp_path)
    assert found == {}
    assert journal.begun() == {PAGES[0].id: Begun(2, 2), "page-0007": Begun(5, 2)}
    journal.begin([(PAGES[0].id, None), ("page-0007", Begun(5, 1))])
    journal.close()
    journal, _ = opened(tmp_path)
    assert journal.begun() == {"page-0007": Begun(5, 1)}
    journal.close()
