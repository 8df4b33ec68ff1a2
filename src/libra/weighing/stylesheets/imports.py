"""The imports of a stylesheet: ``@import`` (CSS Cascade 5, section 2)."""

from __future__ import annotations

from typing import NamedTuple

from libra.ascii import lowered
from libra.urls import join
from libra.weighing.css.syntax import components, stripped
from libra.weighing.options import Viewport
from libra.weighing.stylesheets.font_face import address
from libra.weighing.stylesheets.layers import LayerNames, is_layer
from libra.weighing.stylesheets.supports import supports_import
from libra.weighing.viewport.media_queries import media_matches


class SheetImport(NamedTuple):
    """An ``@import``: the address of the stylesheet, whether its rules take effect, and their layer."""

    url: str
    applies: bool = True
    layer: str = ""


def read_import(
    prelude: str, base: str, viewport: Viewport, layers: LayerNames, *, applies: bool
) -> SheetImport | None:
    """Read an ``@import``; None if it causes no request.

    Args:
        prelude: The text between ``@import`` and its semicolon.
        base: The base URL of its address.
        viewport: The window for media queries.
        layers: The layers of the stylesheet; receives the one that the import names.
        applies: Whether the rules of the importing stylesheet take effect.
    """
    parts = stripped(components(prelude))
    reference = address(parts[0]) if parts else None
    if reference is None:
        return None
    layer, rest = "", parts[1:]
    while rest and rest[0].kind == " ":
        rest = rest[1:]
    if rest and lowered(rest[0].value) == "layer" and rest[0].kind in {"ident", "function"}:
        start, stop_at = rest[0].start + 6, rest[0].end - 1
        name = prelude[start:stop_at] if rest[0].kind == "function" else ""
        if rest[0].kind == "ident" or is_layer(name):
            layer, rest = layers.add("", name), stripped(rest[1:])
    if rest and rest[0].kind == "function" and lowered(rest[0].value) == "supports":
        holds = supports_import(prelude[rest[0].start + 9 : rest[0].end - rest[0].closed])
        if holds is None:
            return None
        applies = applies and holds
        rest = stripped(rest[1:])
    condition = prelude[rest[0].start :] if rest else ""
    url = join(base, reference) if reference else None
    if url is None:
        return None
    return SheetImport(url, applies and media_matches(condition, viewport), layer)
