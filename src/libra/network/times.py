"""The time of each step on the way to an answer."""

from __future__ import annotations

import msgspec


class Times(msgspec.Struct, frozen=True):
    """Milliseconds of each step; None for a step that was not needed or is unknown.

    Attributes:
        lookup: The look-up of the name's addresses.
        connect: The connection.
        tls: The handshake after that.
        first_byte: From the request to the first byte of the answer.
        body: From the first byte to the last.
    """

    lookup: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    body: float | None = None
