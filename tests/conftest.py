"""What holds for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from support.needs import require
from support.nursery import Nursery
from support.nursery import nursery as open_nursery

pytest_plugins = ["support.not_tested"]

# A busy machine must not fail a test, so no example is timed. Each run tries the same examples, and
# a change fails by what it changed; LIBRA_EXPLORE=1 tries others, and more of them.
settings.register_profile(
    "same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "explore",
    settings.get_profile("same"),
    derandomize=False,
    max_examples=1_000,
    print_blob=True,
)
settings.load_profile("explore" if os.environ.get("LIBRA_EXPLORE") else "same")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest, so that nothing is waited for at the end while the others are done."""
    items.sort(key=lambda item: item.path.name != "test_schemathesis.py")


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where processes come from that cost next to nothing to start."""
    with open_nursery() as ready:
        yield ready


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser of the system."""
    from libra.weighing.rendered import find_browser  # noqa: PLC0415 - slow

    require("a browser")
    return find_browser()
