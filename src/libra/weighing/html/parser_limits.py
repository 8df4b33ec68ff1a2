"""Limits depth, formatting elements and attributes, so that a document cannot grow in the parser.

The HTML standard sets no limits. Its parsing rules take time that grows with the square of the depth,
and memory that grows with the open formatting elements: 50 kB of ``<b>`` and ``<p>`` become gigabytes.
Browsers have limits; Chromium's is 512 levels, below which elements become siblings. `limit_source`
applies such limits to the source before parsing. It knows the tokens of HTML (tags, comments, raw text)
but not their meaning; ordinary documents pass unchanged.

It rewrites ``<image>`` in HTML as ``<img>``, its meaning. lexbor drops an ``<image>`` that stands
directly in a table.
"""

from __future__ import annotations

import re

MAX_DEPTH = 512
"""Chromium's limit (``kMaximumHTMLParserDOMTreeDepth``)."""

MAX_FORMATTING = 32
"""Maximum number of open formatting elements; each is reopened in every paragraph."""

MAX_ATTRIBUTES = 1_000
"""Maximum number of attributes of one element."""

MAX_COST = 4_000_000
"""Cost at which a document is cut off: one per tag, plus three per formatting element open there."""

_HARMLESS_TAGS = 1_000
_HARMLESS_BYTES = 131_072
"""A document with fewer tags and bytes takes at most half a second, however it grows."""

_LONG_TAG = 10_000

_IMAGE = re.compile(rb"<image[ \t\n\f\r/>]", re.IGNORECASE)
_TABLE = re.compile(rb"<table[ \t\n\f\r/>]", re.IGNORECASE)

_TOKEN = re.compile(
    rb"<!--(?:>|->|(?:[^-]++|-(?!-!?>))*+(?:--!?>|\Z))"  # a comment
    rb"|<([/!?])?([A-Za-z][^ \t\n\f\r/>]*+)?"  # a tag, or a malformed comment up to the next >
)
_ATTRIBUTES = re.compile(
    rb"(?:[ \t\n\f\r/]++|[^ \t\n\f\r/>][^ \t\n\f\r/>=]*+(?:[ \t\n\f\r]*+=[ \t\n\f\r]*+"
    rb"(?:\"[^\"]*+\"?|'[^']*+'?|[^ \t\n\f\r>\"'][^ \t\n\f\r>]*+)?)?+)*+>?"
)
_ATTRIBUTE = re.compile(
    rb"[ \t\n\f\r/]*+[^ \t\n\f\r/>][^ \t\n\f\r/>=]*+(?:[ \t\n\f\r]*+=[ \t\n\f\r]*+"
    rb"(?:\"[^\"]*+\"?|'[^']*+'?|[^ \t\n\f\r>\"'][^ \t\n\f\r>]*+)?)?+"
)
_RAW = frozenset(
    {b"style", b"textarea", b"title", b"xmp", b"iframe", b"noembed", b"noframes", b"noscript"}
)
_FORMATTING = frozenset(
    {
        b"a", b"b", b"big", b"code", b"em", b"font", b"i", b"nobr", b"s", b"small", b"strike",
        b"strong", b"tt", b"u",
    }
)  # fmt: skip
_UNCOUNTED = frozenset(
    {
        # Elements without content, and those that the next of their kind closes.
        b"area", b"base", b"br", b"col", b"embed", b"hr", b"img", b"input", b"link", b"meta",
        b"param", b"source", b"track", b"wbr", b"p", b"li", b"dt", b"dd", b"tr", b"td", b"th",
        b"thead", b"tbody", b"tfoot", b"option", b"optgroup", b"html", b"head", b"body", b"rt", b"rp",
    }
)  # fmt: skip


def limit_source(html: bytes) -> tuple[bytes, bool]:
    """The document within the limits (the same object if unchanged), and whether it was cut off."""
    is_harmless = html.count(b"<") <= _HARMLESS_TAGS and len(html) <= _HARMLESS_BYTES
    if is_harmless and not (_IMAGE.search(html) and _TABLE.search(html)):
        return html, False
    tamer = _Limiter(html)
    return tamer.run(), tamer.cut_off


