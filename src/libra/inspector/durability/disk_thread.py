"""A thread for a disk that may hang.

The standard pools join their threads when the interpreter ends. One write to a disk that hangs would
keep the program from ever ending. The program can leave this thread behind.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DiskThread(Executor):
    """Runs one call after another on a daemon thread, which starts with the first call."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]
        self._calls = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call ``fn`` on the thread."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._main, name=self._name, daemon=True)
            self._thread.start()
        future: Future[T] = Future()
        self._calls.put((future, partial(fn, *args, **kwargs)))
        return future

    def close(self, patience: float) -> bool:
        """End the thread after the calls it was given; False if it hangs for ``patience`` seconds."""
        if self._thread is None:
            return True
        self._calls.put(None)
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _main(self) -> None:
        while (call := self._calls.get()) is not None:
            future, work = call
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - handed to the caller, which waits for it
                future.set_exception(error)
            else:
                future.set_result(result)
