"""Which fonts a page loads: families that are used, faces that fit, ranges that occur.

A style sheet may declare hundreds of ``@font-face`` rules; a browser downloads a file only when text
needs it. When all style sheets of a page are read, `Fonts` picks, for every family that a matching rule
uses, the faces nearest to the weights and styles that occur (CSS Fonts 4, font matching), and of those
the ones whose ``unicode-range`` meets a character of the document.
"""

from __future__ import annotations

import re

import msgspec

from libra.weighing.scope import Scope

_VARIABLE = re.compile(r"var\(\s*(--[^\s,)]+)\s*(?:,([^)]*))?\)?")
_MAX_FAMILIES = 200
_REGULAR = 400


class Face(msgspec.Struct, frozen=True):
    """One ``@font-face`` rule: the file that a browser would take, and when it would.

    Attributes:
        family: In lower case.
        url: Absolute, of the first source in a format that browsers support.
        ranges: Inclusive code point ranges of ``unicode-range``; empty means all.
        weight: The weights that it covers, inclusive.
        italic: Whether it is an italic or oblique face.
        initiator: The style sheet that declares it.
    """

    family: str
    url: str
    ranges: tuple[tuple[int, int], ...] = ()
    weight: tuple[int, int] = (_REGULAR, _REGULAR)
    italic: bool = False
    initiator: str = ""


class FontUse(msgspec.Struct, frozen=True):
    """What one rule says of fonts; None is *not said here*.

    Attributes:
        families: The value of ``font-family``, as written.
        weight: 1 to 1000.
        italic: Whether ``font-style`` is italic or oblique.
    """

    families: str | None = None
    weight: int | None = None
    italic: bool | None = None


class Fonts:
    """The faces and uses of a page's documents, collected as its style sheets are read."""

    __slots__ = ("_changed", "_faces", "_scopes", "_taken", "_uses", "_variables")

    def __init__(self) -> None:
        self._changed = False
        self._faces: list[Face] = []
        self._uses: set[FontUse] = set()
        self._variables: dict[str, str] = {}
        self._scopes: list[Scope] = []
        self._taken: set[str] = set()

    def add(
        self, faces: list[Face], uses: list[FontUse], variables: dict[str, str], scope: Scope | None
    ) -> None:
        """Take in what one style sheet or document says."""
        self._changed = True
        self._faces += faces
        self._uses.update(uses)
        self._variables.update(variables)
        if scope is not None:
            self._scopes.append(scope)

    def take_used(self) -> list[Face]:
        """The faces that text needs and that have not been taken before."""
        if not self._faces or not self._changed:
            return []
        self._changed = False
        used = []
        for face in self._needed():
            if face.url and face.url not in self._taken:
                self._taken.add(face.url)
                used.append(face)
        return used

    def _needed(self) -> list[Face]:
        characters: set[int] = set()
        for scope in self._scopes:
            characters |= scope.characters
        by_family: dict[str, list[Face]] = {}
        for face in self._faces:
            by_family.setdefault(face.family, []).append(face)
        needed: list[Face] = []
        for family, styles in self._wanted().items():
            faces = by_family.get(family)
            if faces is None:
                continue
            for weight, italic in sorted(styles):
                fitting = _fitting(faces, weight, italic=italic)
                needed += (face for face in fitting if _meets(face.ranges, characters))
        return needed

    def _wanted(self) -> dict[str, set[tuple[int, bool]]]:
        """For each family that is used, the weights and styles in which it may occur."""
        general_weights = {use.weight for use in self._uses if not use.families and use.weight}
        general_italic = any(use.italic for use in self._uses if not use.families)
        for scope in self._scopes:  # what a browser's own style sheet gives to some elements
            if scope.matches("b,strong,th,h1,h2,h3,h4,h5,h6"):
                general_weights.add(700)
            general_italic = general_italic or scope.matches("i,em,cite,var,dfn,address")
        wanted: dict[str, set[tuple[int, bool]]] = {}
        for use in self._uses:
            if use.families is None:
                continue
            # A rule that sets family and weight together means that face; one that sets the
            # family alone is combined with the weights that other rules set.
            weights = {use.weight} if use.weight else {_REGULAR, *general_weights}
            styles = {bool(use.italic)} if use.italic is not None else {False, general_italic}
            for family in self._families(use.families):
                wanted.setdefault(family, set()).update((w, i) for w in weights for i in styles)
        return wanted

    def _families(self, value: str) -> list[str]:
        for _ in range(4):  # variables may refer to variables
            if "var(" not in value:
                break
            value = _VARIABLE.sub(self._substitute, value)[:2_000]
        return families_in(value)

    def _substitute(self, match: re.Match[str]) -> str:
        value = self._variables.get(match[1])
        return (match[2] or "") if value is None else value


def families_in(value: str) -> list[str]:
    """The names in a ``font-family`` value, in lower case, without quotes."""
    names = (name.strip().strip("\"'").strip().lower() for name in value.split(",")[:_MAX_FAMILIES])
    return [" ".join(name.split()) for name in names if name]


def _fitting(faces: list[Face], weight: int, *, italic: bool) -> list[Face]:
    """The faces of one family that a browser takes for a weight and style."""
    same_style = [face for face in faces if face.italic == italic] or faces
    nearest = min(same_style, key=lambda face: _distance(face.weight, weight)).weight
    return [face for face in same_style if face.weight == nearest]


def _distance(covered: tuple[int, int], wanted: int) -> tuple[int, int]:
    """The order of CSS Fonts 4, section 5.2: 400 to 500 look upwards first, less down, more up."""
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


def _meets(ranges: tuple[tuple[int, int], ...], characters: set[int]) -> bool:
    if not ranges:
        return True
    return any(low <= character <= high for character in characters for low, high in ranges)
