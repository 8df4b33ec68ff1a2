"""The images that a CSS value needs, one for each ``image-set()`` (CSS Images 4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from libra.ascii import lowered, trimmed
from libra.urls import join
from libra.weighing.bodies.media_types import IMAGE_TYPES
from libra.weighing.css.numeric import type_of
from libra.weighing.css.syntax import ComponentValue, components, significant, split_at
from libra.weighing.css.tokens import preprocessed
from libra.weighing.css.value_text import urls_in
from libra.weighing.options import Viewport
from libra.weighing.viewport.lengths import resolution_dppx

_IMAGE_SETS = frozenset({"image-set", "-webkit-image-set"})
_CHOOSING = ("image-set(", "light-dark(")


def images_in(value: str, base: str, viewport: Viewport, *, dark: bool = False) -> list[str]:
    """The absolute addresses of the images that a value makes a browser fetch.

    Args:
        value: The value of a property.
        base: The base URL of its addresses.
        viewport: The window for which candidates are chosen.
        dark: Whether the element is shown in dark colours.
    """
    lower = lowered(value)
    if "\\" in value or any(name in lower for name in _CHOOSING):
        value = preprocessed(value)
        references = list(_Chosen(value, viewport, dark=dark).of(components(value)))
    else:
        references = urls_in(value)
    images: list[str] = []
    for reference in references:
        if reference and not reference.startswith("#"):
            url = join(base, reference)
            if url is not None:
                images.append(url)
    return images


class _Chosen:
    """The addresses in a value, with the choices of its functions made."""

    def __init__(self, text: str, viewport: Viewport, *, dark: bool) -> None:
        self._text = text
        self._viewport = viewport
        self._dark = dark

    def of(self, parts: Sequence[ComponentValue]) -> Iterator[str]:
        for part in parts:
            name = lowered(part.value) if part.kind == "function" else ""
            if part.kind == "url":
                yield part.value
            elif name == "url":
                yield from (one.value for one in part.parts[:2] if one.kind == "string")
            elif name in _IMAGE_SETS:
                yield from self._image_set(part)
            elif name == "light-dark":
                halves = split_at(part.parts, ",")
                yield from self.of(halves[min(int(self._dark), len(halves) - 1)])
            elif part.parts:
                yield from self.of(part.parts)

    def _image_set(self, part: ComponentValue) -> Iterator[str]:
        """The address of the option with the lowest sufficient resolution, else of the highest.

        An option may be an image without an address. Chromium does not load a faded one in it.
        """
        options: list[tuple[float, ComponentValue]] = []
        for option in split_at(part.parts, ","):
            words = significant(option)
            density = self._density(words[1:])
            if words and density > 0:  # an option without a size is not shown
                options.append((density, words[0]))
        options.sort(key=lambda option: option[0])
        enough = (image for density, image in options if density >= self._viewport.dpr)
        chosen = next(enough, options[-1][1] if options else None)
        if chosen is not None and chosen.kind == "string":
            yield chosen.value
        elif chosen is not None and not lowered(chosen.value).endswith("cross-fade"):
            yield from self.of([chosen])

    def _density(self, said: Sequence[ComponentValue]) -> float:
        """What an option says after its image; 0 if the option is for another browser."""
        density = 1.0
        for part in said:
            if part.kind == "function" and lowered(part.value) == "type":
                kind = part.parts and lowered(trimmed(significant(part.parts)[0].value))
                if kind not in IMAGE_TYPES:
                    return 0
            elif type_of(part) == "resolution":
                density = resolution_dppx(self._text[part.start : part.end]) or 0
        return density
