"""Rewrites documents in XML syntax so that the HTML parser builds the same elements.

A browser reads ``application/xhtml+xml``, ``application/xml``, ``image/svg+xml`` and similar types with
its XML parser. Names have namespaces, entities come from the document's own DTD, ``<script
src="a.js"/>`` is closed, and reading stops after the first error. expat does the parsing. This module
writes its events as HTML: elements of XHTML and SVG by their names, whatever their prefixes. Elements of
other namespaces get names that mean nothing in HTML.
"""

from __future__ import annotations

import html
import re
from html.entities import name2codepoint
from xml.parsers import expat

from libra.ascii import lowered, trimmed

_XHTML = "http://www.w3.org/1999/xhtml"
_SVG = "http://www.w3.org/2000/svg"
_MATHML = "http://www.w3.org/1998/Math/MathML"
_XLINK = "http://www.w3.org/1999/xlink"

_VOID = frozenset(
    {
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param",
        "source", "track", "wbr",
    }
)  # fmt: skip
_RAW = frozenset({"style", "script", "xmp", "iframe", "noembed", "noframes"})
_TEXT_ONLY = frozenset({"title", "textarea"})
_OF_HTML = (
    _VOID
    | _RAW
    | _TEXT_ONLY
    | {
        "html", "head", "body", "image", "a", "audio", "button", "caption", "colgroup", "dd", "dt",
        "form", "frame", "frameset", "h1", "h2", "h3", "h4", "h5", "h6", "li", "math", "noscript",
        "object", "optgroup", "option", "p", "picture", "plaintext", "pre", "select", "svg", "table",
        "tbody", "td", "template", "tfoot", "th", "thead", "tr", "ul", "use", "video",
    }
)  # fmt: skip
"""Names with a meaning to the HTML parser or the reference reader, but not in other namespaces."""

_PSEUDO_ATTRIBUTE = re.compile(
    r"[ \t\n\f\r]*+([^ \t\n\f\r=]++)[ \t\n\f\r]*+=[ \t\n\f\r]*+(?:\"([^\"]*+)\"|'([^']*+)')"
)
_ENTITIES = "".join(f'<!ENTITY {name} "&#38;#{code};">' for name, code in name2codepoint.items())
_ID_OF_XHTML = re.compile(
    r"-//W3C//DTD (?:XHTML 1\.[01]|XHTML Basic|XHTML Mobile|MathML 2|HTML 4)|-//WAPFORUM//DTD XHTML",
    re.IGNORECASE | re.ASCII,
)
"""Public identifiers of the DTDs whose entities browsers know without loading them."""

_PIECE = 262_144


def as_html(xml: bytes) -> bytes:
    """The same document in HTML syntax, up to its first error. Never raises.

    Args:
        xml: The document in UTF-8, whatever its declaration says.
    """
    return _Rewriter().run(xml)


class _Rewriter:
    """Receives expat's events and writes HTML."""

    def __init__(self) -> None:
        parser = self._parser = expat.ParserCreate("utf-8", " ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.ProcessingInstructionHandler = self._instruction
        parser.StartDoctypeDeclHandler = self._doctype
        parser.ExternalEntityRefHandler = self._external
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_UNLESS_STANDALONE)
        self._out = ["<!doctype html>"]
        self._open: list[tuple[str, str]] = []
        self._in_svg = 0
        self._knows_entities = False

    def run(self, xml: bytes) -> bytes:
        try:
            for at in range(0, len(xml), _PIECE):
                self._parser.Parse(xml[at : at + _PIECE], False)
            self._parser.Parse(b"", True)
        except (expat.ExpatError, ValueError):
            pass  # a browser shows the content before the error
        while self._open:
            self._end("")
        return "".join(self._out).encode("utf-8", "replace")

    def _doctype(
        self, _name: str, _system: str | None, public: str | None, _has_subset: bool
    ) -> None:
        self._knows_entities = bool(_ID_OF_XHTML.match(public or ""))

    def _external(
        self, context: str | None, _base: str | None, _system: str | None, _public: str | None
    ) -> int:
        """Load nothing external; supply only the entities that browsers know."""
        if self._knows_entities and context is None:
            self._parser.ExternalEntityParserCreate(None).Parse(_ENTITIES, True)
        return 1

    def _instruction(self, target: str, data: str) -> None:
        """``xml-stylesheet``, which precedes the root element (W3C, "Associating Style Sheets")."""
        if target != "xml-stylesheet" or self._open or len(self._out) > _MOST_IN_PROLOG:
            return
        values = {
            name: html.unescape(double or single)
            for name, double, single in _PSEUDO_ATTRIBUTE.findall(data[:10_000])
        }
        href = values.get("href")
        if not href or href.startswith("#"):
            return
        kind = lowered(trimmed(values.get("type", "text/css").partition(";")[0]))
        rel = "alternate stylesheet" if values.get("alternate") == "yes" else "stylesheet"
        if kind == "text/xsl":  # the result of the transformation is unknown
            self._out.append(f"<link{_written({'rel': 'preload', 'as': 'fetch', 'href': href})}>")
        if kind != "text/css":
            return
        attributes = {"rel": rel, "href": href}
        attributes |= {name: values[name] for name in ("media", "title") if name in values}
        self._out.append(f"<link{_written(attributes)}>")

    def _start(self, qualified: str, attributes: dict[str, str]) -> None:
        namespace, _, name = qualified.rpartition(" ")
        inside = self._open[-1][0] if self._open else ""
        if inside in _RAW or inside in _TEXT_ONLY:
            self._open.append((inside, ""))  # a child element has no effect here
            return
        name = self._name(namespace, name)
        plain: dict[str, str] = {}
        for key, value in attributes.items():
            owner, _, local = key.rpartition(" ")
            if not owner and (namespace != _XHTML or local == lowered(local)):
                plain[local] = value
            elif owner == _XLINK:
                plain[f"xlink:{local}"] = value
        plain.pop("shadowrootmode", None)  # only the HTML parser creates shadow roots
        if namespace not in {_XHTML, _SVG}:
            plain.pop("style", None)
        self._in_svg += name == "svg"
        self._out.append(f"<{name}{_written(plain)}>")
        in_html = namespace == _XHTML
        end = "" if in_html and name in _VOID else f"</{name}>"
        self._open.append((name if in_html else "", end))

    def _name(self, namespace: str, name: str) -> str:
        if namespace == _XHTML and name == lowered(name) and name not in {"image", "plaintext"}:
            return "div" if name == "noscript" else name
        if namespace == _SVG and (self._in_svg or name == "svg"):
            return name
        if namespace == _MATHML and name == "math":
            return name
        return f"x-{name}" if lowered(name) in _OF_HTML or not _NAME.match(name) else name

    def _end(self, _name: str) -> None:
        _, end = self._open.pop()
        self._in_svg -= end == "</svg>"
        self._out.append(end)

    def _text(self, text: str) -> None:
        inside, end = self._open[-1]
        if not end and (inside in _RAW or inside in _TEXT_ONLY):
            return
        if inside in _RAW:
            self._out.append(text.replace("</", "<\\/") if inside in {"script", "style"} else "")
        else:
            self._out.append(html.escape(text, quote=False))


_MOST_IN_PROLOG = 200
_NAME = re.compile(r"[A-Za-z][^ \t\n\f\r/>\x00]*\Z")


def _written(attributes: dict[str, str]) -> str:
    return "".join(f' {name}="{html.escape(value)}"' for name, value in attributes.items())
