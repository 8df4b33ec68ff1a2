"""How it ended: what Libra has in memory and what the database holds, each asked directly."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from chaos.checker import Kept
from chaos.history import digest

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_AT_ONCE = 16  # calls


async def in_memory(session: aiohttp.ClientSession, ids: Iterable[str]) -> dict[str, Kept]:
    """Every page that Libra has: those of its list and those that clients know of.

    Raises:
        AssertionError: if it does not know all that it has.
    """
    wanted = {*ids, *[page async for page in _listed(session)]}
    turns = asyncio.Semaphore(_AT_ONCE)
    found: dict[str, Kept] = {}

    async def look(page: str) -> None:
        async with turns, session.get(f"/pages/{page}") as answer:
            assert answer.status in (200, 404), f"page {page}: {answer.status}"
            if answer.status == 200:
                report = await answer.json()
                found[page] = Kept(
                    report["version"], report["status"], digest(report), report["backup"]
                )

    await asyncio.gather(*map(look, sorted(wanted)))
    return found


def in_sqlite(path: Path) -> dict[str, Kept]:
    """Every row of a SQLite file that is not a deletion; waits for whoever recovers it at the time."""
    deadline = time.monotonic() + 10
    while True:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)
        try:
            rows = connection.execute(
                "SELECT id, version, status, report FROM pages WHERE deleted_at IS NULL"
            ).fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_PROTOCOL" or time.monotonic() > deadline:
                raise
            continue
        finally:
            connection.close()
        return dict(kept(row, zstd.decompress(data)) for *row, data in rows)


def kept(row: Sequence[Any], data: bytes | str) -> tuple[str, Kept]:
    """A row, by the id of its page: id, version and status, and the JSON of its report."""
    report = json.loads(data)
    page, version, status = row
    content = digest(report)
    if (report["id"], report["version"], report["status"]) != (page, version, status):
        content += f" of page {report['id']}, version {report['version']}, {report['status']}"
    return page, Kept(version, status, content, report["backup"])


async def _listed(session: aiohttp.ClientSession) -> AsyncIterator[str]:
    after: str | None = ""
    while after is not None:
        async with session.get(
            "/pages", params={"limit": "100"} | ({"after": after} if after else {})
        ) as answer:
            assert answer.status == 200
            body = await answer.json()
            assert not body["partial"], "the list is from memory alone"
        for summary in body["pages"]:
            yield summary["id"]
        after = body["next"]
