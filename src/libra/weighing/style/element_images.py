"""The images that an element needs: its own, and those of its pseudo-elements and animations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import chain

from libra.ascii import lowered, trimmed, words
from libra.weighing.options import Viewport
from libra.weighing.style.boxes.browser_styles import (
    HOSTS,
)
from libra.weighing.style.cascade.animations import INITIAL as ANIMATIONS
from libra.weighing.style.cascade.animations import animation_parts, running
from libra.weighing.style.cascade.cascade import STARTING, Cascade, Value
from libra.weighing.style.cascade.containers import Container, container_of, holds
from libra.weighing.style.cascade.longhands import IMAGES, longhands
from libra.weighing.style.cascade.substitution import has_attributes, needs_substitution, substitute
from libra.weighing.style.images import images_in
from libra.weighing.style.styled_document import StyledDocument
from libra.weighing.style.wanted import WantedByStyle
from libra.weighing.stylesheets.keyframes import Keyframes
from libra.weighing.stylesheets.supports import WIDE, is_valid_text

_IMAGES = frozenset(IMAGES)
_CONTAINERS = ("container", "container-type", "container-name")


class ElementImages:
    """The images that the elements of one document need.

    Args:
        scope: The document.
        cascade: The declarations of its stylesheets.
        images: Whether its stylesheets name images.
        keyframes: Its animations by name, with the base URL of their stylesheets.
        viewport: The window for ``image-set()``.

    Attributes:
        wanted: The images needed so far, in order.
        around: The containers of the current element.
        dark: Whether the current element is shown in dark colours; None: as the page has it.
    """

    def __init__(
        self,
        scope: StyledDocument,
        cascade: Cascade,
        viewport: Viewport,
        *,
        images: bool,
        keyframes: Mapping[str, tuple[Keyframes, str]],
    ) -> None:
        self._scope = scope
        self._cascade = cascade
        self._viewport = viewport
        self._keyframes = keyframes
        self._animated = {name: cascade.winners(name) for name in ANIMATIONS} if keyframes else {}
        self._containers = {name: cascade.winners(name) for name in _CONTAINERS}
        self._schemes = cascade.winners("color-scheme")
        self._found: dict[tuple[Value, bool], list[str]] = {}
        self._images: dict[str, dict[int, list[Value]]] = {}
        self._generated: dict[str, dict[str, dict[int, list[Value]]]] = {"before": {}, "after": {}}
        self._of_parts: dict[str, dict[int, list[Value]]] = {}
        self.wanted: dict[WantedByStyle, None] = {}
        self.around: tuple[Container, ...] = ()
        self.dark: bool | None = None
        if images:
            self._images = self._image_winners("")
            for pseudo in self._generated:
                if cascade.contents(pseudo):
                    self._generated[pseudo] = self._image_winners(pseudo)
            self._find_images_of_parts()
        self._with_images = {element for found in self._images.values() for element in found}

    def __bool__(self) -> bool:
        """Whether any element may need an image."""
        return bool(
            self._with_images
            or self._of_parts
            or any(self._generated.values())
            or any(self._animated.values())
        )

    def elements(self) -> set[int]:
        """The elements that may need images or have animations, and those that are containers."""
        found = set(self._with_images)
        for values in (*self._animated.values(), *self._containers.values()):
            found.update(values)
        for images in (
            *self._of_parts.values(),
            *chain(*map(dict.values, self._generated.values())),
        ):
            found.update(images)
        return found

    def take(self, element: int, variables: Mapping[str, str]) -> None:
        """Record the images that a displayed element needs, whatever its content."""
        if element in self._with_images:
            self._take_images(self._images, element, variables)
        if self._of_parts:
            self._take_images(self._of_parts, element, variables)
        if self._keyframes:
            self._take_animations(element, variables)

    def take_generated(self, element: int, pseudo: str, variables: Mapping[str, str]) -> None:
        """Record the images of an element's ``::before`` or ``::after``."""
        self._take_images(self._generated[pseudo], element, variables)

    def _find_images_of_parts(self) -> None:
        """Find the images of pseudo-elements that exist without a ``content`` declaration."""
        for pseudo in self._cascade.pseudo_elements() & HOSTS.keys():
            hosts = set(self._scope.select(HOSTS[pseudo]) or ())
            for name, found in self._image_winners(pseudo).items():
                if (pseudo == "marker" and name != "content") or (
                    pseudo == "first-line" and name != "background"
                ):
                    continue
                kept = {element: one for element, one in found.items() if element in hosts}
                if kept:
                    self._of_parts[f"{pseudo} {name}"] = kept

    def _image_winners(self, pseudo: str) -> dict[str, dict[int, list[Value]]]:
        found = {}
        for name in IMAGES:
            won = self._cascade.images(name, pseudo)
            if won:
                found[name] = won
        return found

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
        taken: list[WantedByStyle] = []
        for declared in values:
            sure: bool | None = True
            for query in declared.containers:
                if query != STARTING:
                    self._scope.check()
                    fonts = self._cascade.font_sizes
                    judged = holds(query, self.around, variables, self._viewport, fonts=fonts)
                    sure = False if judged is False else None if judged is None else sure
                if sure is False:
                    break
            if sure is False:
                continue
            if sure and declared.containers[:1] != (STARTING,):
                taken.clear()  # overrides the earlier ones
            taken += self._wanted_by(declared, variables, conditional=sure is None)
        for wanted in taken:
            self.wanted[wanted] = None

    def _wanted_by(
        self, declared: Value, variables: Mapping[str, str], *, conditional: bool = False
    ) -> list[WantedByStyle]:
        value = declared
        if needs_substitution(value.text) or has_attributes(value.text):
            text = substitute(value.text, variables, self._viewport, attributes=True)
            if text is None or not is_valid_text(value.name, text):
                return []  # invalid at computed-value time, so it counts as not set
            value = value._replace(text=text)
        dark = "light-dark(" in lowered(value.text) and self._is_dark
        found = self._found.get((value, dark))
        if found is None:
            found = images_in(value.text, value.base, self._viewport, dark=dark)
            self._found[value, dark] = found
        return [WantedByStyle((url,), value.base, conditional=conditional) for url in found]

    def dark_in(
        self, element: int, variables: Mapping[str, str], around: bool | None
    ) -> bool | None:
        """Whether an element is shown in dark colours (CSS Color Adjustment 1, section 2).

        Args:
            element: The element.
            variables: Its custom properties.
            around: The same of its parent. None is as the page has it.
        """
        value = self._schemes.get(element)
        if value is None:
            return around
        text = lowered(trimmed(substitute(value.text, variables, self._viewport) or "inherit"))
        if text in {"normal", "initial"}:
            return None
        is_read = text not in WIDE and is_valid_text("color-scheme", text)
        return _is_dark(text) if is_read else around

    @property
    def _is_dark(self) -> bool:
        return self._dark_page if self.dark is None else self.dark

    @cached_property
    def _dark_page(self) -> bool:
        """Whether the page's ``<meta name=color-scheme>`` asks for dark colours."""
        for node in self._scope.tree.css("meta[name=color-scheme i][content]"):
            said = lowered(trimmed(node.attrs.sget("content")))
            if is_valid_text("color-scheme", said):
                return _is_dark(said)
        return False

    def _take_animations(self, element: int, variables: Mapping[str, str]) -> None:
        values = {
            name: self._computed(value, name, variables)
            for name in ANIMATIONS
            if (value := self._animated[name].get(element)) is not None
        }
        for name, shown in running(values) if values else ():
            frames = self._keyframes.get(name)
            if frames is None:
                continue
            for first, last, block in frames[0].blocks:
                if not (shown == "all" or (first if shown == "first" else last)):
                    continue
                for prop, (written, text, important) in longhands(block):
                    if prop in _IMAGES and not important and is_valid_text(written, text):
                        self._take_values([Value(text, frames[1], written)], variables)

    def _computed(self, value: Value, name: str, variables: Mapping[str, str]) -> str:
        """An animation property's value after substitution; "" if that makes it invalid."""
        if not needs_substitution(value.text):
            return value.text
        text = substitute(value.text, variables, self._viewport)
        if text is None:
            return ""
        if value.name in ANIMATIONS:
            return text if is_valid_text(name, text) else ""
        return dict(animation_parts(text)).get(name, "")

    def container_of(self, element: int, *, sizes: bool) -> Container | None:
        """The container that an element is, if it is one.

        Args:
            element: The element.
            sizes: Whether it has a box whose size can be independent of its content.
        """
        values = [self._containers[name].get(element) for name in _CONTAINERS]
        if not any(values):
            return None
        shorthand, kind, names = (value.text if value is not None else "" for value in values)
        found = container_of(shorthand, kind, names, self._viewport)
        return found if found is None or sizes else found._replace(type="normal")


def _is_dark(schemes: str) -> bool:
    """Whether these schemes are dark for a user who prefers light colours."""
    said = words(schemes)
    return "dark" in said and "light" not in said
