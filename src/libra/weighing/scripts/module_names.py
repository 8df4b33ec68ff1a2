"""The exports of a module: each name once, and each local name with a declaration."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from libra.weighing.scripts.scopes import name_of, names_in

_WITH_NAME = frozenset(
    {"function_declaration", "generator_function_declaration", "class_declaration"}
)


def exports_clash(program: Node, source: bytes, declared: set[bytes] | None) -> bool:
    """Whether a name is exported twice, or exported without a declaration.

    Args:
        program: The root of the tree.
        source: The text of the module.
        declared: The names that it declares; None if they are not known.
    """
    exported: set[bytes] = set()
    wanted: set[bytes] = set()
    for statement in program.named_children:
        if statement.type != "export_statement":
            continue
        for name in _names(statement, source, wanted):
            if name in exported:
                return True
            exported.add(name)
    return declared is not None and not wanted <= declared


def _names(statement: Node, source: bytes, wanted: set[bytes]) -> Iterator[bytes]:
    if any(child.type == "default" for child in statement.children):
        yield b"default"
        return
    yield from _exported(statement, source, wanted)
    declaration = statement.child_by_field_name("declaration")
    if declaration is None:
        return
    parts = [declaration] if declaration.type in _WITH_NAME else declaration.named_children
    for part in parts:
        name = part.child_by_field_name("name")
        if name is not None:
            yield from names_in(name, source)


def _exported(statement: Node, source: bytes, wanted: set[bytes]) -> Iterator[bytes]:
    """The names under which a clause exports; adds the exported local names to `wanted`."""
    for clause in statement.named_children:
        if clause.type == "namespace_export":
            for name in clause.named_children:
                yield name_of(name, source).strip(b"'\"")
        if clause.type != "export_clause":
            continue
        for specifier in clause.named_children:
            local = specifier.child_by_field_name("name")
            if local is None:
                continue
            alias = specifier.child_by_field_name("alias") or local
            yield name_of(alias, source).strip(b"'\"")
            if statement.child_by_field_name("source") is None and local.type == "identifier":
                wanted.add(name_of(local, source))
