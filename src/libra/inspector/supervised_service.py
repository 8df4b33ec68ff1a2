"""Runs a service such as the web server as a process of the tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from libra.otp import Continue, Failed, GenServer, Stop, TaskDone, TaskFailed


class Runnable(Protocol):
    """A service that can run under supervision."""

    async def serve(self) -> None:
        """Run until cancelled. The supervisor starts it again when it returns or raises.

        Cancellation means a clean stop, which may take as long as the supervisor's shutdown deadline.
        """


class SupervisedService(GenServer):
    """Runs a service inside the tree."""

    __slots__ = ("_make",)

    def init(self, make: Callable[[], Runnable]) -> Continue:
        """Run the service that ``make`` returns, a new one in each life."""
        self._make = make
        return Continue(None)

    def handle_continue(self, token: Any) -> None:
        """Start the service."""
        self.start_task(self._make().serve())

    def handle_info(self, message: Any) -> Stop | None:
        """Stop, since the service must not end before the program: the supervisor starts it again."""
        match message:
            case TaskFailed(_, _, error):
                raise error
            case TaskDone():
                return Stop(Failed("the service ended unexpectedly"))
        return None
