"""Estimates how far down a page its lazy elements are, without a layout engine.

A browser loads a lazy image, frame or video at once if it is near: in the window or less than
`MARGIN` below it. Of a document's stylesheets, this module takes only the ``display`` that they give to
elements. Heights come from the document: ``width`` and ``height`` attributes, sizes in ``style``, the
length of texts, and the blocks and margins of a browser's own stylesheet. An image without a size is as
high as a line, which is how a browser lays it out before the image arrives. If a document has
stylesheets, this module assumes that items of one kind in a row stand in columns. The result is an
estimate: near the edge it is wrong by an image or two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from itertools import islice

from selectolax.lexbor import LexborHTMLParser, LexborNode

from libra.ascii import lowered, trimmed, words
from libra.weighing.options import Viewport
from libra.weighing.style.boxes.objects import shows_its_contents
from libra.weighing.viewport.lengths import length_px

MARGIN = 1250
"""Pixels below the window; Chromium's value for a fast connection (``LazyLoadImages``, 4G)."""

_MAX_NODES = 20_000
_FAR = 1e7
"""Pixels; further down than any page reaches."""

_LINE = 18.4
_STYLED_LINE = 22.0
_CHARACTER = 7.4
_GUTTER = 16
_COLUMNS = 3
_MAX_COLUMNS = 6
_SCAN = 40
_SECTIONS = frozenset({"section", "header"})
_PADDING = 32.0
"""Usual padding in pixels above and below a section in pages with stylesheets."""

_NOT_SHOWN = frozenset(
    {
        "area", "base", "datalist", "head", "link", "meta", "noembed", "noframes", "noscript", "param",
        "rp", "script", "source", "style", "template", "title", "track", "optgroup", "option",
        "annotation", "annotation-xml",
    }
)  # fmt: skip
_BLOCKS: dict[str, float] = {
    **dict.fromkeys(
        ("html", "div", "section", "article", "aside", "header", "footer", "main", "nav", "address",
         "form", "center", "li", "dt", "dd", "table", "thead", "tbody", "tfoot", "tr", "td", "th",
         "caption", "summary", "details", "dialog", "hgroup", "legend", "search"), 0),
    **dict.fromkeys(("p", "ul", "ol", "dl", "blockquote", "pre", "figure", "menu"), 16),
    "body": 8, "fieldset": 8, "hr": 9,
    "h1": 21.4, "h2": 19.9, "h3": 18.7, "h4": 21.3, "h5": 22.2, "h6": 24.9,
}  # fmt: skip
"""Block elements, with their margins above and below in pixels."""

_FONT_SIZES = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "small": 0.83}
_REPLACED: dict[str, tuple[float, float]] = {
    "img": (0, 0), "iframe": (300, 150), "video": (300, 150), "canvas": (300, 150),
    "embed": (300, 150), "object": (300, 150), "svg": (300, 150), "audio": (300, 54),
    "input": (150, 21), "select": (80, 21), "textarea": (180, 36),
    "progress": (160, 16), "meter": (80, 16),
}  # fmt: skip
"""Elements whose content is not laid out, with their default sizes."""

_BUTTON = 16, 21
"""Padding of a button around its content, and its minimum height."""

_DECLARATION = re.compile(
    r"(?:^|;)[ \t\n\f\r]*+(display|content-visibility|position|width|height|min-height)"
    r"[ \t\n\f\r]*+:[ \t\n\f\r]*+([^;!]{1,60})",
    re.IGNORECASE | re.ASCII,
)
_LENGTH = re.compile(r"[ \t\n\f\r]*+([0-9]{1,7}(?:\.[0-9]{1,6})?)")


def near(
    tree: LexborHTMLParser,
    viewport: Viewport,
    displays: Mapping[int, str] | None = None,
    *,
    marked: AbstractSet[int] = frozenset(),
) -> frozenset[int]:
    """The lazy elements (their ``mem_id``) that a browser loads without scrolling.

    Reads only the beginning of a document, as far down as a window and `MARGIN` reach, and at most
    20,000 nodes.

    Args:
        tree: The document.
        viewport: The window.
        displays: The ``display`` values that stylesheets give to elements, in lower case. None if the
            document has no stylesheets.
        marked: Other elements to look for (``content-visibility: auto``).
    """
    root = tree.root
    if root is None:
        return frozenset()
    return _Flow(viewport, displays, marked).lay_out(root)


