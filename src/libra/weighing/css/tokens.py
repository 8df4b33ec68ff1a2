"""The tokens of CSS (CSS Syntax 3, section 4), in time linear in the text.

One regular expression matches one token. It never backtracks: its repetitions are possessive and its
alternatives begin with different characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from libra.ascii import lowered
from libra.weighing.css.name_characters import NAME, NAME_START

Kind = Literal[
    "ident", "function", "at-keyword", "hash", "string", "bad-string", "url", "bad-url", "number",
    "percentage", "dimension", " ", "<!--", "-->", ":", ";", ",", "[", "]", "(", ")", "{", "}",
    "delim",
]  # fmt: skip

ESCAPE = r"\\(?:[0-9a-fA-F]{1,6}[ \t\n]?|[^\n0-9a-fA-F]|\Z)"
_NAME = rf"(?:{NAME}++|{ESCAPE})"
_IDENT = rf"(?:--|-?(?:{NAME_START}|{ESCAPE})){_NAME}*+"
_NUMBER = r"[+-]?+(?:[0-9]++(?:\.[0-9]++)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+"

_TOKEN = re.compile(
    rf"""(?P<space>[ \t\n]++)
    |(?P<comment>/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/)?+)
    |(?P<number>{_NUMBER})(?:(?P<unit>(?!--?[^\w\-\\]*\Z)(?:{_IDENT}))|(?P<percent>%))?+
    |(?P<cdc>-->)
    |(?P<ident>{_IDENT})(?P<opens>\()?+
    |\#(?P<hash>{_NAME}++)
    |@(?P<at>{_IDENT})
    |(?P<string>"(?:[^"\\\n]++|\\[\s\S]?)*+|'(?:[^'\\\n]++|\\[\s\S]?)*+)(?P<closed>["'])?+
    |(?P<cdo><!--)
    |(?P<other>[\s\S])""",
    re.VERBOSE | re.ASCII,
)
_URL = re.compile(
    rf"[ \t\n]*+((?:[^\"'()\\ \t\n\x00-\x08\x0b\x0e-\x1f\x7f]++|{ESCAPE})*+)[ \t\n]*+"
)
_QUOTE = re.compile(r"[ \t\n]*+[\"']")
_BAD_URL = re.compile(r"(?:[^)\\]++|\\[\s\S]?)*+\)?+")
_ESCAPED = re.compile(r"\\(?:([0-9a-fA-F]{1,6})[ \t\n]?|(\n)|([\s\S])|(\Z))")
_HALF = re.compile(r"(?<!\\)(?:\\\\)*+\\\Z")
"""An escape that consists of the backslash alone."""

_PUNCTUATION = frozenset(":;,[](){}")
_NEWLINES = re.compile(r"\r\n?|\f")
_ID = re.compile(rf"{_IDENT}\Z", re.ASCII)
_NOT_CHARACTERS = re.compile("[\x00\ud800-\udfff]")


class Token(NamedTuple):
    """One token.

    Attributes:
        kind: The standard's name without ``-token``; punctuation characters stand for themselves.
        value: The unescaped name, text, address or delimiter; for a number, its text.
        unit: The unit of a dimension; ``id`` or ``unrestricted`` for a hash.
        start: Its start offset in the text.
        end: Its end offset.
    """

    kind: Kind
    value: str
    unit: str
    start: int
    end: int


def preprocessed(text: str) -> str:
    """The text as the tokenizer expects it: one kind of line break, no NUL, no lone surrogates."""
    if "\r" in text or "\f" in text:
        text = _NEWLINES.sub("\n", text)
    return text if text.isascii() and "\0" not in text else _NOT_CHARACTERS.sub("\ufffd", text)


def tokens(  # noqa: C901, PLR0912 - one branch for each kind of token
    text: str, at: int = 0, end: int | None = None
) -> Iterator[Token]:
    """The tokens of a `preprocessed` text, without comments."""
    end = len(text) if end is None else end
    match = _TOKEN.match
    while at < end:
        found = match(text, at, end)
        if found is None:  # unreachable: the last alternative matches any character
            return
        start, at, name = at, found.end(), found.lastgroup
        if name == "other":
            other = found[0]
            yield Token(other if other in _PUNCTUATION else "delim", other, "", start, at)  # type: ignore[arg-type]
        elif name == "space":
            yield Token(" ", " ", "", start, at)
        elif name == "ident":
            yield Token("ident", unescape(found["ident"]), "", start, at)
        elif name == "opens":
            value = unescape(found["ident"])
            if lowered(value) == "url" and _QUOTE.match(text, at, end) is None:
                token = _url(text, start, at, end)
                at = token.end
                yield token
            else:
                yield Token("function", value, "", start, at)
        elif name == "number":
            yield Token("number", found["number"], "", start, at)
        elif name == "unit":
            yield Token("dimension", found["number"], unescape(found["unit"]), start, at)
        elif name == "percent":
            yield Token("percentage", found["number"], "%", start, at)
        elif name in {"string", "closed"}:
            broken = name == "string" and at < end
            value = found["string"][1:]
            if at == end and name == "string" and _HALF.search(value):
                value = value[:-1]
            value = unescape(value)
            yield Token("bad-string" if broken else "string", value, "", start, at)
        elif name == "hash":
            kind = "id" if _ID.match(found["hash"]) else "unrestricted"
            yield Token("hash", unescape(found["hash"]), kind, start, at)
        elif name == "at":
            yield Token("at-keyword", unescape(found["at"]), "", start, at)
        elif name != "comment":
            yield Token("-->" if name == "cdc" else "<!--", found[0], "", start, at)


def unescape(text: str) -> str:
    r"""Undo escapes: ``\26 B`` becomes ``&B``; an escaped line break disappears."""
    return _ESCAPED.sub(_unescaped, text) if "\\" in text else text


def _url(text: str, start: int, at: int, end: int) -> Token:
    found = _URL.match(text, at, end)
    if found is not None and (found.end() == end or text[found.end()] == ")"):
        return Token("url", unescape(found[1]), "", start, min(found.end() + 1, end))
    rest = _BAD_URL.match(text, at, end)
    return Token("bad-url", "", "", start, end if rest is None else rest.end())


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        code = int(match[1], 16)
        valid = 0 < code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
        return chr(code) if valid else "\ufffd"
    if match[2]:
        return ""
    return match[3] or "\ufffd"
