"""Value grammars as the standards write them (CSS Values 4, section 2), and matching values to them.

A grammar is compiled once. Matching carries the set of reachable positions and never backtracks. So its
time is bounded by the length of the value times the size of the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from libra.ascii import lowered, trimmed
from libra.weighing.css.syntax import ComponentValue, significant

Places = frozenset[int]
Test = Callable[[ComponentValue], bool]
_NONE: Places = frozenset()

_LEXEME = re.compile(
    r"\s*(?:<([\w+-]+)>|([\w-]+)\(|([\w-]+)|(\|\||&&|\||\[|\]|\)|\*|\+|\?|#)|\{(\d+)(,(\d*))?\}|([,/]))"
)


class GrammarNode:
    """One node of a grammar."""

    def after(self, parts: Sequence[ComponentValue], at: int) -> Places:
        """The positions at which a match that begins at `at` may end."""
        raise NotImplementedError


class _Test(GrammarNode):
    def __init__(self, test: Test) -> None:
        self._test = test

    def after(self, parts: Sequence[ComponentValue], at: int) -> Places:
        return frozenset((at + 1,)) if at < len(parts) and self._test(parts[at]) else _NONE


class _Named(GrammarNode):
    """A reference to another grammar, resolved on use so that grammars may be recursive."""

    def __init__(self, name: str, grammars: Mapping[str, GrammarNode]) -> None:
        self._name = name
        self._grammars = grammars

    def after(self, parts: Sequence[ComponentValue], at: int) -> Places:
        return self._grammars[self._name].after(parts, at)


class _Function(GrammarNode):
    def __init__(self, name: str, inner: GrammarNode | None) -> None:
        self._name = name
        self._inner = inner

    def after(self, parts: Sequence[ComponentValue], at: int) -> Places:
        if (
            at >= len(parts)
            or parts[at].kind != "function"
            or lowered(parts[at].value) != self._name
        ):
            return _NONE
        inner = significant(parts[at].parts)
        fits = not inner if self._inner is None else len(inner) in self._inner.after(inner, 0)
        return frozenset((at + 1,)) if fits else _NONE


class _Sequence(GrammarNode):
    def __init__(self, nodes: list[GrammarNode]) -> None:
        self._nodes = nodes

    def after(self, parts: Sequence[ComponentValue], at: int) -> Places:
        places = frozenset((at,))
        for node in self._nodes:
            places = _from(node, parts, places)
            if not places:
                break
        return places


class _Either(GrammarNode):
    def __init__(self, nodes: list[GrammarNode]) -> None:
        self._nodes = nodes

    def after(self, parts: Sequence[ComponentValue], at: int) -> Places:
        return _NONE.union(*(node.after(parts, at) for node in self._nodes))


class _AnyOrder(GrammarNode):
    """``&&``: each once, in any order; ``||``: at least one of them, in any order."""

    def __init__(self, nodes: list[GrammarNode], *, every: bool) -> None:
        self._nodes = nodes
        self._every = every

    def after(self, parts: Sequence[ComponentValue], at: int) -> Places:
        whole = (1 << len(self._nodes)) - 1
        seen = {(at, 0)}
        waiting = [(at, 0)]
        found: set[int] = set()
        while waiting:
            place, used = waiting.pop()
            if used == whole or (used and not self._every):
                found.add(place)
            for number, node in enumerate(self._nodes):
                if used >> number & 1:
                    continue
                for end in node.after(parts, place):
                    state = (end, used | 1 << number)
                    if state not in seen:
                        seen.add(state)
                        waiting.append(state)
        return frozenset(found)


class _Repeated(GrammarNode):
    def __init__(
        self, node: GrammarNode, least: int, most: int | None, *, commas: bool = False
    ) -> None:
        self._node = node
        self._least = least
        self._most = most
        self._commas = commas

    def after(self, parts: Sequence[ComponentValue], at: int) -> Places:
        places = frozenset((at,))
        found = places if not self._least else _NONE
        seen = places
        count = 0
        while places and (self._most is None or count < self._most):
            if self._commas and count:
                places = frozenset(
                    place + 1 for place in places if place < len(parts) and parts[place].kind == ","
                )
            places = _from(self._node, parts, places)
            count += 1
            if count >= self._least:
                places -= seen if self._most is None else _NONE
                seen |= places
                found |= places
        return found


def _from(node: GrammarNode, parts: Sequence[ComponentValue], places: Places) -> Places:
    if len(places) == 1:
        (place,) = places
        return node.after(parts, place)
    return _NONE.union(*(node.after(parts, place) for place in places))


class Grammars(dict[str, GrammarNode]):
    """Grammars by name. `tests` are the names that stand for one component each."""

    def __init__(self, tests: Mapping[str, Test], texts: Mapping[str, str]) -> None:
        super().__init__({name: _Test(test) for name, test in tests.items()})
        for name, text in texts.items():
            self[name] = _Compiler(text, self).compiled()

    def fits(self, name: str, parts: Sequence[ComponentValue]) -> bool:
        """Whether a value without white space matches the grammar with this name."""
        return len(parts) in self[name].after(parts, 0)


class _Compiler:
    """A recursive-descent compiler; ``|`` binds least, then ``||``, ``&&``, juxtaposition."""

    def __init__(self, text: str, grammars: Mapping[str, GrammarNode]) -> None:
        self._lexemes = list(_LEXEME.finditer(text))
        self._grammars = grammars
        self._at = 0

    def compiled(self) -> GrammarNode:
        node = self._either()
        if self._at != len(self._lexemes):
            raise ValueError("the grammar closes more brackets than it opens")
        return node

    def _peek(self) -> str:
        return trimmed(self._lexemes[self._at][0]) if self._at < len(self._lexemes) else ""

    def _joined(self, sign: str, inner: Callable[[], GrammarNode]) -> list[GrammarNode]:
        nodes = [inner()]
        while self._peek() == sign:
            self._at += 1
            nodes.append(inner())
        return nodes

    def _either(self) -> GrammarNode:
        nodes = self._joined("|", self._some)
        return nodes[0] if len(nodes) == 1 else _Either(nodes)

    def _some(self) -> GrammarNode:
        nodes = self._joined("||", self._every)
        return nodes[0] if len(nodes) == 1 else _AnyOrder(nodes, every=False)

    def _every(self) -> GrammarNode:
        nodes = self._joined("&&", self._sequence)
        return nodes[0] if len(nodes) == 1 else _AnyOrder(nodes, every=True)

    def _sequence(self) -> GrammarNode:
        nodes: list[GrammarNode] = []
        while self._peek() not in {"", "|", "||", "&&", "]", ")"}:
            nodes.append(self._repeated())
        return nodes[0] if len(nodes) == 1 else _Sequence(nodes)

    def _repeated(self) -> GrammarNode:
        node = self._one()
        while self._at < len(self._lexemes):
            _, _, _, sign, least, range_, most, _ = self._lexemes[self._at].groups()
            if sign == "#":
                self._at += 1
                low, high = self._range() or (1, None)
                node = _Repeated(node, low, high, commas=True)
                continue
            if sign in {"*", "+", "?"}:
                node = _Repeated(node, int(sign == "+"), 1 if sign == "?" else None)
            elif least is not None:
                low = int(least)
                node = _Repeated(node, low, low if not range_ else int(most) if most else None)
            else:
                break
            self._at += 1
        return node

    def _range(self) -> tuple[int, int | None] | None:
        if self._at == len(self._lexemes) or self._lexemes[self._at][5] is None:
            return None
        found = self._lexemes[self._at]
        self._at += 1
        return int(found[5]), int(found[5]) if not found[6] else int(found[7]) if found[7] else None

    def _one(self) -> GrammarNode:
        name, function, word, sign, _, _, _, character = self._lexemes[self._at].groups()
        self._at += 1
        if name is not None:
            return _Named(name, self._grammars)
        if function is not None:
            inner = None if self._peek() == ")" else self._either()
            self._at += 1
            return _Function(lowered(function), inner)
        if word is not None:
            return _Test(_word(lowered(word)))
        if sign == "[":
            node = self._either()
            self._at += 1
            return node
        return _Test(_sign(character or sign or ""))


def _word(word: str) -> Test:
    return lambda part: part.kind == "ident" and lowered(part.value) == word


def _sign(character: str) -> Test:
    return lambda part: part.kind == character or (part.kind == "delim" and part.value == character)
