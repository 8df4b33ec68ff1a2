"""Finds where rules and declarations end. One regular expression skips most of a stylesheet.

The expressions match only simple text: closed strings and balanced parentheses of limited depth. Where
they stop, the tokenizer takes over, so the result is always the tokenizer's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from libra.ascii import lowered
from libra.weighing.css.name_characters import NAME, NAME_OR_BACKSLASH
from libra.weighing.css.tokens import ESCAPE, tokens, unescape

_SPACE = r"[ \t\n]"
_STRING = r""""(?:[^"\\\n]++|\\[\s\S])*+"|'(?:[^'\\\n]++|\\[\s\S])*+'"""
_COMMENT = r"/\*[^*]*+(?:\*(?!/)[^*]*+)*+\*/"
_OTHER = r"/(?!\*)|\\[^\n]"
_AFTER_URL = rf"(?<=[uU][rR][lL])(?<!{NAME_OR_BACKSLASH}[uU][rR][lL])"
_URL = (
    rf"{_AFTER_URL}\({_SPACE}*+"
    rf"(?:(?:{_STRING})|[^\"'()\\ \t\n\x00-\x08\x0b\x0e-\x1f\x7f]*+){_SPACE}*+\)"
)
_NO_URL = r"(?<![uU][rR][lL])"


_BRACKETS = rf"\[(?:[^()\[\]{{}}\"'\\/]++|{_STRING}|{_COMMENT}|{_OTHER})*+\]"
"""Square brackets without other brackets in them, as almost all are.

Nested ones would double the expressions with each level, and each process that reads pages builds them.
"""


def _parentheses(depth: int) -> str:
    inner = f"|{_parentheses(depth - 1)}" if depth else ""
    of = rf"(?:[^()\[\]{{}}\"'\\/]++|{_STRING}|{_COMMENT}|{_OTHER}|{_BRACKETS}{inner})*+"
    return rf"{_URL}|{_NO_URL}\({of}\)"


_ATOMS = rf"{_STRING}|{_COMMENT}|{_OTHER}|{_BRACKETS}|{_parentheses(3)}"

RULE = re.compile(
    rf"((?:[^{{}};\"'\\/()\[\]]++|{_ATOMS})*+)\{{((?:[^{{}}\"'\\/()\[\]]++|{_ATOMS})*+)\}}",
    re.ASCII,
)
"""A whole rule without nested blocks: its prelude and the content of its block."""

PLAIN_RULES = re.compile(
    r"(?:[^{};@\"'\\/()\[\]]*+\{(?:[^{}\"'\\/()\[\]]++|\([^(){}\[\]\"'\\/;]*+\))*+\})*+"
)
"""Any number of whole rules without anything special in them, to skip many at once."""

_RUNS = {
    stops: re.compile(rf"(?:[^{re.escape(stops)}{{\"'\\/()\[\]]++|{_ATOMS})*+", re.ASCII)
    for stops in ("{", "{}", "{;", "{;}", ";", ";}", "}")
}
_SKIPPED = re.compile(rf"(?:[ \t\n;]++|{_COMMENT})*+")
_WHITE = re.compile(rf"(?:[ \t\n]++|{_COMMENT})*+")
_WHITE_AT_TOP = re.compile(rf"(?:[ \t\n]++|{_COMMENT}|<!--|-->)*+")
_NAME = rf"-{{0,2}}[A-Za-z_]{NAME}*+|--{NAME}*+"
_DECLARATION = re.compile(
    rf"(?:[ \t\n;]++|{_COMMENT})*+({_NAME}){_SPACE}*+:((?:[^{{}};\"'\\/()\[\]]++|{_ATOMS})*+)(?:;|\Z)",
    re.ASCII,
)
_ANY_NAME = re.compile(rf"((?:{NAME}++|{ESCAPE})++)(?:[ \t\n]++|{_COMMENT})*+:", re.ASCII)
_IDENT_BEFORE = re.compile(rf"(?:{NAME}|\\[0-9a-fA-F]{{1,6}}[ \t\n]?|\\.)*\Z", re.ASCII)
_MATCHING = {"(": ")", "[": "]", "{": "}", "function": ")"}
_ANY_STRING = r""""(?:[^"\\\n]++|\\[\s\S]?)*+"?+|'(?:[^'\\\n]++|\\[\s\S]?)*+'?+"""
"""A string; without a closing quote it extends to the end of its line."""

