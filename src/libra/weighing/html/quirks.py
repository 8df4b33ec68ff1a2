"""Determines by the doctype whether a document is in quirks mode (HTML standard, 13.2.6.4.1).

Quirks mode decides whether a stylesheet with another content type is used.
"""

from __future__ import annotations

import re

from libra.ascii import lowered

_LOOKED_AT = 8_192
_BEFORE = re.compile(rb"(?:\xef\xbb\xbf)?(?:[\t\n\x0c\r ]++|<!--.*?-->|<\?[^>]*+>)*+", re.DOTALL)
_DOCTYPE = re.compile(
    rb"<!doctype[\t\n\x0c\r ]*+([^\t\n\x0c\r >]*+)[\t\n\x0c\r ]*+"
    rb"(?:(public|system)[\t\n\x0c\r ]*+(?:\"([^\">]*+)\"|'([^'>]*+)')"
    rb"[\t\n\x0c\r ]*+(?:\"([^\">]*+)\"|'([^'>]*+)')?)?",
    re.IGNORECASE,
)
_QUIRKY = re.compile(
    r"html\Z|-/w3c/dtd html 4.0 transitional/en\Z|-//w3o//dtd w3 html strict 3.0//en//\Z"
    r"|\+//silmaril//dtd html pro|-//as//dtd html|-//advasoft ltd//dtd html|-//ietf//dtd html"
    r"|-//metrius//dtd metrius|-//microsoft//dtd internet explorer|-//netscape comm. corp.//dtd"
    r"|-//o'reilly and associates//dtd html|-//sq//dtd html 2.0|-//softquad|-//spyglass//dtd html"
    r"|-//sun microsystems corp.//dtd hotjava|-//w3c//dtd html 3|-//w3c//dtd html 4.0 frameset//"
    r"|-//w3c//dtd html 4.0 transitional//|-//w3c//dtd html experimental|-//w3c//dtd w3 html"
    r"|-//w3o//dtd w3 html 3.0|-//webtechs//dtd mozilla html",
    re.IGNORECASE | re.ASCII,
)
_QUIRKY_ALONE = re.compile(
    r"-//w3c//dtd html 4\.01 (?:frameset|transitional)//", re.IGNORECASE | re.ASCII
)
"""Public identifiers that mean quirks if there is no system identifier."""

_QUIRKY_SYSTEM = "http://www.ibm.com/data/dtd/v11/ibmxhtml1-transitional.dtd"


def is_in_quirks_mode(html: bytes) -> bool:
    """Whether a browser uses quirks mode. The source is in UTF-8."""
    head = html[:_LOOKED_AT]
    before = _BEFORE.match(head)
    doctype = _DOCTYPE.match(head, 0 if before is None else before.end())
    if doctype is None or doctype[1].lower() != b"html":
        return True
    kind, *identifiers = doctype.groups()[1:]
    first, second = (
        (one if one is not None else other)
        for one, other in zip(*[iter(identifiers)] * 2, strict=True)
    )
    if kind is None:
        return False
    is_public = kind.lower() == b"public"
    public = (first or b"").decode("latin-1") if is_public else ""
    system = second if is_public else first
    if lowered((system or b"").decode("latin-1")) == _QUIRKY_SYSTEM:
        return True
    return _QUIRKY.match(public) is not None or (
        system is None and _QUIRKY_ALONE.match(public) is not None
    )
