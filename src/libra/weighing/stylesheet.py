"""References in style sheets (placeholder until the tokenizer below is complete)."""

from __future__ import annotations

import re

from libra.weighing.options import Viewport
from libra.weighing.reference import Reading, Reference
from libra.weighing.scope import Scope
from libra.weighing.urls import join

_URL = re.compile(r"url\(\s*(?:\"([^\"]*)\"|'([^']*)'|([^)\"'\s]*))\s*\)", re.IGNORECASE)
_IMPORT = re.compile(r"@import\s+(?:url\()?\s*[\"']?([^\"')\s;]+)", re.IGNORECASE)


def read_stylesheet(
    text: str, base: str, viewport: Viewport, scope: Scope | None, *, applies: bool = True
) -> Reading:
    references = []
    for match in _IMPORT.finditer(text):
        url = join(base, match[1])
        if url:
            references.append(Reference(url, "stylesheet"))
    if applies:
        references += read_declarations(text, base, viewport).references
    return Reading(references=references)


def read_declarations(text: str, base: str, viewport: Viewport) -> Reading:
    references = []
    for match in _URL.finditer(text):
        url = join(base, match[1] or match[2] or match[3] or "")
        if url and not url.endswith((".woff", ".woff2", ".ttf", ".eot", ".svg")):
            references.append(Reference(url, "image", conditional=True))
    return Reading(references=references)
