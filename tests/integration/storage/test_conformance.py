"""What every engine does, whichever it is."""

import itertools
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libra.report import Asset, Build, Report, Score, Total, decode_summary, encode
from libra.storage import Deleted, Entry, PageQuery, Snapshot, Store, migrate, open_store
from libra.storage.rows.entries import Packed
from support.patience import PATIENT

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
_numbers = itertools.count(1)


def page_id(number: int | None = None) -> str:
    """An id that sorts by its number, as a UUIDv7 does by its time."""
    return f"01990000-0000-7000-8000-{next(_numbers) if number is None else number:012d}"


def snapshot(page: str | None = None, version: int = 1, **changes: object) -> Snapshot:
    report = Report(
        id=page or page_id(),
        url="https://example.com/",
        final_url="https://www.example.com/",
        title="Example",
        status="weighed",
        version=version,
        submitted_at=NOON,
        finished_at=NOON + timedelta(seconds=1),
        expires_at=NOON + timedelta(hours=24),
        total=Total(3, 2000, 5000),
        score=Score(teledrin=93, verdict="A for effort.", lighthouse=100),
        assets=(Asset("https://www.example.com/", "document", "fetched", 200, 2000, 5000),),
    )
    return Snapshot.of(msgspec.structs.replace(report, **changes))


async def restored(store: Store, now: datetime = NOON, size: int = 500) -> list[Snapshot]:
    return [
        page.unpacked() if isinstance(page, Packed) else page
        async for batch in store.batches(now=now, size=size)
        for page in batch
    ]


async def test_what_was_saved_is_loaded_as_it_was(store: Store) -> None:
    saved = snapshot()
    assert await store.save([saved]) == []
    assert await store.load(saved.id) == saved


async def test_headers_of_a_page_are_kept_until_it_is_finished_or_deleted(store: Store) -> None:
    pages = [Snapshot.of(Report(id=page_id(), url="https://example.com/")) for _ in range(2)]
    given = (("Cookie", "a=\0b"), ("X", "1"))
    saved = [msgspec.structs.replace(page, headers=given) for page in pages]
    assert await store.save(saved) == []
    assert [await store.load(page.id) for page in saved] == saved
    assert {page.headers for page in await restored(store)} == {given}
    await store.save([snapshot(saved[0].id, version=2), Deleted(saved[1].id, NOON)])
    loaded = await store.load(saved[0].id)
    assert loaded is not None
    assert loaded.headers == ()
    assert await store.load(saved[1].id) is None


async def test_a_queued_page_without_any_result_is_stored_too(store: Store) -> None:
    saved = Snapshot.of(Report(id=page_id(), url="https://example.com/"))
    assert await store.save([saved]) == []
    assert await store.load(saved.id) == saved


async def test_keys_are_listed_newest_first_and_a_deleted_page_keeps_only_its_name(
    store: Store,
) -> None:
    keys = [str(number) * 64 for number in range(4)]
    pages = [msgspec.structs.replace(snapshot(), idempotency=key) for key in keys]
    assert await store.save([*pages, snapshot()]) == []
    assert await store.load(pages[3].id) == pages[3]
    await store.save([Deleted(pages[2].id, NOON)])
    wanted = [(keys[3], pages[3].id), ("2" * 32, pages[2].id), (keys[1], pages[1].id)]
    assert await store.keys(since=pages[1].id, limit=100) == wanted
    assert await store.keys(since=pages[1].id, limit=2) == wanted[:2]


async def test_an_unknown_page_is_none(store: Store) -> None:
    assert await store.load(page_id()) is None


async def test_times_of_other_zones_are_the_same_moments(store: Store) -> None:
    saved = snapshot(submitted_at=NOON.astimezone(timezone(timedelta(hours=5, minutes=30))))
    await store.save([saved])
    loaded = await store.load(saved.id)
    assert loaded is not None
    assert loaded.submitted_at == NOON


async def test_an_empty_batch_is_no_mistake(store: Store) -> None:
    assert await store.save([]) == []


async def test_an_older_version_never_overwrites_a_newer_one(store: Store) -> None:
    page = page_id()
    await store.save([snapshot(page, 2, title="new")])
    await store.save([snapshot(page, 1, title="old")])
    loaded = await store.load(page)
    assert loaded is not None
    assert (loaded.version, loaded.title) == (2, "new")


