"""A style sheet as far as it can ask for something: imports, fonts, and the rules about what loads.

A browser fetches ``@import`` at once, but an image only when a rule with it wins for an element that is
rendered, and a font only when text uses it. So a sheet is read without looking at any document: its
rules are walked with the conditions around them (``@media``, ``@supports``, ``@layer``), and those that
may say something of images, fonts, ``content`` or ``display`` are kept for the cascade (`cascade`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from libra.weighing.csstext import (
    PLAIN_RULES,
    RULE,
    VARIABLE,
    after_function,
    declarations,
    first_url,
    import_at,
    lowered,
    unescape,
    without_comments,
)
from libra.weighing.fonts import Face, families_in, weight_of
from libra.weighing.media import media_matches, split_top_level
from libra.weighing.options import Viewport
from libra.weighing.selector import MAX_SELECTOR
from libra.weighing.urls import join

MAX_RULES = 50_000
MAX_NESTING = 64
_MAX_LAYER = 500
_MAX_MADE = 5_000_000
"""Characters of all selectors of nested rules: made whole, they may be far longer than the sheet."""

_MAX_RANGES = 2_000
_NEAR = 80
"""Characters to the next place of interest from which on it pays to pass over rules in one step."""

_NONE = 1 << 60

_WORDS: tuple[tuple[str, tuple[str, ...] | None], ...] = (
    ("url(", None),
    ("font", ("-f", "-w", "-st", ":", " ")),
    ("background", (":", "-i", " ")),
    ("display", (":", " ")),
    ("content", (":", " ")),
)
"""Words that make a rule worth reading, with what has to follow them. Every one of them costs time."""

_GROUPS = frozenset({"media", "supports", "layer", "container", "scope", "starting-style"})
_CONDITIONAL_GROUPS = frozenset({"container", "starting-style"})
_FONT_FORMATS = frozenset(
    {
        "woff2", "woff", "truetype", "opentype", "collection", "woff2-variations", "woff-variations",
        "truetype-variations", "opentype-variations",
    }
)  # fmt: skip
_FORMAT = re.compile(r"format\(\s*[\"']?([\w-]+)", re.IGNORECASE)
_AT_NAME = re.compile(r"@(-?[\w-]+)")
_RANGE = re.compile(r"u\+([0-9a-f]{1,6})(\?{0,5})(?:-([0-9a-f]{1,6}))?", re.IGNORECASE)


class Rule(msgspec.Struct, frozen=True, gc=False):
    """A style rule as written, with the conditions around it that were judged.

    Attributes:
        selector: The list of selectors; those of nested rules are made whole.
        block: Its declarations.
        layer: The name of its cascade layer, or "" outside of layers.
        certain: Whether it is known to apply; a container query cannot be judged.
    """

    selector: str
    block: str
    layer: str = ""
    certain: bool = True


class Import(NamedTuple):
    """An ``@import``: the sheet's address, whether its rules take effect, and the layer they go to."""

    url: str
    applies: bool = True
    layer: str = ""


class Sheet(msgspec.Struct, frozen=True):
    """What one style sheet says, whichever document it is for.

    Attributes:
        base: Its URL, or the document's base for ``<style>``.
        imports: In their order; their rules come before its own.
        rules: Those that may decide about something that is fetched.
        faces: ``@font-face`` rules.
        layers: The names of its cascade layers in the order in which they are first named.
        has_images: Whether any rule names an image.
        size: Of the text that is kept, in characters, at the most.
    """

    base: str
    imports: tuple[Import, ...] = ()
    rules: tuple[Rule, ...] = ()
    faces: tuple[Face, ...] = ()
    layers: tuple[str, ...] = ()
    has_images: bool = False
    size: int = 0


def read_stylesheet(text: str, base: str, viewport: Viewport, *, applies: bool = True) -> Sheet:
    """Read a style sheet. Never raises, and takes time linear in the text.

    Args:
        text: The sheet.
        base: Its URL, or the document's base for ``<style>``.
        viewport: What media queries are judged by.
        applies: False if the sheet itself is for another medium: then only imports are fetched.
    """
    return _Reader(base, viewport).read(text, applies=applies)


