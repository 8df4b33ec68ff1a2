"""Inlines ``@import`` of ``data:`` stylesheets into the stylesheet that imports them.

So the rest of the code needs no stylesheets without an address. The imports of an inlined stylesheet
come before all rules, as CSS requires. Like Chromium, images in it are relative to the importing
stylesheet.
"""

from __future__ import annotations

import re

from libra.ascii import lowered, trimmed
from libra.weighing.bodies.charset import sheet_encoding, to_utf8
from libra.weighing.bodies.data_url import decode_data_url, is_data_url
from libra.weighing.bodies.mime import essence_of

_MOST = 50
_MAX_DEPTH = 4

_MAY_IMPORT = re.compile(r"@import[^;{}]{0,200}data:", re.IGNORECASE | re.ASCII)
_BLANK = re.compile(r"(?:[ \t\n\f\r]++|/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z))*+")
_IMPORT = re.compile(r"@import(?=[ \t\n\f\r\"'/]|url\()", re.IGNORECASE | re.ASCII)
_STATEMENT = re.compile(r"@(?:charset|layer)[^;{}]*+;", re.IGNORECASE | re.ASCII)
_ADDRESS = re.compile(
    r"(?:url\([ \t\n\f\r]*+(?:\"([^\"\n]*+)\"|'([^'\n]*+)'|([^\"') \t\n\f\r]*+))[ \t\n\f\r]*+\)"
    r"|\"([^\"\n]*+)\"|'([^'\n]*+)')",
    re.IGNORECASE | re.ASCII,
)
_ABSOLUTE = re.compile(r"[ \t\n\f\r]*+[a-z][a-z0-9+.-]*:", re.IGNORECASE | re.ASCII)
_CONDITIONS = re.compile(r"[^;{}]*+(?:;|\Z)")


def with_data_imports(css: str) -> str:
    """Inline the ``data:`` imports of a stylesheet. Without any, returns the text unchanged."""
    if _MAY_IMPORT.search(css) is None:
        return css
    head, rules, at = _split(css, 0)
    return head + "".join(rules) + css[at:]


def as_data_sheet(css: str) -> str:
    """The text of a stylesheet in a ``data:`` URL, without its relative imports, which have no base."""
    if "@import" not in lowered(css):
        return css
    head, rules, at = _split(css, 1)
    return head + "".join(rules) + css[at:]


def _split(css: str, depth: int) -> tuple[str, list[str], int]:
    """Split off real imports and the rules of ``data:`` stylesheets; find where the rest begins."""
    head: list[str] = []
    rules: list[str] = []
    at = 0
    for _ in range(_MOST):
        at = _end(_BLANK, css, at)
        statement = _STATEMENT.match(css, at)
        if statement is not None:
            head.append(statement[0])
            at = statement.end()
            continue
        keyword = _IMPORT.match(css, at)
        if keyword is None:
            break
        address = _ADDRESS.match(css, _end(_BLANK, css, keyword.end()))
        if address is None:
            break
        conditions = _CONDITIONS.match(css, address.end())
        if conditions is None:
            break
        text = next((group for group in address.groups() if group is not None), "")
        if not is_data_url(text):
            if not depth or _ABSOLUTE.match(text):
                head.append(css[at : conditions.end()])
        elif depth < _MAX_DEPTH:
            inner_head, inner_rules = _imported(text, depth + 1)
            media = trimmed(conditions[0].rstrip(";"))
            if not media:
                head.append(inner_head)
                rules += inner_rules
            else:
                rules.append(f"@media {media}{{{''.join(inner_rules)}}}\n")
        at = conditions.end()
    return "".join(head), rules, at


def _imported(address: str, depth: int) -> tuple[str, list[str]]:
    data = decode_data_url(address)
    if data is None or essence_of(data.content_type) != "text/css":
        return "", []
    css = to_utf8(data.body, sheet_encoding(data.body, data.content_type)).decode()
    head, rules, at = _split(css, depth)
    return head, [*rules, css[at:], "\n"]


def _end(pattern: re.Pattern[str], css: str, at: int) -> int:
    match = pattern.match(css, at)
    return at if match is None else match.end()
