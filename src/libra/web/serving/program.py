"""`libra serve`: the program that runs until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from socket import socket

import click
import msgspec

from libra.app import DataDirInUse, Libra
from libra.observability import logs
from libra.settings import Settings, SettingsError
from libra.web import create_app
from libra.web.access.made_tokens import MadeTokens
from libra.web.access.rights import is_loopback
from libra.web.serving.application import Application
from libra.web.serving.server import AddressError, WebServer, listen, url_of
from libra.web.serving.systemd import Notifier
from libra.web.telemetry import tracing as telemetry

STREAM_GRACE = 3.0
"""Seconds that HTTP requests under way get at the end; each is answered from memory."""

FILES = 65_536
"""Files and sockets that the program tries to be allowed to open."""

RELOADED = (
    "allowed_host",
    "log_format",
    "log_level",
    "public",
    "read_limit",
    "submit_limit",
    "token",
    "token_file",
    "project_budgets",
    "trusted_proxy",
    "trusted_user_header",
    "user_roles",
)
"""Settings that SIGHUP changes; the others need a restart."""

log = logging.getLogger("libra.serve")


class Program:
    """`libra serve` while it runs.

    Args:
        settings: its settings.
        again: reads the settings again.
        sockets: the sockets that it listens on.
        outlet: the output of its log.
    """

    def __init__(
        self,
        settings: Settings,
        again: Callable[[], Settings],
        sockets: Sequence[socket],
        outlet: logs.Outlet,
    ) -> None:
        self.settings = settings
        self.sockets = sockets
        self.notifier = Notifier()
        self.telemetry = telemetry.start() if settings.otel else None
        self.app: Application | None = None
        self._again = again
        self._outlet = outlet
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()

    async def run(self) -> int:
        """Serve until told to stop; returns the exit code."""
        self._on_signals()
        services: dict[str, Callable[[Libra], WebService]] = {}
        if self.sockets:
            services["Web"] = lambda libra: WebService(libra, self)
        try:
            async with Libra.open(self.settings, services=services) as libra:
                if self.telemetry is not None:
                    libra.tally.on_finished.append(self.telemetry.weighed)
                # Modules, templates and routes stay for good: 80,000 objects that each full run of the
                # garbage collector would look through while nothing else runs.
                gc.freeze()
                self._say_ready()
                self.notifier.ready()
                if not await self._stopped(libra):
                    return 70
                self.notifier.stopping()
                # From here on, new clients are refused at once instead of waiting for an answer.
                for sock in self.sockets:
                    sock.close()
        except DataDirInUse as error:
            click.echo(f"libra: {error}", err=True)
            return 1
        finally:
            for sock in self.sockets:
                sock.close()
            if self.telemetry is not None:
                await asyncio.to_thread(self.telemetry.close)
        return 0

    def _say_ready(self) -> None:
        if not self.sockets:
            _announce("Libra weighs pages for its cluster")
            return
        url = url_of(self.sockets[0]) + self.settings.base_path
        _announce(f"Libra listens on {url}")
        log.info("listening", extra={"url": url})

    async def reload(self) -> None:
        """Read the settings again and apply those that can change without a restart.

        If the settings cannot be used, nothing changes and the service continues.
        """
        self.notifier.reloading()
        try:
            await asyncio.to_thread(self._take_on)
        except (SettingsError, OSError) as error:
            # An OSError too: what the settings name may be on a disk that fails just now.
            log.error("the new settings are invalid, the old ones stay in force: %s", error)
        self.notifier.ready()

    def _take_on(self) -> None:
        wanted = self._again()
        fields = Settings.__struct_fields__
        changed = [name for name in fields if getattr(wanted, name) != getattr(self.settings, name)]
        held = [name for name in changed if name not in RELOADED]
        new = msgspec.structs.replace(
            self.settings, **{name: getattr(wanted, name) for name in RELOADED}
        )
        refusal = why_not(new)
        if refusal is not None:
            raise SettingsError(refusal)
        if self.app is not None:
            self.app.reload(new)
        self.settings = new
        self._outlet.use(new.log_format)
        logs.set_level(new.log_level)
        taken = [name for name in changed if name in RELOADED]
        log.warning(
            "settings were read again: %s changed, number of tokens: %d",
            ", ".join(taken) or "nothing",
            len(new.tokens()),
        )
        if held:
            log.warning("these changed settings need a restart: %s", ", ".join(held))

    async def _stopped(self, libra: Libra) -> bool:
        """Wait for the signal to stop; False if Libra's supervisors gave up before."""
        stop = asyncio.ensure_future(self._stop.wait())
        down = asyncio.ensure_future(libra.wait_down())
        reload = asyncio.ensure_future(self._reload.wait())
        try:
            while True:
                await asyncio.wait({stop, down, reload}, return_when=asyncio.FIRST_COMPLETED)
                if stop.done() or down.done():
                    break
                self._reload.clear()
                await self.reload()
                reload = asyncio.ensure_future(self._reload.wait())
        finally:
            for task in (stop, down, reload):
                task.cancel()
        if not self._stop.is_set():
            click.echo("libra: its supervisors gave up, see the log", err=True)
        return self._stop.is_set()

    def _on_signals(self) -> None:
        loop = asyncio.get_running_loop()

        def on_signal(number: signal.Signals) -> None:
            if self._stop.is_set():
                # At once, as requested: without waiting for threads or exit handlers of the interpreter.
                os._exit(128 + number)
            log.warning("Stopping. Press Ctrl-C again to quit immediately.")
            self._stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, on_signal, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)