class _Box:
    """An open block: its start, its current position, and its open line."""

    __slots__ = (
        "columns", "font", "height", "line", "line_height", "line_width", "margin", "row_bottom",
        "taken", "top", "width", "y",
    )  # fmt: skip

    def __init__(
        self, top: float, width: float, line: float, font: float, columns: int = 1
    ) -> None:
        self.line = line
        self.top = self.y = self.row_bottom = top
        self.width = max(width, 50.0)
        self.font = font
        self.columns = columns
        self.taken = 0
        self.margin = 0.0
        self.height: float | None = None
        self.line_width = self.line_height = 0.0

    def place(self, width: float, height: float) -> float:
        """Put an item on the current or a new line; returns the top of its line."""
        if self.line_width and self.line_width + width > self.width:
            self.end_line()
        self.line_width += width
        self.line_height = max(self.line_height, height)
        self.margin = 0.0
        return self.y

    def end_line(self) -> None:
        """Close the open line, if any."""
        self.y += self.line_height
        self.line_width = self.line_height = 0.0

    def write(self, characters: int) -> None:
        """Put text on the line, and on as many further lines as it needs."""
        line = self.line * self.font
        width = self.line_width + characters * _CHARACTER * self.font
        lines = int(width / self.width)
        if lines:
            self.y += max(line, self.line_height) + (lines - 1) * line
            self.line_height = 0.0
        self.line_width = width - lines * self.width
        self.line_height = max(self.line_height, line)
        self.margin = 0.0

    def bottom(self) -> float:
        """The lower edge of the block."""
        self.end_line()
        end = max(self.y, self.row_bottom)
        return end if self.height is None else self.top + self.height


class _Flow:
    """One walk over the beginning of a document."""

    def __init__(
        self,
        viewport: Viewport,
        displays: Mapping[int, str] | None,
        marked: AbstractSet[int],
    ) -> None:
        self._viewport = viewport
        self._edge = viewport.height + MARGIN
        self._styled = displays is not None
        self._displays = displays or {}
        self._line = _STYLED_LINE if self._styled else _LINE
        self._near: set[int] = set()
        self._marked = marked
        self._open: list[tuple[LexborNode, _Box]] = []
        self._rows = 0

    def lay_out(self, root: LexborNode) -> frozenset[int]:
        box = _Box(0, self._viewport.width, self._line, 1.0)
        node: LexborNode | None = root
        for _ in range(_MAX_NODES):
            if node is None:
                break
            inside = self._enter(node, box)
            if inside is not None:
                box = inside
                if node.first_child is not None:
                    node = node.first_child
                    continue
                box = self._leave()
            elif box.y > self._edge and not self._rows:
                break  # everything after it is further down
            elif node.first_child is not None and self._is_inline(node):
                node = node.first_child
                continue
            while node is not None and node.next is None:
                node = node.parent
                if node is not None and self._open and self._open[-1][0].mem_id == node.mem_id:
                    box = self._leave()
            node = None if node is None else node.next
        return frozenset(self._near)

    def _is_inline(self, node: LexborNode) -> bool:
        tag = node.tag or ""
        return (
            node.is_element_node
            and tag not in _NOT_SHOWN
            and not _is_replaced(node, tag)
            and not self._hidden(node)
        )

    def _enter(self, node: LexborNode, box: _Box) -> _Box | None:
        """Lay out a node; if it is a block, return the box for its children."""
        if node.is_text_node:
            characters = len(" ".join(words(node.text_content or "")))
            if characters:
                box.write(characters + 1)
            return None
        tag = node.tag or ""
        if not node.is_element_node or tag in _NOT_SHOWN or self._hidden(node):
            return None
        if node.mem_id in self._marked and box.y < self._edge:
            self._near.add(node.mem_id)
        if tag == "br":
            box.place(0, self._line * box.font)
            box.end_line()
        elif tag == "button":
            box.place(*_BUTTON)  # its padding, before its content
        elif _is_replaced(node, tag):
            self._replaced(node, tag, box)
        elif tag in _BLOCKS:
            return self._block(node, tag, box)
        return None

    def _hidden(self, node: LexborNode) -> bool:
        display = self._displays.get(node.mem_id)
        if display is not None:
            return display.startswith("none")
        attributes = node.attrs
        said = self._said(attributes.sget("style"))
        if said.get("content-visibility") == "hidden" and node.tag in _BLOCKS:
            return True
        display = said.get("display")
        return _is_hidden(node) if display is None else display == "none"

    def _replaced(self, node: LexborNode, tag: str, box: _Box) -> None:
        attributes = node.attrs
        if tag == "input" and lowered(attributes.sget("type")) == "hidden":
            return
        if tag == "audio" and "controls" not in attributes:
            return
        width, height = _REPLACED[tag]
        if tag == "svg" and self._styled:
            width = height = 24  # an icon with its size in the stylesheets
        said = self._said(attributes.sget("style"))
        wide, high = _length(attributes.get("width")), _length(attributes.get("height"))
        ratio = high / wide if wide and high else None
        wide = self._pixels(said.get("width"), box.width) or wide or width
        if self._styled:
            if ratio is not None and wide > box.width:
                high = box.width * ratio  # stylesheets usually fit images into their columns
            wide = min(wide, box.width)
        high = self._pixels(said.get("height"), None) or high or height
        top = box.place(wide, max(high, self._line))
        if top < self._edge:
            self._note(node)

    def _note(self, node: LexborNode) -> None:
        if node.is_element_node and lowered(node.attrs.sget("loading")) == "lazy":
            self._near.add(node.mem_id)

    def _block(self, node: LexborNode, tag: str, box: _Box) -> _Box:
        box.end_line()
        margin = _BLOCKS[tag]
        if box.columns == 1:
            box.y += max(0.0, margin - box.margin)
        elif box.taken == box.columns:
            box.y, box.taken = box.row_bottom, 0
        columns = self._columns(node, tag, box.width)
        width = box.width / box.columns - (_GUTTER if box.columns > 1 else 0)
        said = self._said(node.attrs.sget("style"))
        width = min(width, self._pixels(said.get("width"), width) or width)
        if tag in {"ul", "ol", "dd", "blockquote", "figure"} and not self._styled:
            width -= 40
        if self._styled and tag in _SECTIONS:
            box.y += _PADDING
        inside = _Box(box.y, width, self._line, _FONT_SIZES.get(tag, box.font), columns)
        inside.height = self._pixels(said.get("height"), None)
        least = self._pixels(said.get("min-height"), None)
        if least is not None:
            inside.row_bottom = inside.top + least
        if said.get("position") in {"absolute", "fixed"}:
            inside.height = 0.0
        self._rows += columns > 1
        self._open.append((node, inside))
        return inside

    def _leave(self) -> _Box:
        """Close the innermost block and return the one around it."""
        node, inside = self._open.pop()
        self._rows -= inside.columns > 1
        bottom = inside.bottom()
        if not self._open:
            return _Box(bottom, self._viewport.width, self._line, 1.0)
        box = self._open[-1][1]
        if box.columns > 1:
            box.taken += 1
            box.row_bottom = max(box.row_bottom, bottom)
        else:
            margin = _BLOCKS[node.tag or ""]
            if self._styled and node.tag in _SECTIONS:
                bottom += _PADDING
            box.y = bottom + margin
            box.margin = margin
        return box

    def _columns(self, node: LexborNode, tag: str, width: float) -> int:
        """The number of columns for the children of a block."""
        if tag == "tr":
            return max(1, sum(1 for _ in _elements(node)))
        if not self._styled or tag not in {"div", "section", "ul", "main", "article"}:
            return 1
        kinds: dict[tuple[str, str], int] = {}
        for child in _elements(node):
            name = child.attrs.sget("class")
            if name:
                key = child.tag or "", name
                kinds[key] = kinds.get(key, 0) + 1
        if max(kinds.values(), default=0) < _COLUMNS:
            return 1
        wide = _width_of_images(node)
        if not wide:
            return _COLUMNS
        return max(1, min(_MAX_COLUMNS, int(width / wide)))

    def _said(self, style: str) -> dict[str, str]:
        """The relevant declarations of a ``style`` attribute."""
        if not style:
            return {}
        found = _DECLARATION.findall(style[:4_000])
        return {lowered(name): lowered(trimmed(value)) for name, value in found}

    def _pixels(self, value: str | None, whole: float | None) -> float | None:
        if not value:
            return None
        if value.endswith("%"):
            share = _length(value)
            return None if whole is None or share is None else whole * share / 100
        pixels = length_px(value, self._viewport)
        # Negative sizes are invalid, and sums of the largest numbers would be infinite.
        return min(pixels, _FAR) if pixels is not None and pixels >= 0 else None


