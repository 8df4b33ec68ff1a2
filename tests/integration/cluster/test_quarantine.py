"""Pages that inspectors died over, seen and retried from any web node."""

from __future__ import annotations

import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra, PageNotFound
from libra.cluster.weighing.weighing import NodeWeighing
from libra.testing import until
from support.asking import PATIENCE, eventually
from support.joined import joined
from support.site import WebSite


async def test_a_quarantined_page_is_retried_from_another_web_node(
    node: NodeSettings, site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
        Libra.open(node("insp-1", "inspector")) as inspector,
    ):
        await joined(here, there)
        with monkeypatch.context() as patched:
            # As if three inspectors had died over it.
            patched.setattr(NodeWeighing, "_start", NodeWeighing._convict)
            page_id = await here.weigh(site.url())
            failed = await until(here, page_id, lambda r: r.backup == "stored")
        assert failed.status == "failed"
        assert (failed.error or "").startswith("quarantined: ")
        await until(there, page_id, lambda r: r.backup == "stored")
        assert list(there.quarantined()) == [page_id]
        assert there.health().quarantined == 1

        await there.retry(page_id)
        assert not there.quarantined()
        retried = await until(
            here, page_id, lambda r: r.status == "weighed" and r.backup == "stored"
        )
        assert retried.version > failed.version
        assert retried.version >> 32 == 2
        with pytest.raises(PageNotFound):
            await here.retry(page_id)

        # What runs at the others is to be seen here, too.
        async def shown() -> bool:
            tree = (await here.trees()).get("insp-1")
            if tree is None:
                return False
            names = {child.name for child in tree.children}
            return names == {child.name for child in inspector.tree().children}

        await eventually(shown, "the tree of the inspector is shown", within=PATIENCE)

        async def known() -> bool:
            return {one.node for one in here.health().nodes} == {"web-1", "web-2", "insp-1"}

        await eventually(known, "all nodes are known", within=PATIENCE)

        # And each gives a client its half of what it may do.
        async def shared() -> bool:
            return here.neighbours.serving == 2

        await eventually(shared, "both serve", within=PATIENCE)
