"""Which declaration wins for which element (CSS Cascade 5, section 6).

Only properties that decide what is fetched are followed, and only where the document has an element
for them. The cascade is turned round: not each element is asked for its rules, but each rule, from the
weakest to the strongest, for its elements, so that the work is one search of the document for every
selector.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from libra.weighing.css.scan import ScannedDeclaration
from libra.weighing.style.cascade.font_shorthand import FONT_PROPERTIES
from libra.weighing.style.cascade.longhands import ALWAYS, longhands
from libra.weighing.style.styled_document import StyledDocument, WorkSpent
from libra.weighing.stylesheets.marks import may_fetch
from libra.weighing.stylesheets.selectors import may_hold, parts_of
from libra.weighing.stylesheets.stylesheet import Sheet
from libra.weighing.stylesheets.supports import is_valid_text

_VARIABLE = re.compile(r"var\(\s*+(--[^\s,()]++)\s*+(?:,((?:[^()]++|\([^()]*+\))*+))?\)?")
_STYLED_BY = re.compile(r"style\(\s*+(--[\w-]++)")

_MAX_VALUE = 10_000
_LAST = 1 << 60
"""Of a layer's own rules among those of its layers, and of rules outside of layers."""

_MAX_ENTRIES = 200_000
_FEW_RULES = 32
"""For so few it does not pay to know all names of a document."""

_INLINE = 1 << 40
"""The specificity of a ``style`` attribute."""


STARTING = "@starting-style"
"""In place of a container query: it is shown for a moment, whatever else is."""


class Value(NamedTuple):
    """A declared value.

    Attributes:
        text: As written.
        base: The URL that it is relative to.
        name: The property that it was declared for, which may be a shorthand.
        containers: The container queries that it depends on.
    """

    text: str
    base: str
    name: str = ""
    containers: tuple[str, ...] = ()

    @property
    def certain(self) -> bool:
        """Whether its rule is known to apply."""
        return not self.containers


class _CascadeEntry(NamedTuple):
    rank: tuple[bool, tuple[int, ...], int, int]
    selector: str
    elements: Sequence[int]
    value: Value


