"""Reads XML that is not well-formed, as far as it can be read.

It takes linear time for any input, because lists of pages come from anywhere.
"""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Callable
from typing import Final

_NAME: Final = r"[^ \t\n\f\r<>/='\"!?]+"
_TAG: Final = re.compile(rf"<(/?)({_NAME})", re.ASCII)
_ATTRIBUTE: Final = re.compile(
    rf"[ \t\n\f\r]({_NAME})[ \t\n\f\r]*=[ \t\n\f\r]*(?:\"([^\"]*)\"|'([^']*)')", re.ASCII
)
_REFERENCE: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ENCODING: Final = re.compile(
    rb"<\?xml[^>]{0,200}?encoding[ \t\n\f\r]*=[ \t\n\f\r]*[\"']([A-Za-z][\w.:-]{0,40})[\"']"
)
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_loosely(
    data: bytes,
    start: Callable[[str, str, dict[str, str]], object],
    text: Callable[[str], object],
    end: Callable[[], object],
) -> bool:
    """Report the elements of a document, as expat would if the document were well-formed.

    An end tag closes all elements opened after its start tag; an end tag without a start tag is skipped.
    An element ends where another of its name begins, and an element that is cut off has no end. A bare
    ``&`` stands for itself, and so do unknown references. Prefixes stand for namespaces: ``image`` in
    ``image:loc``; the prefix of the root element counts as none.

    Args:
        data: the document, in the encoding that it declares.
        start: called with the prefix, the local name and the attributes of each element.
        text: called with text, in as many pieces as there are.
        end: called at the end of the element that was started last.

    Returns:
        Whether the root element was closed, that is, whether the end of the document is there.
    """
    reader = _LooseReader(_decoded(data), start, text, end)
    at = 0
    while at < len(reader.source):
        at = reader.step(at)
    return reader.closed


class _LooseReader:
    def __init__(
        self,
        source: str,
        start: Callable[[str, str, dict[str, str]], object],
        text: Callable[[str], object],
        end: Callable[[], object],
    ) -> None:
        self.source = source
        self.closed = False
        self._start, self._text, self._end = start, text, end
        self._open: list[str] = []
        self._prefix: str | None = None
        self._absent: set[str] = set()

    def step(self, at: int) -> int:
        """Read the next piece of text, comment, section or tag; returns where the next one begins."""
        begin = self._find("<", at)
        if begin != at:
            begin = len(self.source) if begin < 0 else begin
            self._say(_resolved(self.source[at:begin]))
            return begin
        for opening, terminator in _SECTIONS:
            if self.source.startswith(opening, at):
                stop = self._find(terminator, at + len(opening))
                if stop < 0:
                    break
                if opening == _CDATA:
                    self._say(self.source[at + len(opening) : stop])
                return stop + len(terminator)
        tag = _TAG.match(self.source, at)
        stop = self._find(">", at)
        if tag is None or stop < 0:
            self._say("<")
            return at + 1
        self._take(tag[2], self.source[tag.end() : stop], is_end=bool(tag[1]))
        return stop + 1

    def _take(self, name: str, inside: str, *, is_end: bool) -> None:
        if name in self._open:
            while self._open.pop() != name:
                self._end()
            self._end()
        if is_end:
            self.closed = not self._open
            return
        prefix, _, local = name.rpartition(":")
        if self._prefix is None:
            self._prefix = prefix
        attributes = {
            match[1]: _resolved(match[2] if match[2] is not None else match[3])
            for match in _ATTRIBUTE.finditer(inside)
        }
        self._start("" if prefix == self._prefix else prefix, local, attributes)
        self._open.append(name)
        self.closed = False
        if inside.endswith("/"):
            self._end()
            self._open.pop()

    def _say(self, text: str) -> None:
        if self._open:
            self._text(text)

    def _find(self, what: str, begin: int) -> int:
        # A missing end is searched for only once: else many beginnings without an end take for ever.
        if what in self._absent:
            return -1
        found = self.source.find(what, begin)
        if found < 0:
            self._absent.add(what)
        return found


_CDATA: Final = "<![CDATA["
_SECTIONS: Final = (("<!--", "-->"), (_CDATA, "]]>"), ("<?", "?>"), ("<!", ">"))


def _resolved(text: str) -> str:
    return _REFERENCE.sub(lambda match: html.unescape(match[0]), text)


def _decoded(data: bytes) -> str:
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(encoding, "replace")
    declared = _ENCODING.match(data)
    try:
        return data.decode(declared[1].decode() if declared else "utf-8", "replace")
    except LookupError:
        return data.decode("utf-8", "replace")
