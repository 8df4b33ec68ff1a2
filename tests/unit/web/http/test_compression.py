"""Compression: what is sent is what was meant, in a coding that the client takes."""

from __future__ import annotations

import asyncio
import gzip

import brotli  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.web.http.compression import LEAST, compress, compress_once
from libra.web.http.negotiation import coding

DECODERS = {None: bytes, "gzip": gzip.decompress, "br": brotli.decompress}


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("gzip", "gzip"),
        ("GZIP, deflate", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1, br;q=0", "gzip"),
        ("br;q=0, gzip;q=0, *", None),
        ("*", "gzip"),
        ("*;q=0", None),
        ("gzip;q=nonsense", None),
    ],
)
def test_the_smallest_coding_that_is_accepted_is_chosen(
    header: str | None, chosen: str | None
) -> None:
    assert coding(header) == chosen


@given(st.text(max_size=200))
def test_any_header_can_be_read(header: str) -> None:
    assert coding(header) in (None, "br", "gzip")


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("size", [0, LEAST - 1, LEAST, 300_000])
@pytest.mark.parametrize("accept", [None, "gzip", "gzip, br"])
def test_what_was_sent_can_be_read_again(once: bool, size: int, accept: str | None) -> None:
    content = b"weight " * (size // 7) + b"x" * (size % 7)
    if once:
        body, headers = asyncio.run(compress_once(content, accept))
    else:
        body, headers = compress(content, accept)
    chosen = headers.get("Content-Encoding")
    assert DECODERS[chosen](body) == content
    assert (chosen is not None) == (size >= LEAST and accept is not None)
