"""One row for each URL, of every engine."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import asyncpg  # type: ignore[import-untyped] # it ships no types
import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from integration.storage.conftest import SHARED
from libra.report import Report, Status, Total, decode_summary
from libra.storage import Deleted, Snapshot, Store, open_store
from libra.storage.postgres.urls import urls_sql
from libra.storage.rows.entries import bare_host_of
from libra.storage.rows.page_query import PageQuery
from libra.storage.rows.urls import ASCENDING, PAST, Past, Sort, UrlQuery, UrlRow
from libra.storage.sqlite.opening import path_of
from support.patience import PATIENT
from support.postgres import Postgres

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=1)
_numbers = itertools.count(1)


def page(url: str, weight: int = 0, status: Status = "weighed", **changes: object) -> Snapshot:
    report = Report(
        id=f"01990000-0000-7000-8000-{next(_numbers):012d}",
        url=url,
        status=status,
        submitted_at=NOON,
        total=Total(1, weight, weight),
    )
    return Snapshot.of(msgspec.structs.replace(report, **changes))


def listed(pages: list[Snapshot], query: UrlQuery) -> list[UrlRow]:
    """What the list is, told in another way: all of them, one after the other."""
    newest = {one.url: one for one in sorted(pages, key=lambda one: one.id)}
    wanted = []
    for url, one in newest.items():
        text = (query.text or "").casefold()
        if not (
            (query.urls is None or url in query.urls)
            and query.status in (None, one.status)
            and (query.host is None or f".{one.host}".endswith(f".{query.host}"))
            and (text in url.casefold() or text in (one.title or "").casefold())
        ):
            continue
        past = sorted(
            (
                Past(p.id, p.transfer_bytes, p.way)
                for p in pages
                if (p.url, p.status) == (url, "weighed")
            ),
            reverse=True,
        )
        wanted.append(UrlRow(one, tuple(past[:PAST])))
    wanted.sort(key=lambda row: query.key(row.newest), reverse=query.sort not in ASCENDING)
    if query.after is not None:
        after = query.after
        wanted = [
            row
            for row in wanted
            if (query.key(row.newest) > after) == (query.sort in ASCENDING)
            and query.key(row.newest) != after
        ]
    return wanted[: query.limit]


def shown(rows: list[UrlRow]) -> list[tuple[str, int, tuple[Past, ...]]]:
    return [
        (row.newest.id, decode_summary(row.newest.report).total.transfer_bytes, row.past)
        for row in rows
    ]


URLS = [
    "https://a.example/",
    "https://b.a.example/Б",
    "https://xa.example/%_",
    "http://z.example/q",
]
TITLES = [None, "Страница", "СТРАНИЦА [2]", "100 % \\ _x", "Ἀρχή"]

pages = st.lists(
    st.builds(
        page,
        st.sampled_from(URLS),
        st.integers(0, 5),
        st.sampled_from(get_args(Status)),
        title=st.sampled_from(TITLES),
        viewport=st.sampled_from(["1350x940@1", "390x844@3"]),
    ),
    max_size=12,
)
queries = st.builds(
    UrlQuery,
    limit=st.integers(1, 4),
    sort=st.sampled_from(get_args(Sort)),
    host=st.none() | st.sampled_from(["a.example", "z.example", "nobody.example"]),
    text=st.none() | st.sampled_from(["страниц", "А [", "%", "_", "\\", "HTTPS://A", "ἀΡΧ", "б"]),
    status=st.none() | st.sampled_from(get_args(Status)),
    urls=st.none() | st.frozensets(st.sampled_from(URLS)),
    broken=st.frozensets(st.sampled_from(URLS)),
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(pages=pages, query=queries)
async def test_every_list_is_what_one_would_find_by_looking_at_all_pages(
    store: Store, pages: list[Snapshot], query: UrlQuery
) -> None:
    await store.save(pages)
    try:
        first = await store.urls(query)
        assert shown(first) == shown(listed(pages, query))
        if first:
            rest = msgspec.structs.replace(query, after=query.key(first[-1].newest))
            assert shown(await store.urls(rest)) == shown(listed(pages, rest))
    finally:
        await store.prune(older_than=datetime.now(UTC))


async def test_a_deleted_weigh_in_uncovers_the_one_before(store: Store) -> None:
    first, second = page(URLS[0], 10), page(URLS[0], 20)
    await store.save([first, second])
    await store.save([Deleted(second.id, NOON)])
    assert [row.newest.id for row in await store.urls(UrlQuery(9))] == [first.id]
    await store.save([Deleted(first.id, NOON)])
    assert await store.urls(UrlQuery(9)) == []


async def test_a_row_tells_of_the_last_thirty(store: Store) -> None:
    weighed = [page(URLS[0], weight) for weight in range(PAST + 5)]
    await store.save(weighed)
    [row] = await store.urls(UrlQuery(9))
    assert [one.transfer_bytes for one in row.past] == list(range(PAST + 4, 4, -1))
    assert row.newest.host == bare_host_of(URLS[0])
    assert {one.way for one in row.past} == {"static 1350x940@1"}


@pytest.mark.parametrize("text", ["СТРАНИЦА", "страница", "Страница"])
async def test_a_text_is_found_in_any_case_in_the_list_of_weigh_ins_too(
    store: Store, text: str
) -> None:
    saved = page(URLS[0], title="Моя Страница")
    await store.save([saved, page(URLS[1], title="Other")])
    assert [one.id for one in await store.recent(PageQuery(limit=9, text=text))] == [saved.id]


moments = st.integers(0, 100_000).map(
    lambda seconds: NOON + timedelta(seconds=seconds, microseconds=7)
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    times=st.lists(
        st.tuples(moments, st.integers(0, 9), st.sampled_from(get_args(Status))), max_size=12
    ),
    since=st.none() | moments,
    spans=st.integers(1, 5),
)
async def test_a_timeline_has_the_heaviest_of_each_span(
    store: Store, times: list[tuple[datetime, int, Status]], since: datetime | None, spans: int
) -> None:
    until = NOON + timedelta(seconds=90_000)
    pages = [page(URLS[0], w, status, submitted_at=at) for at, w, status in times]
    await store.save([*pages, page(URLS[1], 99)])
    try:
        found = await store.timeline(URLS[0], since=since, until=until, spans=spans)
        inside = [
            one
            for one in pages
            if one.status == "weighed"
            and one.submitted_at is not None
            and (since or NOON) <= one.submitted_at < until
        ]
        begin = since or min((one.submitted_at or NOON for one in inside), default=NOON)
        width = (until - begin) / spans
        # Of moments at the very edge of a span engines may think differently.
        exact = {one.id: ((one.submitted_at or NOON) - begin) / width for one in inside}
        assume(all(abs(place - round(place)) > 1e-4 for place in exact.values() if place))
        wanted: dict[int, int] = {}
        for one in inside:
            span = int(exact[one.id])
            wanted[span] = max(wanted.get(span, 0), one.transfer_bytes)
        assert sorted(one.transfer_bytes for one in found) == sorted(wanted.values())
        assert [one.id for one in found] == sorted((one.id for one in found), reverse=True)
    finally:
        await store.prune(older_than=datetime.now(UTC))


async def test_a_picture_is_kept_and_goes_with_its_page(store: Store) -> None:
    kept, other, unknown = page(URLS[0]), page(URLS[0]), page(URLS[1])
    await store.save([kept, other])
    for one in (kept, other, unknown):
        await store.keep_picture(one.id, b"old", b"older")
        await store.keep_picture(one.id, b"small", b"whole")
    assert await store.picture(kept.id, whole=False) == b"small"
    assert await store.picture(kept.id, whole=True) == b"whole"
    await store.delete(kept.id)
    await store.save([Deleted(unknown.id, NOON)])
    await store.prune(older_than=NOON + timedelta(days=1))
    for one in (kept, other, unknown):
        assert await store.picture(one.id, whole=True) is None


async def test_postgresql_reads_no_page_of_the_table_to_choose_what_a_list_shows(
    postgres: Postgres, shared_database: str
) -> None:
    async with opened(shared_database) as store:
        await store.save([page(f"https://a.example/{n % 20}", n) for n in range(200)])
    postgres.sql("VACUUM (ANALYZE) pages", database=SHARED)
    connection = await asyncpg.connect(shared_database)
    try:
        await connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        for sort in ("newest", "heaviest", "broken"):
            sql, arguments = urls_sql(UrlQuery(9, sort=sort), "pages.id")
            plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {sql}", *arguments))
            assert plan.count("Index Only Scan using pages_by_url") == 2, plan
            assert "Seq Scan" not in plan
    finally:
        await connection.close()


async def test_lists_that_take_long_keep_no_page_waiting(
    shared_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the page would run out of time, which is taken for an outage."""

    def slow(query: UrlQuery, columns: str) -> tuple[str, list[Any]]:
        sql, arguments = urls_sql(query, columns)
        waiting = "WITH waited AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(7))"
        return f"{waiting} SELECT listed.* FROM waited, ({sql}) AS listed", arguments

    monkeypatch.setattr("libra.storage.postgres.store.urls_sql", slow)
    one = page(URLS[0])
    other = await asyncpg.connect(shared_database)
    async with opened(shared_database) as store, asyncio.TaskGroup() as tasks:
        await store.save([one])
        await other.execute("SELECT pg_advisory_lock(7)")
        lists = [tasks.create_task(store.urls(UrlQuery(1))) for _ in range(3)]
        await asyncio.sleep(0)  # each has asked for its turn now
        assert await store.load(one.id) == one
        assert not any(task.done() for task in lists)
        await other.close()
    assert [[row.newest.id for row in task.result()] for task in lists] == [[one.id]] * 3


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.recent(PageQuery(limit=9, text="example")),
        lambda store: store.urls(UrlQuery(9)),
        lambda store: store.timeline(URLS[0], since=None, until=LATER, spans=9),
    ],
    ids=["a search", "a list of URLs", "a history"],
)
async def test_a_list_of_sqlite_that_takes_long_keeps_no_page_waiting(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[Store], Coroutine[Any, Any, list[Any]]],
) -> None:
    begun, gate = threading.Event(), threading.Event()

    def held(report: bytes) -> bytes:
        begun.set()
        gate.wait()
        return report

    monkeypatch.setattr("libra.storage.sqlite.store.without_assets", held)
    one = page(URLS[0])
    async with opened(f"sqlite:///{tmp_path}/libra.db") as store, asyncio.TaskGroup() as tasks:
        await store.save([one])
        await store.keep_picture(one.id, b"small", b"whole")
        listing = tasks.create_task(ask(store))
        await asyncio.to_thread(begun.wait)
        assert await store.load(one.id) == one
        assert await store.trace(one.id) == "stored"
        assert await store.picture(one.id, whole=True) == b"whole"
        assert not listing.done()
        gate.set()
    assert len(listing.result()) == 1


