"""One selector of a list, as `selector_reader` rewrites it."""

from __future__ import annotations

import re

from libra.ascii import is_digits


class Selector:
    """One complex selector, rewritten for a page at rest.

    Attributes:
        text: The selector without states and pseudo-elements.
        pseudo: The pseudo-element that it selects, or "".
        written: The same by the name that the selector has for it.
        holds: Whether it can match at all.
        specificity: One number that compares like the standard's three numbers.
        names: The ``.classes`` and ``#ids`` that it needs to match.
    """

    __slots__ = ("holds", "names", "pseudo", "specificity", "text", "written")

    def __init__(self) -> None:
        self.text = ""
        self.pseudo = self.written = ""
        self.holds = True
        self.specificity = 0
        self.names: set[str] = set()


def escaped(name: str) -> str:
    """A name with escapes, as the search engine reads it whatever follows."""
    return _SPECIAL.sub(_escape, name)


_SPECIAL = re.compile(r"\A-?[0-9]|\A-\Z|[^\w-]", re.ASCII)


def _escape(match: re.Match[str]) -> str:
    first, last = match[0][:-1], match[0][-1]
    if last >= "\x80":
        return match[0]
    return (
        f"{first}\\{last}"
        if last.isprintable() and not is_digits(last)
        else f"{first}\\{ord(last):x} "
    )
