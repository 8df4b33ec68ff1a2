"""Finds the winning declaration for each element (CSS Cascade 5, section 6).

The cascade covers only properties that affect requests, and only where the document has an element for
them. It works in the reverse direction. Instead of finding the rules for each element, it finds the
elements for each rule, from the weakest to the strongest. So the work is one search of the document per
selector.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from libra.ascii import lowered
from libra.weighing.css.name_characters import NAME
from libra.weighing.css.scan import ScannedDeclaration
from libra.weighing.style.cascade.font_shorthand import FONT_PROPERTIES
from libra.weighing.style.cascade.longhands import ALWAYS, longhands
from libra.weighing.style.cascade.reverting import Layer, LayersBelow, reverts
from libra.weighing.style.cascade.size_longhands import SIZES
from libra.weighing.style.cascade.validity import is_read
from libra.weighing.style.shadow_roots import LAYER
from libra.weighing.style.styled_document import StyledDocument, WorkSpent
from libra.weighing.stylesheets.fonts import FontFace
from libra.weighing.stylesheets.keyframes import Keyframes
from libra.weighing.stylesheets.marks import may_fetch
from libra.weighing.stylesheets.selectors import may_hold, parts_of
from libra.weighing.stylesheets.stylesheet import Sheet

_VARIABLE = re.compile(
    r"var\([ \t\n\f\r]*+(--[^ \t\n\f\r,()]++)[ \t\n\f\r]*+(?:,((?:[^()]++|\([^()]*+\))*+))?\)?",
    re.IGNORECASE | re.ASCII,
)
_STYLED_BY = re.compile(rf"style\([ \t\n\f\r]*+(--{NAME}++)", re.ASCII)

_MAX_VALUE = 10_000
_LAST = 1 << 60
"""Ranks a layer's own rules after those of its inner layers, and unlayered rules after layers."""

_MAX_ENTRIES = 200_000
_FEW_RULES = 32
"""Up to this number of rules, collecting all names of a document does not pay."""

_INLINE = 1 << 40
"""The specificity of a ``style`` attribute."""

_ATTACHED = (1,)
"""Ranks its important declarations before those of all layers."""


STARTING = "@starting-style"
"""Takes the place of a container query: the rule shows for a moment, whatever else applies."""


class Value(NamedTuple):
    """A declared value.

    Attributes:
        text: The value as written.
        base: The base URL of its addresses.
        name: The declared property, which may be a shorthand.
        containers: The container queries that it depends on.
    """

    text: str
    base: str
    name: str = ""
    containers: tuple[str, ...] = ()

    @property
    def certain(self) -> bool:
        """Whether its rule applies regardless of any container."""
        return not self.containers


class _CascadeEntry(NamedTuple):
    rank: tuple[bool, tuple[int, ...], int, int]
    selector: str
    elements: Sequence[int]
    value: Value

    @property
    def layer(self) -> Layer:
        """Its layer; a ``style`` attribute is one of its own."""
        important, layer, specificity, _ = self.rank
        return important, layer, specificity == _INLINE


