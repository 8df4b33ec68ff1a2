"""Module scripts: their static imports (ECMAScript 2025, sections 16.2.2 and 16.2.3).

A running script decides about ``import(...)``, so Libra does not follow it. A module that a browser
cannot compile fetches nothing at all; neither does a module with a specifier that fails to resolve. So
tree-sitter parses the module, which excludes comments, strings, templates and regular expressions. If
parsing exceeds its time, a search finds text that looks like imports.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import tree_sitter_javascript
from tree_sitter import Language, Node, Parser, Query, QueryCursor, Tree

from libra.urls import join
from libra.weighing.bodies.data_url import decode_data_url, is_data_url
from libra.weighing.bodies.mime import JAVASCRIPT_TYPES, essence_of
from libra.weighing.scripts.early_errors import has_early_error
from libra.weighing.scripts.import_map import ImportMap

MAX_IMPORTS = 2_000

PARSING_SECONDS = 2.0
"""Thread time in seconds for parsing one module. A megabyte takes about one second."""

_MAX_DATA_DEPTH = 4

_MAY_IMPORT = re.compile(r"\b(?:import|export)\b")
_KEYWORD = re.compile(r"(?<![\w$.])(?:import|export)(?![\w$])")
_CLAUSE = re.compile(r"[\w$*{},\s]*+")
_SPECIFIER = re.compile(r"""(["'])([^"'\\\n]{1,4000}+)\1""")
_ESCAPE = re.compile(
    r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|.))", re.DOTALL
)
_WORDS_IN_CLAUSES = re.compile(rb"(?:import|export)\b[^;(){}=]{0,200}?\{([^(){}=;]{0,10000})\}")
_WORD = re.compile(
    rb"(?<![\w$])(?:await|yield|let|static|enum|class|if|for|case|delete|do|else|in|new|return|switch|this|throw"
    rb"|try|typeof|var|void|while|with|function|const|import|export|catch|break|continue|debugger|extends|finally"
    rb"|instanceof|super|null|true|false)(?=\s+as\b)"
)
_WORD_FROM = re.compile(_WORD.pattern.replace(rb"(?=\s+as\b)", rb"(?=\s*[,}]|\s+as\b)"))
_FROM = re.compile(rb"\s*+from\b")
_LONE_CR = re.compile(rb"\r(?!\n)")
_LINE_END = re.compile(rb"\n|\xe2\x80[\xa8\xa9]")
_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_LINE_ENDS = frozenset({"\n", "\r", "\r\n", "\u2028", "\u2029"})
_TYPES = frozenset({"json", "css", "text"})
"""The values of the import attribute ``type`` that Chromium knows."""


class ModuleImport(NamedTuple):
    """An imported module: its specifier, and its ``type`` if that is not JavaScript."""

    specifier: str
    kind: str = ""


class Imported(NamedTuple):
    """An imported module with its address instead of its specifier."""

    url: str
    kind: str = ""


def imports_in(source: str, url: str, import_map: ImportMap, *, depth: int = 0) -> list[Imported]:
    """The static imports and re-exports of a module, in order, without duplicates.

    Args:
        source: The text of the module.
        url: Its address, or the document's base for an inline module.
        import_map: The map of its document.
        depth: The number of ``data:`` modules around it.
    """
    found: dict[Imported, None] = {}
    for item in _imports(source):
        target = import_map.resolve(item.specifier, url)
        if target is None:
            return []  # a browser does not request the others either
        if is_data_url(target):
            if depth < _MAX_DATA_DEPTH and not item.kind:
                inner = imports_of_data(target, import_map, depth=depth + 1)
                found.update(dict.fromkeys(inner))
            continue
        address = join(url, target)
        if address is not None:
            found[Imported(address, item.kind)] = None
        if len(found) >= MAX_IMPORTS:
            break
    return list(found)[:MAX_IMPORTS]


def imports_of_data(target: str, import_map: ImportMap, *, depth: int = 0) -> list[Imported]:
    """The imports of a module that is written in a ``data:`` URL."""
    data = decode_data_url(target)
    if data is None or essence_of(data.content_type) not in JAVASCRIPT_TYPES:
        return []
    return imports_in(data.body.decode("utf-8", "replace"), target, import_map, depth=depth)


def _imports(source: str) -> list[ModuleImport]:
    if _MAY_IMPORT.search(source) is None:
        return []
    tree, text = parsed(source.encode("utf-8", "replace"))
    if tree is None:
        return [ModuleImport(specifier) for specifier in _looks_like_imports(source)]
    if tree.root_node.has_error or has_early_error(tree, text):
        return []
    found: list[ModuleImport] = []
    for statement in tree.root_node.named_children:
        if statement.type == "hash_bang_line" and text[: statement.start_byte].strip(_MARK):
            return []  # it may only be at the very beginning
        if statement.type in {"import_statement", "export_statement"}:
            specifier = statement.child_by_field_name("source")
            if specifier is None:
                continue
            kind = _kind_of(statement)
            if kind is None:
                return []
            found.append(ModuleImport(_value_of(specifier), kind))
    return found


