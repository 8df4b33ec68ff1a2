"""What a server sends beside its answer costs that answer alone, and little."""

from __future__ import annotations

import asyncio

import pytest

from libra.network.tolerant_http import INTERIM_ANSWERS
from libra.testing.pages import RawServer, Request
from libra.weighing.options import Limits, Options
from libra.weighing.orders.orders import Fetch, Outcome, Reference
from libra.weighing.static.fetcher import Fetcher
from support.hostile_server import HostileServer
from support.work import counted_calls

PLENTY = Options(limits=Limits(asset_seconds=60))

HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"


def answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )


class Scripted(RawServer):
    """Sends what the script has for a path, and keeps the connection."""

    def __init__(self, script: dict[str, bytes]) -> None:
        super().__init__()
        self.script = script
        self.writers: list[asyncio.StreamWriter] = []

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        self.writers.append(writer)
        writer.write(self.script[request.path])
        await writer.drain()
        return True


async def fetch(fetcher: Fetcher, url: str) -> Outcome:
    return await fetcher.fetch(Fetch(0, Reference(url, "image")), PLENTY)


async def test_as_many_interim_answers_as_are_allowed_are_passed_over() -> None:
    async with Scripted({"/": HINT * INTERIM_ANSWERS + answer(b"x" * 9)}) as server:
        async with Fetcher() as fetcher:
            for _ in range(2):
                outcome = await fetch(fetcher, server.url())
                assert (outcome.http_status, outcome.transfer_bytes) == (200, 9)
                assert outcome.error is None
        assert server.connections == 1


async def test_one_more_is_the_end_of_it_even_if_the_answer_follows() -> None:
    script = {"/": HINT * (INTERIM_ANSWERS + 1) + answer(b"x" * 9)}
    async with Scripted(script) as server, Fetcher() as fetcher:
        outcome = await fetch(fetcher, server.url())
    assert outcome.error == "bad-answer: more than 20 interim responses and no final one"
    assert outcome.http_status is None


FLOODS = {
    "/interim": "bad-answer: more than 20 interim responses and no final one",
    "/blank-lines": "headers-too-large: the response headers are too long",
    "/many-headers": "headers-too-large: the response headers are too long",
    "/trailers": "headers-too-large: the response headers are too long",
    "/tiny-chunks": "bad-answer: most of the response is framing, not body",
    "/chunk-extension": "bad-answer: most of the response is framing, not body",
}


@pytest.mark.parametrize("path", FLOODS)
async def test_a_flood_of_what_is_no_body_is_ended_and_not_waited_out(path: str) -> None:
    async with HostileServer() as server, Fetcher() as fetcher:
        outcome = await fetch(fetcher, server.url(path))
        await server.deserted()
    assert outcome.error == FLOODS[path]


async def test_an_honest_body_in_many_small_chunks_is_whole() -> None:
    chunks = b"3\r\nabc\r\n" * 30_000
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    script = {"/": head + chunks + b"0\r\n\r\n"}
    async with Scripted(script) as server, Fetcher() as fetcher:
        outcome = await fetch(fetcher, server.url())
    assert (outcome.transfer_bytes, outcome.error) == (90_000, None)


async def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next_one() -> None:
    script = {"/1": answer(b"1") + answer(b"unasked"), "/2": answer(b"22")}
    async with Scripted(script) as server:
        async with Fetcher() as fetcher:
            assert (await fetch(fetcher, server.url("/1"))).transfer_bytes == 1
            assert (await fetch(fetcher, server.url("/2"))).transfer_bytes == 2
        assert server.connections == 2


async def test_a_kept_connection_on_which_bytes_wait_is_not_used_again() -> None:
    async with Scripted({"/1": answer(b"1"), "/2": answer(b"22")}) as server:
        async with Fetcher() as fetcher:
            assert (await fetch(fetcher, server.url("/1"))).transfer_bytes == 1
            # It is written to the socket here and now: no turn of the loop is between this and the
            # next request in which the client could have read it.
            server.writers[0].write(answer(b"unasked"))
            assert (await fetch(fetcher, server.url("/2"))).transfer_bytes == 2
        assert server.connections == 2


async def test_a_body_in_single_bytes_costs_calls_for_its_pieces_and_not_for_its_bytes() -> None:
    bytes_sent = 40_000  # whose framing is below what would be called a flood
    body = b"1\r\nx\r\n" * bytes_sent + b"0\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with Scripted({"/": head + body}) as server, Fetcher() as fetcher:
        with counted_calls() as made:
            outcome = await fetch(fetcher, server.url())
    assert (outcome.error, outcome.resource_bytes) == (None, bytes_sent)
    assert made() < bytes_sent / 2
