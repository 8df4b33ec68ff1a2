"""A report as a row holds it: one zstd frame of its JSON.

All engines and the journal have the same frame, so that a page which comes back at a start can rest in
memory as what it was read as.
"""

from __future__ import annotations

import threading

import zstandard


def frame(data: bytes) -> bytes:
    """Compress a report; any thread may do so."""
    return _zstd.compress(data)


def unframe(data: bytes) -> bytes:
    """What `frame` was given.

    Raises:
        ValueError: it is no such frame.
    """
    try:
        return _zstd.decompress(data)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error


def unframed_size(data: bytes) -> int:
    """How many bytes `unframe` will give, as the frame says; 0 if it does not, or is none."""
    try:
        return max(zstandard.frame_content_size(data), 0)
    except zstandard.ZstdError:
        return 0


class _Zstd(threading.local):
    """What compresses and decompresses, one of each for a thread: making them takes longer than use."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=3, write_checksum=False).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_zstd = _Zstd()
