"""What a Libra remembers of its database."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from libra.storage import Deleted
from libra.storage.history import History, HistoryLost
from libra.storage.recollection import MAX_LOSSES, InMemory, Loss, OnDisk, Recollection

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
MONTH = 30 * 86_400.0
KNOWN = History("one", 7, NOON, NOON - timedelta(days=90), "PostgreSQL system 1, timeline 1")


def loss(number: int = 0) -> Loss:
    return Loss(NOON, None, NOON - timedelta(seconds=number), "the database has gone back")


def deleted(*days_ago: int) -> list[Deleted]:
    return [Deleted(f"page-{days}", NOON - timedelta(days=days)) for days in days_ago]


@pytest.fixture(params=["on disk", "in memory"])
def recollection(request: pytest.FixtureRequest, tmp_path: Path) -> Recollection:
    made = OnDisk(tmp_path, MONTH) if request.param == "on disk" else InMemory(MONTH)
    made.recall()
    return made


def test_the_next_life_remembers_what_the_last_one_did(tmp_path: Path) -> None:
    first = OnDisk(tmp_path, MONTH)
    first.recall()
    first.deleted(deleted(1))
    first.remember(KNOWN)
    first.lose(loss())
    second = OnDisk(tmp_path, MONTH)
    second.recall()
    assert (second.instance, second.known) == (first.instance, KNOWN)
    assert second.losses == (loss(),)
    assert list(second.deletions(NOON)) == deleted(1)


def test_another_data_directory_has_another_name(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    assert OnDisk(tmp_path, MONTH).instance != OnDisk(tmp_path / "b", MONTH).instance


def test_a_name_is_kept_although_nothing_was_ever_stored(tmp_path: Path) -> None:
    lives = [OnDisk(tmp_path, MONTH) for _ in range(2)]
    for life in lives:
        life.recall()
    assert lives[0].instance == lives[1].instance


def test_deletions_are_remembered_for_a_time(recollection: Recollection) -> None:
    recollection.deleted(deleted(40, 31, 29))
    recollection.remember(KNOWN)
    recollection.remember(KNOWN)
    recollection.deleted(deleted(0))
    recollection.remember(KNOWN)
    assert list(recollection.deletions(NOON)) == deleted(29, 0)
    assert list(recollection.deletions(NOON + timedelta(days=2))) == deleted(0)


def test_a_deletion_is_told_from_when_the_database_has_it(recollection: Recollection) -> None:
    recollection.remember(KNOWN)
    recollection.deleted(deleted(31, 1))
    assert list(recollection.deletions(NOON)) == deleted(1)
    # While a database is given what it lacks, what is known of it is as before.
    recollection.remember(None)
    assert list(recollection.deletions(NOON)) == deleted(1)
    assert recollection.known == KNOWN


def test_a_deletion_that_cannot_be_written_down_is_so_later(tmp_path: Path) -> None:
    recollection = OnDisk(tmp_path, MONTH)
    recollection.recall()
    (tmp_path / "deletions.jsonl").mkdir()
    recollection.deleted(deleted(2))
    with pytest.raises(OSError, match="deletions"):
        recollection.remember(KNOWN)
    assert recollection.known is None
    (tmp_path / "deletions.jsonl").rmdir()
    assert list(recollection.deletions(NOON)) == deleted(2)
    recollection.deleted(deleted(1))
    recollection.remember(None)
    assert list(OnDisk(tmp_path, MONTH).deletions(NOON)) == deleted(2, 1)


def test_notes_that_cannot_be_written_are_logged_once_until_they_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recollection = OnDisk(tmp_path, MONTH)
    recollection.recall()
    for times in (1, 2):
        (tmp_path / "deletions.jsonl").mkdir()
        recollection.deleted(deleted(2))
        for _ in range(3):
            with pytest.raises(OSError, match="deletions"):
                recollection.remember(KNOWN)
        assert sum("cannot be written" in line for line in caplog.messages) == times
        (tmp_path / "deletions.jsonl").rmdir()
        recollection.remember(KNOWN)
        (tmp_path / "deletions.jsonl").unlink()


def test_of_deletions_that_cannot_be_written_down_the_last_are_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libra.storage.recollection.MAX_IN_MEMORY", 2)
    recollection = OnDisk(tmp_path, MONTH)
    for days in (5, 4, 3, 2):
        recollection.deleted(deleted(days))
    assert list(recollection.deletions(NOON)) == deleted(3, 2)


def test_so_many_losses_are_remembered(recollection: Recollection) -> None:
    for number in range(MAX_LOSSES + 3):
        recollection.lose(loss(number))
    assert recollection.losses == tuple(map(loss, range(3, MAX_LOSSES + 3)))


@pytest.mark.parametrize("damage", [b"", b"\xff", b"{}", b'{"instance": 3}', b'{"instance": "a"'])
def test_damaged_notes_are_no_reason_not_to_start(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "database.json").write_bytes(damage)
    recollection = OnDisk(tmp_path, MONTH)
    recollection.recall()
    assert recollection.known is None
    assert "would go unnoticed" in caplog.text


def test_a_line_that_was_not_finished_costs_itself_alone(tmp_path: Path) -> None:
    first = OnDisk(tmp_path, MONTH)
    first.deleted(deleted(2, 1))
    first.remember(KNOWN)
    path = tmp_path / "deletions.jsonl"
    path.write_bytes(path.read_bytes()[:-4])
    second = OnDisk(tmp_path, MONTH)
    second.deleted(deleted(0))
    second.remember(KNOWN)
    assert list(second.deletions(NOON)) == deleted(2, 0)


def test_the_file_of_deletions_is_tidied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libra.storage.recollection.TIDY_BYTES", 1)
    recollection = OnDisk(tmp_path, MONTH)
    for days in ((40, 35), (0,)):
        recollection.deleted(deleted(*days))
        recollection.remember(KNOWN)
    assert b"page-40" not in (tmp_path / "deletions.jsonl").read_bytes()
    assert list(recollection.deletions(NOON)) == deleted(0)


def test_a_loss_says_from_when_to_when() -> None:
    hour = timedelta(hours=1)
    known = Loss(NOON, NOON - 2 * hour, NOON - hour, "")
    assert known.span == f"between {NOON:%Y-%m-%d} 10:00:00 and {NOON:%Y-%m-%d} 11:00:00 UTC"
    assert Loss(NOON, None, NOON - hour, "").span == f"before {NOON:%Y-%m-%d} 11:00:00 UTC"
    assert Loss(NOON, None, None, "").span == f"before {NOON:%Y-%m-%d} 12:00:00 UTC"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (History("two", 9), "not the database"),
        (History("one", 6), "lacks the last save of"),
        (History("one", 0), "lacks the last 7 saves of"),
        (
            History("one", 6, origin="PostgreSQL system 1, timeline 2"),
            "it is PostgreSQL system 1, timeline 2 now, and was PostgreSQL system 1, timeline 1",
        ),
    ],
)
def test_what_a_database_lacks_is_told(found: History, words: str) -> None:
    with pytest.raises(HistoryLost, match=words):
        found.require(KNOWN)


@pytest.mark.parametrize("found", [KNOWN, History("one", 8)])
def test_a_database_that_has_all_or_more_is_the_known_one(found: History) -> None:
    found.require(KNOWN)
    found.require(None)
