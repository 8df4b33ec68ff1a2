"""Writes sizes, durations, counts and foreign text for people, and reads sizes and durations.

Sizes are kB and MB of 1000 bytes. Text from foreign pages (titles, addresses, error messages) can
hold anything, so code that shows it to a person passes it through `plain` first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable


def size(count: int) -> str:
    """``0 B``, ``999 B``, ``1.0 kB``, ``511.5 kB``, ``12.3 MB``, ``1.2 GB``."""
    if abs(count) < 1000:
        return f"{count} B"
    value = count / 1000
    # Compared in its written form, so that 999,960 bytes are 1.0 MB and never 1000.0 kB.
    for unit in ("kB", "MB"):
        if abs(round(value, 1)) < 1000:
            return f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} GB"


def parse_size(text: str) -> int:
    """Bytes from ``500kB``, ``1.5MB``, ``300KiB`` or ``20000``; kB and MB are of 1000.

    Raises:
        ValueError: saying what is accepted.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a size: write 500kB, 1.5MB, 300KiB or a number of bytes")
    return round(float(match[1]) * _BYTES[(match[2] or "").lower()])


def parse_duration(text: str) -> float:
    """Seconds from ``90``, ``500ms``, ``60s``, ``5m``, ``24h``, ``7d`` or ``2w``.

    Raises:
        ValueError: saying what is accepted.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration: write 90, 500ms, 60s, 5m, 24h or 7d")
    return float(match[1]) * _SECONDS[(match[2] or "s").lower()]


def size_in_full(count: int) -> str:
    """Bytes as a form field accepts them, without loss: ``1.5 MB``, ``50 kB``, ``1234567 B``."""
    for unit, length in (("MB", 1_000_000), ("kB", 1000)):
        text = f"{_decimal(count / length, 1)} {unit}"
        if count >= length and parse_size(text) == count:
            return text
    return f"{count} B"


def duration_in_full(seconds: float) -> str:
    """Seconds as a form field accepts them, without loss: ``90d``, ``24h``, ``45s``."""
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds % length == 0 and (unit != "d" or seconds > length):
            return f"{_decimal(seconds / length)}{unit}"
    return f"{_decimal(seconds)}s"


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


def _decimal(number: float, digits: int = 3) -> str:
    # Without an exponent, which no field accepts.
    return f"{number:.{digits}f}".rstrip("0").rstrip(".")


def count(number: int, noun: str, plural: str | None = None) -> str:
    """``1 request``, ``41 requests``, ``5,000 requests``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def sentence_list(parts: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last


def plain(text: str) -> str:
    """Foreign text on one line, without characters that could mislead a terminal, a log or a reader.

    Control characters (the escapes of a terminal begin with one), lone surrogates and unassigned
    characters become U+FFFD. Every kind of white space becomes one space. Invisible format characters
    are removed, among them those that turn the direction of writing.
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
    """An address in at most ``width`` characters, shortened where it is too long.

    The host and the file name say most, so the query goes first, then folders, then the beginning of
    the file name.
    """
    if len(url) <= width:
        return url
    path, mark, _ = url.partition("?")
    if len(path) < width:
        return url[: width - 1] + "…"
    scheme_end = path.find("://") + 3
    host_end = path.find("/", scheme_end)
    folders, _, name = path.rpartition("/")
    name += "?…" if mark else ""
    if scheme_end >= 3 and host_end > 0:
        room = width - len(name) - 2
        if room > host_end:
            return f"{folders[:room]}…/{name}"
        if width - host_end - 2 >= 10:
            return f"{path[:host_end]}/…{name[host_end + 2 - width :]}"
    tail = max(0, (width - 1) * 2 // 5)
    return url[: max(0, width - 1 - tail)] + "…"[:width] + url[len(url) - tail :]


_SIZE = re.compile(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([kmg]i?)?b?\s*", re.ASCII | re.IGNORECASE)
_BYTES = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1024, "mi": 1024**2, "gi": 1024**3}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d|w)?\s*", re.ASCII | re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
