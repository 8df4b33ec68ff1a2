"""How the progress of a page gets to the nodes of its followers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from libra.cluster.weighing.following import Following
from libra.cluster.weighing.lease import Lease
from libra.inspector.records.page_record import PageRecord
from libra.inspector.records.records import Records
from support.kept import stored_records


class Asked:
    """Pages that never answer."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def ask(self, _: str) -> None:
        self.asked.set()
        await asyncio.Event().wait()


async def test_a_page_is_followed_again_after_the_task_that_told_of_it_was_cancelled() -> None:
    (record,) = stored_records(1)
    page = PageRecord(record.id, record.url, None, datetime.now(UTC))
    lease = Lease(record, 1, cast("Any", None), page)
    records, pages, tasks = Records(lambda: datetime.now(UTC)), Asked(), []

    def spawn(work: Coroutine[Any, Any, None]) -> None:
        tasks.append(asyncio.create_task(work))

    node = SimpleNamespace(context=SimpleNamespace(records=records))
    following = Following(cast("Any", node), cast("Any", pages), {page.id: lease}, spawn)
    for number in (1, 2):
        following.follow(page.id, "libra.web.there.e")
        assert len(tasks) == number
        await pages.asked.wait()
        pages.asked.clear()
        tasks[-1].cancel()
        await asyncio.wait(tasks)
    assert not records.followers.followed()
