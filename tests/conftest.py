"""What holds for every test."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from support.compiled import compile_a_part
from support.needs import SHELL, missing, require

# It imports all of Libra, which the process that only hands out tests never needs.
if TYPE_CHECKING:
    from support.nursery import Nursery

pytest_plugins = ["support.not_tested"]

# A busy machine must not fail a test, so no example is timed. Each run tries the same examples, and
# a change fails by what it changed; LIBRA_EXPLORE=1 tries others, and more of them: every night.
settings.register_profile(
    "same",
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "explore",
    settings.get_profile("same"),
    derandomize=False,
    max_examples=1_000,
    print_blob=True,
)
settings.load_profile("explore" if os.environ.get("LIBRA_EXPLORE") else "same")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Of several processes, each compiles a part of what all import."""
    worker: dict[str, Any] | None = getattr(session.config, "workerinput", None)
    if worker is not None:
        number = int(worker["workerid"].removeprefix("gw"))
        compile_a_part(session.config, number, worker["workercount"])


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among what is imported, which stays: neither now nor at each look later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest, so that nothing is waited for at the end while the others are done."""
    items.sort(key=lambda item: item.path.name != "test_schemathesis.py")


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where processes come from that cost next to nothing to start. Services then cost less, too."""
    from support.nursery import nursery as open_nursery  # noqa: PLC0415 - slow
    from support.signatures import remember_signatures  # noqa: PLC0415 - slow

    remember_signatures()
    with open_nursery() as ready:
        yield ready


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser of the system."""
    from libra.weighing.rendered import find_browser  # noqa: PLC0415 - slow

    require("a browser")
    return find_browser()


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> str:
    """The same without windows, which takes half of the time, where only its engine matters.

    It fetches no icons, and few people have it: what a page weighs is judged with `chromium`.
    """
    if missing("a browser without windows") is None:
        return SHELL
    browser: str = request.getfixturevalue("chromium")
    return browser