async def test_the_first_save_of_a_version_stands(store: Store) -> None:
    page = page_id()
    await store.save([snapshot(page, 1, title="first")])
    await store.save([snapshot(page, 1, title="again")])
    loaded = await store.load(page)
    assert loaded is not None
    assert loaded.title == "first"


async def test_one_batch_may_hold_several_versions_of_a_page(store: Store) -> None:
    page = page_id()
    assert await store.save([snapshot(page, version) for version in (2, 3, 1)]) == []
    loaded = await store.load(page)
    assert loaded is not None
    assert loaded.version == 3


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_any_order_of_saves_and_repetitions_ends_with_the_newest(
    store: Store, data: st.DataObject
) -> None:
    pages = [page_id() for _ in range(3)]
    one = st.builds(snapshot, st.sampled_from(pages), st.integers(1, 6))
    batches = data.draw(st.lists(st.lists(one, max_size=5), max_size=6))
    newest: dict[str, int] = {}
    for batch in batches:
        await store.save(batch)
        for entry in batch:
            newest[entry.id] = max(entry.version, newest.get(entry.id, 0))
            loaded = await store.load(entry.id)
            assert loaded is not None
    for page in pages:
        loaded = await store.load(page)
        assert (loaded.version if loaded else None) == newest.get(page)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_nothing_brings_a_deleted_page_back(store: Store, data: st.DataObject) -> None:
    page = page_id()
    saves: list[Entry] = [
        snapshot(page, version) for version in data.draw(st.sets(st.integers(1, 9)))
    ]
    beside = snapshot()
    entries = data.draw(st.permutations([*saves, Deleted(page, NOON)]))
    cut = data.draw(st.integers(0, len(entries)))
    refused = await store.save([*entries[:cut], beside])
    refused += await store.save([beside, *entries[cut:]])
    # Who brings a page that is deleted already is told so, and of no other page.
    late = [one for one in entries[cut:] if any(isinstance(e, Deleted) for e in entries[:cut])]
    assert [(one.id, one.version, one.deleted) for one in refused] == (
        [(page, max(one.version for one in late), True)] if late else []
    )
    assert await store.trace(page) == "deleted"
    assert await store.trace(beside.id) == "stored"
    assert await store.load(page) is None
    assert page not in {found.id for found in await store.recent(PageQuery(limit=100))}


async def test_a_deleted_page_is_gone_everywhere(store: Store) -> None:
    saved = snapshot()
    await store.save([saved])
    assert await store.delete(saved.id) is True
    assert await store.load(saved.id) is None
    assert await store.recent(PageQuery(limit=10)) == []
    assert await store.history(saved.url, limit=10) == []
    assert await restored(store) == []


async def test_deleting_twice_or_what_never_was_says_so(store: Store) -> None:
    saved = snapshot()
    await store.save([saved])
    await store.delete(saved.id)
    assert await store.delete(saved.id) is False
    assert await store.delete(page_id()) is False


async def test_a_save_that_comes_after_the_deletion_does_not_bring_the_page_back(
    store: Store,
) -> None:
    never_stored = snapshot()
    assert await store.trace(never_stored.id) is None
    await store.delete(never_stored.id)
    assert await store.trace(never_stored.id) == "deleted"
    assert [one.deleted for one in await store.save([never_stored])] == [True]
    assert await store.load(never_stored.id) is None


async def test_a_row_that_the_database_refuses_is_set_apart_alone(store: Store) -> None:
    good = [snapshot() for _ in range(20)]
    bad = [snapshot(version=0), msgspec.structs.replace(snapshot(), transfer_bytes=-1)]
    refused = await store.save([*good[:7], bad[0], *good[7:15], bad[1], *good[15:]])
    assert {row.id for row in refused} == {row.id for row in bad}
    assert all(row.reason for row in refused)
    for saved in good:
        assert await store.load(saved.id) == saved


