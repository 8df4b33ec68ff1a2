"""The fonts that a document's text is shown in, and the faces that a browser fetches for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from libra.weighing.css.value_text import unescape
from libra.weighing.style.boxes.browser_styles import PARTS_OF_TEXT
from libra.weighing.style.cascade.cascade import Cascade, Value
from libra.weighing.style.fonts.computed_font import computed_font
from libra.weighing.style.styled_document import StyledDocument
from libra.weighing.style.wanted import WantedByStyle
from libra.weighing.stylesheets.fonts import FontFace, FontLibrary, FontStyle


class TextFonts:
    """What elements compute of a font, and which characters are shown in each.

    Args:
        scope: The document.
        cascade: Its style sheets.
        faces: The fonts that they declare; without any nothing is looked for.

    Attributes:
        library: Those faces.
        texts: The characters by font, as far as they decide about a face.
        parts: The pseudo-elements of text that any rule is about.
    """

    def __init__(self, scope: StyledDocument, cascade: Cascade, faces: list[FontFace]) -> None:
        self._scope = scope
        self._fonts = bool(faces)
        self.library = FontLibrary(faces)
        self._ranged = self.library.ranged
        self.texts: dict[FontStyle, set[str]] = {}
        self.parts: list[str] = []
        self._own: dict[str, tuple[dict[int, Value], dict[int, Value], dict[int, Value]]] = {}
        if self._fonts:
            occurring = cascade.pseudo_elements()
            self.parts = [pseudo for pseudo in PARTS_OF_TEXT if pseudo in occurring]
            for pseudo in ("", *({"before", "after"} & occurring), *self.parts):
                self._own[pseudo] = (
                    cascade.winners("font-family", pseudo),
                    cascade.winners("font-weight", pseudo),
                    cascade.winners("font-style", pseudo),
                )

    def elements(self) -> set[int]:
        """The elements from which on text may be in one of the faces."""
        found: set[int] = set()
        for families, _, _ in self._own.values():
            found.update(
                element
                for element, value in families.items()
                if "var(" in value.text or self.library.reaches(unescape(value.text))
            )
        if self._fonts:
            found.update(self._scope.select("font[face]") or ())
        return found

    def computed(
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
        return computed_font((family, weight, italic), default, style, variables)

    def is_set(self, element: int, pseudo: str) -> bool:
        """Whether any rule says something of the font of this pseudo-element."""
        own = self._own.get(pseudo)
        return own is not None and any(element in winners for winners in own)

    def take(
        self,
        element: int,
        tag: str,
        text: Iterable[str],
        style: FontStyle,
        variables: Mapping[str, str],
    ) -> None:
        """An element shows text: in its own font, and its first line or letter in theirs."""
        self.show(style, text)
        for pseudo in self.parts:
            if tag in PARTS_OF_TEXT[pseudo] and self.is_set(element, pseudo):
                self.show(self.computed(element, style, variables, pseudo=pseudo), "x")

    def show(self, style: FontStyle, text: Iterable[str]) -> None:
        """Text is shown in a font."""
        known = self.texts.get(style)
        if known is None:
            known = self.texts[style] = set()
        if self._ranged:
            known.update(text)

    def wanted(self) -> Iterator[WantedByStyle]:
        """The faces that the text asks for. Raises `WorkSpent` if that takes too long."""
        for style, text in self.texts.items():
            self._scope.check()
            for face in self.library.needed(style, text, self._scope.check):
                if face.sources:
                    yield WantedByStyle(face.sources, face.initiator, font=True)
