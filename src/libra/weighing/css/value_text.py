"""Helpers for CSS values as text: their addresses, the ends of functions, variables."""

from __future__ import annotations

import re

from libra.ascii import lowered
from libra.weighing.css.name_characters import NAME, NAME_START
from libra.weighing.css.syntax import ComponentValue, components
from libra.weighing.css.tokens import unescape

__all__ = ["VARIABLE", "end_of_function", "first_url", "unescape", "urls_in"]

_PARENTHESIS = re.compile(r"[()]")
VARIABLE = re.compile(
    rf"(?<!{NAME})--{NAME}++[ \t\n\f\r]*+:[ \t\n\f\r]*+"
    rf"(?:-?+{NAME_START}|[\"'\\,/]|--|[1-9][0-9]{{0,3}}+(?![0-9a-z%.])"
    r"|[-+]?+[.0-9][^ \t\n\f\r/;:{}\"']*+(?:[ \t\n\f\r/]++[^ \t\n\f\r/;{}]|[\"']))",
    re.ASCII,
)
"""A custom property whose value may have a font family, a keyword, a weight, or several parts."""

_ONE_URL = re.compile(
    r"url\([ \t\n\f\r]*+(?:\"([^\"\\\n]*+)\"|'([^'\\\n]*+)'|([^\"'()\\ \t\n\f\r]*+))[ \t\n\f\r]*+\)",
    re.IGNORECASE | re.ASCII,
)


def urls_in(value: str) -> list[str]:
    """The addresses of every ``url()`` in a value, unescaped."""
    if "\\" not in value and value.count("(") == 1:
        plain = _ONE_URL.search(value)
        if plain is not None and (
            plain.end() == len(value) or not _QUOTE.search(value, plain.end())
        ):
            before = value[: plain.start()]
            if not _QUOTE.search(before) and not _NAME_BEFORE.search(before):
                return [plain[1] or plain[2] or plain[3] or ""]
    return _urls(components(value))


_NAME_BEFORE = re.compile(rf"{NAME}\Z", re.ASCII)
_QUOTE = re.compile(r"[\"']")


def _urls(parts: list[ComponentValue]) -> list[str]:
    found: list[str] = []
    for part in parts:
        if part.kind == "url":
            found.append(part.value)
        elif part.kind == "function" and lowered(part.value) == "url":
            found += (one.value for one in part.parts[:2] if one.kind == "string")
        elif part.parts:
            found += _urls(part.parts)
    return found


def first_url(value: str) -> str | None:
    """The address of the first ``url()`` or string of a value."""
    return _first(components(value))


def _first(parts: list[ComponentValue]) -> str | None:
    for part in parts:
        if part.kind in {"url", "string"}:
            return part.value
        found = _first(part.parts) if part.parts else None
        if found is not None:
            return found
    return None


def end_of_function(text: str, at: int) -> int:
    """The offset of the matching closing parenthesis; the length of the text if there is none."""
    depth = 0
    for match in _PARENTHESIS.finditer(text, at):
        depth += 1 if match[0] == "(" else -1
        if depth == 0:
            return match.start()
    return len(text)