def parsed(text: bytes) -> tuple[Tree | None, bytes]:
    """The tree of a module and the text that it is of; no tree if parsing takes too long."""
    text = _plain(text)
    tree = _parse(text)
    for reword in (_without_words, _without_comments):
        if tree is not None and tree.root_node.has_error:
            text, before = reword(text, tree), text
            tree = tree if text == before else _parse(text)
    return tree, text


def _plain(text: bytes) -> bytes:
    """A text that means the same, without characters that tree-sitter's grammar does not expect.

    A string may contain U+0000, and a line may end with CR alone.
    """
    if b"\r" in text:
        text = _LONE_CR.sub(b"\n", text)
    return text.replace(b"\0", b"\1")


def _without_words(text: bytes, _tree: Tree) -> bytes:
    """tree-sitter's grammar does not know that a name in another module may be any word."""
    return _WORDS_IN_CLAUSES.sub(_renamed, text)


def _without_comments(text: bytes, tree: Tree) -> bytes:
    """A comment of several lines ends a statement like the end of a line, which the grammar forgets."""
    parts: list[bytes] = []
    at = 0
    cursor = QueryCursor(_comments())
    cursor.set_max_start_depth(_MAX_DEPTH)
    for nodes in cursor.captures(tree.root_node).values():
        for comment in nodes:
            inside = text[comment.start_byte : comment.end_byte]
            if comment.start_byte >= at and inside.startswith(b"/*") and _LINE_END.search(inside):
                parts += text[at : comment.start_byte], b"\n" * len(inside)
                at = comment.end_byte
    return b"".join(parts) + text[at:]


@cache
def _comments() -> Query:
    return Query(language(), "(comment) @comment")


def _renamed(clause: re.Match[bytes]) -> bytes:
    """A clause of an import or export, with reserved words that name foreign exports blanked."""
    text = clause[0]
    word = _WORD
    if text.startswith(b"export") and _FROM.match(clause.string, clause.end()):
        word = _WORD_FROM
    return word.sub(lambda found: b"_" * len(found[0]), text)


@cache
def language() -> Language:
    """The grammar of JavaScript."""
    return Language(tree_sitter_javascript.language())


def _parse(source: bytes) -> Tree | None:
    """The syntax tree; None if parsing takes too long."""
    until = time.thread_time() + PARSING_SECONDS

    def is_over(_state: object, _has_error: bool) -> bool:
        return time.thread_time() > until

    def read(at: int, _point: object) -> bytes:
        return source[at : at + _PIECE]

    try:
        return Parser(language()).parse(read, progress_callback=is_over)
    except ValueError:  # it was stopped
        return None


_MAX_DEPTH = 400
_PIECE = 4_096
"""The bytes that tree-sitter gets at a time. For the text of a node it takes a whole piece."""

_MARK = b"\xef\xbb\xbf"


def _kind_of(statement: Node) -> str | None:
    """The ``type`` of an import; None if it has attributes that no browser knows."""
    kind = ""
    known = 0
    for part in statement.named_children:
        if part.type != "import_attribute":
            continue
        if not part.children or part.children[0].type != "with":
            return None  # browsers no longer support "assert"
        for entry in part.named_children:
            for pair in entry.named_children:
                key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
                if key is None or value is None or value.type != "string":
                    return None
                name = _value_of(key) if key.type == "string" else _text_of(key)
                if name != "type" or _value_of(value) not in _TYPES:
                    return None
                kind = _value_of(value)
                known += 1
    return kind if known <= 1 else None


def _text_of(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _value_of(string: Node) -> str:
    """The value of a string literal."""
    return _ESCAPE.sub(_unescaped, _text_of(string)[1:-1])


def _unescaped(match: re.Match[str]) -> str:
    braced, four, two, other = match.groups()
    digits = braced or four or two
    if digits:
        code = int(digits, 16)
        return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"
    return "" if other in _LINE_ENDS else _CONTROL.get(other, other)


def _looks_like_imports(source: str) -> Iterator[str]:
    """The specifiers after ``import``, ``import ... from`` and ``export ... from``, anywhere.

    If no string follows a clause, the search continues after the clause, not after its keyword: a later
    keyword inside the clause would run into the same end. So the time is linear in the source.
    """
    at = 0
    while (keyword := _KEYWORD.search(source, at)) is not None:
        clause = _CLAUSE.match(source, keyword.end())
        at = keyword.end() if clause is None else clause.end()
        specifier = _SPECIFIER.match(source, at)
        if specifier is None:
            continue
        words = source[keyword.end() : at].rsplit(maxsplit=1)
        named = bool(words) and (words[-1] == "from" or words[-1].endswith(("}from", "*from")))
        if named or (not words and keyword[0] == "import"):
            yield specifier[2]
            at = specifier.end()
