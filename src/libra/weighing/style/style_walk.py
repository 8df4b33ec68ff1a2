"""Finds the assets that a styled document makes a browser fetch: images of winning rules, and fonts.

The walk visits each element once, from the outside in, with its inherited values. Elements that are not
rendered (``display: none``) need nothing. Text needs a font. As in Chromium, so does a line for inline
content that holds only an image or text in another font: the font of the block determines the line's
height.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from selectolax.lexbor import LexborNode

from libra.ascii import lowered, trimmed
from libra.weighing.options import Viewport
from libra.weighing.style.boxes.browser_styles import (
    ATOMIC,
    FIELDS,
    FOREIGN,
    HIDDEN,
    LINELESS,
    NOT_IN_A_MENU,
    NOT_RENDERED,
    UA_STYLES,
    WITHOUT_CONTENT,
    default_display,
    text_of_field,
)
from libra.weighing.style.boxes.drawings import HTML, Place, has_boxes_inside, is_never_gone
from libra.weighing.style.boxes.nearness import near
from libra.weighing.style.boxes.objects import shows_its_contents
from libra.weighing.style.cascade.cascade import Cascade, Value
from libra.weighing.style.cascade.containers import Container
from libra.weighing.style.cascade.substitution import needs_substitution, substitute
from libra.weighing.style.element_images import ElementImages
from libra.weighing.style.fonts.computed_font import UNSET
from libra.weighing.style.fonts.shown_text import WHITE_SPACE, is_broken, text_of, transformed
from libra.weighing.style.fonts.text_fonts import TextFonts
from libra.weighing.style.styled_document import StyledDocument, WorkSpent
from libra.weighing.style.wanted import WantedByStyle
from libra.weighing.style.widths import Box, Widths
from libra.weighing.stylesheets.fonts import FontFace, FontStyle
from libra.weighing.stylesheets.keyframes import Keyframes
from libra.weighing.stylesheets.marks import may_fetch
from libra.weighing.stylesheets.property_rules import PropertyRule
from libra.weighing.stylesheets.supports import is_valid_text

_MAX_STYLES = 2_000
_CHECK_EVERY = 16
_MAX_CONTENT = 1_000


class _Position(NamedTuple):
    """An element to visit, with its inherited values."""

    node: LexborNode
    style: FontStyle
    variables: Mapping[str, str]
    display: str
    transform: str = "none"
    containers: tuple[Container, ...] = ()
    place: Place = HTML
    dark: bool | None = None
    box: Box | None = None


class StyleWalk:
    """One walk over one document.

    Args:
        scope: The document.
        cascade: The declarations of its stylesheets.
        faces: The fonts that its stylesheets declare.
        images: Whether its stylesheets name images.
        initial: The initial values of the custom properties that they register.
        keyframes: Their animations by name, with the base URL of their stylesheets.
        registered: The custom properties that they register.
        viewport: The window for ``image-set()``.
    """

    def __init__(
        self,
        scope: StyledDocument,
        cascade: Cascade,
        faces: list[FontFace],
        viewport: Viewport,
        *,
        images: bool,
        initial: Mapping[str, str] | None = None,
        keyframes: Mapping[str, tuple[Keyframes, str]] | None = None,
        registered: Mapping[str, PropertyRule] | None = None,
    ) -> None:
        self._scope = scope
        self._initial = initial or {}
        self._registered = registered or {}
        self._images = ElementImages(
            scope, cascade, viewport, images=images, keyframes=keyframes or {}
        )
        self._widths = Widths(cascade, viewport) if cascade.sizes else None
        self._transforms = cascade.winners("text-transform")
        self._skipped = cascade.winners("content-visibility")
        self._quotes = cascade.winners("quotes")
        self._viewport = viewport
        self._cascade = cascade
        self._text_fonts = TextFonts(scope, cascade, faces)
        self._fonts = bool(faces)
        self._ranged = self._text_fonts.library.ranged
        self._variables = cascade.variables()
        self._content: dict[str, dict[int, Value]] = {}
        for pseudo in ("before", "after"):
            content = cascade.contents(pseudo)
            if content:
                self._content[pseudo] = content
                for element, value in cascade.winners("display", pseudo).items():
                    if lowered(value.text) == "none":
                        content.pop(element, None)
        self._display: dict[int, str] = {}
        self._hidden: set[int] = set()
        self._found_later = set(scope.select("[hidden=until-found i]") or ())
        self._paths: set[int] | None = None

    def wanted(self) -> list[WantedByStyle]:
        """All assets that the style needs. Raises `WorkSpent` if that takes too long."""
        if not (self._fonts or self._images):
            return []
        displays = self._cascade.winners("display")
        self._hidden = set(self._scope.select(HIDDEN) or ()).difference(displays)
        self._display = dict.fromkeys(self._hidden, "none")
        for element, value in displays.items():
            self._display[element] = lowered(value.text)
        looks = self._cascade.winners("appearance").values()  # decided for the document as a whole
        if not any(lowered(value.text) == "base-select" for value in looks):
            self._display.update(dict.fromkeys(self._scope.select(NOT_IN_A_MENU) or (), "none"))
        if not self._text_fonts.parts:
            self._paths = self._scope.ancestry(
                self._images.elements() | self._text_fonts.elements()
            )
        root = self._scope.root
        if root is not None and self._display.get(root.mem_id) != "none":
            self._walk(root)
        self._images.wanted.update(dict.fromkeys(self._text_fonts.wanted()))
        return list(self._images.wanted)

    # The walk

    def _walk(self, root: LexborNode) -> None:
        box = None if self._widths is None else self._widths.window
        display = self._shown(root, self._initial) or "block"
        display = "block" if display in {"contents", "inline"} else display  # it always has a box
        waiting = [_Position(root, FontStyle(), self._initial, display, box=box)]
        countdown = _CHECK_EVERY
        while waiting:
            position = waiting.pop()
            countdown -= 1
            if not countdown:
                self._scope.check()
                countdown = _CHECK_EVERY
                if len(self._text_fonts.texts) > _MAX_STYLES:
                    raise WorkSpent
            self._visit(position, waiting)

    def _visit(self, position: _Position, waiting: list[_Position]) -> None:
        node, style, variables, display, transform, containers, place, dark, _ = position
        element, tag = node.mem_id, node.tag or ""
        variables = self._variables_of(element, variables)
        self._images.around = containers
        self._images.dark = dark = self._images.dark_in(element, variables, dark)
        self._images.take(element, variables)
        position = position._replace(
            dark=dark,
            transform=self._transform_of(element, tag, transform),
        )
        transform = position.transform
        position = self._sized(position, variables)
        if tag not in {"html", "body"} and self._is_skipped(element, display):
            return
        if place.drawing and not has_boxes_inside(node):
            return
        if self._fonts:
            style = self._text_fonts.computed(element, style, variables, _default_of(node, tag))
        generated = bool(self._content) and self._take_pseudo_elements(node, style, variables)
        if tag in WITHOUT_CONTENT and not (tag == "object" and shows_its_contents(node)):
            self._take_replaced(node, style, variables, transform)
            return
        # The font of the block determines the height of a text line, whatever the line contains.
        in_line = tag in {"select", "textarea"} or (display == "inline" and tag not in ATOMIC)
        lines = not display.startswith(LINELESS)
        text, inline = self._children(position, style, variables, waiting, lines=lines)
        if tag == "q":
            text.update(self._quotes_of(element))
        elif tag == "li":
            text.update(self._marker_of(node))
        if tag in {"option", "optgroup"}:
            return  # the select shows the chosen option in its own font
        if tag == "select":
            text.update(node.text(deep=True))
        if (
            self._fonts
            and place.has_lines
            and (in_line or text or (lines and (inline or generated)))
        ):
            self._text_fonts.take(element, tag, text, style, variables)

    def _sized(self, position: _Position, variables: Mapping[str, str]) -> _Position:
        """An element with the box and the containers that its children are in."""
        element, tag, display = position.node.mem_id, position.node.tag or "", position.display
        has_size = display != "contents"
        if self._widths is not None and display == "inline" and tag not in ATOMIC:
            has_size = self._widths.is_positioned(element)
        container = self._images.container_of(element, sizes=has_size)
        if self._widths is not None and position.box is not None:
            contained = container is not None and container.type != "normal"
            box = self._widths.box_of(
                element, tag, display, position.box, variables, contained=contained
            )
            position = position._replace(box=box)
            if container is not None:
                container = container._replace(width=box.width, height=box.height)
        if container is None:
            return position
        return position._replace(containers=(*position.containers, container))

    def _variables_of(self, element: int, around: Mapping[str, str]) -> Mapping[str, str]:
        """The custom properties of an element, given those of its parent."""
        own = self._variables.get(element)
        if self._registered:
            own = {name: text for name, text in (own or {}).items() if self._is_typed(name, text)}
            kept = {name: text for name, text in around.items() if self._inherits(name)}
            around = {**self._initial, **kept}
        return _with_own(around, own) if own else around

    def _inherits(self, name: str) -> bool:
        rule = self._registered.get(name)
        return rule is None or rule.inherits

    def _is_typed(self, name: str, text: str) -> bool:
        """Whether a registered property may have a value, as far as images are concerned."""
        rule = self._registered.get(name)
        return rule is None or rule.images or not may_fetch(lowered(text))

    def _take_replaced(
        self, node: LexborNode, style: FontStyle, variables: Mapping[str, str], transform: str
    ) -> None:
        """Take the text of a field, or the text shown in place of an image."""
        tag = node.tag or ""
        field = text_of_field(node) if tag == "input" and self._fonts else None
        if field is not None:
            self._text_fonts.take(node.mem_id, tag, transformed(field, transform), style, variables)
        elif tag == "img" and self._fonts and is_broken(node):
            self._text_fonts.take(node.mem_id, tag, node.attrs.sget("alt"), style, variables)

    def _transform_of(self, element: int, tag: str, inherited: str) -> str:
        value = self._transforms.get(element)
        if value is not None and lowered(value.text) not in UNSET:
            return lowered(value.text)
        return "none" if tag in FIELDS else inherited

    def _children(
        self,
        position: _Position,
        style: FontStyle,
        variables: Mapping[str, str],
        waiting: list[_Position],
        *,
        lines: bool,
    ) -> tuple[set[str], bool]:
        """Queue an element's children.

        Returns the characters of its own text, and whether any child is inline.
        """
        text: set[str] = set()
        inline = False
        first = len(waiting)
        place = position.place.inside(position.node.tag or "", position.display)
        paths = self._paths
        if paths is not None and self._text_fonts.library.reaches(style.families):
            paths = None
        child = position.node.first_child
        while child is not None:
            if paths is not None and child.mem_id not in paths:
                pass  # nothing inside it can need an asset
            elif child.is_text_node:
                if self._fonts:
                    text.update(self._characters(child.text_content, position.transform))
            elif child.is_element_node:
                name = child.tag or ""
                shown = "none"
                if place.drawing or name not in NOT_RENDERED:
                    shown = self._shown(child, variables) or default_display(name)
                    if child.mem_id in self._hidden and (place.drawing or name in FOREIGN):
                        shown = default_display(name)
                if shown != "none" or (place.drawing and is_never_gone(name)):
                    if shown[:6] == "inline":
                        inline = True
                        if not lines:
                            shown = shown[7:] or "block"  # a flex item or similar
                    waiting.append(
                        position._replace(
                            node=child, style=style, variables=variables, display=shown, place=place
                        )
                    )
            child = child.next
        waiting[first:] = reversed(waiting[first:])
        return text, inline

    def _shown(self, child: LexborNode, around: Mapping[str, str]) -> str:
        """The ``display`` that rules give to a child; "" for its default."""
        shown = self._display.get(child.mem_id, "")
        if not needs_substitution(shown):
            return shown
        text = substitute(shown, self._variables_of(child.mem_id, around), self._viewport)
        is_read = text is not None and is_valid_text("display", text)
        return lowered(trimmed(text)) if text is not None and is_read else "inline"

    def _characters(self, content: str | None, transform: str) -> str:
        """The characters that a text shows, as far as they matter."""
        if not content or not content.strip(WHITE_SPACE):
            return ""
        return transformed(content, transform) if self._ranged else "x"

    def _take_pseudo_elements(
        self, node: LexborNode, style: FontStyle, variables: Mapping[str, str]
    ) -> bool:
        """Take the generated pseudo-elements; returns whether any of them holds text."""
        element, found = node.mem_id, False
        for pseudo, contents in self._content.items():
            value = contents.get(element)
            if value is None:
                continue
            self._images.take_generated(element, pseudo, variables)
            if not self._fonts or lowered(value.text) in {"none", "normal"}:
                continue
            found = True
            content = substitute(value.text[:_MAX_CONTENT], variables, self._viewport) or ""
            text = text_of(content, node)
            if self._text_fonts.is_set(element, pseudo):
                style_of = self._text_fonts.computed(element, style, variables, pseudo=pseudo)
                self._text_fonts.show(style_of, text)
            else:
                self._text_fonts.show(style, text)
        return found

    def _is_skipped(self, element: int, display: str) -> bool:
        """Whether an element's content is not laid out (CSS Containment 2, section 4)."""
        value = self._skipped.get(element)
        if display.startswith(("inline", "contents")):
            return False
        if value is None:
            return element in self._found_later
        text = lowered(value.text)
        return text == "hidden" or (text == "auto" and element in self._far)

    @cached_property
    def _far(self) -> set[int]:
        """Elements with ``content-visibility: auto`` that are far from the window."""
        asked = {
            element for element, value in self._skipped.items() if lowered(value.text) == "auto"
        }
        return asked - near(self._scope.tree, self._viewport, self._display, marked=asked)

    # Generated characters

    def _quotes_of(self, element: int) -> str:
        value = self._quotes.get(element)
        for pseudo in ("before", "after"):
            content = self._content.get(pseudo, {}).get(element)
            if content is not None and "quote" not in content.text:
                return ""
        if value is None or lowered(value.text) in {"auto", *UNSET}:
            return "\u201c\u201d\u2018\u2019"
        return text_of(value.text, None)

    def _marker_of(self, node: LexborNode) -> str:
        parent = node.parent
        # Chromium draws the dot of an unordered list itself.
        return "0123456789. " if parent is not None and parent.tag == "ol" else " "


def _default_of(node: LexborNode, tag: str) -> tuple[str | None, str | None, str | None] | None:
    """The font that the browser's own stylesheet or an attribute gives to an element."""
    return (node.attrs.get("face"), None, None) if tag == "font" else UA_STYLES.get(tag)


def _with_own(around: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The custom properties of an element: its own and the inherited ones."""
    known = {**around, **own}
    for name, text in own.items():
        if lowered(text) in UNSET:  # inherit the outer value
            known.pop(name)
            if name in around:
                known[name] = around[name]
    return known
