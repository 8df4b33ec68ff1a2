"""A parsed document as its style sheets see it: which elements does a selector match?

A browser loads the image of a rule only if it wins for an element, and a font only if text is set in
it. Both can be answered without a browser, apart from what scripts change. Some selectors take time that
grows with the square of the document or worse, so that there is a budget.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from libra.weighing.style.shadow_roots import LAYER, in_root, outside_roots
from libra.weighing.stylesheets.selectors import at_rest, names_in
from libra.weighing.stylesheets.stylesheet import Sheet

MATCHING_SECONDS = 3.0
"""Time of a processor for the style of one document."""

clock = time.thread_time
"""What that time is measured by: what this thread has spent, however many others there are."""

_TURN = 0.004
"""Seconds of work after which other threads are let in, which takes a tenth of a millisecond."""

_KEPT = 50_000
"""Elements in all of which it is kept which selector matched them."""

_FEW = 100
"""Elements that are kept at hand to find what is around them."""


class WorkSpent(Exception):
    """The time for a document was used up."""


class Linked(NamedTuple):
    """A style sheet of a document: itself, or where it is to be had."""

    sheet: Sheet | str
    applies: bool = True
    layer: str = ""


class StyledDocument:
    """One document with its style sheets. Not to be asked from several threads at once.

    Attributes:
        url: What its images and fonts are said to be asked for by, where no sheet is.
        base: What URLs in ``style`` attributes are relative to.
        size: Of its source, in bytes.
        sheets: In document order.
        inline: ``style`` attributes that may matter, by element.
        hints: What other attributes say of an element's style, as declarations: any rule is stronger.
        lazy: What elements load when they are near the window, by element.
        embedded: The objects and frames that wait to be known as rendered or not, with what they
            load, by their place among the references.
        large: Whether it is too large to be searched.
        has_roots: Whether it has shadow roots.
    """

    __slots__ = (
        "_characters", "_names", "_nodes", "_pause_at", "_room", "_selected", "_tree", "_until",
        "base", "embedded", "has_roots", "hints", "inline", "large", "lazy", "sheets", "size", "url",
    )  # fmt: skip

    def __init__(
        self,
        tree: LexborHTMLParser,
        *,
        url: str = "",
        size: int = 0,
    ) -> None:
        self._tree = tree
        self._names: set[str] | None = None
        self._nodes: dict[int, LexborNode] = {}
        self._room = _KEPT
        self._selected: dict[str, Sequence[int] | None] = {}
        self._until = self._pause_at = math.inf
        self.url = self.base = url
        self._characters: frozenset[int] | None = None
        self.size = size
        self.sheets: list[Linked] = []
        self.inline: dict[int, str] = {}
        self.hints: dict[int, str] = {}
        self.lazy: dict[int, list[str]] = {}
        self.embedded: dict[int, tuple[LexborNode, str]] = {}
        self.large = False
        self.has_roots = False

    @property
    def root(self) -> LexborNode | None:
        """The document's outermost element."""
        return self._tree.root

    @property
    def tree(self) -> LexborHTMLParser:
        """The document."""
        return self._tree

    def use_names(self, names: set[str], characters: frozenset[int]) -> None:
        """For a document too large to search: its ``.classes`` and ``#ids``, its code points."""
        self._names = names
        self._characters = characters
        self.large = True

    @property
    def characters(self) -> frozenset[int]:
        """The code points of its text, more or less."""
        if self._characters is None:
            found: set[str] = set()
            for node in self._tree.root.traverse(include_text=True) if self._tree.root else ():
                if node.is_text_node:
                    found.update(node.text_content or "")
            self._characters = frozenset(map(ord, found))
        return self._characters

    @property
    def has_images(self) -> bool:
        """Whether an attribute names an image."""
        return bool(self.hints) or any(
            "url(" in text or "image-set(" in text for text in map(str.lower, self.inline.values())
        )

    # Budget

    def begin(self) -> None:
        """Start the clock of this thread."""
        now = clock()
        self._until = now + MATCHING_SECONDS
        self._pause_at = now + _TURN

    def check(self) -> None:
        """Raises `WorkSpent` if the time is used up. Lets other threads have their turn."""
        now = clock()
        if now > self._until:
            raise WorkSpent
        if now > self._pause_at:
            self._pause_at = now + _TURN
            time.sleep(0)

    # Matching

    def scoped(self, selector: str, layer: str) -> str:
        """A selector of a style sheet in this layer, as it matches in a document with shadow roots."""
        if not self.has_roots:
            return selector
        if layer.startswith(LAYER):
            return in_root(selector, layer.removeprefix(LAYER).partition(".")[0])
        return outside_roots(selector)

    @property
    def names(self) -> set[str]:
        """All ``.classes`` and ``#ids`` that occur."""
        if self._names is None:
            names = self._names = set()
            for node in self._tree.css("[class]"):
                names.update(f".{name}" for name in node.attrs.sget("class").split())
            for node in self._tree.css("[id]"):
                names.add(f"#{node.attrs.sget('id')}")
        return self._names

    def select(self, plain: str) -> Sequence[int] | None:
        """The elements (``mem_id``) that a selector from `at_rest` matches; None if it is invalid.

        Raises `WorkSpent` when the time is used up.
        """
        try:
            return self._selected[plain]
        except KeyError:
            pass
        self.check()
        found: Sequence[int] | None
        try:
            nodes = self._tree.css(plain)
        except SelectolaxError:
            found = None
        else:
            found = [node.mem_id for node in nodes]
            if len(nodes) <= _FEW:
                self._nodes.update(zip(found, nodes, strict=True))
        self._room -= len(found or ())
        if self._room > 0:
            self._selected[plain] = found
        return found

    def style_element(self, node: LexborNode, declarations: str) -> None:
        """Take in a ``style`` attribute."""
        self.inline[node.mem_id] = declarations
        self._nodes[node.mem_id] = node

    def hint(self, node: LexborNode, declarations: str) -> None:
        """Take in what an attribute with a presentational meaning stands for."""
        known = self.hints.get(node.mem_id)
        self.hints[node.mem_id] = f"{known};{declarations}" if known else declarations
        self._nodes[node.mem_id] = node

    def ancestry(self, elements: AbstractSet[int]) -> set[int] | None:
        """These elements and all around them, or None if they are too many to be looked for."""
        if len(elements) > _FEW or not self._nodes.keys() >= elements:
            return None
        found: set[int] = set()
        for element in elements:
            node: LexborNode | None = self._nodes[element]
            while node is not None and node.mem_id not in found:
                found.add(node.mem_id)
                node = node.parent
        return found

    def forget(self) -> None:
        """Give back what was only needed while the document was looked at."""
        self._selected, self._nodes = {}, {}
        self.sheets, self.inline, self.lazy, self.embedded = [], {}, {}, {}
        self.hints = {}

    def may_match(self, selector: str) -> bool:
        """Whether all names in one of a list's selectors occur somewhere in the document.

        For a document that is too large, or takes too long, to be searched.
        """
        plain = at_rest(selector)
        names: Iterable[set[str]] = names_in(plain) if plain else ()
        known = self.names
        return any(known.issuperset(n for n in part if n[0] in ".#") for part in names)
