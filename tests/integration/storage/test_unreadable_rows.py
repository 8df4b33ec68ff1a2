"""A row that a damaged disk or another program made unreadable costs itself alone."""

import logging
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from libra.report import Report
from libra.storage import PageQuery, Snapshot, Store, UnreadableRow, WatchRow
from libra.storage.rows.entries import Packed
from libra.storage.rows.urls import UrlQuery
from support.postgres import Postgres

SHARED = "shared"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
IDS = [f"01990000-0000-7000-8000-{number:012d}" for number in range(6)]
BAD = IDS[2]
OTHERS = [one for one in reversed(IDS) if one != BAD]


def page(page_id: str) -> Snapshot:
    return Snapshot.of(
        Report(
            id=page_id,
            url=f"https://{page_id[-1]}.test/",
            title="Example",
            status="weighed",
            submitted_at=NOON,
            finished_at=NOON,
            expires_at=NOON + timedelta(hours=24),
        )
    )


async def restored(store: Store, size: int) -> list[str]:
    found = []
    async for batch in store.batches(now=NOON, size=size):
        for one in batch:
            try:
                found.append((one.unpacked() if isinstance(one, Packed) else one).id)
            except ValueError:
                assert one.id == BAD  # found when it is unpacked
    return found


async def require_only_one_lost(store: Store) -> None:
    """Every way to read finds all pages but the damaged one."""
    for size in (1, 2, 3, 10):
        assert await restored(store, size) == OTHERS
    for limit in (3, 4, 10):
        assert [p.id for p in await store.recent(PageQuery(limit=limit))] == OTHERS[:limit]
        rows = await store.urls(UrlQuery(limit=limit))
        assert [row.newest.id for row in rows] == OTHERS[:limit]
    assert await store.load(IDS[0]) == page(IDS[0])
    with pytest.raises(UnreadableRow, match=BAD):
        await store.load(BAD)
    assert store.unreadable == {BAD}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "change",
    [
        "title = CAST(x'ff41' AS TEXT)",
        "url = x'ff'",
        "report = x'00ff'",
        "report = 'no frame'",
        "submitted_at = 'soon'",
        "expires_at = CAST(CAST('2026-03-02T12:00:00.00000' AS BLOB) || x'80' AS TEXT)",
        "expires_at = x'00'",
        "headers = '{'",
        "version = 'first'",
        "transfer_bytes = 'many'",
        "status = 'odd'",
    ],
)
async def test_a_damaged_page_of_a_file_costs_itself_alone(
    change: str, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await store.save([page(one) for one in IDS])
    with closing(sqlite3.connect(tmp_path / "libra.db", timeout=60)) as link:
        link.execute(f"UPDATE pages SET {change} WHERE id = '{BAD}'")
        link.commit()
        damaged = link.execute(
            f"SELECT hex({change.split(' = ', maxsplit=1)[0]}) FROM pages"
        ).fetchall()
        with caplog.at_level(logging.ERROR):
            await require_only_one_lost(store)
        after = link.execute(
            f"SELECT hex({change.split(' = ', maxsplit=1)[0]}) FROM pages"
        ).fetchall()
    assert after == damaged
    assert len([one for one in caplog.messages if BAD in one]) == 1


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
@pytest.mark.parametrize("change", ["headers = '{'", "status = 'odd'"])
async def test_a_damaged_page_of_a_server_costs_itself_alone(
    change: str, postgres: Postgres, store: Store
) -> None:
    await store.save([page(one) for one in IDS])
    postgres.sql(f"UPDATE pages SET {change} WHERE id = '{BAD}'", database=SHARED)
    await require_only_one_lost(store)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_a_damaged_report_of_a_server_costs_itself_alone(
    postgres: Postgres, store: Store
) -> None:
    await store.save([page(one) for one in IDS])
    postgres.sql(f"UPDATE pages SET report_zstd = 'x' WHERE id = '{BAD}'", database=SHARED)
    assert await restored(store, 2) == OTHERS
    assert await store.load(IDS[0]) == page(IDS[0])
    with pytest.raises(UnreadableRow, match=BAD):
        await store.load(BAD)
    # Lists are from the other copy of the report.
    assert len(await store.recent(PageQuery(limit=10))) == len(IDS)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("change", ["data = x'ff'", "url = CAST(x'ff' AS TEXT)", "version = 'x'"])
async def test_a_damaged_watch_costs_itself_alone(
    change: str, store: Store, tmp_path: Path
) -> None:
    await store.save([WatchRow(one, "http://a.test/", 1, b"{}") for one in IDS])
    with closing(sqlite3.connect(tmp_path / "libra.db", timeout=60)) as link:
        link.execute(f"UPDATE watches SET {change} WHERE id = '{BAD}'")
        link.commit()
    assert sorted(one.id for one in await store.watches()) == sorted(OTHERS)
    assert store.unreadable == {BAD}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_damaged_key_of_a_submission_costs_itself_alone(
    store: Store, tmp_path: Path
) -> None:
    await store.save([page(one) for one in IDS])
    with closing(sqlite3.connect(tmp_path / "libra.db", timeout=60)) as link:
        link.execute("UPDATE pages SET idempotency = 'key of ' || id")
        link.execute(f"UPDATE pages SET idempotency = x'ff' WHERE id = '{BAD}'")
        link.commit()
    assert await store.keys(since="", limit=10) == [(f"key of {one}", one) for one in OTHERS]
