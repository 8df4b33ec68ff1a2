"""Early errors: modules with a valid grammar that browsers still refuse to compile.

tree-sitter knows the grammar of JavaScript and some of its extensions. This module checks the language's
further rules (ECMAScript, "Static Semantics: Early Errors") that matter in practice. They concern names
declared twice, or exported without a declaration; features that strict code lacks; and syntax of other
languages.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cache

import tree_sitter_javascript
from tree_sitter import Language, Node, Query, QueryCursor, Tree

from libra.weighing.scripts import early_places

_PLACES_SECONDS = 0.2
"""Thread time in seconds for the checks of places. Looking at neighbours takes long in a wide tree."""

_NEVER = """
(with_statement) @no
(jsx_element) @no
(jsx_self_closing_element) @no
(decorator) @no
(html_comment) @no
(unary_expression operator: "delete" argument: (identifier)) @no
(program (return_statement) @no)
(statement_block (import_statement) @no)
(statement_block (export_statement) @no)
(lexical_declaration kind: "const" (variable_declarator !value) @const)
(variable_declarator name: (identifier) @name)
(assignment_expression left: (identifier) @name)
(import_clause (identifier) @name)
(namespace_import (identifier) @name)
(import_specifier name: (identifier) @name !alias)
(import_specifier alias: (identifier) @name)
(number) @number
(regex flags: (regex_flags) @flags)
(await_expression) @await
(formal_parameters (identifier) (identifier)) @parameters
(class_body) @class
"""

_NOT_NAMES = frozenset(
    {
        b"eval", b"arguments", b"let", b"static", b"yield", b"await", b"implements", b"interface",
        b"package", b"private", b"protected", b"public",
    }
)  # fmt: skip
"""Names that strict code cannot declare or assign to."""


def has_early_error(tree: Tree, source: bytes) -> bool:
    """Whether a module with a valid grammar has an early error."""
    until = time.thread_time() + _PLACES_SECONDS
    for name, nodes in QueryCursor(_query()).captures(tree.root_node).items():
        is_wrong = _IS_WRONG.get(name)
        if is_wrong is not None:
            if any(is_wrong(node) for node in nodes):
                return True
            continue
        for node in nodes:
            if time.thread_time() > until:
                break
            if early_places.IS_WRONG[name](node):
                return True
    return early_places.misuses_words(tree, source) or _names_clash(tree.root_node)


@cache
def _query() -> Query:
    return Query(Language(tree_sitter_javascript.language()), _NEVER + early_places.QUERY)


def _is_octal(number: bytes) -> bool:
    return len(number) > 1 and number[:1] == b"0" and number[1:2].isdigit()


def _are_no_flags(flags: bytes) -> bool:
    return len(set(flags)) < len(flags) or not set(flags) <= set(b"dgimsuvy")


def _waits_in_vain(node: Node) -> bool:
    """Whether an ``await`` is in a function that is not ``async``; at the top level it is allowed."""
    around = node.parent
    while around is not None:
        if around.type in _FUNCTIONS:
            return not any(child.type == "async" for child in around.children)
        around = around.parent
    return False


def _repeats(node: Node, kind: str) -> bool:
    names = [child.text for child in node.named_children if child.type == kind]
    return len(set(names)) < len(names)


def _has_two_constructors(body: Node) -> bool:
    names = [
        name.text
        for method in body.named_children
        if method.type == "method_definition"
        and not any(child.type == "static" for child in method.children)
        and (name := method.child_by_field_name("name")) is not None
    ]
    return names.count(b"constructor") > 1


_FUNCTIONS = frozenset(
    {
        "function_declaration", "function_expression", "arrow_function", "method_definition",
        "generator_function", "generator_function_declaration",
    }
)  # fmt: skip


def _is_in_for_in(declarator: Node) -> bool:
    declaration = declarator.parent
    return declaration is None or (
        declaration.parent is not None and declaration.parent.type == "for_in_statement"
    )


_IS_WRONG: dict[str, Callable[[Node], bool]] = {
    "no": lambda _: True,
    "name": lambda node: node.text in _NOT_NAMES,
    "number": lambda node: _is_octal(node.text or b""),
    "flags": lambda node: _are_no_flags(node.text or b""),
    "await": _waits_in_vain,
    "parameters": lambda node: _repeats(node, "identifier"),
    "class": _has_two_constructors,
    "const": lambda node: not _is_in_for_in(node),
}
"""For each capture of the query, a test whether a captured node is an error."""


def _names_clash(program: Node) -> bool:
    """Whether a top-level name is declared or exported twice, or exported without a declaration."""
    lexical: set[bytes] = set()
    variables: set[bytes] = set()
    exported: set[bytes] = set()
    wanted: set[bytes] = set()
    for statement in program.named_children:
        declaration: Node | None = statement
        if statement.type == "export_statement":
            declaration = statement.child_by_field_name("declaration")
            is_default = any(child.type == "default" for child in statement.children)
            names = [b"default"] if is_default else list(_exported(statement, wanted))
            if declaration is not None and not is_default:
                names += _declared(declaration)
            for name in names:
                if name in exported:
                    return True
                exported.add(name)
        if declaration is None:
            continue
        names = list(_declared(declaration))
        if declaration.type == "variable_declaration":
            variables.update(names)
            continue
        for name in names:
            if name in lexical:
                return True
            lexical.add(name)
    if lexical & variables:
        return True
    missing = wanted - lexical - variables
    return bool(missing) and not missing <= _declared_by_var(program)


def _declared_by_var(program: Node) -> set[bytes]:
    """The names of every ``var`` in the module; also counting those in functions does no harm."""
    captures = QueryCursor(_vars()).captures(program)
    return {node.text or b"" for nodes in captures.values() for node in nodes}


@cache
def _vars() -> Query:
    return Query(
        Language(tree_sitter_javascript.language()),
        "(variable_declaration (variable_declarator name: (identifier) @name))"
        '(for_in_statement kind: "var" left: (identifier) @name)',
    )


def _exported(statement: Node, wanted: set[bytes]) -> Iterator[bytes]:
    """The names under which a clause exports; adds the exported local names to `wanted`."""
    for clause in statement.named_children:
        if clause.type == "namespace_export":
            for name in clause.named_children:
                yield (name.text or b"").strip(b"'\"")
        if clause.type != "export_clause":
            continue
        for specifier in clause.named_children:
            local = specifier.child_by_field_name("name")
            if local is None:
                continue
            alias = specifier.child_by_field_name("alias") or local
            yield (alias.text or b"").strip(b"'\"")
            if statement.child_by_field_name("source") is None and local.type == "identifier":
                wanted.add(local.text or b"")


def _declared(statement: Node) -> Iterator[bytes]:
    """The names that a statement declares in its own scope."""
    match statement.type:
        case "lexical_declaration" | "variable_declaration":
            for declarator in statement.named_children:
                name = declarator.child_by_field_name("name")
                if name is not None:
                    yield from _bound(name)
        case "function_declaration" | "generator_function_declaration" | "class_declaration":
            name = statement.child_by_field_name("name")
            if name is not None:
                yield name.text or b""
        case "import_statement":
            for clause in statement.named_children:
                if clause.type == "import_clause":
                    yield from _imported(clause)
        case _:
            pass


def _imported(clause: Node) -> Iterator[bytes]:
    for part in clause.named_children:
        if part.type == "identifier":
            yield part.text or b""
        elif part.type == "namespace_import":
            yield from (name.text or b"" for name in part.named_children)
        elif part.type == "named_imports":
            for specifier in part.named_children:
                name = specifier.child_by_field_name("alias") or specifier.child_by_field_name(
                    "name"
                )
                if name is not None:
                    yield name.text or b""


def _bound(pattern: Node) -> Iterator[bytes]:
    """The names in a binding pattern."""
    match pattern.type:
        case "identifier" | "shorthand_property_identifier_pattern":
            yield pattern.text or b""
        case "object_pattern" | "array_pattern" | "rest_pattern":
            for part in pattern.named_children:
                yield from _bound(part)
        case "pair_pattern":
            value = pattern.child_by_field_name("value")
            if value is not None:
                yield from _bound(value)
        case "assignment_pattern" | "object_assignment_pattern":
            left = pattern.child_by_field_name("left")
            if left is not None:
                yield from _bound(left)
        case _:
            pass
