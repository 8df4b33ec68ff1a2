"""How wide boxes are, as far as that is known without layout (CSS 2.2, section 10.3).

A block in the normal flow is as wide as the block around it, less its edges. What is positioned, or is
an item of a flexible box or a grid, depends on its content and its siblings, unless it has a width of
its own. What is not known for sure is unknown: anything up to the width of the window.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from libra.ascii import lowered, trimmed
from libra.weighing.options import Viewport
from libra.weighing.style.boxes.browser_styles import ATOMIC
from libra.weighing.style.cascade.cascade import Cascade, Value
from libra.weighing.style.cascade.size_longhands import LINES, SINGLE, SIZES, thickness
from libra.weighing.style.cascade.substitution import needs_substitution, substitute
from libra.weighing.style.spans import Span, has_font_units
from libra.weighing.viewport.lengths import length_px

_PERCENTAGE = re.compile(r"([+-]?(?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++))%")
_SCROLL_BAR = 15.0

_EDGES_OF = {
    "body": {"margin-left": "8px", "margin-right": "8px"},
    **{tag: {"padding-left": "40px"} for tag in ("ul", "ol", "menu", "dir")},
    **{tag: {"margin-left": "40px", "margin-right": "40px"} for tag in ("blockquote", "figure")},
    "dd": {"margin-left": "40px"},
}
"""The edges of elements in the browser's own stylesheet."""

_PLAIN = frozenset(
    {
        "html", "body", "div", "main", "section", "article", "header", "footer", "nav", "aside", "p",
        "address", "hgroup", "search", "form", "pre", "dl", "dt", "li", "details", "summary", "h1",
        "span", "a", *_EDGES_OF,
    }
)  # fmt: skip
"""Elements that are laid out like any block, if they are one."""

_BLOCKS = frozenset({"block", "flow-root", "list-item", "flex", "grid"})
_SHRINKING = frozenset({"inline-block", "inline-flex", "inline-grid"})
_NOTHING = frozenset({"", "initial", "unset"})
_ZERO = Span(0.0, 0.0)


class Box(NamedTuple):
    """The content box of an element.

    Attributes:
        width: Its width.
        lays: How it lays out its children: ``block``, ``flex`` or ``grid``.
        height: Its height in pixels if that is known.
        border_box: Whether its ``box-sizing`` is ``border-box``.
    """

    width: Span
    lays: str = "block"
    height: float | None = None
    border_box: bool = False


class _Unknown(Exception):
    """The width of a box depends on more than what is known here."""


