"""How much more a page may weigh than it did: ``5%``, or ``20kB``."""

from __future__ import annotations

import math
import re
from typing import Final

import msgspec

from libra.wording import parse_size


class Growth(msgspec.Struct, frozen=True):
    """How much more a page may weigh than before: bytes, or a share of what it weighed."""

    transfer_bytes: int = 0
    percent: float | None = None

    def allowed(self, before: int) -> int:
        """By how many bytes a page of this weight may grow."""
        if self.percent is None:
            return self.transfer_bytes
        return math.floor(before * self.percent / 100)


def parse_growth(text: str) -> Growth:
    """The growth in a text.

    Raises:
        ValueError: saying what is accepted.
    """
    text = text.strip()
    match = _PERCENT.fullmatch(text)
    if match is not None:
        return Growth(percent=float(match[1]))
    try:
        return Growth(transfer_bytes=parse_size(text))
    except ValueError:
        raise ValueError(f"{text!r} is not a growth limit: write 5% or 20kB") from None


_PERCENT: Final = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*%", re.ASCII)
