"""Early errors of place: syntax that is allowed only inside other syntax, or never in its place.

This is the second half of `early_errors`, for the other captures of its query.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tree_sitter import Node, Tree

QUERY = """
(update_expression argument: (_) @target)
(assignment_expression left: (member_expression) @chain)
(augmented_assignment_expression left: (member_expression) @chain)
(new_expression constructor: (_) @made)
(binary_expression operator: ["??" "||" "&&" "**"] ) @binary
(yield_expression) @yield
(labeled_statement) @label
(break_statement) @jump
(continue_statement) @jump
(object) @object
(call_expression function: (arrow_function)) @never
(call_expression function: (super)) @super_call
(member_expression object: (super)) @super_member
(call_expression function: (import)) @import
(meta_property) @meta
(if_statement consequence: [(class_declaration) (function_declaration) (lexical_declaration)]) @never
(else_clause [(class_declaration) (function_declaration) (lexical_declaration)]) @never
(labeled_statement body: [(class_declaration) (function_declaration) (lexical_declaration)]) @never
(array_pattern (rest_pattern) . ",") @never
(private_property_identifier) @private
(escape_sequence) @escape
(method_definition) @method
(for_in_statement value: (_)) @never
(variable_declarator name: [(array_pattern) (object_pattern)] !value) @never
(expression_statement . [(class) (function_expression) (generator_function)]) @never
(try_statement !handler !finalizer) @never
(_ parameters: (formal_parameters
    [(assignment_pattern) (object_pattern) (array_pattern) (rest_pattern)])
  body: (statement_block . (expression_statement (string (string_fragment) @directive))))
(export_statement !source (export_clause (export_specifier name: (string)))) @never
(number) @digits
"""

_TARGETS = frozenset(
    {"identifier", "member_expression", "subscript_expression", "parenthesized_expression",
     "call_expression"}
)  # fmt: skip
_LOOPS = frozenset({"for_statement", "for_in_statement", "while_statement", "do_statement"})
_FUNCTIONS = frozenset(
    {"function_declaration", "function_expression", "generator_function",
     "generator_function_declaration", "method_definition"}
)  # fmt: skip
"""Functions with a ``this`` of their own, which excludes arrow functions."""

_GENERATORS = frozenset({"generator_function", "generator_function_declaration"})
_OCTAL = re.compile(rb"\\(?:[1-9]|0[0-9])")
_TOO_HIGH = re.compile(
    rb"\\u\{0*+(?:1[1-9a-fA-F]|[2-9a-fA-F][0-9a-fA-F]|1?[0-9a-fA-F]{6,})[0-9a-fA-F]{4}"
)

_RESERVED = re.compile(
    rb"(?<![\w$.#])(?:await|yield|let|static|enum|implements|interface|package|private|protected|public"
    rb"|export|import|class|if|for|case|default|delete|do|else|in|new|return|switch|this|throw|try|typeof"
    rb"|var|void|while|with|function|const)(?![\w$])"
)
_MOST_WORDS = 20_000
_ARROW_ON_NEXT_LINE = re.compile(rb"(?:[\n\r]|\xe2\x80[\xa8\xa9])\s*+=>")


def misuses_words(tree: Tree, source: bytes) -> bool:
    """Whether a reserved word is used as a name, or an arrow begins a line."""
    root = tree.root_node
    for at, match in enumerate(_RESERVED.finditer(source)):
        if at > _MOST_WORDS:
            break
        node = root.descendant_for_byte_range(match.start(), match.end())
        if node is None or node.type not in {"identifier", "shorthand_property_identifier"}:
            continue
        if node.end_byte - node.start_byte != match.end() - match.start() or _is_outer_name(node):
            continue
        return True
    for match in _ARROW_ON_NEXT_LINE.finditer(source):
        node = root.descendant_for_byte_range(match.end() - 2, match.end())
        if node is not None and node.type == "=>":
            return True
    return False


def _is_outer_name(node: Node) -> bool:
    """Whether it is a name in another module, which may be any word."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "namespace_export":
        return True
    if parent.type == "export_specifier":
        return (
            parent.child_by_field_name("alias") == node
            or node.text == b"default"
            or _statement_of(parent).child_by_field_name("source") is not None
        )
    return (
        parent.type == "import_specifier"
        and parent.child_by_field_name("alias") is not None
        and parent.child_by_field_name("name") == node
    )