class _Group:
    """A block that is open: a conditional group, a style rule with rules nested in it, or other."""

    __slots__ = ("applies", "certain", "layer", "selector")

    def __init__(
        self,
        *,
        applies: bool,
        certain: bool = True,
        selector: str | None = None,
        layer: str = "",
    ) -> None:
        self.applies = applies
        self.certain = certain
        self.selector = selector
        self.layer = layer


class _Reader:
    """One pass over one style sheet."""

    def __init__(self, base: str, viewport: Viewport) -> None:
        self._base = base
        self._viewport = viewport
        self._imports: list[Import] = []
        self._rules: list[Rule] = []
        self._faces: list[Face] = []
        self._layers: dict[str, None] = {}
        self._made = 0

    def read(self, text: str, *, applies: bool) -> Sheet:
        lower = lowered(text)
        at = self._read_imports(text, lower, applies=applies)
        if applies:
            self._read_rules(text, lower, at)
        return Sheet(
            base=self._base,
            imports=tuple(self._imports),
            rules=tuple(self._rules),
            faces=tuple(self._faces),
            layers=tuple(self._layers),
            size=len(text) + self._made if self._rules or self._faces else 0,
            has_images="url(" in lower or bool(self._rules and "image-set(" in lower),
        )

    # Structure

    def _read_imports(self, text: str, lower: str, *, applies: bool) -> int:
        """``@import`` counts only at the head of a sheet. Returns where the head ends."""
        at = 0
        if "@import" not in lower:
            return at
        while True:
            at = _skip_space(text, at)
            if lower.startswith("@import", at):
                rule = import_at(text, at)
                if rule is None:
                    break
                self._add_import(rule.url, rule.condition, applies=applies)
                at = rule.end
                continue
            match = RULE.match(text, at)
            if match is None or match[5] != ";" or not lower.startswith(("@charset", "@layer"), at):
                break
            self._read_statement(match[1])
            at = match.end()
        return at

    def _read_statement(self, prelude: str) -> None:
        """``@layer a, b;`` gives layers their order."""
        name, names = _at_rule(without_comments(prelude).strip())
        if name == "layer":
            self._layers |= dict.fromkeys(part.strip()[:_MAX_LAYER] for part in names.split(","))

    def _layer(self, outer: str, name: str) -> str:
        """The whole name of a layer; one without a name is like no other."""
        name = name.strip() or f"\0{len(self._layers)}"
        name = (f"{outer}.{name}" if outer else name)[:_MAX_LAYER]
        self._layers[name] = None
        return name

    def _add_import(self, reference: str, condition: str, *, applies: bool) -> None:
        url = join(self._base, reference) if reference else None
        if url is None:
            return
        condition = without_comments(condition).strip()
        layer = ""
        for name in ("layer", "supports"):
            if condition[: len(name)].lower() == name:
                argument, condition = after_function(condition[len(name) :])
                if name == "layer":
                    layer = self._layer("", argument)
                elif not _supports(argument):
                    return
        holds = applies and media_matches(condition, self._viewport)
        self._imports.append(Import(url, holds, layer))

    def _read_rules(self, text: str, lower: str, at: int) -> None:
        """Walk the rules, from one of interest to the next; what lies between is passed over."""
        stack = [_Group(applies=True)]
        stray = False
        marks = iter(_marks(lower, at))
        mark = next(marks, _NONE)
        rules, length = self._rules, len(text)
        while mark < _NONE and len(rules) < MAX_RULES and at < length:
            if mark - at > _NEAR and not stray:
                skipped = PLAIN_RULES.match(text, at, mark)
                at = at if skipped is None else skipped.end()
            match = RULE.match(text, at)
            if match is None:
                break
            prelude, opens, body, closes, ends = match.groups()
            group, at = stack[-1], max(match.end(), at + 1)
            if closes is not None:
                if group.applies and mark < at and not stray:
                    if group.selector is None and "@" not in prelude and "/" not in prelude:
                        rules.append(Rule(prelude.strip(), body, group.layer, group.certain))
                    else:
                        self._read_rule(prelude, body, group)
                stray = False
            elif opens is None:
                self._read_loose(prelude, ends, group)
                if ends == "}":
                    stray = len(stack) == 1  # it becomes part of the next rule and spoils it
                    if not stray:
                        stack.pop()
            else:
                opened = self._opened(prelude, group, len(stack))
                stack.append(_Group(applies=False) if stray else opened)
                at, stray = match.start(3), False
            while mark < at:
                mark = next(marks, _NONE)

    def _read_loose(self, prelude: str, ends: str | None, group: _Group) -> None:
        """What is followed by no block: declarations among nested rules, or a statement."""
        if group.selector is not None and group.applies and prelude:
            self._keep(group.selector, prelude, group)
        elif ends == ";" and prelude.lstrip().startswith("@"):
            self._read_statement(prelude)

    def _opened(self, prelude: str, group: _Group, depth: int) -> _Group:
        """The group that a block with blocks in it makes."""
        prelude = without_comments(prelude).strip()
        if not group.applies or depth > MAX_NESTING:
            return _Group(applies=False)
        if not prelude.startswith("@"):
            return _Group(
                applies=True,
                certain=group.certain,
                selector=self._nested(group.selector, prelude),
                layer=group.layer,
            )
        name, condition = _at_rule(prelude)
        if name not in _GROUPS:
            return _Group(applies=False)
        applies = {
            "media": lambda: media_matches(condition, self._viewport),
            "supports": lambda: _supports(condition),
        }.get(name, lambda: True)()
        return _Group(
            applies=applies,
            certain=group.certain and name not in _CONDITIONAL_GROUPS,
            selector=group.selector,
            layer=self._layer(group.layer, condition) if name == "layer" else group.layer,
        )

    def _read_rule(self, prelude: str, body: str, group: _Group) -> None:
        prelude = without_comments(prelude).strip()
        if not prelude.startswith("@"):
            self._keep(self._nested(group.selector, prelude), body, group)
            return
        name, _ = _at_rule(prelude)
        if name == "font-face":
            self._read_face(body)
        elif group.selector is not None and name in _GROUPS:
            inner = self._opened(prelude, group, 0)  # declarations nested in a conditional group
            if inner.applies and inner.selector is not None:
                self._keep(inner.selector, body, inner)

    def _nested(self, outer: str | None, selector: str) -> str:
        """A nested rule's selector, relative to the rule around it (CSS Nesting 1).

        Of a list that becomes too long the first ones.
        """
        if outer is None:
            return selector
        parent = f":is({outer})" if len(outer) < MAX_SELECTOR else ""
        parts: list[str] = []
        room = min(MAX_SELECTOR, _MAX_MADE - self._made)
        for part in split_top_level(selector, ","):
            length = 1 + len(part) + max(1, part.count("&")) * len(parent)
            if not parent or length > room:
                break
            room -= length
            self._made += length
            parts.append(part.replace("&", parent) if "&" in part else f"{parent} {part}")
        return ",".join(parts)

    def _keep(self, selector: str, block: str, group: _Group) -> None:
        self._rules.append(Rule(selector, block, group.layer, group.certain))

    # Fonts

    def _read_face(self, block: str) -> None:
        found = {name: value for name, value, _ in declarations(block)}
        families = families_in(unescape(found.get("font-family", "")))
        sources = self._font_sources(found.get("src", ""))
        if len(families) != 1 or sources is None:
            return
        self._faces.append(
            Face(
                family=families[0],
                sources=tuple(sources),
                ranges=_ranges(found.get("unicode-range", "")),
                weight=_weights(found.get("font-weight", "")),
                stretch=_stretches(found.get("font-stretch", "")),
                italic=found.get("font-style", "").lower().startswith(("italic", "oblique")),
                initiator=self._base,
            )
        )

    def _font_sources(self, value: str) -> list[str] | None:
        """The URLs in supported formats, in the order in which they are tried.

        They end at a font that is in the sheet itself. None if there is nothing to use.
        """
        sources: list[str] = []
        for source in split_top_level(value, ","):
            if "url(" not in source.lower():
                continue
            named = _FORMAT.search(source)
            if named is not None and named[1].lower() not in _FONT_FORMATS:
                continue
            reference = first_url(source)
            if not reference:
                continue
            if reference[:5].lower() == "data:":
                return sources
            url = join(self._base, reference)
            if url is not None:
                sources.append(url)
        return sources or None


