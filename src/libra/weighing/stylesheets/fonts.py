"""Finds the font files that a piece of text needs (CSS Fonts 4, section 5).

A stylesheet may declare hundreds of ``@font-face`` rules. A browser goes through the families of a text
and takes the faces of each that are nearest to its weight and style. It downloads those whose
``unicode-range`` has a character that no earlier one has.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from libra.ascii import is_digits, lowered, trimmed, words
from libra.weighing.css.tokens import unescape

_MAX_FAMILIES = 50
REGULAR = 400
BOLD = 700
_WEIGHTS = {"normal": REGULAR, "bold": BOLD}

_AT_HAND = frozenset(
    {
        "serif", "sans-serif", "monospace", "cursive", "fantasy", "system-ui", "math", "emoji",
        "arial", "helvetica", "times new roman", "times", "courier new", "courier",
    }
)  # fmt: skip
"""Families of a desktop, by name or by equal metrics. The search for fonts ends at one of these."""

_IGNORED = frozenset(
    {*range(0x20), 0x7F, 0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F),
     *range(0x2060, 0x2070), *range(0xFE00, 0xFE10), 0xFEFF}
)  # fmt: skip
"""Control characters and other code points that need no glyph."""

_SPACE = 0x20
"""The character whose face determines a line's height, whatever its text."""


_SYMBOLS = 0x2100


class FontFace(msgspec.Struct, frozen=True):
    """One ``@font-face`` rule.

    Attributes:
        family: The name in lower case.
        sources: The URLs in supported formats, in the order in which they are tried; empty if the font
            is embedded in the stylesheet.
        ranges: The code point ranges of ``unicode-range``, inclusive, ascending and disjoint; empty
            means all.
        weight: The range of weights that it covers, inclusive.
        stretch: The range of widths that it covers, in percent.
        italic: Whether it is an italic or oblique face.
        initiator: The stylesheet that declares it.
        layer: The cascade layer of the rule; "" without one.
    """

    family: str
    sources: tuple[str, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()
    weight: tuple[int, int] = (REGULAR, REGULAR)
    stretch: tuple[float, float] = (100.0, 100.0)
    italic: bool = False
    initiator: str = ""
    layer: str = ""


class FontStyle(NamedTuple):
    """The computed font of an element's text.

    Attributes:
        families: The value of ``font-family``, with variables substituted.
        weight: 1 to 1000.
        italic: Whether ``font-style`` is italic or oblique.
    """

    families: str = ""
    weight: int = REGULAR
    italic: bool = False


class FontLibrary:
    """The faces that apply to one document."""

    def __init__(self, faces: list[FontFace]) -> None:
        self._families: dict[str, list[FontFace]] = {}
        self._reached: dict[str, bool] = {}
        for face in faces:
            self._families.setdefault(face.family, []).append(face)

    @property
    def ranged(self) -> bool:
        """Whether the characters of a text affect the choice of faces."""
        return any(face.ranges for faces in self._families.values() for face in faces)

    def reaches(self, families: str) -> bool:
        """Whether a face declares any of these families."""
        known = self._reached.get(families)
        if known is None:
            found = families_in(families)
            known = self._reached[families] = any(name in self._families for name in found)
        return known

    def needed(
        self, style: FontStyle, text: set[str], check: Callable[[], None] = lambda: None
    ) -> list[FontFace]:
        """The faces that a browser downloads for the characters of a text in one style.

        Calls `check` before each face, which may raise.
        """
        needed: list[FontFace] = []
        missing = {ord(character) for character in text} - _IGNORED or {_SPACE}
        for family in families_in(style.families):
            faces = self._families.get(family)
            if faces is None:
                if family in _AT_HAND:
                    break
                continue
            unsure: set[int] = set()
            # Of two faces for the same characters, the later declaration is tried first.
            for face in reversed(fitting(faces, style.weight, italic=style.italic)):
                check()
                met = _met(face.ranges, missing)
                if not met:
                    continue
                needed.append(face)
                if face.ranges:
                    # Few fonts have all symbols of their range, so a browser requests another face for
                    # them, too.
                    unsure.update(character for character in met if character >= _SYMBOLS)
                missing -= met
                missing |= unsure
            missing -= unsure
            if not missing:
                break
        return needed


def families_in(value: str) -> list[str]:
    """The names in a ``font-family`` value, in lower case, without quotes."""
    if "\\" in value:
        value = unescape(value)
    names = (_family(trimmed(name)) for name in value.split(",")[:_MAX_FAMILIES])
    return list(dict.fromkeys(name for name in names if name))


def _family(name: str) -> str:
    """A folded name: as written if quoted, else with single spaces between its words.

    Unlike all else in CSS, names of families are compared by the caseless matching of Unicode (Fonts 4,
    section 5.1).
    """
    if name[:1] in "\"'":
        return name.strip("\"'").casefold()
    return " ".join(words(name)).casefold()


def weight_of(value: str) -> int | None:
    """The number of a weight, or None if it is relative or invalid."""
    value = lowered(trimmed(value))
    known = _WEIGHTS.get(value)
    if known is not None:
        return known
    number = value.partition(".")[0]
    if is_digits(number) and len(number) < 5 and 1 <= int(number) <= 1000:
        return int(number)
    return None


def bolder(weight: int) -> int:
    """``font-weight: bolder`` in an element whose parent has this weight (section 2.2.1)."""
    if weight < 350:
        return REGULAR
    return BOLD if weight < 550 else max(weight, 900)


def lighter(weight: int) -> int:
    """``font-weight: lighter``."""
    if weight < 550:
        return min(weight, 100)
    return REGULAR if weight < 750 else BOLD


def fitting(faces: list[FontFace], weight: int, *, italic: bool) -> list[FontFace]:
    """The faces of one family that a browser uses: selected by width, then style, then weight."""
    nearest = min(_span(face.stretch, 100.0) for face in faces)
    faces = [face for face in faces if _span(face.stretch, 100.0) == nearest]
    faces = [face for face in faces if face.italic == italic] or faces
    # Among equally near faces the last declaration wins.
    best = min(reversed(faces), key=lambda face: _distance(face.weight, weight)).weight
    return [face for face in faces if face.weight == best]


def _span(covered: tuple[float, float], wanted: float) -> tuple[bool, float]:
    """The distance of a face from a width; up to normal width, narrower faces come first."""
    low, high = covered
    return (low > wanted, max(low - wanted, wanted - high, 0.0))


def _distance(covered: tuple[int, int], wanted: int) -> tuple[int, int]:
    """The order of section 5.2: 400 to 500 search upwards to 500 first, then down, then up."""
    low, high = covered
    if low <= wanted <= high:
        return (0, 0)
    below, above = wanted - high, low - wanted
    if 400 <= wanted <= 500:
        if 0 < above <= 500 - wanted:
            return (0, above)
        return (1, below) if below > 0 else (2, above)
    if wanted < 400:
        return (1, below) if below > 0 else (2, above)
    return (1, above) if above > 0 else (2, below)


def is_met(face: FontFace, text: Sequence[int]) -> bool:
    """Whether any of these ascending code points is in a face's ``unicode-range``."""
    return not face.ranges or any(
        bisect_left(text, low) < bisect_right(text, high) for low, high in face.ranges
    )


def _met(ranges: tuple[tuple[int, int], ...], characters: set[int]) -> set[int]:
    """The characters that are in a ``unicode-range``."""
    if not ranges:
        return characters.copy()
    ordered = sorted(characters)
    met: set[int] = set()
    for low, high in ranges:  # the ranges do not overlap
        met.update(ordered[bisect_left(ordered, low) : bisect_right(ordered, high)])
    return met
