"""How wide boxes are, as far as that is known without layout (CSS 2.2, section 10.3).

A block in the normal flow is as wide as the block around it, less its edges. What floats, is
positioned, or is an item of a flexible box or a grid depends on its content and its siblings; of these
only an upper bound is known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from libra.ascii import lowered, trimmed
from libra.weighing.options import Viewport
from libra.weighing.style.cascade.cascade import Cascade, Value
from libra.weighing.style.cascade.size_longhands import SIZES, border_width
from libra.weighing.style.cascade.substitution import substitute
from libra.weighing.style.spans import Span
from libra.weighing.viewport.lengths import length_px

_PERCENTAGE = re.compile(r"([+-]?(?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++))%")
_OF_FONT = re.compile(r"[0-9.](?:r?em|r?ex|r?ch|r?ic|r?cap|r?lh)\b", re.IGNORECASE | re.ASCII)
_FONT_FACTORS = (0.5, 2.0)
"""The size of a font is taken to be within these times the initial one."""

_UA_EDGES = {
    "body": {"margin-left": "8px", "margin-right": "8px"},
    **{tag: {"padding-left": "40px"} for tag in ("ul", "ol", "menu", "dir")},
    **{tag: {"margin-left": "40px", "margin-right": "40px"} for tag in ("blockquote", "figure")},
    "dd": {"margin-left": "40px"},
}
_SCROLL_BAR = 15.0
_OUT_OF_FLOW = frozenset({"absolute", "fixed"})
_INTRINSIC = frozenset({"fieldset", "legend", "center", "button", "dialog"})
"""Elements that the browser sizes in ways of its own."""


class Box(NamedTuple):
    """The content box of an element.

    Attributes:
        width: Its width.
        lays: How it lays out its children: ``block``, ``flex``, ``grid``, ``table``.
        height: Its height in pixels if that is declared.
    """

    width: Span
    lays: str = "block"
    height: float | None = None


ZERO = Span(0.0, 0.0)


class Widths:
    """The boxes of one document.

    Args:
        cascade: The declarations of its stylesheets.
        viewport: The window.
    """

    def __init__(self, cascade: Cascade, viewport: Viewport) -> None:
        self._won = {name: cascade.winners(name) for name in SIZES}
        self._viewport = viewport
        self._window = float(viewport.width)
        self._upright = bool(self._won["writing-mode"])

    @property
    def window(self) -> Box:
        """The box around the root element.

        Chromium lays out a page with a scroll bar first, and without one if its content has room.
        """
        return Box(Span(max(0.0, self._window - _SCROLL_BAR), self._window))

    def elements(self) -> set[int]:
        """The elements whose boxes rules change."""
        return {element for values in self._won.values() for element in values}

    def box_of(
        self,
        element: int,
        tag: str,
        display: str,
        around: Box,
        variables: Mapping[str, str],
        *,
        contained: bool,
    ) -> Box:
        """The box of an element in the box around it.

        Args:
            element: The element.
            tag: Its type.
            display: Its ``display``.
            around: The box of its parent.
            variables: Its custom properties.
            contained: Whether its content has no influence on its width (CSS Containment 3).
        """
        if display in {"contents", "inline"}:
            return around
        lays = next((kind for kind in ("flex", "grid", "table") if kind in display), "block")
        unknown = Span(0.0, max(self._window, around.width.most))
        if self._upright or lays == "table" or around.lays == "table" or tag in _INTRINSIC:
            return Box(unknown, lays)

        def said(name: str) -> str | None:
            return self._said(name, element, tag, variables)

        def edges(name: str) -> Span:
            found = ZERO
            for side in ("left", "right"):
                text = said(f"{name}-{side}")
                if text is not None:
                    text = border_width(text) if name == "border" else text
                    one = self._length(text, around.width)
                    found = found.plus(one if one is not None else ZERO)
            return found

        inner = edges("padding").plus(edges("border"))
        outside = inner if said("box-sizing") == "border-box" else ZERO
        width = said("width")
        declared = None if width is None else self._length(width, around.width)
        positioned = said("position") in _OUT_OF_FLOW
        shrinks = positioned or display[:6] == "inline" or said("float") not in {None, "none"}
        if declared is not None:
            content = declared.less(outside)
            if around.lays == "flex":
                grows = any(said(name) for name in ("flex", "flex-grow", "flex-basis"))
                content = Span(0.0, unknown.most if grows else content.most)
        elif width not in {None, "auto"}:
            content = unknown
        elif contained and around.lays == "block" and not positioned and shrinks:
            content = ZERO  # its content would decide
        elif shrinks or around.lays != "block":
            content = Span(0.0, around.width.most)
        else:
            content = around.width.less(edges("margin").plus(inner))
        content = self._bounded(content, said("max-width"), said("min-width"), around, outside)
        height = said("height")
        tall = None if height is None or "%" in height else length_px(height, self._viewport)
        return Box(content, lays, None if tall is None or outside is not ZERO else tall)

    def _bounded(
        self, content: Span, most: str | None, least: str | None, around: Box, outside: Span
    ) -> Span:
        """A width within ``max-width`` and ``min-width``, of which the latter wins."""
        bound = None if most is None else self._length(most, around.width)
        if bound is not None:
            bound = bound.less(outside)
            content = Span(min(content.least, bound.least), min(content.most, bound.most))
        elif most not in {None, "none"}:
            content = Span(0.0, content.most)
        bound = None if least is None else self._length(least, around.width)
        if bound is not None:
            bound = bound.less(outside)
            content = Span(max(content.least, bound.least), max(content.most, bound.most))
        elif least not in {None, "auto"}:
            content = Span(content.least, max(content.most, self._window))
        return content

    def _said(self, name: str, element: int, tag: str, variables: Mapping[str, str]) -> str | None:
        value: Value | None = self._won[name].get(element)
        if value is None:
            return _UA_EDGES.get(tag, {}).get(name)
        text = substitute(value.text, variables, self._viewport)
        return None if text is None else lowered(trimmed(text))

    def _length(self, text: str, of: Span) -> Span | None:
        """A length or percentage; None for anything else."""
        if "%" not in text:
            found = length_px(text, self._viewport)
            return None if found is None else self._with_fonts(text, found, found)
        least, most = (length_px(_in_pixels(text, whole), self._viewport) for whole in of)
        return None if least is None or most is None else self._with_fonts(text, least, most)

    def _with_fonts(self, text: str, one: float, other: float) -> Span:
        low, high = sorted((max(0.0, one), max(0.0, other)))
        if _OF_FONT.search(text) is None:
            return Span(low, high)
        return Span(low * _FONT_FACTORS[0], high * _FONT_FACTORS[1])


def _in_pixels(text: str, whole: float) -> str:
    """A value with its percentages replaced by lengths."""
    return _PERCENTAGE.sub(lambda match: f"{float(match[1]) / 100 * whole:f}px", text)
