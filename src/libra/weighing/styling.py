"""What a styled document makes a browser fetch: images of the rules that win, fonts of its text.

The elements are walked once, from the outside in, with what they inherit. What is not rendered
(``display: none``) asks for nothing. A font is asked for by text, and by the line that stands ready for
inline content even if it holds only an image or text in another font, as in Chromium: a line's height is
measured by the font of its block.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from selectolax.lexbor import LexborNode

from libra.weighing.cascade import IMAGES, Cascade, Value, substitute
from libra.weighing.csstext import unescape
from libra.weighing.fonts import REGULAR, Face, FontStyle, Library, bolder, lighter, weight_of
from libra.weighing.images import images_in
from libra.weighing.options import Viewport
from libra.weighing.scope import Scope, Spent
from libra.weighing.wanted import Wanted

_MAX_STYLES = 2_000
_CHECK_EVERY = 16
_MAX_CONTENT = 1_000

_NOT_RENDERED = frozenset(
    {
        "area", "base", "basefont", "datalist", "head", "link", "meta", "noembed", "noframes",
        "noscript", "param", "rp", "script", "source", "style", "template", "title", "track",
        "clippath", "defs", "desc", "lineargradient", "mask", "metadata", "pattern",
        "radialgradient", "symbol", "clipPath", "linearGradient", "radialGradient", "filter",
    }
)  # fmt: skip
"""Elements that the browser's own style sheet does not display, or SVG does not."""

_HIDDEN = (
    "[hidden],[popover],dialog:not([open]),input[type=hidden],details:not([open])>:not(summary)"
)
_WITHOUT_CONTENT = frozenset(
    {"audio", "canvas", "iframe", "img", "meter", "object", "progress", "video", "embed", "br",
     "wbr", "hr", "input"}
)  # fmt: skip
"""Elements whose children, if they have any, are for browsers that do not know them."""

_INLINE_ELEMENTS = frozenset(
    {
        "a", "abbr", "acronym", "audio", "b", "bdi", "bdo", "big", "br", "button", "canvas", "cite",
        "code", "data", "del", "dfn", "em", "embed", "font", "i", "iframe", "img", "input", "ins",
        "kbd", "label", "map", "mark", "meter", "nobr", "object", "output", "picture", "progress",
        "q", "s", "samp", "select", "slot", "small", "span", "strike", "strong", "sub", "sup",
        "svg", "textarea", "time", "tt", "u", "var", "video", "wbr", "math", "ruby", "rt",
    }
)  # fmt: skip
_ATOMIC = frozenset(
    {"audio", "button", "canvas", "embed", "iframe", "img", "input", "meter", "object", "progress",
     "select", "svg", "textarea", "video", "br", "wbr", "math"}
)  # fmt: skip
"""Inline elements that are boxes, or nothing, of their own: no line text is measured for them."""

_UA_STYLES: dict[str, tuple[str | None, str | None, str | None]] = {
    **dict.fromkeys(("b", "strong", "optgroup"), (None, "bolder", None)),
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6", "th"), (None, "bold", None)),
    **dict.fromkeys(("i", "em", "cite", "var", "dfn", "address"), (None, None, "italic")),
    **dict.fromkeys(
        ("code", "kbd", "listing", "plaintext", "pre", "samp", "tt", "xmp"),
        ("monospace", None, None),
    ),
    **dict.fromkeys(("button", "input", "select"), ("arial", "normal", "normal")),
    "textarea": ("monospace", "normal", "normal"),
}
"""Family, weight and style in the browser's own style sheet."""

_TEXTLESS_FIELDS = frozenset({"checkbox", "color", "hidden", "image", "radio", "range"})
"""Types of ``input`` that hold no text."""

_LINELESS = ("flex", "grid", "inline-flex", "inline-grid", "table", "none")
_WHITE_SPACE = " \t\n\r\f"
_UNSET = frozenset({"inherit", "unset", "revert", "revert-layer"})
_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "dd", "div", "dt", "figcaption", "footer", "h1",
     "h2", "h3", "h4", "h5", "h6", "header", "li", "main", "p", "section", "td", "th"}
)  # fmt: skip
_PARTS_OF_TEXT = {
    "first-line": _BLOCKS,
    "first-letter": _BLOCKS,
    "marker": frozenset({"li", "summary"}),
    "placeholder": frozenset({"input", "textarea"}),
}
"""Pseudo-elements whose text is a part of the element's, and the elements that may have them."""


