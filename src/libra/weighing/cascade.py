"""Which declaration wins for which element (CSS Cascade 5, section 6).

Only properties that decide what is fetched are followed, and only where the document has an element
for them. The cascade is turned round: not each element is asked for its rules, but each rule, from the
weakest to the strongest, for its elements, so that the work is one search of the document for every
selector.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from libra.weighing.csstext import Declaration, declarations
from libra.weighing.fonts import weight_of
from libra.weighing.scope import Scope, Spent
from libra.weighing.selector import may_hold, parts_of
from libra.weighing.stylesheet import Sheet, may_fetch

IMAGE_PROPERTIES = {
    **dict.fromkeys(("background", "background-image"), "background"),
    **dict.fromkeys(
        (
            "border-image", "border-image-source", "-webkit-border-image",
        ),
        "border-image",
    ),
    **dict.fromkeys(("list-style", "list-style-image"), "list-style"),
    **dict.fromkeys(("mask", "mask-image", "-webkit-mask", "-webkit-mask-image"), "mask"),
    **dict.fromkeys(
        (
            "mask-border", "mask-border-source", "-webkit-mask-box-image",
            "-webkit-mask-box-image-source",
        ),
        "mask-border",
    ),
    **{
        name: name
        for name in (
            "content", "cursor", "shape-outside", "-webkit-box-reflect", "filter", "clip-path",
            "offset-path",
        )
    },
}  # fmt: skip
"""The properties whose images Chromium loads when an element has them, and what each of them sets."""

IMAGES = tuple(dict.fromkeys(IMAGE_PROPERTIES.values()))
_ALWAYS = frozenset({"display", "content"})
_FONT_PROPERTIES = frozenset({"font-family", "font-weight", "font-style"})
_FONT_SIZE = re.compile(
    r"(?<![\w.-])(?:[\d.]+(?:[a-z%]+)|(?:xx?-)?(?:small|large)|medium|smaller|larger|xxx-large"
    r"|(?:calc|clamp|min|max|var)\([^()]*(?:\([^()]*\)[^()]*)*\))"
    r"(?:\s*/\s*[\w.%()-]+)?\s+",
    re.IGNORECASE,
)
_WIDE = frozenset({"inherit", "initial", "unset", "revert", "revert-layer"})
_SYSTEM_FONTS = frozenset({"caption", "icon", "menu", "message-box", "small-caption", "status-bar"})
_VARIABLE = re.compile(r"var\(\s*+(--[^\s,()]++)\s*+(?:,((?:[^()]++|\([^()]*+\))*+))?\)?")
_FOREIGN = re.compile(r"(?<![^\s,(:])-(?:moz|ms|o)-[a-z-]++\(", re.IGNORECASE)
"""Functions of other browsers make a declaration invalid, so that what was declared before holds."""

_MAX_VALUE = 10_000
_LAST = 1 << 60
"""Of a layer's own rules among those of its layers, and of rules outside of layers."""

_MAX_ENTRIES = 200_000
_FEW_RULES = 32
"""For so few it does not pay to know all names of a document."""

_INLINE = 1 << 40
"""The specificity of a ``style`` attribute."""


class Value(NamedTuple):
    """A declared value, the URL that it is relative to, and whether its rule is known to apply."""

    text: str
    base: str
    certain: bool = True


