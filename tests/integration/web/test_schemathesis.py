"""The running service against its own OpenAPI document, with requests that nobody thought of.

Schemathesis makes them from the document, also such that contradict it, and in sequences: what is
answered must be documented, fit its schema, and never be a failure of ours. The seed is fixed, so that
a run says something about a change and not about luck; ``LIBRA_TEST_SEED`` chooses another.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from libra.settings import Settings
from support.service import Service, running

SECRET = "a-secret-of-some-length"
EXAMPLES = "3"
"""Of each operation, and as many sequences of them."""

ALL = "examples,coverage,fuzzing,stateful"
FEWER = "examples,fuzzing,stateful"
"""Without the edges of every parameter, which are half of the work and the same behind the guard."""


@pytest.fixture(params=["open", "guarded"])
async def target(
    settings: Settings, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[Service, list[str]]]:
    """A service with and without tokens, and flags. The names that are submitted lead nowhere, soon."""
    hurried = msgspec.structs.replace(
        settings,
        page_timeout=0.5,
        asset_timeout=0.5,
        shutdown_grace=0,
        browser="no-browser-here",  # starting one for every guess would take minutes
    )
    if request.param == "open":
        async with running(hurried) as service:
            yield service, ["--phases", FEWER]
    else:
        guarded = msgspec.structs.replace(
            hurried, token=(f"ci:full:{SECRET}",), read_limit="off", submit_limit="off"
        )
        async with running(guarded) as service:
            yield service, ["--phases", ALL, "--header", f"Authorization: Bearer {SECRET}"]


async def test_what_is_answered_is_what_the_document_says(
    target: tuple[Service, list[str]], tmp_path: Path
) -> None:
    service, flags = target
    config = Path(__file__).with_name("schemathesis.toml")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
        *("run", f"{service.server.url}/openapi.json", "--no-color"),
        *("--workers", "1", "--max-examples", EXAMPLES, *flags),
        *("--seed", os.environ.get("LIBRA_TEST_SEED", "1"), "--request-timeout", "1000"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=tmp_path,
    )
    told, _ = await process.communicate()
    output = told.decode()
    assert process.returncode == 0, output[-10_000:]
    # Every operation that is described, and in sequences too: nothing was left out on the way.
    described = (await service.client.get("/openapi.json", headers=service_token(flags))).json()
    operations = sum(len(item) for item in described["paths"].values())
    assert f"Tested: {operations}\n" in output
    assert "✅ Stateful" in output


def service_token(flags: list[str]) -> dict[str, str]:
    """The header that lets in where tokens are set."""
    return dict([flags[-1].split(": ", 1)]) if "--header" in flags else {}
