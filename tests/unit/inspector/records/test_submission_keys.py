"""Keys: what they remember, for how long, and what an older Libra remembered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from libra.inspector.records.submission_keys import (
    DIGITS,
    KNOWN,
    SubmissionKey,
    SubmissionKeys,
    note_all,
)

DAY = KNOWN.total_seconds()


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def page(at: float, number: int = 0) -> str:
    """A UUIDv7 of a moment."""
    digits = f"{int(at * 1000):012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-{number:012x}"


def key(name: str, body: str = "b") -> str:
    return str(SubmissionKey(name.rjust(DIGITS, "0"), body.rjust(DIGITS, "0")))


def name(text: str) -> str:
    return SubmissionKey.parse(text).name


def test_a_key_is_forgotten_a_day_after_its_submission() -> None:
    clock = Clock()
    keys = SubmissionKeys(now=clock)
    keys.note(key("a"), page(clock.now))
    keys.note(None, page(clock.now))
    clock.now += DAY - 1
    used = keys.find(name(key("a")))
    assert used is not None
    assert (used.page, used.body) == (page(1_000_000), SubmissionKey.parse(key("a")).body)
    clock.now += 1
    assert keys.find(name(key("a"))) is None
    keys.note(key("a", "other"), page(clock.now))
    found = keys.find(name(key("a")))
    assert found is not None
    assert found.page == page(clock.now)


def test_the_first_page_of_a_key_counts_whoever_remembers_another() -> None:
    clock = Clock()
    keys = SubmissionKeys(now=clock)
    keys.note(key("a"), page(clock.now, 1))
    keys.note(key("a"), page(clock.now, 2))
    used = keys.find(name(key("a")))
    assert used is not None
    assert used.page == page(clock.now, 1)


def test_as_many_keys_as_there_is_room_for_are_known_and_the_oldest_go() -> None:
    clock = Clock()
    keys = SubmissionKeys(size=10, now=clock)
    rows = [(key(str(number)), page(clock.now + number, number)) for number in range(20)]
    note_all(keys, reversed(rows))
    assert len(keys) == 10
    assert [keys.find(name(text)) is not None for text, _ in rows] == [False] * 10 + [True] * 10


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    path = tmp_path / "idempotency.jsonl"
    lines = [[f"{n:032}", f"{n + 1:032}", page(1_000_000, n), 1_000_000 + n] for n in range(3)]
    path.write_text("".join(f"\n{json.dumps(line)}\n" for line in lines))
    return path


def test_the_file_of_an_older_libra_is_read_until_all_in_it_is_over(old_file: Path) -> None:
    clock = Clock()
    clock.now += DAY
    keys = SubmissionKeys(now=clock)
    keys.read_file(old_file)
    assert len(keys) == 2
    used = keys.find(f"{1:032}")
    assert used is not None
    assert (used.body, used.page) == (f"{2:032}", page(1_000_000, 1))
    assert old_file.exists()
    clock.now += 10
    SubmissionKeys(now=clock).read_file(old_file)
    assert not old_file.exists()
    SubmissionKeys(now=clock).read_file(old_file)


def test_a_file_that_was_cut_off_gives_what_is_whole(old_file: Path) -> None:
    content = old_file.read_bytes()
    for end in range(len(content)):
        old_file.write_bytes(content[:end])
        keys = SubmissionKeys(now=Clock())
        keys.read_file(old_file)
        assert len(keys) == content[:end].count(b"]")


@pytest.mark.parametrize("content", [b"\xff\n", b"[]\n", b"{}\n[1,2,3,4]\n", b"\x00" * 99])
def test_a_file_of_something_else_is_no_reason_not_to_start(old_file: Path, content: bytes) -> None:
    old_file.write_bytes(content)
    keys = SubmissionKeys(now=Clock())
    keys.read_file(old_file)
    assert len(keys) == 0
