"""A node that comes back after days, when the engine has forgotten what it was handed before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra, PageNotFound, PageUnknown
from libra.ids import Ids
from libra.inspector.records.page_record import PageRecord, first_version
from libra.storage import Deleted, Snapshot, open_store
from libra.testing import until
from support.asking import PATIENCE, eventually
from support.joined import handed_over
from support.journal import journal_in, submitted_in
from support.samples import ordinary
from support.site import WebSite

MADE = datetime.now(UTC) - timedelta(days=4)


async def test_what_the_database_has_of_old_pages_counts_for_more_than_a_journal_that_still_has_them(
    node: NodeSettings, site: WebSite, database: str
) -> None:
    settings, made = node("web-1", "web"), Ids()
    done, deleted, owed = (
        PageRecord(made(int(MADE.timestamp() * 1e9)), site.url(path), None, MADE)
        for path in ("/done", "/deleted", "/owed")
    )
    # As after a power cut: the journal never learned that it need not keep the first two.
    for page in (done, deleted, owed):
        submitted_in(settings, page)
    report = msgspec.structs.replace(
        ordinary(), id=done.id, url=done.url, version=first_version(1) + 5, backup="stored",
        submitted_at=MADE, finished_at=MADE, expires_at=MADE,
    )  # fmt: skip
    store = open_store(database)
    assert not await store.save([Snapshot.of(report), Deleted(deleted.id, MADE)])
    await store.close()
    async with Libra.open(settings) as web, Libra.open(node("insp-1", "inspector")):
        await until(web, owed.id, lambda r: r.backup == "stored")

        async def shown() -> bool:
            try:
                return await web.report(done.id) == report
            except PageUnknown:
                return False

        await eventually(shown, "the report that the database has", within=PATIENCE)

        async def gone() -> bool:
            try:
                await web.report(deleted.id)
            except PageNotFound:
                return True
            return False

        await eventually(gone, "the deleted page is gone", within=PATIENCE)
        with pytest.raises(PageNotFound):
            await web.forget(deleted.id)
        assert (await web.report(done.id)) == report
        await handed_over(web)
    assert {path for path in site.hits if path in ("/done", "/deleted", "/owed")} == {"/owed"}
    with journal_in(settings.data_dir) as journal:
        assert not [entry.id for batch in journal.batches() for entry in batch]
