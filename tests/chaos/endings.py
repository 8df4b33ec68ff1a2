"""How it ended: what Libra has in memory and what the database holds, each asked directly."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from chaos.checker import Kept
from chaos.history import digest
from support.asking import PATIENCE, eventually, eventually_blocking

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_AT_ONCE = 16  # calls


async def in_memory(session: aiohttp.ClientSession, ids: Iterable[str]) -> dict[str, Kept]:
    """Every page that Libra has: those of its list and those that clients know of.

    Raises:
        Late: if it does not know in the end.
    """
    return await known(session, {*ids, *[page async for page in _listed(session)]})


async def known(session: aiohttp.ClientSession, ids: Iterable[str]) -> dict[str, Kept]:
    """Those of some pages that there are, once Libra can tell.

    Whether there is a page that was deleted only the database knows, and on a busy machine it may not
    answer within the time that Libra gives it: then Libra says that it cannot tell, and is asked again.

    Raises:
        Late: if it does not know in the end.
    """
    turns = asyncio.Semaphore(_AT_ONCE)
    found: dict[str, Kept] = {}

    async def look(page: str) -> None:
        async with turns:
            await eventually(
                partial(_told, session, page, found), f"{page} is known", within=PATIENCE
            )

    await asyncio.gather(*map(look, sorted(ids)))
    return found


def in_sqlite(path: Path) -> dict[str, Kept]:
    """Every row of a SQLite file that is not a deletion."""
    rows = _ask_sqlite(
        path, "SELECT id, version, status, report FROM pages WHERE deleted_at IS NULL"
    )
    return dict(kept(row, zstd.decompress(data)) for *row, data in rows)


def any_in_sqlite(path: Path, ids: Iterable[str]) -> bool:
    """Whether a SQLite file has one of these pages, or that it was deleted."""
    return not {page for (page,) in _ask_sqlite(path, "SELECT id FROM pages")}.isdisjoint(ids)


def _ask_sqlite(path: Path, sql: str) -> list[Any]:
    """The answer; waits for whoever recovers the file at the time."""

    def answer() -> tuple[list[Any]] | None:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=PATIENCE)
        try:
            return (connection.execute(sql).fetchall(),)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_PROTOCOL":
                raise
            return None
        finally:
            connection.close()

    [rows] = eventually_blocking(answer, f"{path} can be read", within=PATIENCE)
    return rows


def kept(row: Sequence[Any], data: bytes | str) -> tuple[str, Kept]:
    """A row, by the id of its page: id, version and status, and the JSON of its report."""
    report = json.loads(data)
    page, version, status = row
    content = digest(report)
    if (report["id"], report["version"], report["status"]) != (page, version, status):
        content += f" of page {report['id']}, version {report['version']}, {report['status']}"
    return page, Kept(version, status, content, report["backup"])


async def _told(session: aiohttp.ClientSession, page: str, found: dict[str, Kept]) -> bool:
    async with session.get(f"/pages/{page}") as answer:
        assert answer.status in (200, 404, 503), f"page {page}: {answer.status}"
        if answer.status == 200:
            report = await answer.json()
            found[page] = Kept(
                report["version"],
                report["status"],
                digest(report),
                report["backup"],
                _submission_of(report),
            )
        return answer.status != 503


def _submission_of(report: dict[str, Any]) -> str | None:
    if not (report["error"] or "").startswith("quarantined:") or report["finished_at"] is not None:
        return None
    return digest(report | {"status": "queued", "error": None})


async def _listed(session: aiohttp.ClientSession) -> AsyncIterator[str]:
    after: str | None = ""

    async def whole() -> dict[str, Any] | None:
        async with session.get(
            "/pages", params={"limit": "100"} | ({"after": after} if after else {})
        ) as answer:
            assert answer.status == 200
            body: dict[str, Any] = await answer.json()
            return None if body["partial"] else body

    while after is not None:
        body = await eventually(whole, "a list is not from memory alone", within=PATIENCE)
        for summary in body["pages"]:
            yield summary["id"]
        after = body["next"]
