"""How sizes, durations, counts and foreign text are written for people.

Sizes are kB and MB of 1000 bytes. Text from foreign pages (titles, addresses, error messages) can
hold anything, so whatever shows it to a person passes it through `plain` first.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def size(count: int) -> str:
    """``0 B``, ``999 B``, ``1.0 kB``, ``511.5 kB``, ``12.3 MB``, ``1.2 GB``."""
    if abs(count) < 1000:
        return f"{count} B"
    value = count / 1000
    # Compared as it will be written, so that 999,960 bytes are 1.0 MB and never 1000.0 kB.
    for unit in ("kB", "MB"):
        if abs(round(value, 1)) < 1000:
            return f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} GB"


def signed_size(count: int) -> str:
    """A difference: ``+1.5 kB``, ``-20 B``, ``0 B``."""
    return f"+{size(count)}" if count > 0 else size(count)


def duration(milliseconds: int) -> str:
    """``812 ms``, ``2.4 s``, ``3 min 5 s``."""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 59_950:
        return f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes} min {seconds} s"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """``1 request``, ``41 requests``, ``5,000 requests``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def sentence_list(parts: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last


def plain(text: str) -> str:
    """Foreign text on one line, without what a terminal, a log or a reader could be misled by.

    Control characters (the escapes of a terminal begin with one), lone surrogates and unassigned
    characters become U+FFFD, every kind of white space one space, and invisible format characters,
    among them those that turn the direction of writing, go.
    """
    if text.isascii() and text.isprintable():
        return text
    return " ".join("".join(map(_plain_character, text)).split(" "))


def _plain_character(character: str) -> str:
    if character.isprintable():
        return character
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) == "Cf" else "\N{REPLACEMENT CHARACTER}"


def shorten(url: str, width: int) -> str:
    """An address in at most ``width`` characters, left out of its middle.

    Host and file name say most, so the beginning and the last segment stay as long as they can; a
    query goes first.
    """
    if len(url) <= width:
        return url
    if width < 8:
        return url[: max(width, 0)]
    path, mark, _ = url.partition("?")
    name = "/" + path.rpartition("/")[2] + ("?…" if mark else "")
    if 2 < len(name) <= width * 0.6:
        head = path[: len(path) - len(name.removesuffix("?…"))]
        room = width - len(name)
        return (head if len(head) <= room else head[: room - 1] + "…") + name
    tail = (width - 1) * 2 // 5
    return url[: width - 1 - tail] + "…" + url[len(url) - tail :]