class _Entry(NamedTuple):
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

    def __init__(self, scope: Scope, *, fonts: bool, images: bool) -> None:
        self._scope = scope
        self._fonts = fonts
        self._images = images
        self._entries: dict[tuple[str, str], list[_Entry]] = {}
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
                for name, text, important in found:
                    self._enter(
                        (name, part.pseudo),
                        _Entry(
                            self._rank(rank, part.specificity, important=important),
                            part.plain,
                            (),
                            Value(text, sheet.base, rule.certain),
                        ),
                    )

    def add_inline(self, element: int, text: str, base: str) -> None:
        """Take in a ``style`` attribute."""
        self._order += 1
        rank = self._layer_rank(())
        for name, value, important in self._of_interest(text):
            entry = _Entry(
                self._rank(rank, _INLINE, important=important), "", (element,), Value(value, base)
            )
            self._enter((name, ""), entry)

    def winners(self, name: str, pseudo: str = "") -> dict[int, Value]:
        """For each element that a rule sets this property of, the value that wins."""
        won: dict[int, Value] = {}
        for entry in self._ranked(name, pseudo):
            if entry.value.certain:
                won.update(dict.fromkeys(self._elements(entry), entry.value))
        return won

    def images(self, name: str, pseudo: str = "") -> dict[int, list[Value]]:
        """For each element the values that name images: the one that wins, and those that may."""
        won: dict[int, list[Value]] = {}
        for entry in self._ranked(name, pseudo):
            fetches = self._may_fetch(entry.value.text)
            if not (fetches or won):
                continue  # what is set so far has no images anyway
            for element in self._elements(entry):
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

    def _enter(self, key: tuple[str, str], entry: _Entry) -> None:
        self._count += 1
        if self._count > _MAX_ENTRIES:
            raise Spent
        self._entries.setdefault(key, []).append(entry)

    def _ranked(self, name: str, pseudo: str) -> list[_Entry]:
        entries = self._entries.get((name, pseudo), [])
        entries.sort(key=_rank_of)
        return entries

    def _elements(self, entry: _Entry) -> Sequence[int]:
        if not entry.selector:
            return entry.elements
        self._scope.check()
        return self._scope.select(entry.selector) or ()

    def _may_fetch(self, text: str) -> bool:
        known = self._fetching.get(text)  # a rule's value is asked about for each of its selectors
        if known is None:
            known = may_fetch(text.lower()) or (self.variables_with_images and "var(" in text)
            self._fetching[text] = known
        return known

    def _of_interest(self, block: str) -> Iterator[Declaration]:
        for found in longhands(block):
            of_fonts = found.name in _FONT_PROPERTIES
            of_variable = found.name[:2] == "--"
            if of_variable and may_fetch(found.value.lower()):
                self.variables_with_images = True
            always = found.name in _ALWAYS or of_variable
            if of_fonts and self._fonts:
                yield found._replace(value=found.value[:_MAX_VALUE])
            elif always or (self._images and not of_fonts):
                yield found

    def _referred_to(self) -> list[str]:
        """The custom properties that values refer to, those that these refer to included."""
        wanted: dict[str, None] = {}
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


def _rank_of(entry: _Entry) -> tuple[bool, tuple[int, ...], int, int]:
    return entry.rank


def longhands(block: str) -> Iterator[Declaration]:
    """The declarations that decide what is fetched, shorthands by what they set."""
    for found in declarations(block):
        name = found.name
        if name == "font":
            for longhand, part in _font_parts(found.value):
                yield Declaration(longhand, part, found.important)
        elif name in IMAGE_PROPERTIES:
            if "-" not in found.value or not _FOREIGN.search(found.value):
                yield found._replace(name=IMAGE_PROPERTIES[name])
        elif name in _FONT_PROPERTIES or name == "display" or name[:2] == "--":
            yield found


def substitute(text: str, variables: Mapping[str, str]) -> str:
    """A value with its ``var()`` replaced; variables may refer to variables."""
    for _ in range(6):
        if "var(" not in text:
            break
        text = text[:_MAX_VALUE]
        text = _VARIABLE.sub(lambda match: variables.get(match[1], match[2] or ""), text)
        text = text[:_MAX_VALUE]
    return text


def _font_parts(value: str) -> list[tuple[str, str]]:
    """What the ``font`` shorthand sets."""
    lower = value.strip().lower()
    if lower in _WIDE:
        return [(name, lower) for name in sorted(_FONT_PROPERTIES)]
    if lower in _SYSTEM_FONTS:
        return [("font-family", "system-ui"), ("font-weight", "normal"), ("font-style", "normal")]
    size = _FONT_SIZE.search(value)
    if size is None:
        return []
    before = lower[: size.start()].split()
    weight = next((word for word in before if _is_weight(word)), "normal")
    style = next((word for word in before if word in {"italic", "oblique"}), "normal")
    return [
        ("font-family", value[size.end() :]),
        ("font-weight", weight),
        ("font-style", style),
    ]


def _is_weight(word: str) -> bool:
    return word in {"bolder", "lighter"} or (word != "normal" and weight_of(word) is not None)