class WebService:
    """The server as a service of Libra's tree.

    The sockets belong to the program: when the supervisor restarts the server, it continues with the
    same sockets, at which clients may be waiting.
    """

    def __init__(self, libra: Libra, program: Program) -> None:
        self._libra = libra
        self._program = program

    async def serve(self) -> None:
        """Serve until cancelled, then stop in an orderly way."""
        program = self._program
        # Compiling templates and describing routes takes some 100 ms, too long for the loop.
        app = await asyncio.to_thread(create_app, self._libra, program.settings, program.telemetry)
        program.app = app
        server = WebServer(app, sockets=program.sockets)
        await server.start()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await server.stop(STREAM_GRACE)


def run(settings: Settings, again: Callable[[], Settings] | None = None) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit code.

    At the first signal, Libra accepts nothing new and pages under way get ``settings.shutdown_grace``
    seconds; a second signal ends the program at once (130 or 143). SIGHUP reads the settings again.

    Args:
        settings: its settings; ``port`` 0 takes a free one.
        again: reads the settings again; without it they stay as they are.
    """
    serves = settings.role != "inspector"
    refusal = why_not(settings) if serves else None
    if refusal is not None:
        click.echo(f"libra: {refusal}", err=True)
        return 2
    try:
        # Before anything starts: the user must free a taken port, a supervisor cannot.
        sockets = listen(settings.host, settings.port) if serves else []
    except AddressError as error:
        click.echo(f"libra: {error.strerror}", err=True)  # without its number
        return 1
    # The interpreter's own stream, which reports errors, so that lost lines are counted.
    outlet = logs.set_up(settings.log_format, settings.log_level, sys.__stderr__)
    _allow_many_files()
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_serve(settings, again or (lambda: settings), sockets, outlet))
    finally:
        outlet.close()


def why_not(settings: Settings) -> str | None:
    """Why a service must not start: its settings do not say who may use it. None if it may."""
    if (
        settings.tokens()
        or settings.public != "no"
        or settings.trusted_user_header is not None
        or settings.cluster
    ):
        # The cluster may provide tokens; until it does, nobody is let in.
        return None
    try:
        if MadeTokens(settings.data_dir).every():
            return None
    except ValueError as error:
        return str(error)
    if settings.token_file is not None:
        return (
            f"{settings.token_file} contains no token: add one (libra token new NAME --role full)."
        )
    ways = (
        "Set up access first: make a token (libra token new NAME --role full) and give it with "
        "--token or --token-file, or say what strangers may do: --public read or --public submit."
    )
    if settings.trusted_proxy:
        return f"Behind a proxy it is reachable from other machines. {ways}"
    if not is_loopback(settings.host):
        host = settings.host or "Every address of this machine"
        return f"{host} is reachable from other machines. {ways}"
    return None


async def _serve(
    settings: Settings,
    again: Callable[[], Settings],
    sockets: Sequence[socket],
    outlet: logs.Outlet,
) -> int:
    try:
        program = Program(settings, again, sockets, outlet)
        return await program.run()
    except SettingsError as error:
        click.echo(f"libra: {error}", err=True)
        return 2


def _announce(text: str) -> None:
    """Write to standard output; if it has no reader, that stops nothing."""
    with suppress(OSError, click.ClickException, click.exceptions.Exit):
        click.echo(text)


def _allow_many_files() -> None:
    """Raise the limit of connections for this user: the usual limit of 1,024 is for `select`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - not there on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
