"""The roles for which bodies are requested."""

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
"""The role of a requested body. It decides the `Accept` header, the kind, and whether Libra reads it."""

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
"""Roles of bodies that are kept and read for references; all others are only counted."""

DOCUMENT_ROLES: frozenset[Role] = frozenset({"document", "frame", "object"})
"""Roles of bodies that are shown as documents, whose headers and policies count."""

CORS_ROLES: frozenset[Role] = frozenset({"font", "module"})
"""Roles that load from another origin only if that origin allows it."""
