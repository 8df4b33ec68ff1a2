"""Finds the places in a stylesheet that may affect requests, so that the rest can be skipped."""

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
    ("@layer", None),
    ("@property", None),
)
"""Words that make a rule worth reading, with the text that must follow them. Each one costs time."""


_WITH_IMAGES = ("list-style", "cursor", "mask", "border-image", "filter", "clip-path", "animation")
"""Properties that matter only in stylesheets where such a property names an image."""


SPELLED = re.compile(r"\\(?:0{0,4}[4-7][0-9a-fA-F](?![0-9a-fA-F])|[g-zG-Z])")
"""An escaped ASCII letter. A word that contains one may be any word."""


def may_name_images(text: str, lower: str, *, rules: bool) -> bool:
    """Whether a stylesheet, or without ``rules`` a declaration, may name an image."""
    return "url(" in lower or (
        rules and ("image-set(" in lower or ("\\" in lower and SPELLED.search(text) is not None))
    )


def marks_in(text: str, lower: str, at: int) -> list[int]:
    """The places, ascending, at which a stylesheet may affect requests."""
    marks: list[int] = []
    words = _WORDS
    if "url(" in lower or "image-set(" in lower:
        words += tuple((word, None) for word in _WITH_IMAGES if word in lower)
        if "border-image" in lower:
            words += (("border:", None),)  # this shorthand removes the image again
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
"""The definition of any custom property, because style queries may refer to it."""


def may_fetch(value: str) -> bool:
    """Whether a value in lower case names an image."""
    return "url(" in value or "image-set(" in value
