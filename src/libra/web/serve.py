"""`libra serve`: the program that runs until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from socket import socket

import click

from libra.app import DataDirInUse, Libra
from libra.settings import Settings
from libra.web import create_app
from libra.web.access import is_loopback
from libra.web.server import AddressError, Server, listen, url_of

STREAM_GRACE = 3.0
"""Seconds that HTTP requests under way are given at the end; each is answered from memory."""


class WebService:
    """The server as a service of Libra's tree.

    The sockets are not its own: when the supervisor starts it again, it goes on with those that
    clients are waiting at.
    """

    def __init__(self, libra: Libra, settings: Settings, sockets: Sequence[socket]) -> None:
        self._libra = libra
        self._settings = settings
        self._sockets = sockets

    async def serve(self) -> None:
        """Serve until cancelled, then stop in good order."""
        # Compiling templates and describing routes takes some 100 ms, too long for the loop.
        app = await asyncio.to_thread(create_app, self._libra, self._settings)
        server = Server(app, sockets=self._sockets)
        await server.start()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await server.stop(STREAM_GRACE)


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit code.

    At the first signal nothing new is accepted and pages under way get ``settings.shutdown_grace``
    seconds; a second ends the program at once (130 or 143).

    Args:
        settings: how it is to run; ``port`` 0 takes a free one.
    """
    refusal = why_not(settings)
    if refusal is not None:
        click.echo(f"libra: {refusal}", err=True)
        return 2
    try:
        # Before anything is started: a taken port is the user's to solve, not a supervisor's.
        sockets = listen(settings.host, settings.port)
    except AddressError as error:
        click.echo(f"libra: {error}", err=True)
        return 1
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(settings, sockets))


def why_not(settings: Settings) -> str | None:
    """Why a service is not started like this: nobody has said who may use it. None if it may be."""
    if settings.tokens() or settings.public != "no":
        return None
    if settings.token_file is not None:
        return f"There is no token in {settings.token_file}, so nobody could come in."
    ways = (
        "Make a token (libra token new NAME --role full) and give it with --token or "
        "--token-file, or say what strangers may do: --public read or --public submit."
    )
    if settings.trusted_proxy:
        return f"Behind a proxy strangers come in. {ways}"
    if not is_loopback(settings.host):
        return f"{settings.host} is no loopback address, so strangers come in. {ways}"
    return None


async def _serve(settings: Settings, sockets: Sequence[socket]) -> int:
    stop = asyncio.Event()
    _on_signals(stop)
    try:
        services = {"Web": lambda libra: WebService(libra, settings, sockets)}
        async with Libra.open(settings, services=services) as libra:
            click.echo(f"Libra listens on {url_of(sockets[0])}")
            if not await _stopped(libra, stop):
                return 70
            # Whoever connects from here on is told so at once instead of waiting for an answer.
            for sock in sockets:
                sock.close()
    except DataDirInUse as error:
        click.echo(f"libra: {error}", err=True)
        return 1
    finally:
        for sock in sockets:
            sock.close()
    return 0


async def _stopped(libra: Libra, stop: asyncio.Event) -> bool:
    """Wait for the signal to stop; False if Libra's supervisors gave up before."""
    waiting = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(libra.wait_down())]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
    if not stop.is_set():
        click.echo("libra: ended by its supervisors, see the log", err=True)
    return stop.is_set()


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        if stop.is_set():
            sys.stdout.flush()
            sys.stderr.flush()
            # At once, as asked: without waiting for threads or handlers of the interpreter's end.
            os._exit(128 + number)
        click.echo("Stopping; once more to end at once.", err=True)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - not there on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
