"""Namespaces of a stylesheet (CSS Namespaces 3), for an engine that knows only the names of elements.

A document has elements of three namespaces. An element is of a drawing's or a formula's by its place in
the document, so a type with a prefix becomes a type and a condition on its ancestors. The condition
adds no specificity.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from libra.ascii import lowered, trimmed
from libra.weighing.css.scan import past_space, stop
from libra.weighing.css.syntax import ComponentValue, components, significant, split_at
from libra.weighing.css.tokens import preprocessed
from libra.weighing.stylesheets.at_rules import ends_head, read_at_rule
from libra.weighing.stylesheets.font_face import address
from libra.weighing.stylesheets.selector_reader import COMBINATORS, MAX_SELECTOR

_DRAWN = "svg,svg *:not(foreignobject *),foreignobject svg *"
_WRITTEN = "math,math *"
_CONDITIONS = {
    "http://www.w3.org/1999/xhtml": f":where(:not({_DRAWN},{_WRITTEN}))",
    "http://www.w3.org/2000/svg": f":where({_DRAWN})",
    "http://www.w3.org/1998/Math/MathML": f":where({_WRITTEN})",
}
_NOWHERE = ":where(:not(*))"
_MAX_MADE = 2_000_000
_SIMPLE = frozenset({"hash", "[", ":"})
_LISTS = frozenset({"is", "where", "not", "has", "-webkit-any"})


class Namespaces:
    """The prefixes that a stylesheet declares, and its default namespace.

    Attributes:
        made: The characters by which selectors have become longer.
    """

    __slots__ = ("_default", "_prefixes", "made")

    def __init__(self) -> None:
        self.made = 0
        self._prefixes: dict[str, str] = {}
        self._default: str | None = None

    def declare(self, prelude: str) -> None:
        """Take a declaration, as it is between ``@namespace`` and its semicolon."""
        parts = significant(components(prelude))
        prefix = parts.pop(0).value if parts and parts[0].kind == "ident" else None
        name = address(parts[0]) if len(parts) == 1 else None
        if name is None:
            return
        if prefix is None:
            self._default = _CONDITIONS.get(name, _NOWHERE)
        else:
            self._prefixes[prefix] = _CONDITIONS.get(name, _NOWHERE)

    def resolved(self, selector: str) -> str:
        """A list of selectors without these prefixes; unknown prefixes stay as they are.

        It stays as it is if it would become too long.
        """
        if self._default is None and not self._prefixes:
            return selector
        text = preprocessed(selector)
        made = ",".join(
            "".join(self._pieces(text, part, inner=False))
            for part in split_at(components(text), ",")
        )
        if len(made) > MAX_SELECTOR or self.made > _MAX_MADE:
            return selector
        self.made += len(made) - len(selector)
        return made

    def _pieces(self, text: str, parts: Sequence[ComponentValue], *, inner: bool) -> Iterator[str]:
        begins = True  # at the beginning of a compound
        at = 0
        while at < len(parts):
            part, bar = parts[at], at + 1
            is_type = part.kind == "ident" or part.is_delim("*")
            if begins and is_type and _is_bar(parts, bar):
                condition = None if part.kind != "ident" else self._prefixes.get(part.value)
                if condition is None:
                    yield text[part.start : parts[bar + 1].end]
                else:
                    yield text[parts[bar + 1].start : parts[bar + 1].end] + condition
                at, begins = bar + 2, False
                continue
            if begins and is_type:
                yield text[part.start : part.end] + (self._default or "")
            elif begins and _is_bar(parts, at):
                yield text[part.start : parts[at + 1].end]
                at += 1
            elif part.kind == "function" and part.parts and lowered(part.value) in _LISTS:
                yield text[part.start : part.parts[0].start]
                for number, piece in enumerate(split_at(part.parts, ",")):
                    yield "," * bool(number)
                    yield from self._pieces(text, piece, inner=True)
                yield ")"
            else:
                if begins and not inner and (part.kind in _SIMPLE or part.is_delim(".")):
                    yield f"*{self._default}" if self._default else ""
                yield text[part.start : part.end]
            begins = part.kind == " " or (part.kind == "delim" and part.value in COMBINATORS)
            at += 1


def read_namespaces(text: str, at: int) -> Namespaces:
    """The namespaces of a stylesheet, which count only before the first rule that a browser keeps.

    Args:
        text: The text of the stylesheet.
        at: Where its imports end.
    """
    found = Namespaces()
    while (at := past_space(text, at, at_top=True)) < len(text):
        start, at = at, stop(text, at, "{;" if text[at] == "@" else "{")
        name, prelude = read_at_rule(text[start:at])
        has_block = text[at : at + 1] == "{"
        if name == "namespace" and not has_block:
            found.declare(prelude)
        elif ends_head(name, trimmed(text[start:at]), has_block=has_block):
            break
        at = stop(text, at + 1, "}") + 1 if has_block else at + 1
    return found


def _is_bar(parts: Sequence[ComponentValue], at: int) -> bool:
    """Whether a bar with a type or ``*`` after it stands there."""
    if at + 1 >= len(parts) or not parts[at].is_delim("|"):
        return False
    return parts[at + 1].kind == "ident" or parts[at + 1].is_delim("*")
