"""One body as it streams in: counted on the wire, decoded to learn its size, kept if it is to be read.

Nothing here waits. `Body.take` only notes what arrived; `Body.decode` does the work in bounded steps, on
the event loop while there is little of it and in a thread when there is much. Every limit that can be
passed while decoding is judged here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from libra.network.content_encoding import DecodeError, Decoder
from libra.weighing.bodies.kept import IN_MEMORY, KeptBody, Spool, joined
from libra.weighing.options import Limits

INLINE_BYTES = 65_536
"""So much is decoded and read on the event loop in one go; more goes to a thread."""

_INLINE_OUTPUT = 524_288
"""So much may come out of an inline step before the rest goes to a thread."""


class Body:
    """The sizes of one body, and its decoded bytes if they are kept.

    Args:
        encodings: The content encodings that can be undone, in the order they were applied.
        limits: Of the page.
        keep: Whether the decoded bytes are wanted.
        spool: Where what is kept goes when it becomes much; without it all stays in memory.

    Attributes:
        transfer_bytes: What arrived.
        resource_bytes: What it decodes to, as far as it is decoded.
        error: Why counting or decoding ended early, as a named error.
        cut: That not all of it was kept, as a named error.
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
        """Note what arrived. Returns False when no more should be read, with `error` set."""
        self.transfer_bytes += len(chunk)
        if self._decoder is None:
            self._accept(chunk)
        elif self.error is None:
            self._backlog.append(chunk)
            self.backlog_bytes += len(chunk)
        if self.transfer_bytes > self._limits.asset_bytes:
            self._stop(f"too-large: more than {self._limits.asset_bytes:,} bytes")
        # What cannot be decoded is still counted on the wire; a body that grows too large is not.
        return not self._stopped

    def decode_inline(self) -> bool:
        """Decode the backlog as far as it is cheap. Returns False if a thread should do the rest."""
        if self.backlog_bytes > INLINE_BYTES:
            return False
        return self._decode(self.resource_bytes + _INLINE_OUTPUT)

    def decode(self) -> None:
        """Decode the whole backlog. May take long: call it in a thread."""
        while not self._decode(self.resource_bytes + _INLINE_OUTPUT):
            self.spill()
        self.spill()

    @property
    def spills(self) -> bool:
        """Whether so much is kept in memory that `spill` should be called."""
        return self._in_memory > IN_MEMORY and self._spool is not None

    def spill(self) -> None:
        """Move what is kept to the page's file if it is much. Call it in a thread."""
        spool = self._spool
        if spool is None or not self.spills:
            return
        kept, self._kept, self._in_memory = self._kept, [], 0
        try:
            self._places.append(spool.write(b"".join(kept)))
        except OSError as error:
            self._keeping = False
            self.cut = self.cut or f"not-kept: no room for what is to be read: {error.strerror}"

    def finish(self) -> None:
        """Call when all of the body has arrived and is decoded: is anything missing?"""
        if self._decoder is not None and self.error is None:
            try:
                self._decoder.finish()
            except DecodeError as error:
                self.error = str(error)

    def take_kept(self) -> KeptBody:
        """The decoded bytes, up to the limit of what is read; they are handed over, not copied."""
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
        """Count a decoded piece. Returns False when there should be no more."""
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
