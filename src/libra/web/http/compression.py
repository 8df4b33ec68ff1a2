"""Content coding (RFC 9110, section 8.4) of pages for people and the files they use.

JSON is sent as it is in memory, which is faster than compressing it for every reader; a proxy may
compress it. Pages are for people, often far away, and compression makes some ten times smaller.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import brotli  # type: ignore[import-untyped]  # it ships no types
from litestar import Request, Response

from libra.web.http.negotiation import coding

LEAST = 1000
"""Bytes from which compression pays: a smaller body fits into one packet anyway."""

_LARGE = 200_000


def compress(body: bytes, accept_encoding: str | None) -> tuple[bytes, dict[str, str]]:
    """A body in a coding that the client accepts, with the headers that say so.

    It favours speed over size, because it runs for every answer: a millisecond for 60 kB.
    """
    chosen = coding(accept_encoding) if len(body) >= LEAST else None
    if chosen == "br":
        body = brotli.compress(body, quality=1 if len(body) > _LARGE else 4)
    elif chosen == "gzip":
        body = gzip.compress(body, 1 if len(body) > _LARGE else 6, mtime=0)
    return body, _headers(chosen)


async def compress_once(body: bytes, accept_encoding: str | None) -> tuple[bytes, dict[str, str]]:
    """As `compress`, but as small as possible: for files, which a program compresses only once.

    Large files are compressed in a thread, and less: the best compression would take seconds.
    """
    chosen = coding(accept_encoding) if len(body) >= LEAST else None
    if len(body) > _LARGE:
        return await asyncio.to_thread(_smallest, body, chosen), _headers(chosen)
    return _smallest(body, chosen), _headers(chosen)


@lru_cache(maxsize=32)
def _smallest(body: bytes, chosen: str | None) -> bytes:
    large = len(body) > _LARGE
    if chosen == "br":
        return bytes(brotli.compress(body, quality=5 if large else 11))
    return gzip.compress(body, 6 if large else 9, mtime=0) if chosen == "gzip" else body


def page(
    request: Request[Any, Any, Any],
    content: bytes,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """An HTML page as an answer. By default, clients must revalidate it each time (see ``headers``)."""
    body, coded = compress(content, request.headers.get("accept-encoding"))
    return compressed_page(body, coded, status=status, headers=headers)


def compressed_page(
    body: bytes,
    coded: Mapping[str, str],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """As `page`, for a body that `compress` has already made."""
    basis = {"Cache-Control": "no-cache", "Vary": "Accept, Accept-Encoding"}
    return Response(
        body,
        status_code=status,
        media_type="text/html",
        headers={**basis, **coded, **(headers or {})},
    )


def _headers(chosen: str | None) -> dict[str, str]:
    return {} if chosen is None else {"Content-Encoding": chosen}