class Cascade:
    """The declarations of all stylesheets of one document.

    Args:
        scope: The document.
        fonts: Whether to collect font properties.
        images: Whether to collect image properties.
        sizes: Whether to collect what decides how wide boxes are.
        font_sizes: Whether any stylesheet may set the sizes of fonts.
    """

    def __init__(
        self,
        scope: StyledDocument,
        *,
        fonts: bool,
        images: bool,
        sizes: bool = False,
        font_sizes: bool = False,
    ) -> None:
        self.sizes = sizes
        self.font_sizes = font_sizes
        self._scope = scope
        self._fonts = fonts
        self._images = images
        self._entries: dict[tuple[str, str], list[_CascadeEntry]] = {}
        self._layers: dict[tuple[int, str], int] = {}
        self._fetching: dict[str, bool] = {}
        self._sheets = 0
        self._count = 0
        self._order = 0
        self._faces: list[tuple[tuple[int, ...], FontFace]] = []
        self._keyframes: dict[str, tuple[tuple[bool, tuple[int, ...]], Keyframes, str]] = {}
        self.variables_with_images = False

    def name_layers(self, layer: str, names: Iterable[str]) -> None:
        """Put a stylesheet's layers in order. `layer` is that of its ``@import``."""
        self._layer_rank(self._full(layer, ""))
        for name in names:
            self._layer_rank(self._full(layer, name))

    def add(self, sheet: Sheet, layer: str = "") -> None:
        """Add a stylesheet; later ones win. `layer` is that of its ``@import``."""
        self._sheets += 1
        self.name_layers(layer, sheet.layers)
        if not layer.startswith(LAYER):  # Chromium ignores fonts in shadow roots
            self._faces += (
                (self._layer_rank(self._full(layer, face.layer)), face) for face in sheet.faces
            )
        for frames in sheet.keyframes:
            rank = not frames.prefixed, self._layer_rank(self._full(layer, frames.layer))
            known = self._keyframes.get(frames.name)
            if known is None or rank >= known[0]:
                self._keyframes[frames.name] = rank, frames, sheet.base
        names = self._scope.names if len(sheet.rules) > _FEW_RULES else None
        for rule in sheet.rules:
            if names is not None and not may_hold(rule.selector, names):
                continue
            parts = parts_of(self._scope.scoped(rule.selector, layer))
            if names is not None:
                parts = tuple(part for part in parts if names >= part.names)
            if not parts:
                continue
            found = list(self._of_interest(rule.block))
            if not found:
                continue
            self._order += 1
            layer_rank = self._layer_rank(self._full(layer, rule.layer))
            for part in parts:
                for name, (written, text, important) in found:
                    self._enter(
                        (name, part.pseudo),
                        _CascadeEntry(
                            self._rank(layer_rank, part.specificity, important=important),
                            part.plain,
                            (),
                            Value(
                                text,
                                sheet.base,
                                written,
                                (STARTING,) if rule.starting else rule.containers,
                            ),
                        ),
                    )

    def add_inline(self, element: int, text: str, base: str) -> None:
        """Add a ``style`` attribute."""
        self._add_to(element, text, base, self._layer_rank(()), _INLINE)

    def add_hint(self, element: int, text: str, base: str) -> None:
        """Add a presentational attribute, which is weaker than any rule, layered or not."""
        self._add_to(element, text, base, (), -1)

    def _add_to(
        self, element: int, text: str, base: str, rank: tuple[int, ...], specificity: int
    ) -> None:
        self._order += 1
        for name, (written, value, important) in self._of_interest(text, rules=False):
            entry = _CascadeEntry(
                self._rank(rank, specificity, important=important),
                "",
                (element,),
                Value(value, base, written),
            )
            self._enter((name, ""), entry)

    def winners(self, name: str, pseudo: str = "") -> dict[int, Value]:
        """The winning value for each element on which a rule sets this property."""
        won: dict[int, Value] = {}
        entries = self._ranked(name, pseudo)
        below = LayersBelow(won, _reverting(entries), self._scope.check)
        for entry in entries:
            below.enter(entry.layer)
            if not entry.value.certain:
                continue
            if reverts(entry.value.text):
                below.go_back(self._elements(entry), entry.layer)
            elif is_read(entry.value.name, entry.value.text):
                won.update(dict.fromkeys(self._elements(entry), entry.value))
        return won

    def doubtful(self, names: Iterable[str]) -> set[int]:
        """The elements of which a rule in a container query may set one of these properties."""
        return {
            element
            for name in names
            for entry in self._entries.get((name, ""), ())
            if not entry.value.certain
            for element in self._elements(entry)
        }

    def contents(self, pseudo: str) -> dict[int, Value]:
        """The ``content`` of each element for which a rule creates this pseudo-element."""
        said = {
            element
            for entry in self._ranked("content", pseudo)
            if entry.value.name == "content"
            and entry.value.certain
            and is_read(entry.value.name, entry.value.text)
            for element in self._elements(entry)
        }  # ``all`` alone creates no pseudo-element
        return {at: value for at, value in self.winners("content", pseudo).items() if at in said}

    def images(self, name: str, pseudo: str = "") -> dict[int, list[Value]]:
        """For each element the values that name images: the winner, and those that may win."""
        won: dict[int, list[Value]] = {}
        entries = self._ranked(name, pseudo)
        below = LayersBelow(won, _reverting(entries), self._scope.check)
        for entry in entries:
            below.enter(entry.layer)
            if reverts(entry.value.text) and entry.value.certain:
                below.go_back(self._elements(entry), entry.layer)
                continue
            fetches = self._may_fetch(entry.value.text)
            if not (fetches or won):
                continue  # no image to override so far
            elements = self._elements(entry)
            if not (fetches or any(element in won for element in elements)):
                continue
            if not is_read(entry.value.name, entry.value.text):
                continue
            for element in elements:
                if not entry.value.certain:
                    if fetches:
                        won.setdefault(element, []).append(entry.value)
                elif fetches:
                    won[element] = [entry.value]
                else:
                    won.pop(element, None)
        return won

    def variables(self) -> dict[int, dict[str, str]]:
        """The custom properties on each element, limited to those that some value refers to."""
        wanted = self._referred_to()
        set_on: dict[int, dict[str, str]] = {}
        for name in wanted:
            for element, value in self.winners(name).items():
                set_on.setdefault(element, {})[name] = value.text[:_MAX_VALUE]
        return set_on

    def faces(self) -> list[FontFace]:
        """The ``@font-face`` rules; of equal ones the last wins, in the order of their layers."""
        return [face for _, face in sorted(self._faces, key=lambda found: found[0])]

    def keyframes(self) -> dict[str, tuple[Keyframes, str]]:
        """The winning ``@keyframes`` rule of each name, with the base URL of its addresses."""
        return {name: (frames, base) for name, (_, frames, base) in self._keyframes.items()}

    def pseudo_elements(self) -> set[str]:
        """The pseudo-elements that any rule selects."""
        return {pseudo for _, pseudo in self._entries if pseudo}

    # Internals

    def _enter(self, key: tuple[str, str], entry: _CascadeEntry) -> None:
        self._count += 1
        if self._count > _MAX_ENTRIES:
            raise WorkSpent
        self._entries.setdefault(key, []).append(entry)

    def _ranked(self, name: str, pseudo: str) -> list[_CascadeEntry]:
        entries = self._entries.get((name, pseudo), [])
        entries.sort(key=_rank_of)
        return entries

    def _elements(self, entry: _CascadeEntry) -> Sequence[int]:
        if not entry.selector:
            return entry.elements
        self._scope.check()
        return self._scope.select(entry.selector) or ()

    def _may_fetch(self, text: str) -> bool:
        known = self._fetching.get(text)  # asked again for each selector of a rule
        if known is None:
            known = (
                may_fetch(lowered(text))
                or ("\\" in text and "(" in text)
                or (self.variables_with_images and "var(" in lowered(text))
            )
            self._fetching[text] = known
        return known

    def _of_interest(
        self, block: str, *, rules: bool = True
    ) -> Iterator[tuple[str, ScannedDeclaration]]:
        for name, found in longhands(block, rules=rules, sizes=self.sizes):
            of_fonts = name in FONT_PROPERTIES
            of_variable = name[:2] == "--"
            if of_variable and may_fetch(lowered(found.value)):
                self.variables_with_images = True
            always = name in ALWAYS or of_variable or name in SIZES
            if of_fonts and self._fonts:
                yield name, found._replace(value=found.value[:_MAX_VALUE])
            elif always or (self._images and not of_fonts):
                yield name, found

    def variables_in_containers(self) -> set[str]:
        """The custom properties that style queries refer to."""
        return {
            name
            for entries in self._entries.values()
            for entry in entries
            for text in entry.value.containers
            for name in _STYLED_BY.findall(text)
        }

    def _referred_to(self) -> list[str]:
        """The custom properties that values refer to, directly or through others."""
        wanted: dict[str, None] = dict.fromkeys(self.variables_in_containers())
        # Each text once: a rule's value occurs for each of its selectors.
        waiting = list(
            {
                entry.value.text
                for (name, _), entries in self._entries.items()
                if name[:2] != "--"
                for entry in entries
            }
        )
        waiting += (
            block
            for _, frames, _ in self._keyframes.values()
            for _, _, block in frames.blocks
            if "var(" in lowered(block)
        )
        while waiting:
            self._scope.check()
            text = waiting.pop()
            if "style(" in text:
                wanted |= dict.fromkeys(_STYLED_BY.findall(text))
            for match in _VARIABLE.finditer(text) if "var(" in lowered(text) else ():
                for name in (
                    match[1],
                    *re.findall(rf"--{NAME}+", match[2] or "", flags=re.ASCII),
                ):
                    if name not in wanted and (name, "") in self._entries:
                        wanted[name] = None
                        waiting += {entry.value.text for entry in self._entries[(name, "")]}
        return list(wanted)

    def _full(self, outer: str, name: str) -> tuple[str, ...]:
        """A layer's name inside the layer of its import. Each stylesheet has its own unnamed layers."""
        whole = f"{outer}.{name}" if outer and name else outer or name
        if "\0" in whole:
            whole = whole.replace("\0", f"\0{self._sheets}.")
        return tuple(whole.split(".")) if whole else ()

    def _layer_rank(self, name: tuple[str, ...]) -> tuple[int, ...]:
        if not name:
            return (_LAST,)
        rank: list[int] = []
        outer = -1
        for part in name:
            outer = self._layers.setdefault((outer, part), len(self._layers))
            rank.append(outer)
        return (*rank, _LAST)

    def _rank(
        self, layer: tuple[int, ...], specificity: int, *, important: bool
    ) -> tuple[bool, tuple[int, ...], int, int]:
        if important:  # the order of layers is reversed for important rules
            layer = _ATTACHED if specificity == _INLINE else tuple(-part for part in layer)
        return important, layer, specificity, self._order


def _rank_of(entry: _CascadeEntry) -> tuple[bool, tuple[int, ...], int, int]:
    return entry.rank


def _reverting(entries: Iterable[_CascadeEntry]) -> Iterator[Layer]:
    """The layers with a value that goes back to the layer below."""
    return (entry.layer for entry in entries if reverts(entry.value.text))
