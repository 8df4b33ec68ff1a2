"""One body as it streams in: counts its bytes, decodes it to learn its size, and keeps it if needed.

Nothing here waits. `Body.take` only records each chunk; `Body.decode` does the work in bounded steps.
Small backlogs are decoded on the event loop, large ones in a thread. This module checks every limit that
decoding can exceed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from libra.network.content_encoding import DecodeError, Decoder
from libra.weighing.bodies.kept import IN_MEMORY, KeptBody, Spool, joined
from libra.weighing.options import Limits

INLINE_BYTES = 65_536
"""Largest backlog in bytes that the event loop decodes and reads at once; larger ones go to a thread."""

_INLINE_OUTPUT = 524_288
"""Largest output in bytes of a step on the event loop; the rest goes to a thread."""


class Body:
    """The sizes of one body, and its decoded bytes if they are kept.

    Args:
        encodings: The content encodings to undo, in the order in which the server applied them.
        limits: The limits of the page.
        keep: Whether to keep the decoded bytes.
        spool: The file for kept bytes beyond the limit in memory. Without it all of them stay in memory.

    Attributes:
        transfer_bytes: Bytes received.
        resource_bytes: Bytes decoded so far.
        error: Why counting or decoding ended early, as a named error.
        cut: Why only a part of the body was kept, as a named error.
    """

    __slots__ = (
        "_backlog",
        "_decoder",
        "_in_memory",
        "_keeping",
        "_kept",
        "_limits",
        "_pieces",
        "_places",
        "_spool",
        "_stopped",
        "backlog_bytes",
        "cut",
        "error",
        "resource_bytes",
        "transfer_bytes",
    )

    def __init__(
        self, encodings: list[str], limits: Limits, *, keep: bool, spool: Spool | None = None
    ) -> None:
        self.transfer_bytes = 0
        self.resource_bytes = 0
        self.backlog_bytes = 0
        self.error: str | None = None
        self.cut: str | None = None
        self._stopped = False
        self._limits = limits
        self._kept: list[bytes] = []
        self._in_memory = 0
        self._places: list[tuple[int, int]] = []
        self._spool = spool
        self._keeping = keep
        self._backlog: deque[bytes] = deque()
        self._pieces: Iterator[bytes] = iter(())
        self._decoder: Decoder | None = None
        if encodings:
            try:
                self._decoder = Decoder(encodings)
            except DecodeError as error:
                self.error = str(error)

    def take(self, chunk: bytes) -> bool:
        """Record a chunk. Returns False, with `error` set, when the caller should stop reading."""
        self.transfer_bytes += len(chunk)
        if self._decoder is None:
            self._accept(chunk)
        elif self.error is None:
            self._backlog.append(chunk)
            self.backlog_bytes += len(chunk)
        if self.transfer_bytes > self._limits.asset_bytes:
            self._stop(f"too-large: more than {self._limits.asset_bytes:,} bytes")
        # A body that cannot be decoded is still counted on the wire; a body that exceeds a limit is not.
        return not self._stopped

    def decode_inline(self) -> bool:
        """Decode as much of the backlog as is cheap. Returns False if a thread should do the rest."""
        if self.backlog_bytes > INLINE_BYTES:
            return False
        return self._decode(self.resource_bytes + _INLINE_OUTPUT)

    def decode(self) -> None:
        """Decode the whole backlog. This can take long: call it in a thread."""
        while not self._decode(self.resource_bytes + _INLINE_OUTPUT):
            self.spill()
        self.spill()

    @property
    def spills(self) -> bool:
        """Whether the caller should call `spill` because too many kept bytes are in memory."""
        return self._in_memory > IN_MEMORY and self._spool is not None

    def spill(self) -> None:
        """Move the kept bytes to the page's file if there are many. Call this in a thread."""
        spool = self._spool
        if spool is None or not self.spills:
            return
        kept, self._kept, self._in_memory = self._kept, [], 0
        try:
            self._places.append(spool.write(b"".join(kept)))
        except OSError as error:
            self._keeping = False
            self.cut = (
                self.cut or f"not-kept: the body could not be stored on disk: {error.strerror}"
            )

    def finish(self) -> None:
        """Check that the encoding ended properly. Call this after decoding the last chunk."""
        if self._decoder is not None and self.error is None:
            try:
                self._decoder.finish()
            except DecodeError as error:
                self.error = str(error)

    def take_kept(self) -> KeptBody:
        """Hand over the decoded bytes, up to the reading limit, without copying them."""
        kept, self._kept = self._kept, []
        memory = kept[0] if len(kept) == 1 else b"".join(kept)
        return KeptBody(memory, tuple(joined(self._places)), self._spool if self._places else None)

    def _decode(self, pause_at: int) -> bool:
        decoder = self._decoder
        if decoder is None or self.error is not None:
            return True
        try:
            while True:
                for piece in self._pieces:
                    if not self._accept(piece):
                        return True
                    if self.resource_bytes > pause_at:
                        return False
                if not self._backlog:
                    break
                chunk = self._backlog.popleft()
                self.backlog_bytes -= len(chunk)
                self._pieces = decoder.feed(chunk)
        except DecodeError as error:
            self.error = str(error)
        return True

    def _accept(self, piece: bytes) -> bool:
        """Count a decoded piece. Returns False when decoding should stop."""
        limits = self._limits
        self.resource_bytes += len(piece)
        if self.resource_bytes > limits.asset_resource_bytes:
            self._stop(f"too-large: decodes to more than {limits.asset_resource_bytes:,} bytes")
        elif (
            self.resource_bytes > limits.decode_grace
            and self.resource_bytes > limits.decode_ratio * self.transfer_bytes
        ):
            self._stop(f"too-large: decodes to over {limits.decode_ratio:,.0f} times its size")
        if self._keeping:
            self._kept.append(piece)
            self._in_memory += len(piece)
            if self.resource_bytes > limits.read_bytes:
                self._keeping = False
                self.cut = f"too-large: only the first {limits.read_bytes:,} bytes were read"
        return not self._stopped

    def _stop(self, error: str) -> None:
        if self.error is None:
            self.error = error
        self._stopped = True
