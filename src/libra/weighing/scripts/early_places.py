"""Early errors of place: syntax that is allowed only inside other syntax, or never in its place.

This is the second half of `early_errors`, for the other captures of its query.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tree_sitter import Node

from libra.weighing.scripts.early_targets import is_chain, unwrapped

QUERY = """
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
(subscript_expression object: (super)) @super_member
(call_expression function: (import)) @import
(meta_property) @meta
(formal_parameters (rest_pattern) ",") @never
(array_pattern (rest_pattern) ",") @never
(object_pattern (rest_pattern) ",") @never
(object_pattern "," . ",") @never
(object_pattern . "{" . ",") @never
(object "," . ",") @never
(object . "{" . ",") @never
(switch_body (switch_default) (switch_default)) @never
(class_heritage
  [(binary_expression) (unary_expression) (ternary_expression) (assignment_expression)
   (arrow_function) (update_expression) (await_expression) (yield_expression)]) @never
(unary_expression argument: [(assignment_expression) (arrow_function) (yield_expression)]) @never
(binary_expression [(assignment_expression) (arrow_function) (yield_expression)]) @never
(unary_expression operator: "delete" argument: (_) @deleted)
(throw_statement) @throw
(member_expression object: (yield_expression)) @never
(super) @super
(await_expression) @await
(import_statement) @module_item
(export_statement) @module_item
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
(export_statement !source
  (export_clause (export_specifier name: [(string) "default"]))) @never
""" + "".join(
    f"({statement} [(class_declaration) (function_declaration) (generator_function_declaration)"
    " (lexical_declaration)]) @never"
    for statement in (
        "if_statement consequence:", "else_clause", "labeled_statement body:", "while_statement body:",
        "do_statement body:", "for_statement body:", "for_in_statement body:",
    )
)  # fmt: skip

_LOOPS = frozenset({"for_statement", "for_in_statement", "while_statement", "do_statement"})
_FUNCTIONS = frozenset(
    {"function_declaration", "function_expression", "generator_function",
     "generator_function_declaration", "method_definition"}
)  # fmt: skip
"""Functions with a ``this`` of their own, which excludes arrow functions."""

_MOST_AROUND = 500
_LINE_END = re.compile(rb"[\n\r]|\xe2\x80[\xa8\xa9]")
_OCTAL = re.compile(rb"\\(?:[1-9]|0[0-9])")
_TOO_HIGH = re.compile(
    rb"\\u\{0*+(?:1[1-9a-fA-F]|[2-9a-fA-F][0-9a-fA-F]|1?[0-9a-fA-F]{6,})[0-9a-fA-F]{4}"
)


def _around(node: Node) -> Iterator[Node]:
    """The ancestors, from the inside; not more than a query finds, for each step begins at the root."""
    parent = node.parent
    for _ in range(_MOST_AROUND):
        if parent is None:
            return
        yield parent
        parent = parent.parent


def _cannot_be_made(node: Node) -> bool:
    if node.type == "call_expression":
        function = node.child_by_field_name("function")
        return function is not None and function.type == "import"
    return is_chain(node)


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


def waits_in_vain(node: Node, _source: bytes = b"") -> bool:
    """Whether an ``await`` is in a function that is not ``async``; at the top level it is allowed."""
    return _is_in_vain(node, {"async"}, at_top=False)


def _yields_in_vain(node: Node, source: bytes) -> bool:
    star = next((child for child in node.children if child.type == "*"), None)
    if star is not None and _has_line_end(source[node.start_byte : star.start_byte]):
        return True
    return _is_in_vain(node, {"*"}, at_top=True)


def _is_in_vain(node: Node, words: set[str], *, at_top: bool) -> bool:
    """Whether the function around a node has none of the words, or the node is in its parameters."""
    inner = node
    for around in _around(node):
        kind = around.type
        is_name = inner.type == "computed_property_name"  # it belongs to what is around the class
        if kind == "class_static_block" or (kind == "field_definition" and not is_name):
            return True
        if (kind in _FUNCTIONS or kind == "arrow_function") and not is_name:
            return inner.type == "formal_parameters" or not any(
                child.type in words for child in around.children
            )
        inner = around
    return at_top


def _has_line_end(text: bytes) -> bool:
    return _LINE_END.search(text) is not None


def _throws_on_next_line(node: Node, source: bytes) -> bool:
    thrown = next((child for child in node.named_children if child.type != "comment"), None)
    return thrown is not None and _has_line_end(source[node.start_byte : thrown.start_byte])


def _cannot_be_deleted(node: Node) -> bool:
    node = unwrapped(node)
    if node.type == "member_expression":
        name = node.child_by_field_name("property")
        return name is not None and name.type == "private_property_identifier"
    return node.type == "identifier"


def _is_super_alone(node: Node) -> bool:
    parent = node.parent
    return (
        parent is None
        or parent.type not in {"call_expression", "member_expression", "subscript_expression"}
        or parent.start_byte != node.start_byte
    )


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
                return not leaves and not _labels_loop(around)
        elif around.type in _LOOPS or (leaves and around.type == "switch_statement"):
            return False
    return True


def _labels_loop(node: Node) -> bool:
    body: Node | None = node
    while body is not None and body.type == "labeled_statement":
        body = body.child_by_field_name("body")
    return body is not None and body.type in _LOOPS


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
                and _plain(name) == b"constructor"
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


def _is_bad_escape(node: Node, source: bytes) -> bool:
    text = source[node.start_byte : node.end_byte]
    if not (_OCTAL.match(text) or _TOO_HIGH.match(text)) and not (
        text == b"\\0" and source[node.end_byte : node.end_byte + 1].isdigit()
    ):
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


def _plain(name: Node) -> bytes:
    """A name without the quotes that it may have."""
    return (name.text or b"").strip(b"'\"")


def _is_bad_method(node: Node) -> bool:
    """An accessor with a wrong number of parameters, or a forbidden ``constructor`` or ``prototype``."""
    parameters, name = node.child_by_field_name("parameters"), node.child_by_field_name("name")
    words = {child.type for child in node.children}
    count = 0 if parameters is None else len(parameters.named_children)
    if ("get" in words and count) or ("set" in words and count != 1):
        return True
    if "set" in words and parameters and parameters.named_children[0].type == "rest_pattern":
        return True
    if node.parent is None or node.parent.type != "class_body" or name is None:
        return False
    if "static" in words:
        return _plain(name) == b"prototype"
    return _plain(name) == b"constructor" and bool(words & {"get", "set", "async", "*"})


IS_WRONG: dict[str, Callable[[Node], bool]] = {
    "never": lambda _: True,
    "made": _cannot_be_made,
    "binary": _mixes,
    "label": _is_labelled_twice,
    "jump": _jumps_nowhere,
    "object": _has_two_prototypes,
    "super_call": _calls_no_super,
    "super_member": _is_super_nowhere,
    "import": _imports_nothing,
    "meta": _is_target_nowhere,
    "private": _is_private_to_nobody,
    "method": _is_bad_method,
    "deleted": _cannot_be_deleted,
    "super": _is_super_alone,
    "module_item": lambda node: node.parent is None or node.parent.type != "program",
    "await": waits_in_vain,
    "directive": lambda node: node.text == b"use strict",
}
"""For each capture of the query, a test whether a captured node is an error."""

IS_WRONG_IN: dict[str, Callable[[Node, bytes], bool]] = {
    "yield": _yields_in_vain,
    "escape": _is_bad_escape,
    "throw": _throws_on_next_line,
}
"""The tests that also need the text of the module."""
