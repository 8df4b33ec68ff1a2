"""For tests of programs that use Libra: pages to weigh, a clock to move, and ways to wait.

::

    from libra import Libra, Settings
    from libra.testing import PageServer, finished, html, stored

    async with PageServer({"/": html("<p>Hello")}) as server:
        settings = Settings(data_dir=folder, allow=("127.0.0.0/8",))
        async with Libra.open(settings) as libra:
            page_id = await libra.weigh(server.url("/"))
            report = await finished(libra, page_id)
            await stored(libra, page_id)

Nothing here sleeps or polls: each function waits for an event. With a `FakeClock`, timers and the wall
clock stand still until the test moves them:

::

    clock = FakeClock()
    async with Libra.open(settings, clock=clock, now=clock.now) as libra:
        ...
        await clock.advance(3600)

Libra's own tests use this module, and no other, to look inside a Libra.
"""

from __future__ import annotations

from libra.otp.testing import FakeClock, settle
from libra.testing.inside import browser_processes, crash, drained, journal_size, process_of
from libra.testing.pages import (
    Page,
    PageServer,
    RawServer,
    Request,
    Site,
    compressed,
    css,
    font,
    html,
    image,
    redirect,
    script,
)
from libra.testing.waiting import (
    finished,
    following,
    run_until,
    settled,
    stored,
    until,
    until_watch,
    watches_restored,
)

__all__ = [
    "FakeClock",
    "Page",
    "PageServer",
    "RawServer",
    "Request",
    "Site",
    "browser_processes",
    "compressed",
    "crash",
    "css",
    "drained",
    "finished",
    "following",
    "font",
    "html",
    "image",
    "journal_size",
    "process_of",
    "redirect",
    "run_until",
    "script",
    "settle",
    "settled",
    "stored",
    "until",
    "until_watch",
    "watches_restored",
]
