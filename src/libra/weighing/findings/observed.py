"""Observations about a document, as plain data."""

from __future__ import annotations

import msgspec


class Observed(msgspec.Struct, frozen=True):
    """The observations about a document.

    Attributes:
        refresh: The absolute target of a ``meta`` refresh to another address.
        refresh_seconds: The delay of the refresh.
        shown: Images by URL, with the largest width and height, in CSS pixels, of their attributes.
            Images that also appear without both attributes are left out.
        is_shell: Whether scripts plainly build the page: it has scripts and almost no content.
        asks_password: Whether it has a password field.
        elements: Number of elements, without those inside drawings (SVG); None if they were not counted.
    """

    refresh: str | None = None
    refresh_seconds: int = 0
    shown: dict[str, tuple[int, int]] = {}
    is_shell: bool = False
    asks_password: bool = False
    elements: int | None = None