class _Limiter:
    """One pass over the tokens."""

    def __init__(self, html: bytes) -> None:
        self._html = html
        self._out: list[bytes] = []
        self._copied = 0
        self._open: dict[bytes, int] = {}
        self._depth = 0
        self._formatting = 0
        self._foreign = 0
        self._cost = 0

    @property
    def cut_off(self) -> bool:
        return self._cost > MAX_COST

    def run(self) -> bytes:
        html, at, end = self._html, 0, len(self._html)
        while at < end:
            token = _TOKEN.search(html, at)
            if token is None:
                break
            at = self._take(token)
            if self._cost > MAX_COST:
                self._replace(max(at, self._copied), end, b"")
                break
        if not self._out:
            return html
        self._out.append(html[self._copied :])
        return b"".join(self._out)

    def _take(self, token: re.Match[bytes]) -> int:
        """Handle one token; return the offset of the next."""
        mark, name = token.groups()
        if mark is None and name is None:
            return token.end()  # a comment, or a < that is text
        if name is None or mark in {b"!", b"?"}:
            closing = self._html.find(b">", token.start())
            return len(self._html) if closing < 0 else closing + 1
        attributes = _ATTRIBUTES.match(self._html, token.end())
        end = token.end() if attributes is None else attributes.end()
        name = name.lower()
        if mark is not None:
            self._close(name)
            return end
        return self._start(name, token, end)

    def _start(self, name: bytes, token: re.Match[bytes], end: int) -> int:
        self._cost += 1 + 3 * self._formatting
        if name == b"image" and not self._foreign:
            name = b"img"
            self._replace(token.start(), token.end(), b"<img")
        if end - token.end() > _LONG_TAG:
            self._limit_attributes(token.end(), end)
        if name in _RAW or name == b"script":
            return self._after_raw(name, end)
        if name == b"plaintext":
            return len(self._html)
        if name in _UNCOUNTED or (self._foreign and self._html[end - 2 : end] == b"/>"):
            return end
        if name in _FORMATTING and self._formatting >= MAX_FORMATTING:
            self._replace(token.start(), end, b"")
        elif self._depth >= MAX_DEPTH:
            self._replace(end, end, b"</" + name + b">")
        else:
            self._open[name] = self._open.get(name, 0) + 1
            self._depth += 1
            self._formatting += name in _FORMATTING
            self._foreign += name in {b"svg", b"math"}
        return end

    def _close(self, name: bytes) -> None:
        count = self._open.get(name, 0)
        if not count:
            return
        self._open[name] = count - 1
        self._depth -= 1
        self._formatting -= name in _FORMATTING
        self._foreign -= name in {b"svg", b"math"}

    def _after_raw(self, name: bytes, at: int) -> int:
        """The end of an element's raw text. In foreign content it is not raw text."""
        if self._foreign:
            return at
        if name == b"script":
            return _script_end(self._html, at)
        closing = re.compile(rb"</" + name + rb"(?=[ \t\n\f\r/>])", re.IGNORECASE).search(
            self._html, at
        )
        return len(self._html) if closing is None else closing.start()

    def _limit_attributes(self, start: int, end: int) -> None:
        at = start
        for _ in range(MAX_ATTRIBUTES):
            attribute = _ATTRIBUTE.match(self._html, at, end)
            if attribute is None or attribute.end() == at:
                return
            at = attribute.end()
        self._replace(at, end, b">")

    def _replace(self, start: int, end: int, by: bytes) -> None:
        self._out += (self._html[self._copied : start], by)
        self._copied = end


_IN_SCRIPT = re.compile(rb"<!--|-->|<(/?)script(?=[ \t\n\f\r/>])", re.IGNORECASE)


def _script_end(html: bytes, at: int) -> int:
    """The end tag of a script, by the standard's "script data escaped" states."""
    escaped = doubled = False
    while (found := _IN_SCRIPT.search(html, at)) is not None:
        at = found.end()
        if found[0] == b"<!--":
            if not escaped:
                escaped = True
                at -= 2  # its dashes may already belong to the end
        elif found[0] == b"-->":
            escaped = doubled = False
        elif found[1]:
            if not doubled:
                return found.start()
            doubled = False
        elif escaped:
            doubled = True
    return len(html)
