"""Results of CI in a Libra: kept once, as safe as a submission, and found again as baselines."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from libra import Build, InvalidURL, Libra, PageNotFound, ResultDeleted, Settings, UnusableResult
from libra.ids import new_id
from libra.inspector.pages.builds import id_of
from libra.report import Score, Total
from libra.testing import stored, until
from support.builds import NOON, build, result


@pytest.fixture
def away(settings: Settings, tmp_path: Path) -> Settings:
    """Settings whose database cannot be opened until its directory is there: see `mend`."""
    return msgspec.structs.replace(settings, database=f"sqlite:///{tmp_path}/disk/libra.sqlite3")


@pytest.fixture
def mend(tmp_path: Path) -> Callable[[], None]:
    return (tmp_path / "disk").mkdir


async def test_a_result_is_a_page_with_its_build_and_the_same_again_is_the_same(
    settings: Settings,
) -> None:
    async with Libra.open(settings) as libra:
        sent = result(1000)
        page_id, is_new = await libra.keep_result(sent, build())
        assert is_new
        report = await stored(libra, page_id)
        assert report.build == build()
        assert (report.id, report.url, report.total) == (page_id, sent.url, sent.total)
        assert await libra.keep_result(sent, build()) == (page_id, False)
        (only,) = (await libra.recent()).pages
        assert (only.id, only.build) == (page_id, build())
        # Of another commit it is another result.
        other, _ = await libra.keep_result(sent, build(commit="b2"))
        assert other != page_id


async def test_the_baseline_is_the_newest_of_the_page_on_the_branch_whatever_its_host(
    settings: Settings,
) -> None:
    async with Libra.open(settings) as libra:
        first, _ = await libra.keep_result(result(1000, minutes=1), build())
        second, _ = await libra.keep_result(result(2000, minutes=2, host="b.example"), build())
        await libra.keep_result(result(9, minutes=3), build(path="/elsewhere"))
        await libra.keep_result(result(9, minutes=3), Build("other", "main", "a1", "/shop?page=1"))
        mine, _ = await libra.keep_result(result(5000, minutes=9), build("feature"))
        late, _ = await libra.keep_result(result(1500, minutes=0), build(commit="late"))
        for expected, of in ((second, mine), (first, second), (late, first)):
            found, known = await libra.baseline(of, "main")
            assert found is not None
            assert (found.id, known) == (expected, True)
        assert await libra.baseline(late, "main") == (None, True)
        assert await libra.baseline(mine, "release") == (None, True)


async def test_a_result_that_has_left_memory_is_known_and_a_baseline(settings: Settings) -> None:
    sent = result(1000)
    async with Libra.open(settings) as libra:
        page_id, _ = await libra.keep_result(sent, build())
        await stored(libra, page_id)
    forgetful = msgspec.structs.replace(settings, restore="off", local_copy=0)
    async with Libra.open(forgetful) as libra:
        assert await libra.keep_result(sent, build()) == (page_id, False)
        mine, _ = await libra.keep_result(result(1, minutes=5), build("feature"))
        found, _ = await libra.baseline(mine, "main")
        assert found is not None
        assert found.id == page_id
        assert len(found.assets) == 1


async def test_what_was_acknowledged_in_an_outage_is_there_after_it(
    away: Settings, mend: Callable[[], None]
) -> None:
    sent = result(1000)
    async with Libra.open(away) as libra:
        page_id, is_new = await libra.keep_result(sent, build())
        assert is_new
        assert (await libra.report(page_id)).backup == "journaled"
        mine, _ = await libra.keep_result(result(9, minutes=5), build("feature"))
        found, known = await libra.baseline(mine, "main")
        assert found is not None
        assert (found.id, known) == (page_id, False)
        assert await libra.baseline(page_id, "main") == (None, False)
    async with Libra.open(away) as libra:  # still away
        assert await libra.keep_result(sent, build()) == (page_id, False)
        found, known = await libra.baseline(mine, "main")
        assert found is not None
        assert (found.id, known) == (page_id, False)
        mend()
        await until(libra, page_id, lambda report: report.backup == "stored")
        await stored(libra, mine)
        found, _ = await libra.baseline(mine, "main")
        assert found == await libra.report(page_id)


async def test_the_end_of_an_outage_says_how_much_was_saved(
    away: Settings, mend: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")
    async with Libra.open(away) as libra:
        page_id, _ = await libra.keep_result(result(1000), build())
        mend()
        await stored(libra, page_id)
    assert [
        line
        for line in caplog.messages
        if line.startswith("the database is back after")
        and line.endswith(": 1 of the waiting entries is saved, 0 wait")
    ]


async def test_a_deleted_result_stays_deleted_however_often_it_is_sent(settings: Settings) -> None:
    sent = result(1000)
    async with Libra.open(settings) as libra:
        page_id, _ = await libra.keep_result(sent, build())
        mine, _ = await libra.keep_result(result(9, minutes=5), build("feature"))
        await stored(libra, page_id)
        await libra.forget(page_id)
        assert await libra.baseline(mine, "main") == (None, True)
        with pytest.raises(ResultDeleted):
            await libra.keep_result(sent, build())
    async with Libra.open(settings) as libra:  # which knows it from the database
        with pytest.raises(ResultDeleted):
            await libra.keep_result(sent, build())
        again, is_new = await libra.keep_result(result(1000), build())  # weighed again
        assert is_new
        await stored(libra, again)
        assert {page.id for page in (await libra.recent()).pages} == {mine, again}


async def test_a_deleted_result_that_is_sent_in_an_outage_goes_when_the_database_is_back(
    settings: Settings, tmp_path: Path
) -> None:
    disk, unplugged = tmp_path / "disk", tmp_path / "unplugged"
    disk.mkdir()
    stays, goes = result(1000), result(2000)
    database = f"sqlite:///{disk}/libra.sqlite3"
    one = msgspec.structs.replace(settings, database=database, data_dir=tmp_path / "one")
    async with Libra.open(one) as libra:
        page_id, _ = await libra.keep_result(goes, build())
        await stored(libra, page_id)
        await libra.forget(page_id)
    disk.rename(unplugged)
    async with Libra.open(one) as libra:
        with pytest.raises(ResultDeleted):  # which is where it was deleted
            await libra.keep_result(goes, build())
    # This one has never seen the page, so it cannot know.
    two = msgspec.structs.replace(one, data_dir=tmp_path / "two")
    async with Libra.open(two) as libra:
        assert await libra.keep_result(goes, build()) == (page_id, True)
        other, _ = await libra.keep_result(stays, build("feature"))
        unplugged.rename(disk)
        with suppress(PageNotFound):
            async for report in libra.follow(page_id):
                assert report.backup != "stored"
            await until(libra, page_id, lambda report: report.backup == "stored")
            pytest.fail("it was called stored")
        await stored(libra, other)
        with pytest.raises(ResultDeleted):
            await libra.keep_result(goes, build())
    async with Libra.open(two) as libra:
        await stored(libra, other)
        with pytest.raises(PageNotFound):
            await libra.report(page_id)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"status": "failed"}, "not the report of a weighed page"),
        ({"submitted_at": None}, "submitted_at"),
        ({"submitted_at": NOON + timedelta(days=3)}, "in the future"),
        ({"finished_at": NOON + timedelta(days=3)}, "in the future"),
        ({"submitted_at": NOON.replace(tzinfo=None)}, "with a time zone"),
        ({"finished_at": None}, "with a time zone"),
        ({"score": Score(teledrin=10**9, verdict=None, lighthouse=1)}, "not a number from 0"),
        ({"total": Total(1, 999, 1000)}, "not the sum over assets"),
        ({"by_kind": {}}, "not the sum over by_kind"),
        ({"by_host": {}}, "not the sum over by_host"),
        ({"viewport": "wide"}, "viewport"),
    ],
)
async def test_what_is_no_result_is_refused(
    settings: Settings, change: dict[str, object], says: str
) -> None:
    async with Libra.open(settings) as libra:
        with pytest.raises(UnusableResult, match=says):
            await libra.keep_result(msgspec.structs.replace(result(1000), **change), build())
        assert (await libra.recent()).pages == ()


async def test_a_build_and_an_address_have_to_be_what_they_are_called(settings: Settings) -> None:
    async with Libra.open(settings) as libra:
        for wrong in (
            build(branch="a:b"),
            build(branch=""),
            build(commit="not a commit"),
            build(path="shop"),
            Build("../x", "main", "a1", "/"),
        ):
            with pytest.raises(UnusableResult):
                await libra.keep_result(result(1), wrong)
        with pytest.raises(InvalidURL):
            wrong_url = msgspec.structs.replace(result(1), url="javascript:alert(1)")
            await libra.keep_result(wrong_url, build())


def test_the_id_is_a_uuid_of_the_time_and_of_what_the_result_is() -> None:
    report = result(1)
    ids = {
        id_of(report, build()),
        id_of(report, build("feature")),
        id_of(report, build(commit="b2")),
        id_of(report, build(path="/")),
        id_of(msgspec.structs.replace(report, id=new_id()), build()),
    }
    assert len(ids) == 5
    for one in ids:
        assert one[14] == "7"
        assert one[19] in "89ab"
    later = msgspec.structs.replace(report, submitted_at=NOON + timedelta(milliseconds=1))
    assert id_of(later, build()) > max(ids)


async def test_a_result_that_is_gone_has_no_baseline(settings: Settings) -> None:
    async with Libra.open(settings) as libra:
        with pytest.raises(PageNotFound):
            await libra.baseline(new_id(), "main")
