"""What a document shows of itself, as plain data."""

from __future__ import annotations

import msgspec


class Observed(msgspec.Struct, frozen=True):
    """What was seen in a document.

    Attributes:
        refresh: Where a ``meta`` refresh leads, absolute, if it leads elsewhere.
        refresh_seconds: After how long.
        shown: Images by URL with the largest width and height, in CSS pixels, that their attributes
            say; those that also appear without both are not among them.
        is_shell: Whether scripts plainly build the page: it has scripts and next to no content.
        asks_password: Whether it has a field for a password.
        elements: How many elements it has, without what is in drawings (SVG); None if nobody counted.
    """

    refresh: str | None = None
    refresh_seconds: int = 0
    shown: dict[str, tuple[int, int]] = {}
    is_shell: bool = False
    asks_password: bool = False
    elements: int | None = None
