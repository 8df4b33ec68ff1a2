"""Stylesheets that apply only after loading: ``media=print onload="this.media='all'"``.

This idiom keeps a stylesheet from delaying the page. The module reads the effect of the handler from its
text. It understands assignments of a string, or of a ``data-`` attribute, to the element's ``media``,
``rel``, ``title`` or ``disabled``. Other handlers need the rendered method.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tree_sitter import Node, Parser

from libra.ascii import lowered
from libra.weighing.scripts.module_scripts import language

_MOST_TEXT = 2_000
_NAMES = frozenset({"media", "rel", "title", "disabled"})
_MAY_SET = re.compile("media|rel|title|disabled")
_LATER = frozenset({"setTimeout", "requestAnimationFrame", "queueMicrotask", "requestIdleCallback"})


def after_load(attributes: Mapping[str, str | None]) -> dict[str, str | None] | None:
    """The attributes of a ``link`` after its handler ran; None if no known attribute changes.

    Args:
        attributes: The attributes as written; the handler is ``onload``.
    """
    handler = attributes.get("onload")
    if not handler or len(handler) > _MOST_TEXT or _MAY_SET.search(handler) is None:
        return None
    source = f"function f(event){{{handler}\n}}".encode("utf-8", "replace")
    tree = Parser(language()).parse(source)
    if tree.root_node.has_error or len(tree.root_node.named_children) != 1:
        return None
    changed = dict(attributes)
    body = tree.root_node.named_children[0].child_by_field_name("body")
    if body is not None:
        _run(body, changed, 0)
    changed = {name: value for name, value in changed.items() if name[:1] != "\0"}
    return changed if changed != dict(attributes) else None


def _run(node: Node, attributes: dict[str, str | None], depth: int) -> None:
    """Read a part of a handler in execution order. Assumes that its conditions hold."""
    if depth > 40:
        return
    if node.type == "assignment_expression":
        target, value = node.child_by_field_name("left"), node.child_by_field_name("right")
        if target is not None and value is not None:
            _set(_property(target), _value(value, attributes), attributes)
        return
    if node.type == "variable_declarator":
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is not None and value is not None:
            attributes[_local(_text(name))] = _value(value, attributes)
        return
    if node.type == "call_expression":
        _call(node, attributes, depth)
        return
    if node.type in {"function_expression", "function_declaration", "arrow_function"}:
        return  # runs only when called
    for child in node.named_children:
        _run(child, attributes, depth + 1)


def _local(name: str) -> str:
    """The key that stores a variable of the handler among the attributes."""
    return f"\0{name}"


def _call(node: Node, attributes: dict[str, str | None], depth: int) -> None:
    function, arguments = (
        node.child_by_field_name("function"),
        node.child_by_field_name("arguments"),
    )
    if function is None or arguments is None:
        return
    given = arguments.named_children
    name = _text(function)
    called: Node | None = None
    if function.type == "parenthesized_expression" and function.named_children:
        called = function.named_children[0]  # an immediately invoked function
    elif name.removeprefix("window.") in _LATER and given:
        called = given[0]
    body = None if called is None else called.child_by_field_name("body")
    if body is not None:
        _run(body, attributes, depth + 1)
    elif name == "Object.assign" and len(given) > 1:
        for pair in given[1].named_children:
            key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
            if key is not None and value is not None:
                _set(_text(key), _value(value, attributes), attributes)
    else:
        _call_method(name, [_value(argument, attributes) for argument in given], attributes)


def _call_method(name: str, values: list[str | None], attributes: dict[str, str | None]) -> None:
    first = values[0] if values else None
    if first is None:
        return
    if name.endswith(".setAttribute") and len(values) == 2:
        _set(lowered(first), values[1], attributes)
    elif name.endswith(".removeAttribute") and lowered(first) in _NAMES:
        attributes.pop(lowered(first), None)
    elif name.endswith(".relList.add"):
        attributes["rel"] = f"{attributes.get('rel') or ''} {first}"


def _set(name: str | None, value: str | None, attributes: dict[str, str | None]) -> None:
    name = "rel" if name == "relList" else name
    if name is None or name not in _NAMES or value is None:
        return
    if name == "disabled":
        if value in {"", "false", "0"}:
            attributes.pop(name, None)
        else:
            attributes[name] = ""
        return
    attributes[name] = value


def _property(target: Node) -> str | None:
    """The attribute that an assignment sets. Assumes that it belongs to the element itself."""
    if target.type == "identifier":
        return _text(target)  # a handler's scope is its element
    if target.type == "member_expression":
        name = target.child_by_field_name("property")
        return _text(name) if name is not None else None
    if target.type == "subscript_expression":
        index = target.child_by_field_name("index")
        return _string(index) if index is not None else None
    return None


def _value(node: Node, attributes: Mapping[str, str | None], depth: int = 0) -> str | None:
    """The text value of an expression, if it can be determined."""
    if depth > 10:
        return None
    found: str | None = None
    match node.type:
        case "string" | "template_string":
            found = _string(node)
        case "true" | "false" | "null" | "number":
            found = _text(node)
        case "parenthesized_expression" if node.named_children:
            found = _value(node.named_children[0], attributes, depth + 1)
        case "identifier":
            found = attributes.get(_local(_text(node)))
        case "ternary_expression":
            chosen = node.child_by_field_name("consequence")
            found = None if chosen is None else _value(chosen, attributes, depth + 1)
        case "binary_expression":
            found = _joined(node, attributes, depth + 1)
        case "member_expression":
            found = attributes.get(_data_attribute(_text(node)))
        case "call_expression":
            match = _GET_ATTRIBUTE.fullmatch(_text(node))
            found = attributes.get(lowered(match[1])) if match is not None else None
        case _:
            pass
    return found


_GET_ATTRIBUTE = re.compile(
    r"(?:this|event\.(?:currentT|t)arget)\.getAttribute\(['\"]([\w-]+)['\"]\)", re.ASCII
)


def _joined(node: Node, attributes: Mapping[str, str | None], depth: int) -> str | None:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    operator = node.child_by_field_name("operator")
    if left is None or right is None or operator is None:
        return None
    first, second = _value(left, attributes, depth), _value(right, attributes, depth)
    if _text(operator) in {"||", "??"}:
        return first or second
    if _text(operator) == "+" and first is not None and second is not None:
        return first + second
    return None


def _data_attribute(expression: str) -> str:
    """The attribute that ``this.dataset.someName`` or ``this.media`` reads."""
    match = re.fullmatch(
        r"(?:this|event\.(?:currentT|t)arget)\.(dataset\.)?(\w+)", expression, flags=re.ASCII
    )
    if match is None:
        return ""
    if not match[1]:
        return lowered(match[2])
    return "data-" + re.sub(r"[A-Z]", lambda letter: "-" + lowered(letter[0]), match[2])


def _string(node: Node) -> str | None:
    if node.type not in {"string", "template_string"} or any(
        child.type in {"template_substitution", "escape_sequence"} for child in node.named_children
    ):
        return None
    return _text(node)[1:-1]


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
