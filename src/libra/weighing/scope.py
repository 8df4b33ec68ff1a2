"""A parsed document as its style sheets see it: does anything match this selector?

A browser loads the image of a rule only if the rule's selector matches an element, and a font only if
its family is used on characters in its range. Both can be answered without a browser, apart from what
scripts change.
"""

from __future__ import annotations

import re
import threading

from selectolax.lexbor import LexborHTMLParser

from libra.weighing.modules import ImportMap

_MAX_SELECTOR = 4_000
_PSEUDO_ELEMENT = re.compile(
    r"::?(?:before|after|first-line|first-letter|marker|backdrop|placeholder|selection|"
    r"file-selector-button|cue|part|slotted|details-content|view-transition|"
    r"(?:-webkit-|-moz-|-ms-)[\w-]+)(?![\w-])(?:\([^()]*+\))?",
    re.IGNORECASE,
)
_NEVER = re.compile(
    r":(?:hover|active|focus|focus-visible|focus-within|visited|target|target-within|fullscreen|"
    r"autofill|user-invalid|user-valid|modal|popover-open|picture-in-picture|-webkit-full-screen|"
    r"-moz-[\w-]+|-ms-[\w-]+)(?![\w-])(?:\([^()]*+\))?",
    re.IGNORECASE,
)
_INVISIBLE = re.compile(
    r"::(?:selection|backdrop|cue|-webkit-(?:search|scrollbar|resizer|calendar|inner|outer)[\w-]*|"
    r"-moz-[\w-]+|-ms-[\w-]+)",
    re.IGNORECASE,
)
_ALWAYS = re.compile(r":(?:host|defined|scope)(?![\w-])", re.IGNORECASE)


class Scope:
    """One document, shared by the style sheets that apply to it. Safe to ask from several threads."""

    __slots__ = ("_answers", "_lock", "_tree", "characters", "import_map")

    def __init__(
        self, tree: LexborHTMLParser, characters: frozenset[int], import_map: ImportMap
    ) -> None:
        self._tree = tree
        self.import_map = import_map
        self._lock = threading.Lock()
        self._answers: dict[str, bool] = {}
        self.characters = characters

    def matches(self, selector: str) -> bool:
        """Whether the selector (possibly a list) matches an element, states such as hover aside.

        What the engine cannot parse is taken to match: too many bytes are found sooner than too few.
        """
        known = self._answers.get(selector)
        if known is not None:
            return known
        answer = self._match(selector)
        self._answers[selector] = answer
        return answer

    def _match(self, selector: str) -> bool:
        if len(selector) > _MAX_SELECTOR:
            return True
        plain = ",".join(
            part
            for part in map(_plain, selector.split(",") if "(" not in selector else [selector])
            if part
        )
        if not plain:
            return False
        with self._lock:
            try:
                return bool(self._tree.css_first(plain) is not None)
            except ValueError:
                return True


def _plain(selector: str) -> str:
    """The selector without what only a state or a rendering could decide; empty if it cannot hold."""
    if ":" not in selector:
        return selector.strip()
    if _INVISIBLE.search(selector) or _NEVER.search(selector):
        return ""
    selector = _ALWAYS.sub("", _PSEUDO_ELEMENT.sub("", selector)).strip()
    return re.sub(r"(^|[\s>+~])(?=$|[>+~])", r"\1*", selector) if selector else "*"
