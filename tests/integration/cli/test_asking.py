"""A request of the command to a server that it was told of."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from libra.cli.asking import NoAnswer, ask
from libra.cli.inputs import Route
from libra.network.libcurl.trust import Trust
from libra.testing import pages
from support.ports import refusing_port

NOWHERE = Route(Trust(ca=Path("/nowhere/authorities.pem")))


async def test_authorities_are_read_for_a_server_that_has_a_certificate_only() -> None:
    # To read them takes longer than the request, and a run sends a result for each of many pages.
    async with pages.PageServer({"/": pages.html("Here.")}) as server:
        url = server.url("/")
        answer = await asyncio.to_thread(
            ask, "GET", url, headers={}, seconds=30.0, most=1000, route=NOWHERE
        )
    assert answer.status == 200


def test_why_there_is_no_answer_is_said_in_words() -> None:
    with refusing_port() as port, pytest.raises(NoAnswer, match=r"^Connection refused$"):
        ask("GET", f"http://127.0.0.1:{port}/", headers={}, seconds=30.0, most=1000)
