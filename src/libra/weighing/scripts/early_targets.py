"""Early errors of targets: what an assignment, an update or a ``for`` cannot assign to."""

from __future__ import annotations

from tree_sitter import Node

from libra.weighing.scripts.scopes import LEAVES, NOT_NAMES, PATTERNS, WITH_DEFAULT, name_of

QUERY = """
(assignment_expression left: (_) @assigned)
(for_in_statement !kind left: (_) @assigned)
(augmented_assignment_expression left: (_) @updated)
(update_expression argument: (_) @updated)
"""

_LINKS = frozenset({"member_expression", "subscript_expression", "call_expression"})


def is_bad_target(node: Node, source: bytes) -> bool:
    """Whether an assignment refuses such a target, which may be a pattern."""
    return _is_bad(node, source, may_be_pattern=True)


def is_bad_update(node: Node, source: bytes) -> bool:
    """Whether ``++``, ``+=`` and their like refuse such a target."""
    return _is_bad(node, source, may_be_pattern=False)


def is_chain(node: Node) -> bool:
    """Whether a chain of member accesses contains a ``?.``."""
    link: Node | None = node
    while link is not None and link.type in _LINKS:
        if link.child_by_field_name("optional_chain") is not None:
            return True
        link = link.child_by_field_name("object") or link.child_by_field_name("function")
    return False


def unwrapped(node: Node) -> Node:
    """An expression without the parentheses around it."""
    while node.type == "parenthesized_expression":
        inner = [child for child in node.named_children if child.type != "comment"]
        if len(inner) != 1:
            break
        node = inner[0]
    return node


def _is_bad(target: Node, source: bytes, *, may_be_pattern: bool) -> bool:
    waiting: list[Node | None] = [target]
    while waiting:
        node = waiting.pop()
        if node is None:
            continue
        kind = node.type
        if kind in PATTERNS:
            if not may_be_pattern:
                return True
            waiting.extend(node.named_children)
        elif kind in WITH_DEFAULT:
            waiting.append(node.child_by_field_name("left"))
        elif kind == "pair_pattern":
            waiting.append(node.child_by_field_name("value"))
        elif kind != "comment" and _is_bad_reference(
            unwrapped(node), source, is_whole=node == target
        ):
            return True
    return False


def _is_bad_reference(node: Node, source: bytes, *, is_whole: bool) -> bool:
    """Whether it is neither a name nor a member.

    For compatibility, browsers compile an assignment to a call, unless it is in a pattern.
    """
    kind = node.type
    if kind in LEAVES:
        return name_of(node, source) in NOT_NAMES
    if kind == "call_expression" and not is_whole:
        return True
    return kind not in _LINKS or is_chain(node)