@pytest.mark.parametrize(
    "unfit",
    [
        {"version": 2**63},
        {"submitted_at": NOON.replace(tzinfo=None)},
        {"score": 101},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_what_does_not_fit_a_column_is_refused_and_not_raised(
    store: Store, unfit: dict[str, object]
) -> None:
    bad, good = msgspec.structs.replace(snapshot(), **unfit), snapshot()
    refused = await store.save([bad, good])
    assert [(row.id, row.version) for row in refused] == [(bad.id, bad.version)]
    assert await store.load(good.id) == good


async def test_recent_pages_come_newest_first_and_a_page_at_a_time(store: Store) -> None:
    saved = [snapshot() for _ in range(5)]
    await store.save(saved)
    first = await store.recent(PageQuery(limit=2))
    rest = await store.recent(PageQuery(limit=10, after=first[-1].id))
    assert [page.id for page in first + rest] == [page.id for page in reversed(saved)]


async def test_a_list_has_summaries_and_no_assets(store: Store) -> None:
    images = tuple(Asset(f"https://example.com/{n}", "image") for n in range(3_000))
    saved = [snapshot(assets=images, error="timeout") for _ in range(3)]
    await store.save(saved)
    listed = await store.recent(PageQuery(limit=3))
    assert all(len(page.report) < 2_000 for page in listed)
    assert [decode_summary(page.report) for page in listed] == [
        decode_summary(page.report) for page in reversed(saved)
    ]
    assert await store.load(saved[0].id) == saved[0]


async def test_history_is_that_of_exactly_one_url(store: Store) -> None:
    mine = [snapshot() for _ in range(3)]
    await store.save([*mine, snapshot(url="https://example.com/other")])
    history = await store.history("https://example.com/", limit=2)
    assert [page.id for page in history] == [mine[2].id, mine[1].id]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"host": "example.com"}, [0, 1]),
        ({"host": "www.example.com"}, [0]),
        ({"host": "%"}, []),
        ({"text": "ROAD"}, [1, 2]),
        ({"text": "100 %"}, [2]),
        ({"text": "_"}, []),
        ({"text": "/two"}, [1]),
        ({"text": "road", "host": "example.com"}, [1]),
    ],
)
async def test_pages_are_found_by_host_and_by_text(
    store: Store, wanted: dict[str, Any], found: list[int]
) -> None:
    pages = [
        snapshot(),
        snapshot(url="https://x/two", final_url="https://example.com/2", title="The road"),
        snapshot(final_url="https://badexample.com/", title="100 % Abbey Road"),
    ]
    await store.save(pages)
    listed = [page.id for page in await store.recent(PageQuery(limit=9, **wanted))]
    assert listed == [pages[number].id for number in reversed(found)]


async def test_pages_are_found_by_status_and_by_time(store: Store) -> None:
    pages = [snapshot(), snapshot(status="failed"), snapshot(), snapshot(status="failed")]
    await store.save(pages)

    async def found(**wanted: str) -> list[str]:
        return [page.id for page in await store.recent(PageQuery(limit=9, **wanted))]  # type: ignore[arg-type]

    assert await found(status="failed") == [pages[3].id, pages[1].id]
    assert await found(since=pages[2].id) == [pages[3].id, pages[2].id]
    assert await found(since=pages[1].id, after=pages[3].id, status="failed") == [pages[1].id]
    assert await found(status="queued") == []


async def test_results_of_ci_are_found_by_their_series(store: Store) -> None:
    main, other = Build("shop", "main", "a1", "/ä"), Build("shop", "feature", "b2", "/ä")
    pages = [snapshot(build=main), snapshot(), snapshot(build=other), snapshot(build=main)]
    await store.save(pages)
    found = await store.recent(PageQuery(limit=9, series=main.series))
    assert [page.id for page in found] == [pages[3].id, pages[0].id]
    assert {page.series for page in found} == {main.series}
    assert (await store.load(pages[3].id)) == pages[3]
    (older,) = await store.recent(PageQuery(limit=9, series=main.series, after=pages[3].id))
    assert older.id == pages[0].id
    await store.delete(pages[3].id)
    assert [page.id for page in await store.recent(PageQuery(limit=9, series=main.series))] == [
        pages[0].id
    ]
    assert {page.series for page in await restored(store)} == {None, main.series, other.series}


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_a_restore_gives_each_unexpired_page_once(store: Store, size: int) -> None:
    expired = snapshot(expires_at=NOON)
    unfinished = [Snapshot.of(Report(id=page_id(), url="https://example.com/")) for _ in range(3)]
    same_moment = [snapshot(expires_at=NOON + timedelta(hours=1)) for _ in range(3)]
    later = [snapshot(expires_at=NOON + timedelta(hours=2 + hour)) for hour in range(3)]
    await store.save([expired, *unfinished, *same_moment, *later])
    youngest_first = [*reversed(unfinished), *reversed(later), *reversed(same_moment)]
    assert await restored(store, size=size) == youngest_first


