from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from libra.settings import Settings
from support.service import Service, running


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with running(settings) as up:
        yield up
