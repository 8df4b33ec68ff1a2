"""Reads the parts of a stylesheet that may cause requests: imports, fonts, and relevant rules.

A browser fetches ``@import`` at once. It fetches an image only if a rule with it wins for a rendered
element, and a font only if text uses it. So this module reads a stylesheet independently of any
document. It walks the rules with the conditions around them (``@media``, ``@supports``, ``@layer``), and
keeps those that may affect images, fonts, ``content`` or ``display`` for the cascade (`cascade`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from libra.ascii import lowered, trimmed
from libra.weighing.css.scan import (
    PLAIN_RULES,
    RULE,
    is_declaration,
    past_separators,
    past_space,
    stop,
)
from libra.weighing.css.tokens import preprocessed
from libra.weighing.options import Viewport
from libra.weighing.stylesheets.at_rules import (
    GROUPS,
    ends_head,
    is_custom,
    is_sound,
    read_at_rule,
)
from libra.weighing.stylesheets.font_face import read_face
from libra.weighing.stylesheets.fonts import FontFace
from libra.weighing.stylesheets.imports import SheetImport, read_import
from libra.weighing.stylesheets.keyframes import Keyframes, read_keyframes
from libra.weighing.stylesheets.layers import LayerNames, are_layers
from libra.weighing.stylesheets.marks import SheetMarks
from libra.weighing.stylesheets.namespaces import Namespaces, read_namespaces
from libra.weighing.stylesheets.nesting import nested
from libra.weighing.stylesheets.property_rules import PropertyRule, read_property
from libra.weighing.stylesheets.scopes import Scope, place_of, read_scope, scoped
from libra.weighing.stylesheets.selector_reader import MAX_SELECTOR
from libra.weighing.stylesheets.selectors import is_valid
from libra.weighing.stylesheets.supports import supports
from libra.weighing.viewport.media_queries import media_matches

MAX_RULES = 50_000
MAX_NESTING = 64
_MAX_MADE = 5_000_000
"""Maximum characters of all expanded selectors, which may be far longer than the stylesheet."""

_NEAR = 80
"""Distance in characters to the next relevant place from which skipping whole rules pays."""

_NONE = 1 << 60


class StyleRule(msgspec.Struct, frozen=True, gc=False):
    """A style rule as written, with the conditions around it that depend on the element.

    Attributes:
        selector: The list of selectors, with nested ones expanded.
        block: Its declarations.
        layer: The name of its cascade layer; "" without one.
        containers: The container queries around it, each preceded by its name.
        starting: Whether it sets only the start of transitions.
    """

    selector: str
    block: str
    layer: str = ""
    containers: tuple[str, ...] = ()
    starting: bool = False


class Sheet(msgspec.Struct, frozen=True):
    """The content of one stylesheet, independent of its document.

    Attributes:
        base: Its URL, or the document's base for ``<style>``.
        imports: Its imports in order; their rules precede its own.
        rules: The rules that may affect requests.
        faces: ``@font-face`` rules.
        layers: The names of its cascade layers in the order of their first mention.
        layers_ahead: How many of them it names before its imports.
        keyframes: The frames of its animations.
        properties: The custom properties that it registers.
        has_images: Whether any rule names an image.
        sizes, fonts: As in `SheetMarks`.
        size: Upper bound of the characters that are kept of it.
    """

    base: str
    imports: tuple[SheetImport, ...] = ()
    rules: tuple[StyleRule, ...] = ()
    faces: tuple[FontFace, ...] = ()
    layers: tuple[str, ...] = ()
    layers_ahead: int = 0
    keyframes: tuple[Keyframes, ...] = ()
    properties: tuple[PropertyRule, ...] = ()
    has_images: bool = False
    size: int = 0
    sizes: bool = True
    fonts: bool = False


def read_stylesheet(text: str, base: str, viewport: Viewport, *, applies: bool = True) -> Sheet:
    """Read a stylesheet. Never raises, and takes time linear in the length of the text.

    Args:
        text: The text of the stylesheet.
        base: Its URL, or the document's base for ``<style>``.
        viewport: The window for media queries.
        applies: False if the stylesheet is for another medium. Then only its imports are read.
    """
    return _SheetReader(base, viewport).read(text, applies=applies)


class _Group:
    """An open block.

    Attributes:
        applies: Whether its content takes effect.
        selector: The meaning of ``&`` in it: a list of selectors, or None outside of style rules.
        items: Whether it may contain declarations among rules, like style rules.
        scope: The innermost enclosing ``@scope``, possibly itself.
    """

    __slots__ = ("applies", "containers", "items", "layer", "scope", "selector", "starting")

    def __init__(
        self,
        *,
        applies: bool,
        selector: str | None = None,
        items: bool = False,
        layer: str = "",
        containers: tuple[str, ...] = (),
        starting: bool = False,
        scope: Scope | None = None,
    ) -> None:
        self.applies = applies
        self.selector = selector
        self.items = items
        self.layer = layer
        self.containers = containers
        self.starting = starting
        self.scope = scope

    def within(self, **changes: Any) -> _Group:
        """A group inside this one, with these changes."""
        same = {name: getattr(self, name) for name in self.__slots__}
        return _Group(**(same | changes))


class _SheetReader:
    """One pass over one stylesheet."""

    def __init__(self, base: str, viewport: Viewport) -> None:
        self._base = base
        self._viewport = viewport
        self._imports: list[SheetImport] = []
        self._rules: list[StyleRule] = []
        self._faces: list[FontFace] = []
        self._layers = LayerNames()
        self._layers_ahead = 0
        self._keyframes: list[Keyframes] = []
        self._properties: list[PropertyRule] = []
        self._made = 0
        self._place = ""

    def read(self, text: str, *, applies: bool) -> Sheet:
        text = preprocessed(text).removeprefix("\ufeff")
        marks = SheetMarks(text, lowered(text))
        at = self._read_head(text, applies=applies) if marks.imports else 0
        self._namespaces = read_namespaces(text, at) if marks.namespaces else Namespaces()
        if marks.scopes:
            self._place = place_of(text)
        if applies:
            self._read_rules(text, marks.after(at), at)
        kept = self._rules or self._faces or self._keyframes or self._properties
        return Sheet(
            base=self._base,
            imports=tuple(self._imports),
            rules=tuple(self._rules),
            faces=tuple(self._faces),
            layers=self._layers.in_order(),
            layers_ahead=self._layers_ahead,
            keyframes=tuple(self._keyframes),
            properties=tuple(self._properties),
            size=len(text) + self._made + self._namespaces.made if kept else 0,
            has_images=marks.may_name_images(rules=bool(kept)),
            sizes=marks.sizes,
            fonts=marks.fonts,
        )

    # Structure

    def _read_head(self, text: str, *, applies: bool) -> int:
        """Read the imports, which count only at the head. Returns where the head ends."""
        at, end = 0, len(text)
        while True:
            at = past_space(text, at, at_top=True)
            if at >= end:
                return at
            start, at = at, stop(text, at, "{;" if text[at] == "@" else "{")
            name, prelude = read_at_rule(text[start:at])
            has_block = at < end and text[at] == "{"
            after = stop(text, at + 1, "}") + 1 if has_block else at + 1
            if name == "import" and not has_block:
                found = read_import(
                    prelude, self._base, self._viewport, self._layers, applies=applies
                )
                if found is not None:
                    self._imports.append(found)
            elif name == "layer" and not has_block and are_layers(prelude):
                if self._imports:
                    return start  # no import may follow
                self._layers.add_all("", prelude)
                self._layers_ahead = len(self._layers.in_order())
            elif ends_head(name, trimmed(text[start:at]), has_block=has_block):
                return start
            at = after  # ignore what cannot be read

    def _read_rules(self, text: str, marks: Iterator[int], at: int) -> None:
        """Walk the rules from one relevant place to the next, and skip those between."""
        stack = [_Group(applies=True)]
        mark = next(marks, _NONE)
        length = len(text)
        while mark < _NONE and len(self._rules) < MAX_RULES and at < length:
            group = stack[-1]
            if mark - at > _NEAR:
                skipped = PLAIN_RULES.match(text, at, mark)
                at = at if skipped is None else skipped.end()
            at = (
                past_separators(text, at)
                if group.items
                else past_space(text, at, at_top=len(stack) == 1)
            )
            if at >= length:
                break
            if text[at] == "}" and len(stack) > 1:
                stack.pop()
                at += 1
            else:
                at = self._read_item(text, at, mark, stack)
            while mark < at:
                mark = next(marks, _NONE)

    def _read_item(self, text: str, at: int, mark: int, stack: list[_Group]) -> int:
        """Read a rule, a declaration, or the start of a group. Returns where it ends."""
        group = stack[-1]
        whole = RULE.match(text, at)
        if whole is not None and (not group.items or whole[1][:2] != "--"):
            if group.applies and mark < whole.end():
                self._read_rule(whole[1], whole[2], group)
            return whole.end()
        start, length = at, len(text)
        inner = len(stack) > 1
        if text[at] == "@" or group.items:
            at = stop(text, at, "{;}" if inner else "{;")
        else:
            at = stop(text, at, "{}" if inner else "{")
        if at < length and text[at] == "{" and group.items and text.startswith("--", start):
            at = stop(text, start, ";}") if is_declaration(text[start:at]) else at
        prelude = text[start:at]
        if at >= length or text[at] != "{":
            if group.applies and mark < at:
                self._read_loose(prelude, group)
            elif prelude[:1] == "@":
                self._read_statement(prelude, group)
            return at if at < length and text[at] == "}" else at + 1
        opened = self._opened(prelude, group, len(stack), text, at)
        if isinstance(opened, int):
            return opened
        stack.append(opened)
        return at + 1

    def _read_loose(self, prelude: str, group: _Group) -> None:
        """Read an item without a block: a declaration among nested rules, or a statement."""
        if prelude[:1] == "@":
            self._read_statement(prelude, group)
        elif group.items:
            self._keep_own(prelude, group)

    def _read_statement(self, prelude: str, group: _Group) -> None:
        name, rest = read_at_rule(prelude)
        if name == "layer" and group.applies and not group.items and are_layers(rest):
            self._layers.add_all(group.layer, rest)

    def _opened(self, prelude: str, group: _Group, depth: int, text: str, at: int) -> _Group | int:
        """The group that a block opens, or the end of the block if it can be skipped."""
        name, rest = read_at_rule(prelude)
        if not group.applies or depth > MAX_NESTING or (name and name not in GROUPS):
            end = stop(text, at + 1, "}")
            if group.applies and name:
                self._read_other(name, rest, text[at + 1 : end], group)
            return end + 1
        if name:
            return self._group(name, rest, group)
        selector = None if is_custom(prelude) else self._selector(prelude, group)
        if selector is None:
            return stop(text, at + 1, "}") + 1
        return group.within(selector=selector, items=True, scope=None)

    def _group(self, name: str, condition: str, group: _Group) -> _Group:
        if not is_sound(name, condition):
            return _Group(applies=False)
        if group.scope is not None:
            group = group.within(items=False)  # only the scope itself may hold declarations
        match name:
            case "media":
                return group.within(applies=media_matches(condition, self._viewport))
            case "supports":
                return group.within(applies=bool(supports(condition)))
            case "layer":
                return group.within(layer=self._layers.add(group.layer, condition))
            case "container":
                return group.within(containers=(*group.containers, condition))
            case "scope":
                scope = read_scope(condition, group.selector, group.scope, self._place)
                if scope is None:
                    return _Group(applies=False)
                selector = f":where({scope.root})"
                return group.within(selector=selector, items=True, scope=scope)
            case _:
                return group.within(starting=True)

    def _read_rule(self, prelude: str, body: str, group: _Group) -> None:
        """Read a rule without nested blocks."""
        if is_custom(prelude):
            return
        if "@" not in prelude and "/" not in prelude and group.selector is None:
            self._keep(self._namespaces.resolved(trimmed(prelude)), body, group)
            return
        if not prelude.startswith("@"):
            selector = self._selector(prelude, group)
            if selector is not None:
                self._keep(selector, body, group)
            return
        name, condition = read_at_rule(prelude)
        if name not in GROUPS:
            self._read_other(name, condition, body, group)
        elif group.items or name == "scope":
            inner = self._group(name, condition, group)  # declarations inside a conditional group
            if inner.applies and inner.items:
                self._keep_own(body, inner)
        elif name == "layer":
            self._group(name, condition, group)

    def _read_other(self, name: str, rest: str, body: str, group: _Group) -> None:
        """Read an at-rule that contains no style rules."""
        if name == "font-face" and not rest and (not group.items or group.scope is not None):
            face = read_face(body, self._base, group.layer)
            if face is not None:
                self._faces.append(face)
        elif name in {"keyframes", "-webkit-keyframes"}:
            animation = read_keyframes(rest, body)
            if animation is not None:
                prefixed = name != "keyframes"
                self._keyframes.append(animation._replace(layer=group.layer, prefixed=prefixed))
        elif name == "property":
            registered = read_property(rest, body)
            if registered is not None:
                self._properties.append(registered)

    def _selector(self, prelude: str, group: _Group) -> str | None:
        """The expanded selectors of a rule; None if they are invalid or too long."""
        prelude = self._namespaces.resolved(trimmed(prelude))
        if group.scope is not None:
            made = scoped(prelude, group.scope)
        elif group.selector is not None:
            if len(group.selector) > MAX_SELECTOR:
                return None
            made = nested(prelude, f":is({group.selector})", descend=True)
        else:
            return prelude if is_valid(prelude) else None
        room = min(MAX_SELECTOR, _MAX_MADE - self._made)
        whole: list[str] = []
        for part in made:
            room -= len(part) + 1
            if room < 0:
                break
            whole.append(part)
            self._made += len(part) + 1
        selector = ",".join(whole)
        return selector if selector and is_valid(selector) else None

    def _keep(self, selector: str, block: str, group: _Group) -> None:
        self._rules.append(
            StyleRule(selector, block, group.layer, group.containers, group.starting)
        )

    def _keep_own(self, block: str, group: _Group) -> None:
        """Keep declarations for the selector of the enclosing group."""
        if group.selector is not None:
            self._keep(group.selector, block, group)
