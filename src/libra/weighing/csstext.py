"""The grammar of CSS as far as it matters for references (CSS Syntax 3), in linear time.

Every repetition is possessive (``*+``, ``++``) over alternatives that begin with different characters,
so that none of these expressions can go back: the time is linear in the text, whatever it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_STRING = r""""(?:[^"\\\n]++|\\[\s\S]?)*+"?|'(?:[^'\\\n]++|\\[\s\S]?)*+'?"""
_COMMENT = r"/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/)?"
_SOLIDUS = r"/(?!\*)"
_ESCAPE = r"\\[\s\S]?"
_ATOMS = rf"{_STRING}|{_ESCAPE}|{_COMMENT}|{_SOLIDUS}"

RULE = re.compile(
    rf"((?:[^{{}};\"'\\/]++|{_ATOMS})*+)"
    rf"(?:(\{{)((?:[^{{}}\"'\\/]++|{_ATOMS})*+)(\}})?|([;}}])|\Z)"
)
"""A prelude and what ends it. Groups: prelude; ``{`` with the text up to the next brace and ``}`` if
that brace closes the block (a plain rule, the usual case, is one match); or ``;`` or ``}``."""

PLAIN_RULES = re.compile(r"(?:[^{};@\"'\\/]*+\{[^{}\"'\\/]*+\})*+")
"""Any number of whole rules without anything special in them: a way to pass over many at once."""

COMMENT = re.compile(_COMMENT)

_DECLARATION = re.compile(
    rf"(?:\s++|{_COMMENT})*+(-{{0,2}}[A-Za-z_][\w-]*+)\s*+:"
    rf"((?:[^;\"'\\/()]++|{_ATOMS}|\((?:[^()\"'\\]++|{_STRING}|{_ESCAPE})*+|\))*+)"
)
_NEXT_DECLARATION = re.compile(rf"(?:[^;\"'\\/]++|{_ATOMS})*+;?")

_URL = re.compile(
    r"""url\(\s*+(?:"((?:[^"\\\n]++|\\[\s\S]?)*+)(?:"|\Z)|'((?:[^'\\\n]++|\\[\s\S]?)*+)(?:'|\Z)"""
    r"""|((?:[^"'()\\\s]++|\\[^\n])*+))\s*+\)?""",
    re.IGNORECASE,
)
_URL_OR_TEXT = re.compile(rf"{_URL.pattern}|{_STRING}|{_COMMENT}", re.IGNORECASE)
_QUOTED = re.compile(r""""((?:[^"\\\n]++|\\[\s\S]?)*+)"|'((?:[^'\\\n]++|\\[\s\S]?)*+)'""")
_HEX_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})(?:\r\n|[ \t\n\f\r])?|\\(\n|\r\n|\f)|\\([\s\S]?)")

_IMPORT = re.compile(
    rf"@import\s*+(?:url\(\s*+(?:({_STRING})|([^\"')]*+))\s*+\)?|({_STRING}))([^;{{}}]*+);?",
    re.IGNORECASE,
)


class Import(NamedTuple):
    """An ``@import`` rule: the address and what follows it (``layer``, ``supports()``, media)."""

    url: str
    condition: str
    end: int


def lowered(text: str) -> str:
    """The text in lower case with every character at its place."""
    lower = text.lower()
    # A few letters change their length (U+0130); CSS keywords are ASCII, so those can stay.
    return (
        lower if len(lower) == len(text) else "".join(c.lower() if c < "\x80" else c for c in text)
    )


VARIABLE = re.compile(r"--[\w-]++\s*+:\s*+(?:[A-Za-z\"']|[1-9]\d\d\b)")
"""Where a custom property is defined whose value begins as a font family, a word or a weight would."""


def without_comments(text: str) -> str:
    """Comments replaced by a space, unless they stand in a string."""
    return COMMENT.sub(" ", text) if "/*" in text else text


def import_at(text: str, at: int) -> Import | None:
    """The ``@import`` rule that begins here, if one does."""
    match = _IMPORT.match(text, at)
    if match is None:
        return None
    quoted = match[1] or match[3]
    url = unescape(quoted[1:].removesuffix(quoted[0]) if quoted else match[2].strip())
    return Import(url, match[4].strip(), match.end())


class Declaration(NamedTuple):
    """A property in lower case (a custom one as written), its value, whether it is ``!important``."""

    name: str
    value: str
    important: bool


def declarations(block: str) -> Iterator[Declaration]:
    """The declarations of a block.

    What is not a declaration is skipped up to the next semicolon, as the standard has it.
    """
    at, end = 0, len(block)
    while at < end:
        match = _DECLARATION.match(block, at)
        if match is not None:
            value, important = match[2].strip(), False
            if value[-9:].lower() == "important":
                before = value[:-9].rstrip()
                if before[-1:] == "!":
                    value, important = before[:-1].rstrip(), True
            name = match[1] if match[1][:2] == "--" else match[1].lower()
            yield Declaration(name, value, important)
            at = match.end()
        skipped = _NEXT_DECLARATION.match(block, at)
        at = max(at + 1, skipped.end() if skipped is not None else at)


def urls_in(value: str) -> list[str]:
    """The addresses of every ``url()`` in a value, unescaped."""
    return [
        unescape(match[1] or match[2] or match[3] or "")
        for match in _URL_OR_TEXT.finditer(value)
        if match[0][0] in "uU"
    ]


def first_url(value: str) -> str | None:
    """The address of the first ``url()`` or string of a value."""
    match = _URL.search(value) or _QUOTED.search(value)
    return None if match is None else unescape(next((g for g in match.groups() if g), ""))


def after_function(text: str) -> tuple[str, str]:
    """The argument of a function whose name has been read, and what follows."""
    if not text.startswith("("):
        return "", text.strip()
    end = end_of_function(text, 0)
    return text[1:end], text[end + 1 :].strip()


def end_of_function(text: str, at: int) -> int:
    """Where the parenthesis ends that begins at a place; the length of the text if nowhere."""
    depth = 0
    for match in _PARENTHESIS.finditer(text, at):
        depth += 1 if match[0] == "(" else -1
        if depth == 0:
            return match.start()
    return len(text)


_PARENTHESIS = re.compile(r"[()]")


def unescape(text: str) -> str:
    r"""CSS escapes undone: ``\26 B`` is ``&B``; an escaped line break is nothing."""
    return _HEX_ESCAPE.sub(_unescaped, text) if "\\" in text else text


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        code = int(match[1], 16)
        valid = 0 < code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
        return chr(code) if valid else "\ufffd"
    return match[3] or ""
