"""The form of a report in a row: one zstd frame of its JSON.

All engines and the journal use the same frame, so that a page which comes back at a start can rest in
memory in the form in which it was read.
"""

from __future__ import annotations

import threading

import zstandard


def frame(data: bytes) -> bytes:
    """Compress a report; callable on any thread."""
    return _zstd.compress(data)


def unframe(data: bytes) -> bytes:
    """Decompress what `frame` returned.

    Raises:
        ValueError: it is not such a frame.
    """
    try:
        return _zstd.decompress(data)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error


def unframed_size(data: bytes) -> int:
    """The unpacked size in bytes, as the frame says; 0 if it does not say or is not a frame."""
    try:
        return max(zstandard.frame_content_size(data), 0)
    except zstandard.ZstdError:
        return 0


class _Zstd(threading.local):
    """One compressor and one decompressor for each thread: making them takes longer than using them."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=3, write_checksum=False).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_zstd = _Zstd()
