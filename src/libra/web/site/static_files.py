"""The stylesheets, scripts and icons of the pages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources

MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file that pages load, held in memory."""

    name: str
    content: bytes
    media_type: str
    digest: str

    @property
    def href(self) -> str:
        """Its address, which changes with its content and may therefore be cached for ever."""
        return f"/static/{self.name}?v={self.digest}"


def static_files() -> list[StaticFile]:
    """All static files, by name."""
    web = resources.files("libra.web")
    found = []
    for folder in (web / "static", web / "vendored" / "swagger-ui"):
        for entry in folder.iterdir():
            media_type = MEDIA_TYPES.get(entry.name.rpartition(".")[2])
            if media_type is not None:
                content = entry.read_bytes()
                digest = hashlib.sha256(content).hexdigest()[:10]
                found.append(StaticFile(entry.name, content, media_type, digest))
    return sorted(found, key=lambda file: file.name)
