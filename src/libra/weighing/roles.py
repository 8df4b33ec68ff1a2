"""What a body is wanted for."""

from __future__ import annotations

from typing import Literal

from libra.report import Kind

Role = Literal[
    "document",
    "frame",
    "stylesheet",
    "script",
    "module",
    "image",
    "icon",
    "font",
    "media",
    "track",
    "manifest",
    "object",
    "other",
]
"""What a body is wanted for. It decides the `Accept` header, the kind, and whether it is read."""

KIND_OF: dict[Role, Kind] = {
    "document": "document",
    "frame": "document",
    "stylesheet": "stylesheet",
    "script": "script",
    "module": "script",
    "image": "image",
    "icon": "image",
    "font": "font",
    "media": "media",
    "track": "other",
    "manifest": "other",
    "object": "other",
    "other": "other",
}

READ_ROLES: frozenset[Role] = frozenset({"document", "frame", "stylesheet", "module", "object"})
"""Bodies that are kept and read for references; all others are only counted."""

DOCUMENT_ROLES: frozenset[Role] = frozenset({"document", "frame", "object"})
"""What is shown as a document, whose headers and policies count."""

CORS_ROLES: frozenset[Role] = frozenset({"font", "module"})
"""What is only loaded from another origin if that allows it."""
