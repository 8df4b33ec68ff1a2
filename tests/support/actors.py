"""Processes for the tests: they do whatever function they are sent."""

import asyncio
from collections.abc import Callable
from typing import Any

from libra.otp import ExitReason, From, GenServer, Registry, Reply, Runtime


class Actor(GenServer):
    """Runs the functions that it is sent; keeps every other message in `seen`.

    A call is a function of (actor, sender), a cast, info or continue one of (actor).
    """

    __slots__ = ("__weakref__", "ended", "seen")

    def init(self, *args: Any, **kwargs: Any) -> Any:
        """Args: a function to run at once, and the list for the reasons of its ends."""
        start, ended = (*args, None, None)[:2]
        self.seen: list[Any] = []
        self.ended: list[ExitReason] = [] if ended is None else ended
        return None if start is None else start(self)

    def handle_call(self, request: Any, sender: From) -> Any:
        return request(self, sender) if callable(request) else Reply(list(self.seen))

    def handle_cast(self, message: Any) -> Any:
        return self.handle_info(message)

    def handle_info(self, message: Any) -> Any:
        if callable(message):
            return message(self)
        self.seen.append(message)
        return None

    def handle_continue(self, token: Any) -> Any:
        return self.handle_info(token)

    def terminate(self, reason: ExitReason) -> None:
        self.ended.append(reason)


class Trapper(Actor):
    """An actor that traps exits."""

    __slots__ = ()
    trap_exit = True


class Slow(Trapper):
    """An actor whose exit takes some seconds of the runtime's clock."""

    __slots__ = ("seconds",)

    def init(self, seconds: float = 1.0, ended: list[ExitReason] | None = None) -> None:
        super().init(None, ended)
        self.seconds = seconds

    def terminate(self, reason: ExitReason) -> None:
        super().terminate(reason)
        self.start_task(pause(self.runtime, self.seconds))


class Named(Actor):
    """An actor that registers itself."""

    __slots__ = ()

    def init(self, registry: Registry, key: str, start: Callable[[Any], Any] | None = None) -> Any:
        registry.register(key, self)
        return super().init(start)


def boom(*_: Any) -> Any:
    """Crash whoever runs it."""
    raise ValueError("boom")


def tell(value: Any) -> Callable[..., Reply]:
    """A call that is answered with `value`."""
    return lambda *_: Reply(value)


async def pause(runtime: Runtime, seconds: float) -> None:
    """Wait by the runtime's clock."""
    event = asyncio.Event()
    timer = runtime.clock.call_later(seconds, event.set)
    try:
        await event.wait()
    finally:
        timer.cancel()


async def stubborn(release: asyncio.Event) -> str:
    """Ignore every cancellation until released."""
    while not release.is_set():
        try:
            await release.wait()
        except asyncio.CancelledError:
            continue
    return "at last"


async def for_ever() -> None:
    """Never end unless cancelled."""
    await asyncio.get_running_loop().create_future()
