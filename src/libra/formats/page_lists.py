"""A list of pages as text: an address on each line."""

from __future__ import annotations

from collections.abc import Iterator


class PageListError(ValueError):
    """A list cannot be read; the message says why."""


def parse_url_list(text: str) -> Iterator[tuple[int, str]]:
    """Each address with the number of its line, without empty lines and comments.

    A comment begins with a # at the start of a line or after white space; any other # is part of
    the address.
    """
    for number, line in enumerate(text.splitlines(), 1):
        words = line.lstrip("\ufeff").split()
        end = next((at for at, word in enumerate(words) if word.startswith("#")), len(words))
        if end:
            yield number, " ".join(words[:end])
