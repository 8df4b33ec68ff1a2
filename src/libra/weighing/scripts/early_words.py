"""Early errors of words: reserved words as names, names with wrong characters, HTML comments.

A search of the text finds the candidates; the tree tells what is there.
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable, Iterator

from tree_sitter import Node, Tree

from libra.weighing.scripts.scopes import decoded

_WORDS = (
    rb"await|yield|let|static|enum|implements|interface|package|private|protected|public"
    rb"|export|import|class|if|for|case|default|delete|do|else|in|new|return|switch|this|throw|try|typeof"
    rb"|var|void|while|with|function|const"
)
_MORE_WORDS = rb"|break|catch|continue|debugger|extends|finally|instanceof|super|null|true|false"
_RESERVED = re.compile(rb"(?:(?<![\w$.#])|(?<=\.\.\.))(?:" + _WORDS + rb")(?![\w$])")
_IS_RESERVED = re.compile(_WORDS + _MORE_WORDS)
_ARROW_ON_NEXT_LINE = re.compile(rb"(?:[\n\r]|\xe2\x80[\xa8\xa9])\s*+=>")
_HTML_COMMENT = re.compile(rb"<!--")
_NO_SPACE = re.compile("\u200b|\u2060".encode())
"""Characters that are spaces in tree-sitter's grammar only."""

_ESCAPED = re.compile(rb"\\u")
_CHECK_TIME_EACH = 16

_NAMES = frozenset(
    {"identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern"}
)
_ANY_NAMES = _NAMES | {"property_identifier", "private_property_identifier", "statement_identifier"}
_TEXTS = frozenset(
    {
        "string", "string_fragment", "template_string", "escape_sequence", "comment", "regex",
        "regex_pattern", "hash_bang_line", "html_comment",
    }
)  # fmt: skip
_PARTS = "\u200c\u200d\u037a\u309b\u309c"
"""Characters of names in JavaScript, but not in Python."""


def misuses_words(
    tree: Tree, source: bytes, waits_in_vain: Callable[[Node, bytes], bool], until: float
) -> bool:
    """Whether a reserved word is used as a name, an arrow begins a line, or a name cannot be one.

    Args:
        tree: The tree of the module.
        source: The text of the module.
        waits_in_vain: Whether an ``await`` in such a place is an error.
        until: The thread time to stop at.
    """
    finder = _Finder(tree.root_node, source, until)
    for node, word in finder.nodes(_RESERVED):
        if node.type not in _NAMES or node.end_byte - node.start_byte != len(word):
            continue
        if finder.is_over():
            return False
        is_await = word == b"await" and _is_called(node)
        if not _is_outer_name(node) and not (is_await and not waits_in_vain(node, source)):
            return True
    return (
        any(node.type == "=>" for node, _ in finder.nodes(_ARROW_ON_NEXT_LINE, last=2))
        or any(node.type == "<" for node, _ in finder.nodes(_HTML_COMMENT, first=1))
        or any(node.type not in _TEXTS for node, _ in finder.nodes(_NO_SPACE))
        or _has_bad_name(finder, source)
    )


class _Finder:
    """Finds the nodes of a tree at the matches of an expression, until its time is over."""

    def __init__(self, root: Node, source: bytes, until: float) -> None:
        self._root = root
        self._source = source
        self._until = until

    def is_over(self) -> bool:
        return time.thread_time() > self._until

    def nodes(
        self, expression: re.Pattern[bytes], *, first: int = 0, last: int = 0
    ) -> Iterator[tuple[Node, bytes]]:
        """The smallest node around each match, or around its first or last bytes; and the match."""
        for at, match in enumerate(expression.finditer(self._source)):
            if at % _CHECK_TIME_EACH == 0 and self.is_over():
                return
            start, end = match.span()
            if first:
                end = start + first
            elif last:
                start = end - last
            node = self._root.descendant_for_byte_range(start, end)
            if node is not None:
                yield node, match[0]


def _is_called(node: Node) -> bool:
    """Whether it is the function of a call; the grammar takes ``await (...)`` for one."""
    parent = node.parent
    return (
        parent is not None
        and parent.type == "call_expression"
        and parent.child_by_field_name("function") == node
    )


def _has_bad_name(finder: _Finder, source: bytes) -> bool:
    """Whether a name has a character that names cannot have, or is a reserved word with escapes."""
    for node, _ in finder.nodes(_ESCAPED):
        if node.type not in _ANY_NAMES:
            continue
        name = decoded(source[node.start_byte : node.end_byte])
        if _is_bad_name(name) or (node.type in _NAMES and _IS_RESERVED.fullmatch(name)):
            return True
    if source.isascii():
        return False
    text = source.decode("utf-8", "replace")
    odd = "".join(char for char in set(text) if not char.isascii() and not _is_part(char))
    return bool(odd) and any(
        node.type in _ANY_NAMES for node, _ in finder.nodes(re.compile(_any_of(odd)))
    )


def _any_of(characters: str) -> bytes:
    return b"|".join(re.escape(char.encode("utf-8", "replace")) for char in characters)


def _is_part(char: str) -> bool:
    """Whether a name may contain a character; one that this version of Unicode does not know may be."""
    return ("a" + char).isidentifier() or char in _PARTS or unicodedata.category(char) == "Cn"


def _is_bad_name(name: bytes) -> bool:
    try:
        text = name.decode()
    except UnicodeDecodeError:  # an escape of half a character
        return True
    text = text.removeprefix("#").replace("$", "_").replace("\u200c", "").replace("\u200d", "")
    return not text.isidentifier()


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
