"""Reads the grammars of the web, which are ASCII, where Python's methods for text know all of Unicode.

To `str.strip`, `str.split` and `re` a no-break space, U+2028 and U+001C are blanks too,
`str.lower` makes a k of the Kelvin sign (U+212A), and `str.isdigit` knows Arabic digits. To a browser,
``rel="icon&nbsp;x"`` is one word. So what reads the text of others uses this module and `re.ASCII`.
"""

from __future__ import annotations

import re

BLANKS = " \t\n\f\r"
"""ASCII whitespace (https://infra.spec.whatwg.org/#ascii-whitespace)."""

HTTP_BLANKS = " \t\r\n"
"""HTTP whitespace (https://fetch.spec.whatwg.org/#http-whitespace)."""

BLANKS_OF_C = " \t\n\v\f\r"
"""What C's ``isspace`` takes, a vertical tab too: Chromium strips and splits some values by it."""

_WORD = re.compile(r"[^ \t\n\f\r]+")


def trimmed(text: str) -> str:
    """The text without blanks around it.

    https://infra.spec.whatwg.org/#strip-leading-and-trailing-ascii-whitespace
    """
    return text.strip(BLANKS)


def words(text: str) -> list[str]:
    """The parts between the blanks (https://infra.spec.whatwg.org/#split-on-ascii-whitespace)."""
    # Printable ASCII has one blank, the space. This is the usual case, and four times as fast.
    return text.split() if text.isascii() and text.isprintable() else _WORD.findall(text)


def lowered(text: str) -> str:
    """The text with A to Z in lower case (https://infra.spec.whatwg.org/#ascii-lowercase).

    Every character keeps its offset.
    """
    if text.isascii():
        return text.lower()
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def is_digits(text: str) -> bool:
    """Whether the text is digits from 0 to 9, and at least one."""
    return text.isascii() and text.isdigit()
