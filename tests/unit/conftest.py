"""What holds for every unit test: it runs alone, in its set-up and to its end."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from support.alone import alone


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, object, object]:
    with alone():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    with alone():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    with alone():
        return (yield)
