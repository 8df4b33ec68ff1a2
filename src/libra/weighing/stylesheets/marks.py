"""Finds the places in a stylesheet that may affect requests, so that the rest can be skipped."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice

from ahocorasick_rs import AhoCorasick, BytesAhoCorasick, Implementation

from libra.weighing.css.name_characters import NAME
from libra.weighing.css.value_text import VARIABLE

_FOLLOWED_BY: dict[str, tuple[str, ...] | None] = {
    "url(": None,
    "font": ("-f", "-w", "-st", "-va", ":", " ", "/"),
    "background": (":", "-i", " ", "/"),
    "display": (":", " ", "/"),
    "content": (":", " ", "-v", "/"),
    "text-transform": None,
    "quotes": (":", " "),
    "all:": None,
    "container": ("-", ":", " "),
    "color-scheme": None,
    "base-select": None,
    "@layer": None,
    "@property": None,
}
"""Words that make a rule worth reading, with the text that must follow them."""

_WITH_IMAGES = ("list-style", "cursor", "mask", "border-image", "filter", "clip-path", "animation")
"""Properties that matter only in stylesheets where such a property names an image."""

_RESETTING = "border:"
"""This shorthand removes ``border-image`` again."""

_SEEN = ("image-set(", "style(", "@import", "@scope", "@namespace", "@container")
"""Words whose presence alone matters."""


SIZES = re.compile(
    r"width|inline-size|block-size|height|margin|padding|border|position|box-sizing|flex"
)
"""Properties on which the size of a container may depend. They matter only if its size is asked for."""

_OTHER_LAYOUT = re.compile(
    r"(?<![a-z-])(?:float|zoom|columns|all)[ \t\n\f\r]*+:|column-(?:count|width)|writing-mode"
    r"|scrollbar-|overflow[a-z-]*+[ \t\n\f\r]*+:[^;}]{0,40}?(?:auto|scroll)|(?<![a-z(-])aspect-ratio",
    re.ASCII,
)
"""What makes sizes depend on more than that."""

_WORDS = (*_FOLLOWED_BY, *_WITH_IMAGES, _RESETTING, *_SEEN)
_MARKING, _IMAGE_WORDS = len(_FOLLOWED_BY), len(_FOLLOWED_BY) + len(_WITH_IMAGES)
_FOLLOWS = (*_FOLLOWED_BY.values(),)
_LONGEST = max(map(len, _WORDS))

PIECE = 65_536
"""Characters that are searched at once: each match takes memory until it has been looked at."""

# One pass over the text for all words, where a search for each would be two dozen.
_IN_BYTES = BytesAhoCorasick([word.encode() for word in _WORDS], implementation=Implementation.DFA)
_IN_TEXT = AhoCorasick(_WORDS, implementation=Implementation.DFA)

SPELLED = re.compile(r"\\(?:0{0,4}[4-7][0-9a-fA-F](?![0-9a-fA-F])|[g-zG-Z])")
"""An escaped ASCII letter. A word that contains one may be any word."""


class SheetMarks:
    """The places at which a stylesheet may affect requests, and what it contains at all.

    Args:
        text: The preprocessed text of the stylesheet.
        lower: The same in lower case, with every character at its original offset.

    Attributes:
        imports: Whether it may contain ``@import``.
        namespaces: Whether it may contain ``@namespace``.
        scopes: Whether it contains ``@scope``.
        sizes: Whether no declaration of a size is left out, and none depends on anything else.
        fonts: Whether it may set the sizes of fonts.
    """

    __slots__ = (
        "_lower",
        "_marks",
        "_names_image",
        "_spells",
        "_text",
        "fonts",
        "imports",
        "namespaces",
        "scopes",
        "sizes",
    )  # fmt: skip

    def __init__(self, text: str, lower: str) -> None:
        self._text = text
        self._lower = lower
        self._spells = "\\" in text and SPELLED.search(text) is not None
        marks, with_images, resets, seen = _places(lower)
        self._names_image = "url(" in seen or "image-set(" in seen
        if self._names_image:
            marks += with_images
            if "border-image" in seen:
                marks += resets
        asks = "@container" in seen
        if asks or "style(" in seen:
            marks += (found.start() for found in _DEFINED.finditer(lower))
        elif "--" in lower:
            marks += (found.start() for found in VARIABLE.finditer(lower))
        if asks:
            marks += (found.start() for found in SIZES.finditer(lower))
        self.fonts = "font" in seen or self._spells
        self.sizes = (
            (asks or (SIZES.search(lower) is None and _DEFINED.search(lower) is None))
            and _OTHER_LAYOUT.search(lower) is None
            and not self._spells
        )
        if self._spells:
            marks += (found.start() for found in SPELLED.finditer(text))
        marks.sort()
        self._marks = marks
        self.imports = "@import" in seen or (self._spells and "@" in text)
        self.namespaces = "@namespace" in seen
        self.scopes = "@scope" in seen

    def after(self, at: int) -> Iterator[int]:
        """The places from `at` on, ascending."""
        return islice(self._marks, bisect_left(self._marks, at), None)

    def may_name_images(self, *, rules: bool) -> bool:
        """Whether the stylesheet, or without ``rules`` a declaration, may name an image."""
        return "url(" in self._lower or (rules and (self._names_image or self._spells))


def _places(lower: str) -> tuple[list[int], list[int], list[int], set[str]]:
    """Where words that always matter, that matter beside images, or that reset images, are.

    Also returns the words that occur at all.
    """
    always: list[int] = []
    with_images: list[int] = []
    resets: list[int] = []
    seen: set[int] = set()
    ascii_only = lower.isascii()
    for begin in range(0, len(lower), PIECE):
        piece = lower[begin : begin + PIECE + _LONGEST]
        found = (
            _IN_BYTES.find_matches_as_indexes(piece.encode(), overlapping=True)
            if ascii_only
            else _IN_TEXT.find_matches_as_indexes(piece, overlapping=True)
        )
        for word, start, end in found:
            if start >= PIECE:
                continue  # the next piece has it whole
            seen.add(word)
            place = begin + start
            if word < _MARKING:
                follows = _FOLLOWS[word]
                if follows is None or (
                    lower.startswith(follows, begin + end) and lower[place - 1 : place] != "-"
                ):
                    always.append(place)
            elif word < _IMAGE_WORDS:
                with_images.append(place)
            elif word == _IMAGE_WORDS:
                resets.append(place)
    return always, with_images, resets, {_WORDS[word] for word in seen}


_DEFINED = re.compile(rf"(?<!{NAME})--{NAME}++[ \t\n\f\r]*+:", re.ASCII)
"""The definition of any custom property, because queries may refer to it, or sizes that they ask for."""


def may_fetch(value: str) -> bool:
    """Whether a value in lower case names an image."""
    return "url(" in value or "image-set(" in value
