"""The grammars, by area."""

from __future__ import annotations

from differential.areas.containers import containers
from differential.areas.css import css
from differential.areas.encodings import encodings
from differential.areas.headers import headers
from differential.areas.html import html
from differential.areas.modules import modules
from differential.made import Grammar

AREAS: dict[str, Grammar] = {
    "html": html,
    "css": css,
    "modules": modules,
    "headers": headers,
    "encodings": encodings,
    "containers": containers,
}
