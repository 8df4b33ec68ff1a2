"""A service that runs as long as Libra does, such as the web server, as a process of its tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from libra.otp import Continue, Failed, GenServer, Stop, TaskDone, TaskFailed


class Runnable(Protocol):
    """What can be run under supervision."""

    async def serve(self) -> None:
        """Run until cancelled. Returning or raising makes the supervisor start it again.

        Cancellation is the order to stop in good order: what is needed for that may take as long as
        the supervisor's shutdown deadline.
        """


class SupervisedService(GenServer):
    """Runs something of the outside world inside the tree."""

    __slots__ = ("_make",)

    def init(self, make: Callable[[], Runnable]) -> Continue:
        """Start what ``make`` makes, a new one in each life."""
        self._make = make
        return Continue(None)

    def handle_continue(self, token: Any) -> None:
        """Run it."""
        self.start_task(self._make().serve())

    def handle_info(self, message: Any) -> Stop | None:
        """It ended by itself, which is never meant: let the supervisor start it again."""
        match message:
            case TaskFailed(_, _, error):
                raise error
            case TaskDone():
                return Stop(Failed("the service ended by itself"))
        return None