def _statement_of(specifier: Node) -> Node:
    clause = specifier.parent or specifier
    return clause.parent or clause


def _around(node: Node) -> Iterator[Node]:
    parent = node.parent
    while parent is not None:
        yield parent
        parent = parent.parent


def _is_no_target(node: Node) -> bool:
    return node.type not in _TARGETS or _is_chain(node)


def _is_chain(node: Node) -> bool:
    """Whether a chain of member accesses contains a ``?.``."""
    link: Node | None = node
    while link is not None and link.type in {
        "member_expression",
        "subscript_expression",
        "call_expression",
    }:
        if link.child_by_field_name("optional_chain") is not None:
            return True
        link = link.child_by_field_name("object") or link.child_by_field_name("function")
    return False


def _cannot_be_made(node: Node) -> bool:
    if node.type == "call_expression":
        function = node.child_by_field_name("function")
        return function is not None and function.type == "import"
    return _is_chain(node)


def _operator(node: Node | None) -> bytes | None:
    if node is None or node.type != "binary_expression":
        return None
    operator = node.child_by_field_name("operator")
    return None if operator is None else operator.text


def _mixes(node: Node) -> bool:
    """Whether ``??`` is mixed with ``||`` or ``&&``, or ``**`` with a sign, without parentheses."""
    own = _operator(node)
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if own == b"**":
        return left is not None and left.type == "unary_expression"
    inner = {_operator(left), _operator(right)}
    return bool(inner & ({b"||", b"&&"} if own == b"??" else {b"??"}))


def _yields_in_vain(node: Node) -> bool:
    for around in _around(node):
        if around.type in _GENERATORS:
            return False
        if around.type == "method_definition":
            return not any(child.type == "*" for child in around.children)
        if around.type in _FUNCTIONS or around.type == "arrow_function":
            return True
    return True


def _label(node: Node) -> bytes | None:
    label = node.child_by_field_name("label")
    return None if label is None else label.text


def _is_labelled_twice(node: Node) -> bool:
    for around in _around(node):
        if around.type in _FUNCTIONS or around.type == "arrow_function":
            break
        if around.type == "labeled_statement" and _label(around) == _label(node):
            return True
    return False


def _jumps_nowhere(node: Node) -> bool:
    """Whether a ``break`` or ``continue`` has no target."""
    label, leaves = _label(node), node.type == "break_statement"
    for around in _around(node):
        if around.type in _FUNCTIONS or around.type in {"arrow_function", "class_static_block"}:
            break
        if label is not None:
            if around.type == "labeled_statement" and _label(around) == label:
                return False
        elif around.type in _LOOPS or (leaves and around.type == "switch_statement"):
            return False
    return True


def _has_two_prototypes(node: Node) -> bool:
    found = 0
    for pair in node.named_children:
        key = pair.child_by_field_name("key") if pair.type == "pair" else None
        found += key is not None and (key.text or b"").strip(b"'\"") == b"__proto__"
    return found > 1


def _is_super_nowhere(node: Node) -> bool:
    return not any(
        around.type in {"method_definition", "field_definition", "class_static_block"}
        for around in _until_function(node)
    )


def _until_function(node: Node) -> Iterator[Node]:
    """The ancestors up to the function that determines ``super`` and ``new.target``."""
    for around in _around(node):
        yield around
        if around.type in _FUNCTIONS:
            break


def _calls_no_super(node: Node) -> bool:
    for around in _until_function(node):
        if around.type == "method_definition":
            name, body = around.child_by_field_name("name"), around.parent
            owner = None if body is None else body.parent
            return not (
                name is not None
                and name.text == b"constructor"
                and owner is not None
                and any(child.type == "class_heritage" for child in owner.children)
            )
    return True