async def test_no_picture_is_kept_of_what_is_deleted(store: Store) -> None:
    gone = page(URLS[0])
    await store.save([Deleted(gone.id, NOON)])
    await store.keep_picture(gone.id, b"small", b"whole")
    assert await store.picture(gone.id, whole=False) is None


TRIGGERS = {"sqlite": ("removed", "deleted", "unknown"), "postgresql": ("removed", "deleted")}


def before(engine: str) -> str:
    """What makes a database that of an older Libra."""
    on = " ON pages" if engine == "postgresql" else ""
    return (
        "".join(f"DROP TRIGGER screenshots_of_{one}{on};" for one in TRIGGERS[engine])
        + """
        DROP TABLE screenshots;
        DROP INDEX pages_by_url;
        ALTER TABLE pages DROP COLUMN way;
        UPDATE libra_schema SET version_num = '0006';
    """
        + ("ALTER TABLE pages DROP COLUMN url_hash;" if on else "")
    )


@pytest.mark.parametrize("older", [True, False], ids=["older", "without its table of pictures"])
async def test_pages_of_an_older_libra_can_be_compared_too(
    database: str, older: bool, request: pytest.FixtureRequest
) -> None:
    engine = database.partition(":")[0]
    sql = before(engine) if older else "DROP TABLE screenshots"
    old = page(URLS[0], 7, viewport="390x844@3")
    async with opened(database) as store:
        await store.save([old])
    if engine == "sqlite":
        with closing(sqlite3.connect(path_of(database))) as connection:
            connection.executescript(sql)
    else:
        server: Postgres = request.getfixturevalue("postgres")
        server.sql(sql, database=SHARED)
    async with opened(database) as store:
        [row] = await store.urls(UrlQuery(9))
        assert row.past == (Past(old.id, 7, "static 390x844@3"),)
        await store.keep_picture(old.id, b"small", b"whole")
        await store.delete(old.id)
        assert await store.picture(old.id, whole=True) is None


@asynccontextmanager
async def opened(database: str) -> AsyncIterator[Store]:
    store = open_store(database, deadlines=PATIENT)
    await store.migrate()
    await store.open()
    yield store
    await store.close()
