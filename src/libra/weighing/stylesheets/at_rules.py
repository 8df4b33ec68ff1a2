"""At-rules of a stylesheet: their names, which hold rules, and which end its head."""

from __future__ import annotations

from libra.ascii import lowered, trimmed
from libra.weighing.css.scan import without_comments
from libra.weighing.css.tokens import tokens
from libra.weighing.stylesheets.selectors import is_valid

GROUPS = frozenset({"media", "supports", "layer", "container", "scope", "starting-style"})
"""At-rules that hold rules."""

_BLOCKS = GROUPS | {
    "font-face", "keyframes", "-webkit-keyframes", "page", "property", "counter-style",
    "font-feature-values", "font-palette-values", "position-try", "view-transition", "function",
}  # fmt: skip
"""At-rules with blocks, each of which ends the head of a stylesheet."""


def read_at_rule(prelude: str) -> tuple[str, str]:
    """The name of an at-rule in lower case and the text after it; "" for any other rule."""
    if prelude[:1] != "@":
        return "", ""
    first = next(tokens(prelude), None)
    if first is None or first.kind != "at-keyword":
        return "", ""
    return lowered(first.value), trimmed(without_comments(prelude[first.end :]))


def ends_head(name: str, prelude: str, *, has_block: bool) -> bool:
    """Whether no ``@import`` counts after this rule."""
    if not name:
        return is_valid(prelude)
    return name in _BLOCKS if has_block else name == "namespace"
