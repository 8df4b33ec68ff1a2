"""Reads selectors and rewrites them for a page at rest (Selectors 4).

Like Chromium, the reader rejects a whole list if one of its selectors is invalid, except in ``:is()``
and ``:where()``. It rewrites valid selectors for a search engine that knows neither states nor
pseudo-elements.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from libra.ascii import lowered
from libra.weighing.css.chromium import chromium
from libra.weighing.css.conditions import Invalid
from libra.weighing.css.name_characters import NAME, NAME_START
from libra.weighing.css.nth import an_plus_b
from libra.weighing.css.syntax import ComponentValue as Component
from libra.weighing.css.syntax import components, significant, split_at, stripped
from libra.weighing.css.tokens import preprocessed
from libra.weighing.stylesheets.pseudo_elements import (
    LEGACY_ELEMENTS,
    RENDERED,
    SAME,
    are_states,
    may_be_stated,
    may_follow,
)
from libra.weighing.stylesheets.selector import Selector, escaped
from libra.weighing.stylesheets.states import STATES, in_direction, in_language

MAX_SELECTOR = 10_000
_MAX_DEPTH = 12
_MAX_REWRITTEN = 100_000

_IDENT = rf"(?:-?{NAME_START}{NAME}*+|--{NAME}*+)"
_COMPOUND = rf"(?:(?:\*|{_IDENT})(?:[.#]{_IDENT})*+|(?:[.#]{_IDENT})++)"
_SIMPLE = re.compile(
    rf"[ \t\n]*+({_COMPOUND}(?:[ \t\n]*+[>+~][ \t\n]*+{_COMPOUND}|[ \t\n]++{_COMPOUND})*+)[ \t\n]*+",
    re.ASCII,
)
"""A selector of types, classes and ids only, as most are."""

_FORGIVING = frozenset({"is", "where"})
_LISTS = frozenset({"is", "where", "not", "has", "-webkit-any"})
_NTH = frozenset({"nth-child", "nth-last-child", "nth-of-type", "nth-last-of-type"})
COMBINATORS = frozenset({">", "+", "~"})
_MATCHERS = frozenset({"~", "|", "^", "$", "*"})
_CLASS, _ID = 1 << 10, 1 << 20

CLASS_OR_ID = re.compile(r"[.#](?:[\w-]|[^\x00-\x7f])++", re.ASCII)
"""The names in a selector without brackets or escapes."""


def read_selectors(selector: str, *, strict: bool = False) -> list[Selector]:
    """Read the selectors of a list.

    Args:
        selector: The list, as written.
        strict: Whether ``:is()`` rejects invalid selectors, as in ``@supports``.

    Raises:
        Invalid: The list is invalid or too long.
    """
    if len(selector) > MAX_SELECTOR:
        raise Invalid
    quick = _quickly(selector)
    if quick is not None:
        return quick
    text = preprocessed(selector)
    return _SelectorReader(text, strict=strict).read(components(text), 0)


def _quickly(selector: str) -> list[Selector] | None:
    """Read a list that consists only of types, classes and ids."""
    found: list[Selector] = []
    at, end = 0, len(selector)
    while True:
        match = _SIMPLE.match(selector, at)
        if match is None:
            return None
        one = Selector()
        one.text = match[1]
        classes, ids = one.text.count("."), one.text.count("#")
        one.names.update(CLASS_OR_ID.findall(one.text))
        types = len(_TYPE.findall(one.text))
        one.specificity = ids * _ID + classes * _CLASS + types
        found.append(one)
        at = match.end()
        if at == end:
            return found
        if selector[at] != ",":
            return None
        at += 1


_TYPE = re.compile(rf"(?<!{NAME})(?<![.#]){_IDENT}", re.ASCII)


class _SelectorReader:
    """Reads one selector list.

    Args:
        text: The `preprocessed` list.
        strict: Whether ``:is()`` rejects invalid selectors, as in ``@supports``.
    """

    def __init__(self, text: str, *, strict: bool) -> None:
        self._text = text
        self._strict = strict
        self._in_has = False
        self._only_compounds = False  # as in ``:-webkit-any()``, however deep

    def read(
        self, parts: Sequence[Component], depth: int, *, relative: bool = False
    ) -> list[Selector]:
        return [self._complex(part, depth, relative=relative) for part in split_at(parts, ",")]

    def _forgiving(self, parts: Sequence[Component], depth: int) -> list[Selector]:
        found: list[Selector] = []
        for part in split_at(parts, ","):
            try:
                one = self._complex(part, depth)
            except Invalid:
                if self._strict:
                    raise
                continue
            if not one.pseudo:
                found.append(one)
            elif self._strict:
                raise Invalid
        return found

    def _complex(
        self, parts: Sequence[Component], depth: int, *, relative: bool = False
    ) -> Selector:
        parts = stripped(parts)
        if not parts or depth > _MAX_DEPTH:
            raise Invalid
        found = Selector()
        at = 0
        if relative and parts[0].kind == "delim" and parts[0].value in COMBINATORS:
            found.text = f"{parts[0].value} "
            at = _past_space(parts, 1)
        while True:
            at = self._compound(parts, at, found, depth)
            if at == len(parts):
                break
            if found.pseudo or self._only_compounds:
                raise Invalid
            space = parts[at].kind == " "
            at = _past_space(parts, at)
            if at < len(parts) and parts[at].kind == "delim" and parts[at].value in COMBINATORS:
                found.text += f" {parts[at].value} "
                at = _past_space(parts, at + 1)
            elif space:
                found.text += " "
            else:
                raise Invalid
            if at == len(parts):
                raise Invalid
        if len(found.text) > _MAX_REWRITTEN:
            raise Invalid
        return found

    def _compound(self, parts: Sequence[Component], at: int, found: Selector, depth: int) -> int:
        start = at
        at, text = self._type(parts, at, found)
        while at < len(parts):
            part = parts[at]
            if part.kind == ":":
                at, more = self._pseudo(parts, at + 1, found, depth)
                text += more
                continue
            if found.pseudo:
                break
            after = parts[at + 1] if at + 1 < len(parts) else None
            if part.kind == "hash" and part.unit == "id":
                found.specificity += _ID
                found.names.add(f"#{part.value}")
                text += self._source(part)
            elif part.is_delim(".") and after is not None and after.kind == "ident":
                found.specificity += _CLASS
                found.names.add(f".{after.value}")
                text += "." + self._source(after)
                at += 1
            elif part.kind == "[":
                found.specificity += _CLASS
                text += self._attribute(part)
            elif part.is_delim("&"):
                text += ":root"  # outside of nested rules it is the root
            else:
                break
            at += 1
        if at == start:
            raise Invalid
        # If a compound begins with ":is", the engine misses ancestors beyond the next element.
        found.text += f"*{text}" if text[:1] in {"", ":"} else text
        return at

    def _type(self, parts: Sequence[Component], at: int, found: Selector) -> tuple[int, str]:
        """A type or ``*``, after an optional namespace."""
        part = parts[at]
        name = part.kind == "ident" or part.is_delim("*")
        if at + 1 < len(parts) and (name or part.is_delim("|")):
            bar = at if part.is_delim("|") else at + 1
            after = parts[bar + 1] if bar + 1 < len(parts) else None
            if (
                parts[bar].is_delim("|")
                and after is not None
                and (after.kind == "ident" or after.is_delim("*"))
            ):
                if part.kind == "ident":
                    raise Invalid  # an undeclared prefix
                found.holds = found.holds and bar != at  # HTML elements have a namespace
                at, part, name = bar + 1, after, True
        if not name:
            return at, ""
        if part.kind == "ident":
            found.specificity += 1
            return at + 1, self._source(part)
        return at + 1, "*"

    def _attribute(self, block: Component) -> str:
        parts = significant(block.parts)
        if len(parts) > 1 and parts[0].is_delim("|"):
            parts = parts[1:]
        elif len(parts) > 2 and parts[0].is_delim("*") and parts[1].is_delim("|"):
            parts = parts[2:]
        if not parts or parts[0].kind != "ident":
            raise Invalid
        name = self._source(parts[0])
        rest = parts[1:]
        if not rest:
            return f"[{name}]"
        operator = ""
        if rest[0].kind == "delim" and rest[0].value in _MATCHERS:
            operator, end, rest = rest[0].value, rest[0].end, rest[1:]
            if rest and rest[0].start != end:
                raise Invalid
        if len(rest) < 2 or not rest[0].is_delim("=") or rest[1].kind not in {"ident", "string"}:
            raise Invalid
        flag = rest[2:]
        if len(flag) > 1 or (flag and not flag[0].is_word("i")):
            raise Invalid
        value = rest[1].value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\a ")
        return f'[{name}{operator}="{value}"{f" {flag[0].value}" if flag else ""}]'

    def _pseudo(
        self, parts: Sequence[Component], at: int, found: Selector, depth: int
    ) -> tuple[int, str]:
        element = at < len(parts) and parts[at].kind == ":"
        at += element
        if at >= len(parts) or parts[at].kind not in {"ident", "function"}:
            raise Invalid
        part = parts[at]
        name = lowered(part.value)
        if element or (part.kind == "ident" and name in LEGACY_ELEMENTS):
            self._pseudo_element(part, name, found)
            return at + 1, ""
        if part.kind == "ident":
            return at + 1, self._state(name, found)
        return at + 1, self._functional(part, name, found, depth)

    def _pseudo_element(self, part: Component, name: str, found: Selector) -> None:
        table = chromium()
        known = (
            name in table.pseudo_element_functions and bool(significant(part.parts))
            if part.kind == "function"
            else name in table.pseudo_elements or (name[:8] == "-webkit-" and not self._strict)
        )
        if not known or (found.pseudo and not may_follow(found.written, name)):
            raise Invalid
        found.written = name
        name = SAME.get(name, name)
        if found.pseudo or part.kind == "function" or name not in RENDERED:
            found.holds = False
        found.pseudo = name
        found.specificity += 1

    def _state(self, name: str, found: Selector) -> str:
        if name not in chromium().pseudo_classes:
            raise Invalid
        if found.pseudo and not may_be_stated(found.written, name):
            raise Invalid
        found.specificity += _CLASS
        state = STATES.get(name)
        if state is None or found.pseudo:
            found.holds = False
            return ""
        if state == "=":
            return f":{name}"
        if not state:
            return ""
        return f":is({state})" if state[0] != ":" or "," in state or " " in state else state

    def _functional(self, part: Component, name: str, found: Selector, depth: int) -> str:
        if name not in chromium().pseudo_class_functions:
            raise Invalid
        if found.pseudo and not (name == "not" or may_be_stated(found.written, name)):
            raise Invalid
        if name in _NTH:
            return self._nth(part, name, found, depth)
        if name in _LISTS:
            return self._list(part, name, found, depth)
        found.specificity += _CLASS
        words = [significant(piece) for piece in split_at(part.parts, ",")]
        if name in {"lang", "dir"}:
            # Chromium does not support the lists and strings of Selectors 4.
            if len(words) != 1 or len(words[0]) != 1 or words[0][0].kind != "ident":
                raise Invalid
            return self._inherited(name, words[0][0].value, found)
        if not any(words):
            raise Invalid
        found.holds = False
        return ""

    def _list(self, part: Component, name: str, found: Selector, depth: int) -> str:
        if name == "has":
            if self._in_has:
                raise Invalid
            self._in_has = True
            try:
                inner = self.read(part.parts, depth + 1, relative=True)
            finally:
                self._in_has = False
        elif name in _FORGIVING:
            inner = self._forgiving(part.parts, depth + 1)
        else:
            if found.pseudo and not are_states(found.written, part.parts):
                raise Invalid
            before = self._only_compounds
            self._only_compounds = before or name == "-webkit-any"
            inner = self.read(part.parts, depth + 1)
            self._only_compounds = before
        if name not in _FORGIVING and any(one.pseudo for one in inner):
            raise Invalid
        if name != "where":
            found.specificity += max((one.specificity for one in inner), default=0)
        if found.pseudo:
            found.holds = False
            return ""
        plain = [one.text for one in inner if one.holds]
        if name == "not":
            return f":not({','.join(plain)})" if plain else ""
        if not plain:
            found.holds = False
            return ""
        return f":{'has' if name == 'has' else 'is'}({','.join(plain)})"

    def _nth(self, part: Component, name: str, found: Selector, depth: int) -> str:
        parts, of = part.parts, ""
        place = next(
            (at for at, one in enumerate(parts) if one.kind == "ident" and one.value == "of"), None
        )
        found.specificity += _CLASS
        if place is not None:
            if name not in {"nth-child", "nth-last-child"}:
                raise Invalid
            inner = self.read(parts[place + 1 :], depth + 1)
            if any(one.pseudo for one in inner):
                raise Invalid
            found.specificity += max(one.specificity for one in inner)
            plain = [one.text for one in inner if one.holds]
            parts = parts[:place]
            if not plain:
                found.holds = False
            if plain:  # the engine reads only the first selector of a list here
                of = f" of {plain[0]}" if len(plain) == 1 else f" of *:is({','.join(plain)})"
        numbers = an_plus_b(list(parts))
        if numbers is None:
            raise Invalid
        return f":{name}({numbers[0]}n{numbers[1]:+d}{of})"

    def _inherited(self, name: str, value: str, found: Selector) -> str:
        """``:lang()`` or ``:dir()`` as an attribute of the element or an ancestor."""
        if name == "dir":
            made = in_direction(value)
        else:
            made = in_language(value) if _WORD.fullmatch(value) else None
        if made is None:
            found.holds = False
        return made or ""

    def _source(self, part: Component) -> str:
        """A name as the engine reads it, whatever follows."""
        text = self._text[part.start : part.end]
        if "\\" not in text:
            return text
        name = escaped(part.value)
        return f"#{name}" if part.kind == "hash" else name


def _past_space(parts: Sequence[Component], at: int) -> int:
    while at < len(parts) and parts[at].kind == " ":
        at += 1
    return at


_WORD = re.compile(r"[A-Za-z-]++")
