"""At-rules of a stylesheet: their names, which hold rules, and which end its head."""

from __future__ import annotations

from libra.ascii import lowered, trimmed
from libra.weighing.css.conditions import Invalid, condition
from libra.weighing.css.scan import is_declaration, without_comments
from libra.weighing.css.syntax import components, significant, split_at
from libra.weighing.css.tokens import tokens
from libra.weighing.stylesheets.layers import is_layer
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
        return is_valid(prelude) and not is_custom(prelude)
    if not has_block:
        return name == "namespace"
    return name in _BLOCKS and is_sound(name, read_at_rule(prelude)[1])


def is_custom(prelude: str) -> bool:
    """Whether what looks like a rule begins like a custom property, which may not be there."""
    return prelude[:2] == "--" and is_declaration(prelude)


def is_sound(name: str, prelude: str) -> bool:
    """Whether a browser keeps a group of rules with this prelude; any ``@media`` or ``@supports``."""
    match name:
        case "layer":
            return not prelude or is_layer(prelude)
        case "starting-style":
            return not prelude
        case "container":
            return _are_containers(prelude)
        case _:
            return True


def _are_containers(prelude: str) -> bool:
    """Whether each query of a list has a name, or a condition, or both."""
    for piece in split_at(components(prelude), ","):
        parts = significant(piece)
        if not parts:
            return False
        if parts[0].kind == "ident" and not parts[0].is_word("not"):
            if parts[0].is_word(*_NO_NAMES):
                return False
            parts = parts[1:]
        try:
            if parts:
                condition(parts, lambda _: True)
        except Invalid:
            return False
    return True


_NO_NAMES = frozenset({"none", "and", "or", "inherit", "initial", "unset", "revert", "default"})