async def test_a_restore_that_is_given_up_leaves_the_store_usable(store: Store) -> None:
    await store.save([snapshot() for _ in range(4)])
    batches = store.batches(now=NOON, size=1)
    await anext(batches)
    await batches.aclose()  # type: ignore[attr-defined] # an async generator
    assert len(await restored(store)) == 4


async def test_pruning_removes_what_was_submitted_before_a_moment(store: Store) -> None:
    old = snapshot(submitted_at=NOON - timedelta(days=91))
    young = snapshot(submitted_at=NOON - timedelta(days=89))
    await store.save([old, young])
    assert await store.prune(older_than=NOON - timedelta(days=90)) == 1
    assert await store.load(old.id) is None
    assert await store.load(young.id) == young


async def test_pruning_more_than_a_step_takes_several(store: Store) -> None:
    tiny = Snapshot(page_id(), "https://example.com/", 1, b"{}", submitted_at=NOON)
    await store.save([msgspec.structs.replace(tiny, id=page_id()) for _ in range(2500)])
    assert await store.prune(older_than=NOON + timedelta(seconds=1)) == 2500


async def test_pruning_forgets_old_deletions_without_counting_them(store: Store) -> None:
    page = page_id()
    await store.save([Deleted(page, NOON)])
    assert await store.prune(older_than=NOON + timedelta(seconds=1)) == 0
    await store.save([snapshot(page)])
    assert await store.load(page) is not None


async def test_what_was_saved_is_there_after_a_restart(database: str) -> None:
    saved = snapshot()
    await migrate(database)
    first = open_store(database, deadlines=PATIENT)
    await first.save([saved])
    await first.close()
    second = open_store(database, deadlines=PATIENT)
    assert await second.load(saved.id) == saved
    await second.close()


async def test_closing_twice_or_unused_is_no_mistake(database: str) -> None:
    store = open_store(database, deadlines=PATIENT)
    await store.close()
    await store.close()


async def test_a_healthy_store_answers_a_ping(store: Store) -> None:
    await store.ping()


async def test_text_that_a_database_cannot_hold_comes_back_as_it_was(store: Store) -> None:
    saved = msgspec.structs.replace(
        snapshot(), title="NUL \x00, half a character \ud83d", url="https://x/\udc00\x00"
    )
    assert await store.save([saved]) == []
    assert await store.load(saved.id) == saved
    (listed,) = await store.history(saved.url, limit=1)
    assert (listed.url, listed.title) == (saved.url, saved.title)
    assert await store.load("\x00\ud800") is None


async def test_a_report_with_half_characters_is_stored(store: Store) -> None:
    halves = json.dumps({"title": "\ud83d \x00", "\udc00": 1}).encode()
    saved = msgspec.structs.replace(snapshot(), report=halves)
    assert await store.save([saved]) == []
    loaded = await store.load(saved.id)
    assert loaded is not None
    assert json.loads(loaded.report) == json.loads(halves)


async def test_a_report_of_another_shape_is_kept_for_its_reader_to_judge(store: Store) -> None:
    saved = msgspec.structs.replace(snapshot(), report=b'{"id": 5}')
    await store.save([saved])
    assert await store.load(saved.id) == saved


async def test_foreign_text_of_any_kind_survives(store: Store) -> None:
    nasty = Report(
        id=page_id(),
        url="https://example.com/",
        title="NUL \x00, quote ', \u2028, \U0001f9ea, \ue000, \\u0000, \\ud800",
        error="\x00\x01\x1f\ufffe\uffff",
    )
    assert await store.save([Snapshot.of(nasty)]) == []
    loaded = await store.load(nasty.id)
    assert loaded is not None
    assert loaded.title == nasty.title
    assert loaded.report == encode(nasty)
