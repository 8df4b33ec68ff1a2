"""Early errors: modules with a valid grammar that browsers still refuse to compile.

tree-sitter knows the grammar of JavaScript and some of its extensions. This module checks the language's
further rules (ECMAScript, "Static Semantics: Early Errors"). They concern names declared twice, or
exported without a declaration; features that strict code lacks; and syntax of other languages.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import tree_sitter_javascript
from tree_sitter import Language, Node, Query, QueryCursor, Tree

from libra.weighing.scripts import early_places, early_targets, early_words, scopes
from libra.weighing.scripts.early_regex import is_bad_regex
from libra.weighing.scripts.module_names import exports_clash

_PLACES_SECONDS = 0.2
"""Thread time in seconds for the checks of places. Looking at neighbours takes long in a wide tree."""

_SCOPES_SECONDS = 0.2
"""Thread time in seconds for finding all declarations."""

_WORDS_SECONDS = 0.3
"""Thread time in seconds for finding what is at a word, which takes long in a wide tree."""

_MAX_DEPTH = 400
"""Nodes that are deeper stay unchecked: the time of a query is quadratic in the depth of a tree."""

_CHECK_TIME_EACH = 16

_NEVER = """
(with_statement) @no
(jsx_element) @no
(jsx_self_closing_element) @no
(decorator) @no
(html_comment) @no
(lexical_declaration kind: "const" (variable_declarator !value) @const)
(number) @number
(regex) @regex
(class_body) @class
"""


def has_early_error(tree: Tree, source: bytes) -> bool:
    """Whether a module with a valid grammar has an early error."""
    cursor = QueryCursor(_query())
    cursor.set_max_start_depth(_MAX_DEPTH)
    captures = cursor.captures(tree.root_node)
    until = time.thread_time() + _PLACES_SECONDS
    for name, nodes in captures.items():
        is_wrong = _IS_WRONG.get(name)
        if is_wrong is None:
            continue
        for at, node in enumerate(nodes):
            if at % _CHECK_TIME_EACH == 0 and time.thread_time() > until:
                break
            if is_wrong(node, source):
                return True
    until = time.thread_time() + _WORDS_SECONDS
    if early_words.misuses_words(tree, source, early_places.waits_in_vain, until):
        return True
    until = time.thread_time() + _SCOPES_SECONDS
    try:
        declared = scopes.declared_names(captures, source, len(source), until)
    except scopes.Clash:
        return True
    return exports_clash(tree.root_node, source, declared)


@cache
def _query() -> Query:
    parts = _NEVER, early_places.QUERY, early_targets.QUERY, scopes.QUERY
    return Query(Language(tree_sitter_javascript.language()), "".join(parts))


def _is_bad_number(node: Node, source: bytes) -> bool:
    """Whether it is octal, or runs into a name."""
    number = source[node.start_byte : node.end_byte]
    after = source[node.end_byte : node.end_byte + 1]
    return (
        (len(number) > 1 and number[:1] == b"0" and number[1:2].isdigit())
        or after.isalpha()
        or after in {b"_", b"$"}
    )


def _has_two_constructors(body: Node, _source: bytes) -> bool:
    names = [
        (name.text or b"").strip(b"'\"")
        for method in body.named_children
        if method.type == "method_definition"
        and not any(child.type == "static" for child in method.children)
        and (name := method.child_by_field_name("name")) is not None
    ]
    return names.count(b"constructor") > 1


def _is_in_for_in(declarator: Node) -> bool:
    declaration = declarator.parent
    return declaration is None or (
        declaration.parent is not None and declaration.parent.type == "for_in_statement"
    )


def _alone(is_wrong: Callable[[Node], bool]) -> Callable[[Node, bytes], bool]:
    return lambda node, _source: is_wrong(node)


_IS_WRONG: dict[str, Callable[[Node, bytes], bool]] = {
    "no": lambda _node, _source: True,
    "number": _is_bad_number,
    "regex": lambda node, source: is_bad_regex(
        source[node.start_byte : node.end_byte].decode("utf-8", "replace")
    ),
    "class": _has_two_constructors,
    "const": lambda node, _source: not _is_in_for_in(node),
    "assigned": early_targets.is_bad_target,
    "updated": early_targets.is_bad_update,
    **early_places.IS_WRONG_IN,
    **{name: _alone(is_wrong) for name, is_wrong in early_places.IS_WRONG.items()},
}
"""For each capture of the query, a test whether a captured node is an error."""