class Cascade:
    """The declarations of all style sheets of one document.

    Args:
        scope: The document.
        fonts: Whether fonts are of interest.
        images: Whether images are.
    """

    def __init__(self, scope: StyledDocument, *, fonts: bool, images: bool) -> None:
        self._scope = scope
        self._fonts = fonts
        self._images = images
        self._entries: dict[tuple[str, str], list[_CascadeEntry]] = {}
        self._layers: dict[tuple[int, str], int] = {}
        self._fetching: dict[str, bool] = {}
        self._sheets = 0
        self._count = 0
        self._order = 0
        self.variables_with_images = False

    def add(self, sheet: Sheet, layer: str = "") -> None:
        """Take in a style sheet; those that come later win. `layer` is that of its ``@import``."""
        self._sheets += 1
        for name in sheet.layers:
            self._layer_rank(self._full(layer, name))
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
            rank = self._layer_rank(self._full(layer, rule.layer))
            for part in parts:
                for name, (written, text, important) in found:
                    self._enter(
                        (name, part.pseudo),
                        _CascadeEntry(
                            self._rank(rank, part.specificity, important=important),
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
        """Take in a ``style`` attribute."""
        self._add_to(element, text, base, self._layer_rank(()), _INLINE)

    def add_hint(self, element: int, text: str, base: str) -> None:
        """Take in what another attribute stands for: weaker than any rule, in a layer or not."""
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
        """For each element that a rule sets this property of, the value that wins."""
        won: dict[int, Value] = {}
        for entry in self._ranked(name, pseudo):
            if entry.value.certain and _is_read(entry.value):
                won.update(dict.fromkeys(self._elements(entry), entry.value))
        return won

    def contents(self, pseudo: str) -> dict[int, Value]:
        """The ``content`` of each element that has this pseudo-element for a rule sets it."""
        said = {
            element
            for entry in self._ranked("content", pseudo)
            if entry.value.name == "content" and entry.value.certain and _is_read(entry.value)
            for element in self._elements(entry)
        }  # ``all`` alone makes none
        return {at: value for at, value in self.winners("content", pseudo).items() if at in said}

    def images(self, name: str, pseudo: str = "") -> dict[int, list[Value]]:
        """For each element the values that name images: the one that wins, and those that may."""
        won: dict[int, list[Value]] = {}
        for entry in self._ranked(name, pseudo):
            fetches = self._may_fetch(entry.value.text)
            if not (fetches or won):
                continue  # what is set so far has no images anyway
            elements = self._elements(entry)
            if not (fetches or any(element in won for element in elements)):
                continue
            if not _is_read(entry.value):
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
        """The custom properties that are set on each element, as far as any value refers to them."""
        wanted = self._referred_to()
        set_on: dict[int, dict[str, str]] = {}
        for name in wanted:
            for element, value in self.winners(name).items():
                set_on.setdefault(element, {})[name] = value.text[:_MAX_VALUE]
        return set_on

    def pseudo_elements(self) -> set[str]:
        """The pseudo-elements that any rule is about."""
        return {pseudo for _, pseudo in self._entries if pseudo}

    # Inside

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
        known = self._fetching.get(text)  # a rule's value is asked about for each of its selectors
        if known is None:
            known = (
                may_fetch(text.lower())
                or ("\\" in text and "(" in text)
                or (self.variables_with_images and "var(" in text)
            )
            self._fetching[text] = known
        return known

    def _of_interest(
        self, block: str, *, rules: bool = True
    ) -> Iterator[tuple[str, ScannedDeclaration]]:
        for name, found in longhands(block, rules=rules):
            of_fonts = name in FONT_PROPERTIES
            of_variable = name[:2] == "--"
            if of_variable and may_fetch(found.value.lower()):
                self.variables_with_images = True
            always = name in ALWAYS or of_variable
            if of_fonts and self._fonts:
                yield name, found._replace(value=found.value[:_MAX_VALUE])
            elif always or (self._images and not of_fonts):
                yield name, found

    def variables_in_containers(self) -> set[str]:
        """The custom properties that style queries ask for."""
        return {
            name
            for entries in self._entries.values()
            for entry in entries
            for text in entry.value.containers
            for name in _STYLED_BY.findall(text)
        }

    def _referred_to(self) -> list[str]:
        """The custom properties that values refer to, those that these refer to included."""
        wanted: dict[str, None] = dict.fromkeys(self.variables_in_containers())
        # Each text once: a rule's value is there for each of its selectors.
        waiting = list(
            {
                entry.value.text
                for (name, _), entries in self._entries.items()
                if name[:2] != "--"
                for entry in entries
            }
        )
        while waiting:
            self._scope.check()
            text = waiting.pop()
            if "style(" in text:
                wanted |= dict.fromkeys(_STYLED_BY.findall(text))
            for match in _VARIABLE.finditer(text) if "var(" in text else ():
                for name in (match[1], *re.findall(r"--[\w-]+", match[2] or "")):
                    if name not in wanted and (name, "") in self._entries:
                        wanted[name] = None
                        waiting += {entry.value.text for entry in self._entries[(name, "")]}
        return list(wanted)

    def _full(self, outer: str, name: str) -> tuple[str, ...]:
        """A layer's name with that of the import; those without a name are one sheet's own."""
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
        if important:  # among important rules the first layer is the strongest
            layer = tuple(-part for part in layer)
        return important, layer, specificity, self._order


def _rank_of(entry: _CascadeEntry) -> tuple[bool, tuple[int, ...], int, int]:
    return entry.rank


def _is_read(value: Value) -> bool:
    """Whether a browser reads a declared value: one that it cannot read does not win."""
    name, text = value.name, value.text
    if name[:2] == "--" or name == "all" or _PLAIN.match(text) is not None:
        return True
    if len(text) > _MAX_READ and "data:" not in text:
        return True
    return is_valid_text(name, text)


_PLAIN = re.compile(r"(?:none|inherit|initial)\Z")
_MAX_READ = 5_000
"""Characters of a value, unless images are written in it, beyond which it is taken as it is."""