class _Position(NamedTuple):
    """An element to be walked, with what it inherits."""

    node: LexborNode
    style: FontStyle
    variables: Mapping[str, str]
    display: str


class Styled:
    """One pass over one document.

    Args:
        scope: The document.
        cascade: Its style sheets.
        faces: The fonts that they declare.
        images: Whether they name images.
        viewport: For ``image-set()``.
    """

    def __init__(
        self,
        scope: Scope,
        cascade: Cascade,
        faces: list[Face],
        viewport: Viewport,
        *,
        images: bool,
    ) -> None:
        self._scope = scope
        self._viewport = viewport
        self._cascade = cascade
        self._library = Library(faces)
        self._fonts = bool(faces)
        self._ranged = self._library.ranged
        self._texts: dict[FontStyle, set[str]] = {}
        self._wanted: dict[Wanted, None] = {}
        self._found: dict[Value, list[str]] = {}
        self._variables = cascade.variables()
        self._images: dict[str, dict[int, list[Value]]] = {}
        self._pseudo_images: dict[str, dict[int, list[Value]]] = {}
        self._content: dict[str, dict[int, Value]] = {}
        if images:
            self._images = self._image_winners("")
        for pseudo in ("before", "after"):
            content = cascade.winners("content", pseudo)
            if content:
                self._content[pseudo] = content
                for element, value in cascade.winners("display", pseudo).items():
                    if value.text.lower() == "none":
                        content.pop(element, None)
                if images:
                    self._pseudo_images |= {
                        f"{pseudo} {name}": found
                        for name, found in self._image_winners(pseudo).items()
                    }
        self._parts: list[str] = []
        self._own: dict[str, tuple[dict[int, Value], dict[int, Value], dict[int, Value]]] = {}
        if self._fonts:
            occurring = cascade.pseudo_elements()
            self._parts = [pseudo for pseudo in _PARTS_OF_TEXT if pseudo in occurring]
            for pseudo in ("", *({"before", "after"} & occurring), *self._parts):
                self._own[pseudo] = (
                    cascade.winners("font-family", pseudo),
                    cascade.winners("font-weight", pseudo),
                    cascade.winners("font-style", pseudo),
                )
        self._with_images = {element for found in self._images.values() for element in found}
        self._display: dict[int, str] = {}
        self._paths: set[int] | None = None

    def _image_winners(self, pseudo: str) -> dict[str, dict[int, list[Value]]]:
        found = {}
        for name in IMAGES:
            won = self._cascade.images(name, pseudo)
            if won:
                found[name] = won
        return found

    def wanted(self) -> list[Wanted]:
        """All that is asked for. Raises `Spent` if that takes too long."""
        if not (self._fonts or self._with_images or self._pseudo_images):
            return []
        self._display = dict.fromkeys(self._scope.select(_HIDDEN) or (), "none")
        for element, value in self._cascade.winners("display").items():
            self._display[element] = value.text.lower()
        if not self._parts:
            self._paths = self._scope.ancestry(self._interesting())
        root = self._scope.root
        if root is not None:
            self._walk(root)
        for style, text in self._texts.items():
            self._scope.check()
            for face in self._library.needed(style, text, self._scope.check):
                if face.sources:
                    self._want(Wanted(face.sources, face.initiator, font=True))
        return list(self._wanted)

    def _interesting(self) -> set[int]:
        """The elements from which on there may be something to ask for."""
        found = set(self._with_images)
        for images in self._pseudo_images.values():
            found.update(images)
        for families, _, _ in self._own.values():
            found.update(
                element
                for element, value in families.items()
                if "var(" in value.text or self._library.reaches(unescape(value.text))
            )
        if self._fonts:
            found.update(self._scope.select("font[face]") or ())
        return found

    def _want(self, wanted: Wanted) -> None:
        self._wanted[wanted] = None

    # The walk

    def _walk(self, root: LexborNode) -> None:
        waiting = [_Position(root, FontStyle(), {}, "block")]
        countdown = _CHECK_EVERY
        while waiting:
            position = waiting.pop()
            countdown -= 1
            if not countdown:
                self._scope.check()
                countdown = _CHECK_EVERY
                if len(self._texts) > _MAX_STYLES:
                    raise Spent
            self._visit(position, waiting)

    def _visit(self, position: _Position, waiting: list[_Position]) -> None:
        node, style, variables, display = position
        element, tag = node.mem_id, node.tag or ""
        own = self._variables.get(element)
        if own is not None:
            variables = {**variables, **own}
        if element in self._with_images:
            self._take_images(self._images, element, variables)
        if self._fonts:
            default = _UA_STYLES.get(tag)
            if tag == "font":
                default = (node.attrs.get("face"), None, None)
            style = self._styled(element, style, variables, default)
        generated = bool(self._content) and self._take_pseudo_elements(node, style, variables)
        if tag in _WITHOUT_CONTENT:
            field = _text_of_field(node) if tag == "input" and self._fonts else None
            if field is not None:
                self._take_text(element, tag, field, style, variables)
            return
        # Text lies in lines, and its line is measured by the block's font whatever is in it.
        in_line = tag in {"select", "textarea"} or (display == "inline" and tag not in _ATOMIC)
        lines = not display.startswith(_LINELESS)
        text, inline = self._children(position, style, variables, waiting, lines=lines)
        if tag in {"option", "optgroup"}:
            return  # what is chosen is shown in the font of the list
        if tag == "select":
            text.update(node.text(deep=True))
        if self._fonts and (in_line or text or (lines and (inline or generated))):
            self._take_text(element, tag, text, style, variables)

    def _children(
        self,
        position: _Position,
        style: FontStyle,
        variables: Mapping[str, str],
        waiting: list[_Position],
        *,
        lines: bool,
    ) -> tuple[set[str], bool]:
        """Put an element's children in the queue.

        Returns the characters of its own text, and whether any child is inline.
        """
        text: set[str] = set()
        inline = False
        first = len(waiting)
        paths = self._paths
        if paths is not None and self._library.reaches(style.families):
            paths = None
        child = position.node.first_child
        while child is not None:
            if paths is not None and child.mem_id not in paths:
                pass  # in it there is nothing to ask for
            elif child.is_text_node:
                if self._fonts:
                    content = child.text_content
                    if content and content.strip(_WHITE_SPACE):
                        text.update(content if self._ranged else "x")
            elif child.is_element_node:
                name = child.tag or ""
                shown = "none"
                if name not in _NOT_RENDERED:
                    shown = self._display.get(child.mem_id) or _default_display(name)
                if shown != "none":
                    if shown[:6] == "inline":
                        inline = True
                        if not lines:
                            shown = shown[7:] or "block"  # an item of a flex container or such
                    waiting.append(_Position(child, style, variables, shown))
            child = child.next
        waiting[first:] = reversed(waiting[first:])
        return text, inline

    def _take_text(
        self,
        element: int,
        tag: str,
        text: Iterable[str],
        style: FontStyle,
        variables: Mapping[str, str],
    ) -> None:
        self._use(style, text)
        for pseudo in self._parts:
            if tag in _PARTS_OF_TEXT[pseudo] and self._is_set(element, pseudo):
                self._use(self._styled(element, style, variables, pseudo=pseudo), "x")

    def _use(self, style: FontStyle, text: Iterable[str]) -> None:
        known = self._texts.get(style)
        if known is None:
            known = self._texts[style] = set()
        if self._ranged:
            known.update(text)

    # Fonts

    def _styled(
        self,
        element: int,
        style: FontStyle,
        variables: Mapping[str, str],
        default: tuple[str | None, str | None, str | None] | None = None,
        pseudo: str = "",
    ) -> FontStyle:
        """What an element (or its pseudo-element) has computed, given what its parent has."""
        families, weights, italics = self._own[pseudo]
        family = families.get(element)
        weight = weights.get(element)
        italic = italics.get(element)
        if default is None:
            if family is None and weight is None and italic is None:
                return style
            default = (None, None, None)
        return FontStyle(
            _families(family, default[0], style.families, variables),
            _weight(weight, default[1], style.weight, variables),
            _italic(italic, default[2], style.italic, variables),
        )

    def _is_set(self, element: int, pseudo: str) -> bool:
        own = self._own.get(pseudo)
        return own is not None and any(element in winners for winners in own)

    def _take_pseudo_elements(
        self, node: LexborNode, style: FontStyle, variables: Mapping[str, str]
    ) -> bool:
        """Those with content; returns whether there are any that hold text."""
        element, found = node.mem_id, False
        for pseudo, contents in self._content.items():
            value = contents.get(element)
            if value is None or value.text.lower() in {"none", "normal"}:
                continue
            for name, images in self._pseudo_images.items():
                if name.startswith(pseudo) and element in images:
                    self._take_values(images[element], variables)
            if not self._fonts:
                continue
            found = True
            text = _text_of(substitute(value.text[:_MAX_CONTENT], variables), node)
            if self._is_set(element, pseudo):
                style_of = self._styled(element, style, variables, pseudo=pseudo)
                self._use(style_of, text)
            else:
                self._use(style, text)
        return found

    # Images

    def _take_images(
        self,
        images: Mapping[str, dict[int, list[Value]]],
        element: int,
        variables: Mapping[str, str],
    ) -> None:
        for found in images.values():
            values = found.get(element)
            if values is not None:
                self._take_values(values, variables)

    def _take_values(self, values: list[Value], variables: Mapping[str, str]) -> None:
        for declared in values:
            value = declared
            if "var(" in value.text:
                value = value._replace(text=substitute(value.text, variables))
            found = self._found.get(value)
            if found is None:
                found = self._found[value] = images_in(value.text, value.base, self._viewport)
            for url in found:
                self._want(Wanted((url,), value.base, conditional=not value.certain))


