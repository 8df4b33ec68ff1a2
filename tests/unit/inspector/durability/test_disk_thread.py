"""A thread for a disk that may hang."""

import asyncio
import threading

import pytest

from libra.inspector.durability.disk_thread import DiskThread


async def test_calls_run_one_after_the_other_on_one_thread_and_hand_back_what_they_come_to() -> (
    None
):
    thread = DiskThread("disk")
    loop = asyncio.get_running_loop()
    names = [loop.run_in_executor(thread, threading.current_thread) for _ in range(3)]
    assert len({(await name).ident for name in names}) == 1
    with pytest.raises(ZeroDivisionError):
        await loop.run_in_executor(thread, divmod, 1, 0)
    assert thread.close(5)


def test_one_that_was_never_used_has_no_thread() -> None:
    before = threading.active_count()
    assert DiskThread("disk").close(0)
    assert threading.active_count() == before


def test_a_disk_that_hangs_is_left_behind() -> None:
    thread = DiskThread("disk")
    hanging = threading.Event()
    call = thread.submit(hanging.wait)
    assert not thread.close(0.01)
    hanging.set()
    assert call.result(5)
    assert thread.close(5)
