"""A parsed document that finds the elements matching the selectors of its stylesheets.

A browser loads the image of a rule only if the rule wins for an element, and a font only if text uses
it. Both can be decided without a browser, except for changes by scripts. Some selectors take time that
grows with the square of the document or worse, so there is a budget.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from libra.ascii import lowered, words
from libra.weighing.css.tokens import preprocessed
from libra.weighing.style.shadow_roots import LAYER, in_root, outside_roots
from libra.weighing.stylesheets.scopes import OWNER, place_of
from libra.weighing.stylesheets.selectors import at_rest, escaped, names_in
from libra.weighing.stylesheets.states import LANGUAGE
from libra.weighing.stylesheets.stylesheet import Sheet

MATCHING_SECONDS = 3.0
"""Processor time in seconds for the style of one document."""

clock = time.thread_time
"""The clock for that time: the processor time of this thread, regardless of others."""

_TURN = 0.004
"""Seconds of work between two pauses for other threads. A pause takes a tenth of a millisecond."""

_KEPT = 50_000
"""Total number of matched elements up to which the results of selectors are cached."""

_FEW = 100
"""Maximum number of elements whose nodes are kept to find their ancestors."""


class WorkSpent(Exception):
    """The time for a document is used up."""


class Linked(NamedTuple):
    """A stylesheet of a document, or its address."""

    sheet: Sheet | str
    applies: bool = True
    layer: str = ""


class StyledDocument:
    """One document with its stylesheets. Only one thread may use it at a time.

    Attributes:
        url: The initiator of its images and fonts that no stylesheet names.
        base: The base URL of addresses in ``style`` attributes.
        size: The length of its source in bytes.
        sheets: Its stylesheets in document order.
        inline: The ``style`` attributes that may matter, by element.
        hints: Declarations of presentational attributes, by element; any rule is stronger.
        lazy: The addresses that lazy elements load near the window, by element.
        embedded: The objects and frames of which it is still unknown whether they are rendered, with
            their addresses, by their place among the references.
        large: Whether it is too large to search.
        has_roots: Whether it has shadow roots.
        has_policies: Whether policies may forbid ``style`` attributes.
    """

    __slots__ = (
        "_are_owners_marked", "_characters", "_is_language_stated", "_is_root_alone", "_names",
        "_nodes", "_pause_at", "_room", "_selected", "_tree", "_until", "base", "embedded",
        "has_policies", "has_roots", "hints", "inline", "large", "lazy", "sheets", "size", "url",
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
        self._is_language_stated = self._are_owners_marked = self._is_root_alone = False
        self.size = size
        self.sheets: list[Linked] = []
        self.inline: dict[int, str] = {}
        self.hints: dict[int, str] = {}
        self.lazy: dict[int, list[str]] = {}
        self.embedded: dict[int, tuple[LexborNode, str]] = {}
        self.large = False
        self.has_roots = self.has_policies = False

    @property
    def root(self) -> LexborNode | None:
        """The root element of the document."""
        return self._tree.root

    @property
    def tree(self) -> LexborHTMLParser:
        """The tree of the document."""
        return self._tree

    def use_names(self, names: set[str], characters: frozenset[int]) -> None:
        """Mark the document as too large to search, with its ``.classes``, ``#ids`` and code points."""
        self._names = names
        self._characters = characters
        self.large = True

    @property
    def characters(self) -> frozenset[int]:
        """The approximate set of code points in its text."""
        if self._characters is None:
            found: set[str] = set()
            for node in self._tree.root.traverse(include_text=True) if self._tree.root else ():
                if node.is_text_node:
                    found.update(node.text_content or "")
            self._characters = frozenset(map(ord, found))
        return self._characters

    @property
    def has_images(self) -> bool:
        """Whether an attribute may name an image."""
        return bool(self.hints) or any(
            "url(" in text or "image-set(" in text for text in map(str.lower, self.inline.values())
        )

    # Budget

    def begin(self) -> None:
        """Start the time budget in this thread."""
        now = clock()
        self._until = now + MATCHING_SECONDS
        self._pause_at = now + _TURN

    def check(self) -> None:
        """Raise `WorkSpent` if the time is used up. Also gives other threads their turn."""
        now = clock()
        if now > self._until:
            raise WorkSpent
        if now > self._pause_at:
            self._pause_at = now + _TURN
            time.sleep(0)

    # Matching

    def scoped(self, selector: str, layer: str) -> str:
        """Rewrite a selector of this layer for a document with shadow roots."""
        if not self.has_roots:
            return selector
        if layer.startswith(LAYER):
            return in_root(selector, layer.removeprefix(LAYER).partition(".")[0])
        return outside_roots(selector)

    @property
    def names(self) -> set[str]:
        """All ``.classes`` and ``#ids`` that occur in the document."""
        if self._names is None:
            names = self._names = set()
            for node in self._tree.css("[class]"):
                names.update(f".{name}" for name in words(node.attrs.sget("class")))
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
        if not self._is_root_alone:
            self._leave_root_alone()
        if LANGUAGE in plain and not self._is_language_stated:
            self._state_language()
        if OWNER in plain and not self._are_owners_marked:
            self._mark_owners()
        found: Sequence[int] | None
        try:
            nodes = self._tree.css(plain if plain.isascii() else escaped(plain))
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

    def _leave_root_alone(self) -> None:
        """Remove the doctype and the comments around the root, which the engine counts as siblings."""
        self._is_root_alone = True
        root = self._tree.root
        while root is not None and root.prev is not None:
            root.prev.decompose()
        while root is not None and root.next is not None:
            root.next.decompose()

    def _state_language(self) -> None:
        """Set the language of the last ``<meta>`` that states one on the root element."""
        self._is_language_stated = True
        stated = self._tree.css("meta[http-equiv=content-language i][content]")
        if stated and self._tree.root is not None:
            self._tree.root.attrs[LANGUAGE] = stated[-1].attrs.sget("content")

    def _mark_owners(self) -> None:
        """Name the stylesheets with scopes in the parents of their elements."""
        self._are_owners_marked = True
        owners: dict[int, tuple[LexborNode, dict[str, None]]] = {}
        for node in self._tree.css("style"):
            text = preprocessed(node.text(deep=False))
            parent = node.parent
            if parent is not None and "@scope" in lowered(text):
                owners.setdefault(parent.mem_id, (parent, {}))[1][place_of(text)] = None
        for parent, places in owners.values():
            parent.attrs[OWNER] = " ".join(places)

    def style_element(self, node: LexborNode, declarations: str) -> None:
        """Add a ``style`` attribute."""
        self.inline[node.mem_id] = declarations
        self._nodes[node.mem_id] = node

    def hint(self, node: LexborNode, declarations: str) -> None:
        """Add the declarations of a presentational attribute."""
        known = self.hints.get(node.mem_id)
        self.hints[node.mem_id] = f"{known};{declarations}" if known else declarations
        self._nodes[node.mem_id] = node

    def ancestry(self, elements: AbstractSet[int]) -> set[int] | None:
        """These elements with all their ancestors, or None if there are too many to look up."""
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
        """Free everything that only the style needed."""
        self._selected, self._nodes = {}, {}
        self.sheets, self.inline, self.lazy, self.embedded = [], {}, {}, {}
        self.hints = {}

    def may_match(self, selector: str) -> bool:
        """Whether all names of one selector in a list occur somewhere in the document.

        Used for a document that is too large, or takes too long, to search.
        """
        plain = at_rest(selector)
        names: Iterable[set[str]] = names_in(plain) if plain else ()
        known = self.names
        return any(known.issuperset(n for n in part if n[0] in ".#") for part in names)