def _default_display(tag: str) -> str:
    return "inline" if tag in _INLINE_ELEMENTS or "-" in tag else "block"


def _text_of_field(node: LexborNode) -> str | None:
    attributes = node.attrs
    if attributes.sget("type").strip().lower() in _TEXTLESS_FIELDS:
        return None
    return attributes.sget("value") or attributes.sget("placeholder") or " "


def _families(
    value: Value | None, default: str | None, inherited: str, variables: Mapping[str, str]
) -> str:
    if value is None:
        return inherited if default is None else default
    text = value.text
    if "var(" in text:
        text = substitute(text, variables)
    lower = text.strip().lower()
    if lower in _UNSET or not lower:
        return inherited
    return "" if lower == "initial" else unescape(text)


def _weight(
    value: Value | None, default: str | None, inherited: int, variables: Mapping[str, str]
) -> int:
    text = default or "inherit" if value is None else substitute(value.text, variables)
    text = text.strip().lower()
    if text == "bolder":
        return bolder(inherited)
    if text == "lighter":
        return lighter(inherited)
    if text == "initial":
        return REGULAR
    known = weight_of(text)
    if known is not None:
        return known
    if text in _UNSET or value is None:
        return inherited
    return _weight(None, default, inherited, variables)


def _italic(
    value: Value | None, default: str | None, inherited: bool, variables: Mapping[str, str]
) -> bool:
    text = default or "inherit" if value is None else substitute(value.text, variables)
    text = text.strip().lower()
    if text in _UNSET or not text:
        return inherited
    return text.startswith(("italic", "oblique"))


def _text_of(content: str, node: LexborNode) -> str:
    """The characters of a ``content`` value."""
    text = ""
    at, end = 0, len(content)
    while at < end:
        character = content[at]
        if character in "\"'":
            close = at + 1
            while close < end and content[close] != character:
                close += 2 if content[close] == "\\" else 1
            text += unescape(content[at + 1 : close])
            at = close + 1
        elif content.startswith("attr(", at):
            close = content.find(")", at)
            close = end if close < 0 else close
            name = content[at + 5 : close].partition(",")[0].strip().lower()
            text += node.attrs.sget(name) if name else ""
            at = close + 1
        elif content.startswith(("counter(", "counters("), at):
            text += "0123456789"
            at = content.find(")", at) + 1 or end
        elif content.startswith("url(", at):
            at = content.find(")", at) + 1 or end
        else:
            if content.startswith(("open-quote", "close-quote"), at):
                text += "“”"
            at += 1
    return text
