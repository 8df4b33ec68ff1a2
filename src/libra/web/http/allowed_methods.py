"""The methods that each path accepts, for OPTIONS (RFC 9110, section 9.3.7)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from litestar.handlers import HTTPRouteHandler


class AllowedMethods:
    """The methods of all routes, by path."""

    def __init__(self, handlers: Iterable[HTTPRouteHandler]) -> None:
        found: dict[str, set[str]] = {}
        for handler in handlers:
            for path in handler.paths:
                found.setdefault(path, {"OPTIONS"}).update(map(str, handler.http_methods))
        for path, methods in found.items():
            # No HEAD for events: they last until the page is finished.
            if "GET" in methods and not path.endswith("/events"):
                methods.add("HEAD")
        # Other formats of a page have the same handler; they can only be read.
        self._routes = [(_FORMAT, "GET, HEAD, OPTIONS")] + [
            (re.compile(_PARAMETER.sub("[^/]+", path)), ", ".join(sorted(methods)))
            for path, methods in found.items()
        ]

    def of(self, path: str) -> str | None:
        """The methods of a path as `Allow` lists them; None if there is no such path."""
        # The first match wins: /pages/bulk stands before /pages/{page_id}.
        path = path.rstrip("/") or "/"
        return next((methods for route, methods in self._routes if route.fullmatch(path)), None)


_FORMAT = re.compile(r"/pages/[^/]+\.[^/]+")
_PARAMETER = re.compile(r"\{[^}]*\}")