def _skip_space(text: str, at: int) -> int:
    """Past white space, comments and the comment marks of HTML."""
    match = _SPACE.match(text, at)
    return at if match is None else match.end()


_SPACE = re.compile(r"(?:[ \t\r\n\f\ufeff]++|/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/)?|<!--|-->)*+")


def _marks(lower: str, at: int) -> list[int]:
    """The places, rising, at which a sheet may say something that decides what is fetched."""
    marks: list[int] = []
    for word, follows in _WORDS:
        place, length = lower.find(word, at), len(word)
        while place >= 0:
            end = place + length
            if follows is None or (
                lower.startswith(follows, end) and lower[place - 1 : place] != "-"
            ):
                marks.append(place)
            place = lower.find(word, end)
    if "--" in lower:
        marks += (found.start() for found in VARIABLE.finditer(lower, at))
    marks.sort()
    return marks


def _at_rule(prelude: str) -> tuple[str, str]:
    match = _AT_NAME.match(prelude)
    if match is None:
        return "", ""
    return match[1].lower(), prelude[match.end() :].strip()


def _supports(condition: str) -> bool:
    """Whether an evergreen browser supports it: all but what asks for the contrary or for others."""
    condition = condition.strip().lower()
    holds, at = True, 0
    while (negation := _NOT.match(condition, at)) is not None:
        holds, at = not holds, negation.end()
    return holds is (_UNSUPPORTED.search(condition, at) is None)


