"""A thread for a disk that may hang."""

import asyncio
import threading

import pytest

from libra.inspector.durability.disk_thread import DiskThread
from support.asking import PATIENCE


async def test_calls_run_one_after_the_other_on_one_thread_and_hand_back_what_they_come_to() -> (
    None
):
    thread = DiskThread("disk")
    loop = asyncio.get_running_loop()
    names = [loop.run_in_executor(thread, threading.current_thread) for _ in range(3)]
    assert len({(await name).ident for name in names}) == 1
    with pytest.raises(ZeroDivisionError):
        await loop.run_in_executor(thread, divmod, 1, 0)
    assert thread.close(PATIENCE)


def test_one_that_was_never_used_has_no_thread() -> None:
    name = "a disk that nobody writes to"
    thread = DiskThread(name)
    assert name not in {each.name for each in threading.enumerate()}
    assert thread.close(0)
    assert name not in {each.name for each in threading.enumerate()}


def test_a_disk_that_hangs_is_left_behind() -> None:
    thread = DiskThread("disk")
    hanging = threading.Event()
    call = thread.submit(hanging.wait)
    assert not thread.close(0.01)
    hanging.set()
    assert call.result(PATIENCE)
    assert thread.close(PATIENCE)
