"""The tests of tree construction of html5lib (from its source distribution, under the MIT licence).

The elements are compared, with where they stand: they are what asks for something.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from selectolax.lexbor import LexborNode

from libra.weighing.html.document_walk import parse_html

FOLDER = Path(__file__).parent / "html5lib-tests"

BEFORE_SELECT_HELD_ANYTHING = re.compile(
    r"<select><(?:b|menuitem|svg|math|plaintext|keygen|option><)"
)
"""Since 2025 a ``select`` may hold other elements; the tests are older."""

Elements = list[tuple[int, str]]
"""How deep each is, and what it is called, in the order of the document."""

_ELEMENT = re.compile(r"\| ( *)<(?:svg |math )?([^!?>\s][^>\n]*)>\Z")


class Case(NamedTuple):
    source: str
    elements: Elements


def cases() -> list[Case]:
    """Whole documents, with scripting on."""
    return [case for path in sorted(FOLDER.glob("*.dat")) for case in _cases_of(path)]


def _cases_of(path: Path) -> Iterator[Case]:
    text = path.read_bytes().decode()
    for case in f"\n{text}".split("\n#data\n")[1:]:
        source, _, rest = case.partition("\n#errors\n" if "\n#errors\n" in case else "#errors\n")
        about, mark, tree = rest.partition("#document\n")
        if mark and "#document-fragment" not in rest and "#script-off" not in about:
            lines = map(_ELEMENT.match, tree.split("\n"))
            yield Case(source, [(len(line[1]) // 2, line[2]) for line in lines if line])


def test_elements_stand_where_the_standard_puts_them() -> None:
    wrong = [
        case.source
        for case in cases()
        if _parsed(case.source) != case.elements
        and BEFORE_SELECT_HELD_ANYTHING.search(case.source) is None
    ]
    assert wrong == []


def test_only_what_the_standard_changed_is_left_out() -> None:
    different = [case for case in cases() if _parsed(case.source) != case.elements]
    assert len(different) == 14
    assert all("<select>" in case.source for case in different)


def test_all_of_the_tests_are_there() -> None:
    assert len(cases()) == 1497


def _parsed(source: str) -> Elements:
    tree, cut_off = parse_html(source.encode("utf-8", "replace"))
    assert not cut_off
    return [] if tree.root is None else list(_from(tree.root, 0))


def _from(node: LexborNode | None, depth: int) -> Iterator[tuple[int, str]]:
    """The elements from one on, with its siblings and all below."""
    while node is not None:
        if node.is_element_node:
            yield depth, node.tag or ""
            for content in (node.template_fragments() or ()) if node.tag == "template" else ():
                yield from _from(content.first_child, depth + 2)
            yield from _from(node.first_child, depth + 1)
        node = node.next
