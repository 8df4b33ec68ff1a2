"""The entries that only this node has."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from libra.cluster.durability.handing_over import FORGOTTEN, HandOver
from libra.ids import moment_of
from libra.storage import UnreadableRow

OLD = "01990000-0000-7000-8000-000000000001"


class Damaged:
    """A database whose row of the page cannot be read."""

    async def trace(self, page_id: str) -> str:
        return "stored"

    async def load(self, page_id: str) -> None:
        raise UnreadableRow(f"the row of {page_id} cannot be read")


async def test_a_page_whose_row_cannot_be_read_is_handed_over() -> None:
    made = moment_of(OLD)
    assert made is not None
    node = SimpleNamespace(
        context=None, on_writable=[], replica=None, now=made + FORGOTTEN + timedelta(days=1)
    )
    hand_over = HandOver(cast("Any", node), cast("Any", Damaged()))
    assert not await hand_over._is_over(OLD)