_NOT = re.compile(r"not(?=[\s(])\s*+")
_UNSUPPORTED = re.compile(r"-ms-|-moz-|(?<![\w-])selector\(\s*(?::-|::-moz)")


def may_fetch(value: str) -> bool:
    """Whether a value in lower case names an image."""
    return "url(" in value or "image-set(" in value


def _weights(text: str) -> tuple[int, int]:
    words = [weight_of(word) or 400 for word in text.lower().split()[:2]]
    return (min(words), max(words)) if words else (400, 400)


_STRETCHES = {
    "ultra-condensed": 50.0,
    "extra-condensed": 62.5,
    "condensed": 75.0,
    "semi-condensed": 87.5,
    "semi-expanded": 112.5,
    "expanded": 125.0,
    "extra-expanded": 150.0,
    "ultra-expanded": 200.0,
}
_PERCENTAGE = re.compile(r"(\d{1,4}(?:\.\d{1,4})?)%\Z")


def _stretches(text: str) -> tuple[float, float]:
    found: list[float] = []
    for word in text.lower().split()[:2]:
        percentage = _PERCENTAGE.match(word)
        found.append(float(percentage[1]) if percentage else _STRETCHES.get(word, 100.0))
    return (min(found), max(found)) if found else (100.0, 100.0)


def _ranges(value: str) -> tuple[tuple[int, int], ...]:
    ranges: list[tuple[int, int]] = []
    for match in _RANGE.finditer(value):
        first, wild, last = match.groups()
        low = int(first + "0" * len(wild), 16)
        high = int(last, 16) if last else int(first + "f" * len(wild), 16)
        ranges.append((low, high))
        if len(ranges) >= _MAX_RANGES:
            break
    ranges.sort()
    merged: list[tuple[int, int]] = []
    for low, high in ranges:
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)
