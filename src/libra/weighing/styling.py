"""What a styled document makes a browser fetch: images of the rules that win, fonts of its text.

The elements are walked once, from the outside in, with what they inherit. What is not rendered
(``display: none``) asks for nothing. A font is asked for by text, and by the line that stands ready for
inline content even if it holds only an image or text in another font, as in Chromium: a line's height is
measured by the font of its block.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from selectolax.lexbor import LexborNode

from libra.weighing.cascade import IMAGES, STARTING, Cascade, Value, font_parts, longhands
from libra.weighing.css.animations import running
from libra.weighing.css.containers import Container, container_of, holds
from libra.weighing.css.substitution import needs_substitution, substitute
from libra.weighing.css.supports import is_valid_text
from libra.weighing.csstext import unescape
from libra.weighing.fonts import REGULAR, Face, FontStyle, Library, bolder, lighter, weight_of
from libra.weighing.images import images_in
from libra.weighing.options import DESKTOP, Viewport
from libra.weighing.position import near
from libra.weighing.scope import Scope, Spent
from libra.weighing.stylesheet import Keyframes
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

_FIELDS = frozenset({"button", "input", "select", "textarea", "optgroup"})
_IMAGES = frozenset(IMAGES)
_ANIMATIONS = (
    "animation", "animation-name", "animation-duration",
    "-webkit-animation", "-webkit-animation-name", "-webkit-animation-duration",
)  # fmt: skip
_CONTAINERS = ("container", "container-type", "container-name")
_HOSTS = {
    **dict.fromkeys(
        ("first-letter", "first-line"),
        "address,article,aside,blockquote,dd,div,dt,figcaption,footer,h1,h2,h3,h4,h5,h6,header,"
        "li,main,p,section,td,th,body,html,pre,ul,ol,form,nav",
    ),
    "placeholder": "input[placeholder]:not([value]),textarea[placeholder]:empty",
    "marker": "li,summary",
    "file-selector-button": "input[type=file i]",
    "details-content": "details[open]",
    "-webkit-scrollbar": "html",
    "-webkit-search-cancel-button": "input[type=search i][value]",
    **dict.fromkeys(
        ("-webkit-slider-thumb", "-webkit-slider-runnable-track"), "input[type=range i]"
    ),
    "-webkit-meter-bar": "meter",
    **dict.fromkeys(
        ("-webkit-calendar-picker-indicator", "-webkit-datetime-edit"), "input[type=date i]"
    ),
    "-webkit-inner-spin-button": "input[type=number i]",
    "-webkit-color-swatch": "input[type=color i]",
}
"""The elements that have a pseudo-element with images of its own."""

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
    transform: str = "none"
    containers: tuple[Container, ...] = ()


class Styled:
    """One pass over one document.

    Args:
        scope: The document.
        cascade: Its style sheets.
        faces: The fonts that they declare.
        images: Whether they name images.
        initial: The values of the custom properties that they register.
        keyframes: Their animations by name, with the sheets that they are in.
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
        initial: Mapping[str, str] | None = None,
        keyframes: Mapping[str, tuple[Keyframes, str]] | None = None,
    ) -> None:
        self._scope = scope
        self._initial = initial or {}
        self._keyframes = keyframes or {}
        self._animated = (
            {name: cascade.winners(name) for name in _ANIMATIONS} if self._keyframes else {}
        )
        self._containers = {name: cascade.winners(name) for name in _CONTAINERS}
        self._transforms = cascade.winners("text-transform")
        self._skipped = cascade.winners("content-visibility")
        self._quotes = cascade.winners("quotes")
        self._schemes = cascade.winners("color-scheme")
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
        if images:
            self._find_images_of_parts()
        self._of_parts = {
            name: found
            for name, found in self._pseudo_images.items()
            if not name.startswith(("before ", "after "))
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
        self._around: tuple[Container, ...] = ()

    def _find_images_of_parts(self) -> None:
        """Of pseudo-elements that an element has without any content being said."""
        for pseudo in self._cascade.pseudo_elements() & _HOSTS.keys():
            hosts = set(self._scope.select(_HOSTS[pseudo]) or ())
            for name, found in self._image_winners(pseudo).items():
                if pseudo == "marker" and name != "content":
                    continue
                kept = {element: one for element, one in found.items() if element in hosts}
                if kept:
                    self._pseudo_images[f"{pseudo} {name}"] = kept

    def _image_winners(self, pseudo: str) -> dict[str, dict[int, list[Value]]]:
        found = {}
        for name in IMAGES:
            won = self._cascade.images(name, pseudo)
            if won:
                found[name] = won
        return found

    def wanted(self) -> list[Wanted]:
        """All that is asked for. Raises `Spent` if that takes too long."""
        animated = any(self._animated.values())
        if not (self._fonts or self._with_images or self._pseudo_images or animated):
            return []
        self._display = dict.fromkeys(self._scope.select(_HIDDEN) or (), "none")
        for element, value in self._cascade.winners("display").items():
            self._display[element] = value.text.lower()
        if not self._parts:
            self._paths = self._scope.ancestry(self._interesting())
        root = self._scope.root
        if root is not None and self._display.get(root.mem_id) != "none":
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
        for values in (*self._animated.values(), *self._containers.values()):
            found.update(values)
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
        waiting = [_Position(root, FontStyle(), self._initial, "block")]
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
        node, style, variables, display, transform, containers = position
        element, tag = node.mem_id, node.tag or ""
        own = self._variables.get(element)
        if own is not None:
            variables = _with_own(variables, own)
        self._around = containers
        self._take_own_images(element, variables)
        position = position._replace(
            containers=self._in_container(element, containers),
            transform=self._transform_of(element, tag, transform),
        )
        transform = position.transform
        if tag not in {"html", "body"} and self._is_skipped(element, display):
            return
        if self._fonts:
            default = _UA_STYLES.get(tag)
            if tag == "font":
                default = (node.attrs.get("face"), None, None)
            style = self._styled(element, style, variables, default)
        generated = bool(self._content) and self._take_pseudo_elements(node, style, variables)
        if tag in _WITHOUT_CONTENT:
            self._take_replaced(node, style, variables, transform)
            return
        # Text lies in lines, and its line is measured by the block's font whatever is in it.
        in_line = tag in {"select", "textarea"} or (display == "inline" and tag not in _ATOMIC)
        lines = not display.startswith(_LINELESS)
        text, inline = self._children(position, style, variables, waiting, lines=lines)
        if tag == "q":
            text.update(self._quotes_of(element))
        elif tag == "li":
            text.update(self._marker_of(node))
        if tag in {"option", "optgroup"}:
            return  # what is chosen is shown in the font of the list
        if tag == "select":
            text.update(node.text(deep=True))
        if self._fonts and (in_line or text or (lines and (inline or generated))):
            self._take_text(element, tag, text, style, variables)

    def _take_replaced(
        self, node: LexborNode, style: FontStyle, variables: Mapping[str, str], transform: str
    ) -> None:
        """The text of a field, and what is shown in place of an image."""
        tag = node.tag or ""
        field = _text_of_field(node) if tag == "input" and self._fonts else None
        if field is not None:
            self._take_text(node.mem_id, tag, transformed(field, transform), style, variables)
        elif tag == "img" and self._fonts and _is_broken(node):
            self._take_text(node.mem_id, tag, node.attrs.sget("alt"), style, variables)

    def _take_own_images(self, element: int, variables: Mapping[str, str]) -> None:
        if element in self._with_images:
            self._take_images(self._images, element, variables)
        if self._of_parts:
            self._take_images(self._of_parts, element, variables)
        if self._keyframes:
            self._take_animations(element, variables)

    def _transform_of(self, element: int, tag: str, inherited: str) -> str:
        value = self._transforms.get(element)
        if value is not None and value.text.lower() not in _UNSET:
            return value.text.lower()
        return "none" if tag in _FIELDS else inherited

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
                    text.update(self._characters(child.text_content, position.transform))
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
                    waiting.append(
                        _Position(
                            child, style, variables, shown, position.transform, position.containers
                        )
                    )
            child = child.next
        waiting[first:] = reversed(waiting[first:])
        return text, inline

    def _characters(self, content: str | None, transform: str) -> str:
        """What is shown of a text, as far as it matters."""
        if not content or not content.strip(_WHITE_SPACE):
            return ""
        return transformed(content, transform) if self._ranged else "x"

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
            if value is None:
                continue
            for name, images in self._pseudo_images.items():
                if name.startswith(pseudo) and element in images:
                    self._take_values(images[element], variables)
            if not self._fonts or value.text.lower() in {"none", "normal"}:
                continue
            found = True
            content = substitute(value.text[:_MAX_CONTENT], variables, self._viewport) or ""
            text = _text_of(content, node)
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
        taken: list[Wanted] = []
        for declared in values:
            sure: bool | None = True
            for query in declared.containers:
                if query != STARTING:
                    judged = holds(query, self._around, variables, self._viewport)
                    sure = False if judged is False else None if judged is None else sure
                if sure is False:
                    break
            if sure is False:
                continue
            if sure and declared.containers[:1] != (STARTING,):
                taken.clear()  # it wins over those before it
            taken += self._wanted_by(declared, variables, conditional=sure is None)
        for wanted in taken:
            self._want(wanted)

    def _wanted_by(
        self, declared: Value, variables: Mapping[str, str], *, conditional: bool = False
    ) -> list[Wanted]:
        value = declared
        if needs_substitution(value.text):
            text = substitute(value.text, variables, self._viewport)
            if text is None or not is_valid_text(value.name, text):
                return []  # invalid at computed-value time: as if it were not set
            value = value._replace(text=text)
        found = self._found.get(value)
        if found is None:
            dark = "light-dark(" in value.text and self._dark
            found = images_in(value.text, value.base, self._viewport, dark=dark)
            self._found[value] = found
        return [Wanted((url,), value.base, conditional=conditional) for url in found]

    @property
    def _dark(self) -> bool:
        """Whether dark colours are asked for, of which only the document as a whole is judged."""
        return any(
            "dark" in (words := value.text.lower().split()) and "light" not in words
            for value in self._schemes.values()
        )

    def _take_animations(self, element: int, variables: Mapping[str, str]) -> None:
        values = [self._animated[name].get(element) for name in _ANIMATIONS]
        if not any(values):
            return
        texts = [value.text if value is not None else "" for value in values]
        shorthand, names, durations = (texts[at] or texts[at + 3] for at in range(3))
        for name, only_first in running(shorthand, names, durations):
            frames = self._keyframes.get(name)
            if frames is None:
                continue
            for first, block in frames[0].blocks:
                if only_first and not first:
                    continue
                for prop, (written, text, important) in longhands(block):
                    if prop in _IMAGES and not important and is_valid_text(written, text):
                        self._take_values([Value(text, frames[1], written)], variables)

    def _in_container(self, element: int, around: tuple[Container, ...]) -> tuple[Container, ...]:
        values = [self._containers[name].get(element) for name in _CONTAINERS]
        if not any(values):
            return around
        found = container_of(*(value.text if value is not None else "" for value in values))
        return around if found is None else (*around, found)

    def _is_skipped(self, element: int, display: str) -> bool:
        """Whether an element's contents are not laid out (CSS Containment 2, section 4)."""
        value = self._skipped.get(element)
        if value is None or display.startswith(("inline", "contents")):
            return False
        text = value.text.lower()
        return text == "hidden" or (text == "auto" and element in self._far)

    @cached_property
    def _far(self) -> set[int]:
        """Elements under ``content-visibility: auto`` that are far from the window."""
        asked = {
            element for element, value in self._skipped.items() if value.text.lower() == "auto"
        }
        return asked - near(self._scope.tree, self._viewport, self._display, marked=asked)

    # Characters that nobody wrote

    def _quotes_of(self, element: int) -> str:
        value = self._quotes.get(element)
        for pseudo in ("before", "after"):
            content = self._content.get(pseudo, {}).get(element)
            if content is not None and "quote" not in content.text:
                return ""
        if value is None or value.text.lower() in {"auto", *_UNSET}:
            return "\u201c\u201d\u2018\u2019"
        return _text_of(value.text, None)

    def _marker_of(self, node: LexborNode) -> str:
        parent = node.parent
        return "0123456789. " if parent is not None and parent.tag == "ol" else "\u2022 "


def _with_own(around: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The custom properties of an element: its own, and those that it inherits."""
    known = {**around, **own}
    for name, text in own.items():
        if text.lower() in _UNSET:  # as it is further out
            known.pop(name)
            if name in around:
                known[name] = around[name]
    return known


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
    text = _computed(value, "font-family", variables)
    lower = text.strip().lower()
    if lower in _UNSET or not lower:
        return inherited
    return "" if lower == "initial" else unescape(text)


def _computed(value: Value, name: str, variables: Mapping[str, str]) -> str:
    """A value of a font's property with what is put in; "" if that makes it invalid."""
    if not needs_substitution(value.text):
        return value.text
    text = substitute(value.text, variables, DESKTOP)
    if text is None:
        return ""
    if value.name == "font":
        return next((part for longhand, part in font_parts(text) if longhand == name), "")
    return text


def _weight(
    value: Value | None, default: str | None, inherited: int, variables: Mapping[str, str]
) -> int:
    text = default or "inherit" if value is None else _computed(value, "font-weight", variables)
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
    text = default or "inherit" if value is None else _computed(value, "font-style", variables)
    text = text.strip().lower()
    if text in _UNSET or not text:
        return inherited
    return text.startswith(("italic", "oblique"))


def transformed(text: str, transform: str) -> str:
    """A text as ``text-transform`` has it set (CSS Text 3, section 2.1)."""
    if transform == "none" or not transform:
        return text
    words = transform.split()
    if "uppercase" in words:
        return text.upper()
    if "lowercase" in words:
        return text.lower()
    if "capitalize" in words:
        return _FIRST_LETTER.sub(lambda match: match[0].upper(), text)
    return text


_FIRST_LETTER = re.compile(r"(?<![\w'\u2019])\w")


def _is_broken(node: LexborNode) -> bool:
    """Whether an image is known not to be there, so that its ``alt`` is shown."""
    attributes = node.attrs
    if attributes.sget("srcset"):
        return False
    return not attributes.sget("src").strip() and bool(attributes.sget("alt"))


def _text_of(content: str, node: LexborNode | None) -> str:
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
            text += node.attrs.sget(name) if name and node is not None else ""
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
