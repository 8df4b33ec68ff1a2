"""Where a sheet may say something that decides what is fetched; all the rest of it is passed over."""

from __future__ import annotations

import re

from libra.weighing.css.value_text import VARIABLE

_WORDS: tuple[tuple[str, tuple[str, ...] | None], ...] = (
    ("url(", None),
    ("font", ("-f", "-w", "-st", "-va", ":", " ", "/")),
    ("background", (":", "-i", " ", "/")),
    ("display", (":", " ", "/")),
    ("content", (":", " ", "-v", "/")),
    ("text-transform", None),
    ("quotes", (":", " ")),
    ("all:", None),
    ("container", ("-", ":", " ")),
    ("color-scheme", None),
    ("base-select", None),
)
"""Words that make a rule worth reading, with what has to follow them. Every one of them costs time."""


_WITH_IMAGES = ("list-style", "cursor", "mask", "border-image", "filter", "clip-path", "animation")
"""Properties that are of interest only in sheets where one like them names an image."""


SPELLED = re.compile(r"\\(?:0{0,4}[4-7][0-9a-fA-F](?![0-9a-fA-F])|[g-zG-Z])")
"""An escaped letter of ASCII: what is written with it may be any word."""


def may_name_images(text: str, lower: str, *, rules: bool) -> bool:
    """Whether a sheet, or where there are no ``rules`` a declaration, may name an image at all."""
    return "url(" in lower or (
        rules and ("image-set(" in lower or ("\\" in lower and SPELLED.search(text) is not None))
    )


def marks_in(text: str, lower: str, at: int) -> list[int]:
    """The places, rising, at which a sheet may say something that decides what is fetched."""
    marks: list[int] = []
    words = _WORDS
    if "url(" in lower or "image-set(" in lower:
        words += tuple((word, None) for word in _WITH_IMAGES if word in lower)
        if "border-image" in lower:
            words += (("border:", None),)  # which takes the image away again
    for word, follows in words:
        place, length = lower.find(word, at), len(word)
        while place >= 0:
            end = place + length
            if follows is None or (
                lower.startswith(follows, end) and lower[place - 1 : place] != "-"
            ):
                marks.append(place)
            place = lower.find(word, end)
    if "style(" in lower:
        marks += (found.start() for found in _DEFINED.finditer(lower, at))
    elif "--" in lower:
        marks += (found.start() for found in VARIABLE.finditer(lower, at))
    if "\\" in lower:
        marks += (found.start() for found in SPELLED.finditer(text, at))
    marks.sort()
    return marks


_DEFINED = re.compile(r"--[\w-]++\s*+:")
"""Where any custom property is defined: style queries may ask for it."""


def may_fetch(value: str) -> bool:
    """Whether a value in lower case names an image."""
    return "url(" in value or "image-set(" in value
