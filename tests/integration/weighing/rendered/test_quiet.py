"""Nothing leaves the machine that a browser wants by itself: only what its pages ask for."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import pytest
import pytest_asyncio

from libra.parsers.forking import module_paths
from support.needs import needs

# A browser for each page, and what they take: they run alone.
pytestmark = [pytest.mark.chaos, needs("a browser", "a network of its own")]

NAMED = {
    "127.0.0.1",
    "other.test",
    "shared-socket.test",
    "shared.test",
    "socket.test",
    "worker.test",
}
"""What pages ask for in a way that a browser tells of."""

UNTOLD = {
    "WebRTC": {"turn.other.test"},
    "WebRTC with names": {"turn.other.test"},
    "payment": {"pay.other.test", "pay2.other.test"},
    "hints": {"preconnect.test", "dns.test", "other.test"},
    "reports": {"reports.other.test"},
}
"""What they name only so that the browser may get ready, or do something beside the page."""

Seen = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen(chromium: str) -> Seen:
    """One browser, twenty kinds of pages, every packet."""
    program = await asyncio.create_subprocess_exec(
        *("unshare", "--net", sys.executable, "-m", "support.quiet", chromium),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": module_paths()},
    )
    out, errors = await program.communicate()
    assert program.returncode == 0, errors.decode()
    return dict(json.loads(out))


def test_twenty_kinds_of_pages_are_weighed_by_one_browser(seen: Seen) -> None:
    assert len(seen["kinds"]) >= 20
    assert set(seen["kinds"].values()) == {"weighed"}
    assert seen["browsers"] == 1


def test_no_packet_goes_anywhere_but_to_the_proxy_of_the_page(seen: Seen) -> None:
    assert seen["packets"] > 100
    assert seen["odd"] == []


def test_the_proxy_is_asked_for_nothing_that_the_page_did_not_name(seen: Seen) -> None:
    foreign = {
        kind: set(hosts) - UNTOLD.get(kind, set()) for kind, hosts in seen["refused"].items()
    }
    assert not any(foreign.values()), foreign


def test_no_name_is_looked_up_but_those_that_pages_ask_for(seen: Seen) -> None:
    assert set(seen["resolved"]) <= NAMED
    # Nor does one go missing: workers of all kinds, and WebSockets in them, are heard.
    heard = {"other.test", "worker.test", "socket.test", "shared.test", "shared-socket.test"}
    assert heard <= set(seen["resolved"])
