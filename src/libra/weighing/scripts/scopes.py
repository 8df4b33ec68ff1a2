"""Scopes of a module: names that are declared twice, and names that nothing may declare.

The nodes that open a scope or declare a name come from a query. Sorted by their place, one walk over
them with a stack finds all clashes; so deep nesting costs no recursion (ECMAScript, the early errors of
blocks, functions, ``switch``, ``for``, ``catch`` and modules).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from tree_sitter import Node

QUERY = """
(statement_block) @block
(switch_body) @block
(for_statement initializer: (lexical_declaration)) @block
(for_in_statement kind: ["let" "const"]) @block
(catch_clause) @catch
[(function_declaration) (function_expression) (generator_function) (generator_function_declaration)
 (arrow_function) (method_definition) (class_static_block)] @function
(function_declaration name: (_) @named_function)
(generator_function_declaration name: (_) @named_function)
(class_declaration name: (_) @lexical)
(lexical_declaration (variable_declarator name: (_) @lexical))
(variable_declaration (variable_declarator name: (_) @variable))
(for_in_statement kind: ["let" "const"] left: (_) @lexical)
(for_in_statement kind: "var" left: (_) @variable)
(formal_parameters
  [(identifier) (undefined) (object_pattern) (array_pattern) (rest_pattern) (assignment_pattern)
   (member_expression) (subscript_expression)] @parameter)
(arrow_function parameter: (_) @parameter)
(catch_clause parameter: (_) @caught)
(import_clause (identifier) @lexical)
(namespace_import (identifier) @lexical)
(import_specifier name: (identifier) @lexical !alias)
(import_specifier alias: (identifier) @lexical)
(function_expression name: (_) @own_name)
(generator_function name: (_) @own_name)
(class name: (_) @own_name)
(return_statement) @return
"""

CAPTURES = frozenset(
    {
        "block", "catch", "function", "named_function", "lexical", "variable", "parameter", "caught",
        "own_name", "return",
    }
)  # fmt: skip

NOT_NAMES = frozenset(
    {
        b"eval", b"arguments", b"let", b"static", b"yield", b"await", b"implements", b"interface",
        b"package", b"private", b"protected", b"public",
    }
)  # fmt: skip
"""Names that strict code cannot declare or assign to."""

LEAVES = frozenset({"identifier", "undefined", "shorthand_property_identifier_pattern"})
PATTERNS = frozenset({"object_pattern", "array_pattern", "rest_pattern"})
WITH_DEFAULT = frozenset({"assignment_pattern", "object_assignment_pattern"})

_ESCAPE = re.compile(rb"\\u(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{4}))")
_CHECK_TIME_EACH = 256


class Clash(Exception):
    """A name is declared where it must not be."""


@dataclass(slots=True)
class _Scope:
    end: int
    kind: str
    lexical: set[bytes] = field(default_factory=set)
    variables: set[bytes] = field(default_factory=set)
    parameters: set[bytes] = field(default_factory=set)
    is_pattern_caught: bool = False

    def check(self) -> None:
        """Compare the declarations of all kinds, when all are known."""
        if not (
            self.lexical.isdisjoint(self.variables)
            and self.lexical.isdisjoint(self.parameters)
            and not (self.is_pattern_caught and not self.variables.isdisjoint(self.parameters))
        ):
            raise Clash


def declared_names(
    captures: dict[str, list[Node]], source: bytes, end: int, until: float
) -> set[bytes] | None:
    """The names that the module itself declares; None if finding them takes too long.

    Args:
        captures: What `QUERY` found.
        source: The text of the module.
        end: The place where it ends.
        until: The thread time to stop at.

    Raises:
        Clash: Two declarations exclude each other, or one has a name that strict code cannot declare.
    """
    module = _Scope(end + 1, "module")
    stack = [module]
    for at, (start, _, _, name, node) in enumerate(_in_order(captures)):
        if at % _CHECK_TIME_EACH == 0 and time.thread_time() > until:
            return None
        while start >= stack[-1].end:
            _close(stack)
        if name in {"function", "catch"}:
            stack.append(_Scope(node.end_byte, name))
        elif name == "block":
            # The body of a function or of a catch clause ends with it, and shares its scope.
            if stack[-1].kind == "block" or stack[-1].end != node.end_byte:
                stack.append(_Scope(node.end_byte, name))
        elif name == "return":
            if not any(scope.kind == "function" for scope in reversed(stack)):
                raise Clash
        else:
            _declare(stack, name, names_in(node, source))
            if name == "caught":
                stack[-1].is_pattern_caught = node.type != "identifier"
    while len(stack) > 1:
        _close(stack)
    module.check()
    return module.lexical | module.variables


def _in_order(captures: dict[str, list[Node]]) -> list[tuple[int, int, int, str, Node]]:
    found: list[tuple[int, int, int, str, Node]] = []
    for name in CAPTURES & captures.keys():
        for node in captures[name]:
            found.append((node.start_byte, -node.end_byte, len(found), name, node))
    return sorted(found)


def _close(stack: list[_Scope]) -> None:
    """Check the innermost scope, and move its ``var`` names outwards, up to their function."""
    scope = stack.pop()
    scope.check()
    if scope.kind == "function" or not scope.variables:
        return
    outer = stack[-1]
    smaller, larger = sorted((scope.variables, outer.variables), key=len)
    larger |= smaller
    outer.variables = larger


def _declare(stack: list[_Scope], kind: str, names: list[bytes]) -> None:
    if not NOT_NAMES.isdisjoint(names):
        raise Clash
    scope = stack[-1]
    if kind == "named_function":
        scope = stack[-2]  # the name of a function belongs to the scope around it
        if scope.kind == "function":
            scope.variables.update(names)
            return
        kind = "lexical"
    if kind == "variable":
        scope.variables.update(names)
    elif kind == "lexical":
        _add_once(scope.lexical, names)
    elif kind != "own_name":
        _add_once(scope.parameters, names)


def _add_once(known: set[bytes], names: Iterable[bytes]) -> None:
    for name in names:
        if name in known:
            raise Clash
        known.add(name)


def names_in(pattern: Node, source: bytes) -> list[bytes]:
    """The names that a binding pattern declares.

    Raises:
        Clash: It contains something else than names, such as the member of an object.
    """
    found: list[bytes] = []
    waiting = [pattern]
    while waiting:
        node = waiting.pop()
        kind = node.type
        if kind in LEAVES:
            found.append(name_of(node, source))
        elif kind in PATTERNS:
            waiting.extend(node.named_children)
        elif kind in WITH_DEFAULT:
            _push(waiting, node.child_by_field_name("left"))
        elif kind == "pair_pattern":
            _push(waiting, node.child_by_field_name("value"))
        elif kind != "comment":
            raise Clash
    return found


def _push(waiting: list[Node], node: Node | None) -> None:
    if node is not None:
        waiting.append(node)


def name_of(node: Node, source: bytes) -> bytes:
    """The name of an identifier, without escapes."""
    return decoded(source[node.start_byte : node.end_byte])


def decoded(name: bytes) -> bytes:
    """A name with its Unicode escapes decoded."""
    return _ESCAPE.sub(_character, name) if b"\\" in name else name


def _character(match: re.Match[bytes]) -> bytes:
    code = int(match[1] or match[2], 16)
    return chr(code).encode("utf-8", "surrogatepass") if code < 0x110000 else match[0]
