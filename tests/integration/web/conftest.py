from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from integration.web.service import Service, running
from libra.settings import Settings


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with running(settings) as up:
        yield up
