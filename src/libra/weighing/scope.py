"""A parsed document as its style sheets see it: does anything match this selector?

A browser loads the image of a rule only if the rule's selector matches an element, and a font only if
its family is used on characters in its range. Both can be answered without a browser, apart from what
scripts change.
"""

from __future__ import annotations

import threading
import time

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from libra.weighing.modules import ImportMap
from libra.weighing.selector import at_rest, names_in

MATCHING_SECONDS = 3.0
"""Time for matching in one document. Some selectors take time that grows with the square of the document
or worse; when it is used up, what is asked then is taken to match."""


class Scope:
    """One document, shared by the style sheets that apply to it. Safe to ask from several threads.

    Attributes:
        characters: The code points of the document's text.
        import_map: What its modules' specifiers stand for.
        exhausted: Whether `MATCHING_SECONDS` were used up.
    """

    __slots__ = ("_answers", "_lock", "_names", "_spent", "_tree", "characters", "import_map")

    def __init__(
        self, tree: LexborHTMLParser, characters: frozenset[int], import_map: ImportMap
    ) -> None:
        self._tree = tree
        self._lock = threading.Lock()
        self._answers: dict[str, bool] = {}
        self._names: set[str] | None = None
        self._spent = 0.0
        self.characters = characters
        self.import_map = import_map

    @property
    def exhausted(self) -> bool:
        """Whether the time for matching was used up, so that answers may be too generous."""
        return self._spent > MATCHING_SECONDS

    def use_names(self, names: set[str]) -> None:
        """For a document too large to search: its element names, ``.classes`` and ``#ids``.

        From then on a selector matches if all names in it occur somewhere.
        """
        self._names = names

    def matches(self, selector: str) -> bool:
        """Whether the selector (possibly a list) matches an element of the page at rest.

        What the engine cannot parse is taken not to match, as a browser drops a rule with an invalid
        selector.
        """
        known = self._answers.get(selector)
        if known is None:
            known = self._answers[selector] = self._match(selector)
        return known

    def _match(self, selector: str) -> bool:
        plain = at_rest(selector)
        if not plain or self._spent > MATCHING_SECONDS:
            return bool(plain)
        if self._names is not None:
            return any(self._names.issuperset(part) for part in names_in(plain))
        with self._lock:
            started = time.perf_counter()
            try:
                return self._tree.css_first(plain) is not None
            except SelectolaxError:
                return False
            finally:
                self._spent += time.perf_counter() - started
