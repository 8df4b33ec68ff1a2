"""Reads facts for findings from an open page: its bodies, its images and their sizes.

It queries the page from an isolated world, which the page's scripts cannot change. The number and the
length of bodies and of texts are bounded; the caller bounds the time.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from libra.weighing.bodies.body_facts import (
    COMPRESS_FROM,
    COMPRESS_UP_TO,
    BodyFacts,
    Savings,
    has_cache_headers,
    is_uncompressed_text,
    measure_savings,
)
from libra.weighing.findings.findings import COPY_BYTES, FindingNotes
from libra.weighing.findings.observed import Observed
from libra.weighing.headers.refresh import parse_refresh
from libra.weighing.rendered.requests.logged_request import LoggedRequest

if TYPE_CHECKING:
    from playwright.async_api import CDPSession

BODIES = 100
"""Maximum number of bodies to examine; the browser hands them over one by one."""

BODY_BYTES = COMPRESS_UP_TO
"""Maximum length of a body to examine, since it is copied twice."""

BUFFER_BYTES = 30_000_000
"""Size of the browser's buffer for a page's bodies, so that they can be examined."""

_ANSWER_CHARACTERS = 8_000_000
"""Characters of an answer: a longer message than the driver may send would end the driver."""

_TITLE = "[[document.title.slice(0, {most}).toWellFormed()]]"
_TIMINGS = (
    "performance.getEntriesByType('resource')"
    ".map(e => [e.name, e.encodedBodySize, e.decodedBodySize])"
)
_IMAGES = (
    "[...document.images].slice(0, 2000)"
    ".filter(i => /^https?:/.test(i.currentSrc) && i.clientWidth && i.clientHeight)"
    ".map(i => [i.currentSrc, i.naturalWidth, i.naturalHeight, i.clientWidth, i.clientHeight])"
)
_ELEMENTS = "[[document.querySelectorAll('*').length - document.querySelectorAll('svg *').length]]"
_REFRESH = (
    "[...document.querySelectorAll('meta[http-equiv=refresh i]')].slice(0, 9)"
    ".map(m => [String(m.content).slice(0, 4000).toWellFormed(), document.baseURI])"
)
_BOUNDED = (
    "((rows, left) => rows.filter(row => "
    "{ const size = JSON.stringify(row).length; return size <= left && (left -= size, true) }))"
)


async def worker_sizes(session: CDPSession, frame: str) -> dict[str, tuple[int, int]]:
    """Transfer and decoded sizes by URL, from the page's own resource timing."""
    return {row[0]: (int(row[1]), int(row[2])) for row in await _ask(session, frame, _TIMINGS)}


async def title_of(session: CDPSession, frame: str, most: int) -> str:
    """The beginning of the page's title, of this many UTF-16 units."""
    rows = await _ask(session, frame, _TITLE.format(most=most))
    return str(rows[0][0]) if rows else ""


async def inspect(
    session: CDPSession, frame: str, entries: list[LoggedRequest], url: str, notes: FindingNotes
) -> None:
    """Examine a page that has finished loading, and record facts for its findings.

    Args:
        session: The session of the page.
        frame: Its main frame.
        entries: Its requests, in the order of the report's assets.
        url: The address of the page.
        notes: Receives the facts; they stay there even if the time runs out.
    """
    pixels: dict[str, tuple[int, int]] = {}
    shown: dict[str, tuple[int, int]] = {}
    for source, width, height, shown_width, shown_height in await _ask(session, frame, _IMAGES):
        known = shown.get(source, (0, 0))
        pixels[source] = width, height
        shown[source] = max(known[0], shown_width), max(known[1], shown_height)
    refresh, seconds = None, 0
    for content, base in await _ask(session, frame, _REFRESH):
        found = parse_refresh(content, url, base)
        if found is not None:
            refresh, seconds = found
    counted = await _ask(session, frame, _ELEMENTS)
    elements = int(counted[0][0]) if counted else None
    seen = Observed(refresh=refresh, refresh_seconds=seconds, shown=shown, elements=elements)
    notes.see(seen, is_page=True)
    for at, entry in enumerate(entries):
        if entry.status == 200 and entry.answered:
            cached = has_cache_headers(entry.headers)
            notes.note(at, BodyFacts(cached=cached, pixels=pixels.get(entry.url)))
    for at in _worth_a_look(entries):
        entry = entries[at]
        body = await _body(session, entry)
        if body is None:
            continue
        savings: Savings | None = None
        if _is_text(entry) and len(body) == entry.resource_bytes:
            savings = await asyncio.to_thread(measure_savings, body)
        digest = hashlib.sha1(body, usedforsecurity=False).digest()
        cached = has_cache_headers(entry.headers)
        notes.note(at, BodyFacts(digest, cached, pixels.get(entry.url), savings))


def _worth_a_look(entries: list[LoggedRequest]) -> list[int]:
    """The indices of bodies that may be copies of one another, or were sent uncompressed."""
    sizes = Counter((e.transfer_bytes, e.resource_bytes) for e in entries if e.status == 200)
    found = [
        at
        for at, entry in enumerate(entries)
        if entry.status == 200
        and entry.request_id
        and entry.error is None
        and entry.kind != "media"
        and entry.resource_bytes <= BODY_BYTES
        and (
            _is_text(entry)
            or (
                entry.transfer_bytes >= COPY_BYTES
                and sizes[entry.transfer_bytes, entry.resource_bytes] > 1
            )
        )
    ]
    return found[:BODIES]


def _is_text(entry: LoggedRequest) -> bool:
    return entry.transfer_bytes >= COMPRESS_FROM and is_uncompressed_text(
        entry.content_type, entry.encoding
    )


async def _body(session: CDPSession, entry: LoggedRequest) -> bytes | None:
    from playwright.async_api import Error  # noqa: PLC0415 - an extra, and slow to import

    try:
        answer = await session.send("Network.getResponseBody", {"requestId": entry.request_id})
    except Error:  # the browser has discarded it
        return None
    body = answer["body"]
    return base64.b64decode(body) if answer["base64Encoded"] else body.encode("utf-8", "replace")


async def _ask(session: CDPSession, frame: str, expression: str) -> list[list[Any]]:
    """The rows that an expression yields in an isolated world; those beyond the limit are left out."""
    world = await session.send("Page.createIsolatedWorld", {"frameId": frame})
    question = {
        "contextId": world["executionContextId"],
        "expression": f"{_BOUNDED}({expression}, {_ANSWER_CHARACTERS})",
        "returnByValue": True,
    }
    answer = await session.send("Runtime.evaluate", question)
    found = answer["result"].get("value")
    return found if isinstance(found, list) else []
