"""What a page that is open in a browser tells for its findings: its bodies, its images and their sizes.

The page is asked from an isolated world, where its scripts have changed nothing. Everything is bounded:
how many bodies are looked at, how long they may be, and by whoever calls it how long it may take.
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
"""Bodies that are looked at; the browser hands them over one by one."""

BODY_BYTES = COMPRESS_UP_TO
"""Longer ones are not: they would have to be copied twice."""

BUFFER_BYTES = 30_000_000
"""What the browser keeps of a page's bodies, so that they can be looked at."""

_TIMINGS = (
    "performance.getEntriesByType('resource')"
    ".map(e => [e.name, e.encodedBodySize, e.decodedBodySize])"
)
_IMAGES = (
    "[...document.images].slice(0, 2000).filter(i => i.currentSrc && i.clientWidth && i.clientHeight)"
    ".map(i => [i.currentSrc, i.naturalWidth, i.naturalHeight, i.clientWidth, i.clientHeight])"
)
_ELEMENTS = "[[document.querySelectorAll('*').length - document.querySelectorAll('svg *').length]]"
_REFRESH = (
    "[...document.querySelectorAll('meta[http-equiv=refresh i]')].slice(0, 9)"
    ".map(m => [String(m.content).slice(0, 4000).toWellFormed(), document.baseURI])"
)


async def worker_sizes(session: CDPSession) -> dict[str, tuple[int, int]]:
    """What the page's own clock of resources knows: transfer and resource bytes by URL."""
    return {row[0]: (int(row[1]), int(row[2])) for row in await _ask(session, _TIMINGS)}


async def inspect(
    session: CDPSession, entries: list[LoggedRequest], url: str, notes: FindingNotes
) -> None:
    """Look at a page that has come to rest, and note what its findings need.

    Args:
        session: Of the page.
        entries: What it fetched, in the order of the report's assets.
        url: Where it is.
        notes: What was found so far stays there even if time runs out.
    """
    pixels: dict[str, tuple[int, int]] = {}
    shown: dict[str, tuple[int, int]] = {}
    for source, width, height, shown_width, shown_height in await _ask(session, _IMAGES):
        known = shown.get(source, (0, 0))
        pixels[source] = width, height
        shown[source] = max(known[0], shown_width), max(known[1], shown_height)
    refresh, seconds = None, 0
    for content, base in await _ask(session, _REFRESH):
        found = parse_refresh(content, url, base)
        if found is not None:
            refresh, seconds = found
    counted = await _ask(session, _ELEMENTS)
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
    """The places of bodies that may be copies of one another, or were sent uncompressed."""
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
    except Error:  # the browser has not kept it
        return None
    body = answer["body"]
    return base64.b64decode(body) if answer["base64Encoded"] else body.encode("utf-8", "replace")


async def _ask(session: CDPSession, expression: str) -> list[list[Any]]:
    """The rows that an expression yields in a world of its own."""
    tree = await session.send("Page.getFrameTree")
    frame = {"frameId": tree["frameTree"]["frame"]["id"]}
    world = await session.send("Page.createIsolatedWorld", frame)
    question = {
        "contextId": world["executionContextId"],
        "expression": expression,
        "returnByValue": True,
    }
    answer = await session.send("Runtime.evaluate", question)
    found = answer["result"].get("value")
    return found if isinstance(found, list) else []