def _imports_nothing(node: Node) -> bool:
    arguments = node.child_by_field_name("arguments")
    if arguments is None:
        return False
    given = [child for child in arguments.named_children if child.type != "comment"]
    return not 1 <= len(given) <= 2 or any(child.type == "spread_element" for child in given)


def _is_target_nowhere(node: Node) -> bool:
    if not (node.text or b"").startswith(b"new"):
        return False
    return not any(
        around.type in _FUNCTIONS or around.type in {"field_definition", "class_static_block"}
        for around in _around(node)
    )


def _is_private_to_nobody(node: Node) -> bool:
    """Whether no enclosing class has such a private name, or its own class declares it twice."""
    owner = node.parent
    if owner is not None and owner.type in {"field_definition", "method_definition"}:
        return _declares_twice(owner, node)
    return not any(
        around.type == "class_body" and node.text in _private_names(around)
        for around in _around(node)
    )


def _name_of(member: Node) -> Node | None:
    return member.child_by_field_name("property") or member.child_by_field_name("name")


def _private_names(body: Node) -> set[bytes | None]:
    return {
        name.text
        for member in body.named_children
        if (name := _name_of(member)) is not None and name.type == "private_property_identifier"
    }


def _declares_twice(member: Node, name: Node) -> bool:
    body = member.parent
    if body is None or body.type != "class_body" or _name_of(member) != name:
        return False
    same = [
        sibling
        for sibling in body.named_children
        if (other := _name_of(sibling)) is not None and other.text == name.text
    ]
    kinds = sorted(_accessor(sibling) for sibling in same)
    return len(same) > 1 and kinds != ["get", "set"]


def _accessor(member: Node) -> str:
    return next((child.type for child in member.children if child.type in {"get", "set"}), "")


def _is_bad_escape(node: Node) -> bool:
    text = node.text or b""
    if not (_OCTAL.match(text) or _TOO_HIGH.match(text)):
        return False
    parent = node.parent  # a tagged template allows any escape
    return (
        parent is not None
        and parent.type in {"string", "template_string"}
        and not _is_tagged(parent)
    )


def _is_tagged(node: Node) -> bool:
    return (
        node.type == "template_string"
        and node.parent is not None
        and node.parent.type == "call_expression"
    )


def _runs_into_a_name(node: Node) -> bool:
    after = node.next_sibling
    return (
        after is not None
        and after.start_byte == node.end_byte
        and (after.text or b"")[:1].isalpha()
    )


def _is_bad_method(node: Node) -> bool:
    """An accessor with a wrong number of parameters, or a forbidden ``constructor`` or ``prototype``."""
    parameters, name = node.child_by_field_name("parameters"), node.child_by_field_name("name")
    words = {child.type for child in node.children}
    count = 0 if parameters is None else len(parameters.named_children)
    if ("get" in words and count) or ("set" in words and count != 1):
        return True
    if node.parent is None or node.parent.type != "class_body" or name is None:
        return False
    if "static" in words:
        return name.text == b"prototype"
    return name.text == b"constructor" and bool(words & {"get", "set", "async", "*"})


IS_WRONG: dict[str, Callable[[Node], bool]] = {
    "never": lambda _: True,
    "target": _is_no_target,
    "chain": _is_chain,
    "made": _cannot_be_made,
    "binary": _mixes,
    "yield": _yields_in_vain,
    "label": _is_labelled_twice,
    "jump": _jumps_nowhere,
    "object": _has_two_prototypes,
    "super_call": _calls_no_super,
    "super_member": _is_super_nowhere,
    "import": _imports_nothing,
    "meta": _is_target_nowhere,
    "private": _is_private_to_nobody,
    "escape": _is_bad_escape,
    "method": _is_bad_method,
    "directive": lambda node: node.text == b"use strict",
    "digits": _runs_into_a_name,
}
"""For each capture of the query, a test whether a captured node is an error."""
