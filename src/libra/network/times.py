"""What each step on the way to an answer took."""

from __future__ import annotations

import msgspec


class Times(msgspec.Struct, frozen=True):
    """Milliseconds that each step took; None for a step that was not needed or is not known.

    Attributes:
        lookup: For the addresses of the name.
        connect: To connect.
        tls: For the handshake, after that.
        first_byte: From the request to the first byte of the answer.
        body: From there to the last byte.
    """

    lookup: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    body: float | None = None