class Widths:
    """The boxes of one document.

    Args:
        cascade: The declarations of its stylesheets.
        viewport: The window.
    """

    def __init__(self, cascade: Cascade, viewport: Viewport) -> None:
        self._won = {name: cascade.winners(name) for name in SIZES}
        self._doubtful = cascade.doubtful(SIZES | {"display"})
        self._fonts = cascade.font_sizes
        self._viewport = viewport
        self._unknown = Span(0.0, float(viewport.width))

    @property
    def window(self) -> Box:
        """The box around the root element.

        Chromium lays out a page with a scroll bar first, and without one if its content has room.
        """
        return Box(Span(max(0.0, self._unknown.most - _SCROLL_BAR), self._unknown.most))

    def is_positioned(self, element: int) -> bool:
        """Whether a rule may take an element out of the flow, which makes it a block."""
        return element in self._won["position"] or element in self._doubtful

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
        inline = display == "inline" and tag not in ATOMIC and not self.is_positioned(element)
        if inline or display == "contents":
            return around
        try:
            return self._known(element, tag, display, around, variables, contained=contained)
        except _Unknown:
            # The items of a flexible box may be anything.
            may_flex = "flex" in display or "box" in display or element in self._doubtful
            return Box(
                self._unknown, "flex" if may_flex else "grid" if "grid" in display else "block"
            )

    def _known(
        self,
        element: int,
        tag: str,
        display: str,
        around: Box,
        variables: Mapping[str, str],
        *,
        contained: bool,
    ) -> Box:
        shrinks = display in _SHRINKING
        known = tag in _PLAIN and (shrinks or display in _BLOCKS) and element not in self._doubtful
        if not known:
            raise _Unknown

        def said(name: str) -> str:
            return self._said(name, element, tag, variables)

        positioned = said("position") not in {*_NOTHING, "static", "relative", "sticky"}
        in_flow = around.lays == "block" and not positioned
        sizing = said("box-sizing")
        border_box = around.border_box if sizing == "inherit" else sizing == "border-box"
        inner = self._edges(said, around, in_flow=in_flow)
        outside = inner if border_box else _ZERO
        width = said("width")
        if width not in {*_NOTHING, "auto"}:
            if "%" in width and not in_flow:
                raise _Unknown
            content = self._length(width, around.width).less(outside)
            if around.lays == "flex":
                grows = any(said(name) for name in ("flex", "flex-grow", "flex-basis"))
                content = Span(0.0, self._unknown.most if grows else content.most)
        elif not in_flow or (shrinks and not contained):
            raise _Unknown
        elif shrinks:
            content = _ZERO  # its content would decide
        else:
            margins = [self._margin(said(f"margin-{side}"), around) for side in ("left", "right")]
            content = around.width.less(inner).less(margins[0]).less(margins[1])
        for name, clamp in (("max-width", min), ("min-width", max)):
            bound = said(name)
            if bound in {*_NOTHING, "none", "auto"}:
                continue
            if "%" in bound and not in_flow:
                raise _Unknown
            limit = self._length(bound, around.width).less(outside)
            content = Span(clamp(content.least, limit.least), clamp(content.most, limit.most))
        lays = next((kind for kind in ("flex", "grid") if kind in display), "block")
        return Box(
            content, lays, self._height(said, in_flow=in_flow, plain=not border_box), border_box
        )

    def _edges(self, said: Callable[[str], str], around: Box, *, in_flow: bool) -> Span:
        """The padding and the borders on both sides."""
        inner = _ZERO
        for side in ("left", "right"):
            padding, line = said(f"padding-{side}"), said(f"border-style-{side}") or "none"
            if line not in LINES or ("%" in padding and not in_flow):
                raise _Unknown
            border = thickness(said(f"border-width-{side}") or "3px", line)
            for text in (padding, border):
                inner = inner.plus(self._edge(text, around.width).less(_ZERO))  # not negative
        return inner

    def _height(self, said: Callable[[str], str], *, in_flow: bool, plain: bool) -> float | None:
        """A height that is declared and that nothing else changes."""
        text = said("height")
        if not (in_flow and plain) or said("min-height") or said("max-height"):
            return None
        if self._fonts and has_font_units(text):
            return None
        return length_px(text, self._viewport)

    def _said(self, name: str, element: int, tag: str, variables: Mapping[str, str]) -> str:
        """What rules or the browser say about a property; "" for nothing.

        Raises:
            _Unknown: That is not known.
        """
        value: Value | None = self._won[name].get(element)
        if value is None:
            return _EDGES_OF.get(tag, {}).get(name, "")
        if name not in SINGLE and needs_substitution(value.text):
            raise _Unknown  # it may be a shorthand
        return lowered(trimmed(substitute(value.text, variables, self._viewport) or ""))

    def _margin(self, text: str, around: Box) -> Span:
        return _ZERO if text == "auto" else self._edge(text, around.width)

    def _edge(self, text: str, of: Span) -> Span:
        return _ZERO if text in _NOTHING else self._length(text, of)

    def _length(self, text: str, of: Span) -> Span:
        """A length or percentage.

        Raises:
            _Unknown: It is anything else.
        """
        if self._fonts and has_font_units(text):
            raise _Unknown
        ends = [length_px(_in_pixels(text, whole), self._viewport) for whole in of]
        if ends[0] is None or ends[1] is None:
            raise _Unknown
        return Span(min(ends[0], ends[1]), max(ends[0], ends[1]))


def _in_pixels(text: str, whole: float) -> str:
    """A value with its percentages replaced by lengths."""
    if "%" not in text:
        return text
    return _PERCENTAGE.sub(lambda match: f"{float(match[1]) / 100 * whole:f}px", text)
