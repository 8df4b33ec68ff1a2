"""Whatever waits for libcurl's sockets, its transfers come to their ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from libra.network.addresses.dialing import OPEN
from libra.network.libcurl.multi import Multi
from libra.network.libcurl.sockets import Act, EpollSockets, SelectorSockets, Sockets, SocketsOn
from libra.network.libcurl.transfer import Transfer
from libra.network.libcurl.transfer_request import TransferRequest
from libra.network.libcurl.trust import SYSTEM
from libra.testing.pages import PageServer, image


def without_files(
    loop: asyncio.AbstractEventLoop,
    act: Act,
    settle: Callable[[], None],
    meet: Callable[[int], None],
) -> Sockets:
    """As on a loop that watches no files."""

    class Blind:
        def add_reader(self, *_: object) -> None:
            raise NotImplementedError

        def __getattr__(self, name: str) -> object:
            return getattr(loop, name)

    return SelectorSockets(Blind(), act, settle, meet)  # type: ignore[arg-type]


@pytest.mark.parametrize("sockets", [EpollSockets, SelectorSockets, without_files])
async def test_transfers_end_and_connections_are_kept(sockets: SocketsOn) -> None:
    multi = Multi(4, 2, sockets)
    async with PageServer({f"/{n}": image(100_000) for n in range(9)}) as server:
        transfer = Transfer(asyncio.get_running_loop(), multi, OPEN, SYSTEM, http3=False)
        for number in range(9):
            transfer.prepare(TransferRequest(server.url(f"/{number}"), "Accept: */*\r\n"))
            multi.start(transfer.easy, transfer.ended)
            size = 0
            while not transfer.done or transfer.pieces:
                if not transfer.pieces:
                    await transfer.news()
                size += len(transfer.take_pieces())
            assert (transfer.failure, transfer.status, size) == (None, 200, 100_000)
            transfer.forget()
        assert server.connections == 1
        transfer.easy.close()
        multi.close()
