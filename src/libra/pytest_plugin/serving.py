"""Serves the application under test on a port of this machine, in a thread, while tests run."""

from __future__ import annotations

import asyncio
import inspect
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import uvicorn

STARTING = 30.0
"""Seconds that an application may take to start, and the same to stop."""


class NoApplication(Exception):
    """There is no application of this name, or it does not start; the message says why."""


def application(name: str) -> Any:
    """Import the application ``package.module:name``.

    Raises:
        NoApplication: there is none.
    """
    module, colon, attribute = name.partition(":")
    if not colon:
        raise NoApplication(f"{name!r} has no colon: write package.module:name")
    if not all(part.isidentifier() for part in module.split(".")) or "/" in attribute:
        raise NoApplication(
            f"{name!r} is neither package.module:name nor an address with http:// or https://"
        )
    try:
        found: Any = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise NoApplication(f"{name!r} cannot be imported: {error}") from error
    return found


@contextmanager
def serve(app: Any) -> Iterator[str]:
    """Serve a WSGI or ASGI application, and yield its address.

    Raises:
        NoApplication: it does not start.
    """
    if not callable(app):
        raise NoApplication(f"{app!r} is not a WSGI or ASGI application: it is not callable")
    with _serve_asgi(app) if is_asgi(app) else _serve_wsgi(app) as port:
        yield f"http://127.0.0.1:{port}"


def is_asgi(app: Any) -> bool:
    """Whether an application is ASGI, not WSGI: calling it makes a coroutine."""
    call = getattr(app, "__call__", None)  # noqa: B004 - what it is, not whether it is there
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(call)


class _ThreadingWSGIServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    """Writes no access log: tests read the output."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as its base names it
        return


@contextmanager
def _serve_wsgi(app: Any) -> Iterator[int]:
    with _ThreadingWSGIServer(("127.0.0.1", 0), _Handler) as server:
        server.set_app(app)
        thread = threading.Thread(target=server.serve_forever, name="libra-wsgi", daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join(STARTING)


class _Uvicorn(uvicorn.Server):
    """Signals when it has started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    def run_until_told(self, listening: socket.socket) -> None:
        try:
            asyncio.run(self.serve([listening]))
        except SystemExit:  # raised by uvicorn for an application that does not start
            self.started = False
        finally:
            self.ready.set()


@contextmanager
def _serve_asgi(app: Any) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = _Uvicorn(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(
            target=server.run_until_told, args=(listening,), name="libra-asgi", daemon=True
        )
        thread.start()
        server.ready.wait(STARTING)
        if not server.started:
            raise NoApplication("the application did not start: see its log")
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(STARTING)
