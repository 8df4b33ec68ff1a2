"""Results of CI in a cluster: sent to any web node, kept by those who weigh."""

from __future__ import annotations

import pytest

from integration.cluster.conftest import Deaf, NodeSettings
from libra.app import Libra, PageNotFound, ResultDeleted
from libra.testing import until
from support.asking import PATIENCE, eventually
from support.builds import build, result
from support.joined import joined


async def test_a_result_is_kept_once_whichever_web_node_it_is_sent_to(node: NodeSettings) -> None:
    sent = result(1000)
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
    ):
        await joined(here, there)
        page_id, is_new = await here.keep_result(sent, build())
        assert is_new
        assert (await here.report(page_id)).backup == "replicated"
        assert await there.keep_result(sent, build()) == (page_id, False)
        # It is a page before anybody has written its record, and the newest of its branch.
        mine, _ = await there.keep_result(result(9, minutes=5), build("feature"))
        found, known = await there.baseline(mine, "main")
        assert found is not None
        assert (found.id, found.build, known) == (page_id, build(), True)
        gone, _ = await here.keep_result(result(7, minutes=1), build(commit="gone"))
        await there.forget(gone)

        async with Libra.open(node("insp-1", "inspector")):
            for libra in (here, there):
                report = await until(libra, page_id, lambda r: r.backup == "stored")
                assert (report.url, report.total, report.build) == (sent.url, sent.total, build())
            await until(there, mine, lambda r: r.backup == "stored")
            assert await here.keep_result(sent, build()) == (page_id, False)

            async def is_gone() -> bool:
                try:
                    await here.report(gone)
                except PageNotFound:
                    return True
                return False

            await eventually(is_gone, "the deleted one is gone", within=PATIENCE)


async def test_a_result_that_another_node_has_just_kept_or_deleted_is_not_new(
    node: NodeSettings, deaf: Deaf
) -> None:
    """The node that is asked has been told of neither yet; the engine knows."""
    kept, gone = result(1000), result(7, minutes=1)
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
    ):
        await joined(here, there)
        deaf.nodes.add("web-2")
        page_id, _ = await here.keep_result(kept, build())
        other, _ = await here.keep_result(gone, build())
        await here.forget(other)
        assert await there.keep_result(kept, build()) == (page_id, False)
        assert (await there.report(page_id)).backup == "replicated"
        with pytest.raises(ResultDeleted):
            await there.keep_result(gone, build())