def _is_replaced(node: LexborNode, tag: str) -> bool:
    """Whether an element is laid out as a whole. An object may show its content instead."""
    return tag in _REPLACED and not (tag == "object" and shows_its_contents(node))


def _is_hidden(node: LexborNode) -> bool:
    """Whether the browser's own stylesheet hides an element of a kind that it usually displays."""
    attributes, parent = node.attrs, node.parent
    if node.tag == "dialog" and "hidden" not in attributes:
        return "open" not in attributes
    if ("hidden" in attributes or "popover" in attributes) and node.tag not in {"svg", "math"}:
        return True
    return (
        parent is not None
        and parent.tag == "details"
        and "open" not in parent.attrs
        and node.tag != "summary"
    )


def _elements(node: LexborNode) -> list[LexborNode]:
    """The first child elements."""
    found: list[LexborNode] = []
    child = node.first_child
    while child is not None and len(found) < _SCAN:
        if child.is_element_node:
            found.append(child)
        child = child.next
    return found


def _width_of_images(node: LexborNode) -> float | None:
    """The width of the first image inside, if it comes early."""
    for inner in islice(node.traverse(), _SCAN):
        if inner.tag == "img":
            return _length(inner.attrs.get("width"))
    return None


def _length(text: str | None) -> float | None:
    match = _LENGTH.match(text) if text else None
    return float(match[1]) if match else None