_COMMENT_OR_TEXT = re.compile(
    rf"{_ANY_STRING}|\\[\s\S]"
    rf"|{_AFTER_URL}\({_SPACE}*+(?:[^\"'()\\ \t\n]++|\\[\s\S])*+|(/\*[\s\S]*?(?:\*/|\Z))",
    re.ASCII,
)
_IMPORTANT = re.compile(
    rf"!(?:[ \t\n]++|/\*[\s\S]*?\*/)*+((?:[a-z]++|{ESCAPE})++)\Z", re.IGNORECASE | re.ASCII
)


class ScannedDeclaration(NamedTuple):
    """A property in lower case (custom ones as written), its value, and whether it is ``!important``."""

    name: str
    value: str
    important: bool


def stop(text: str, at: int, stops: str) -> int:
    """Find the first of `stops` that is outside strings, comments, functions and blocks.

    `stops` must be one of ``{``, ``{}``, ``{;``, ``{;}``, ``;``, ``;}``, ``}``.
    """
    run, end = _RUNS[stops], len(text)
    while True:
        found = run.match(text, at)
        at = at if found is None else found.end()
        if at >= end:
            return end
        if text[at] in stops:
            return at
        at = _past(text, at)


def _past(text: str, at: int) -> int:
    """The offset after one token, or after a whole block."""
    character = text[at]
    if character == "(":
        before = _IDENT_BEFORE.search(text, max(0, at - 40), at)
        if before is not None and lowered(unescape(before[0])) == "url":
            at = before.start()
    elif character in ")]":
        return at + 1
    stack: list[str] = []
    end = at + 1
    for token in tokens(text, at):
        end = token.end
        if stack and token.kind == stack[-1]:
            stack.pop()
        elif token.kind in _MATCHING:
            stack.append(_MATCHING[token.kind])
        if not stack:
            return end
    return len(text)


def past_space(text: str, at: int, *, at_top: bool = False) -> int:
    """Skip white space and comments; at the top of a stylesheet also ``<!--`` and ``-->``."""
    found = (_WHITE_AT_TOP if at_top else _WHITE).match(text, at)
    return at if found is None else found.end()


def past_separators(text: str, at: int) -> int:
    """Skip white space, comments and semicolons."""
    found = _SKIPPED.match(text, at)
    return at if found is None else found.end()


def is_declaration(item: str) -> bool:
    """Whether an item of a block begins like a declaration, with a name and a colon."""
    return _ANY_NAME.match(item) is not None


def declarations(block: str, *, rules: bool = True) -> Iterator[ScannedDeclaration]:
    """The declarations of a block.

    Skips at-rules, and anything else up to the next semicolon, or with its block where rules may be
    nested.
    """
    at, end = 0, len(block)
    while at < end:
        found = _DECLARATION.match(block, at)
        if found is not None:
            at = found.end()
            name = found[1]
            yield _declaration(name if name[:2] == "--" else lowered(name), found[2])
            continue
        at = past_separators(block, at)
        named = _ANY_NAME.match(block, at)
        name = "" if named is None else unescape(named[1])
        custom = name[:2] == "--"
        nests = (rules and not custom) or block.startswith("@", at)
        start, at = at, stop(block, at if named is None else named.end(), "{;" if nests else ";")
        if nests and at < end and block[at] == "{":
            at = stop(block, at + 1, "}") + 1  # a nested rule that looks like a declaration
        elif named is not None:
            yield _declaration(name if custom else lowered(name), block[named.end() : at])
        at = max(at, start + 1)


def _declaration(name: str, value: str) -> ScannedDeclaration:
    value = without_comments(value).strip(" \t\n")
    if lowered(value[-9:]) == "important" or ("!" in value and "\\" in value):
        found = _IMPORTANT.search(value, max(0, value.rfind("!")))
        if found is not None and lowered(unescape(found[1])) == "important":
            return ScannedDeclaration(name, value[: found.start()].rstrip(" \t\n"), True)
    return ScannedDeclaration(name, value, False)


def without_comments(text: str) -> str:
    """The text with each comment outside strings and addresses replaced by a space."""
    if "/*" not in text:
        return text
    return _COMMENT_OR_TEXT.sub(lambda found: " " if found[1] else found[0], text)
