"""The properties that affect requests, and the longhands that each declaration sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from libra.ascii import lowered
from libra.weighing.css.scan import ScannedDeclaration, declarations
from libra.weighing.css.syntax import components
from libra.weighing.style.cascade.animations import INITIAL as ANIMATIONS
from libra.weighing.style.cascade.animations import animation_parts
from libra.weighing.style.cascade.font_shorthand import FONT_PROPERTIES, font_parts
from libra.weighing.style.cascade.size_longhands import size_longhands
from libra.weighing.style.cascade.substitution import needs_substitution
from libra.weighing.stylesheets.supports import WIDE, is_substituted

IMAGE_PROPERTIES = {
    **dict.fromkeys(("background", "background-image"), "background"),
    **dict.fromkeys(
        (
            "border-image", "border-image-source", "-webkit-border-image",
        ),
        "border-image",
    ),
    "border": "border-image",
    "-webkit-filter": "filter",
    "-webkit-backdrop-filter": "backdrop-filter",
    "-webkit-clip-path": "clip-path",
    "-webkit-shape-outside": "shape-outside",
    "marker": "marker-start",
    **dict.fromkeys(("list-style", "list-style-image"), "list-style"),
    **dict.fromkeys(("mask", "mask-image", "-webkit-mask", "-webkit-mask-image"), "mask"),
    **dict.fromkeys(
        (
            "-webkit-mask-box-image", "-webkit-mask-box-image-source",
        ),
        "mask-border",
    ),
    **{
        name: name
        for name in (
            "content", "cursor", "shape-outside", "-webkit-box-reflect", "filter", "clip-path",
            "backdrop-filter", "fill", "stroke", "marker-start", "marker-mid", "marker-end",
        )
    },
}  # fmt: skip
"""The properties whose images Chromium loads for an element, and the longhand of each."""

IMAGES = tuple(dict.fromkeys(IMAGE_PROPERTIES.values()))
_OTHERS = frozenset(
    {
        "display", "font-family", "font-weight", "font-style", "text-transform", "quotes",
        "content-visibility", "color-scheme", "appearance", "container", "container-type",
        "container-name", *ANIMATIONS,
    }
)  # fmt: skip

ALWAYS = _OTHERS | {"content"}
"""The properties that matter even if no stylesheet names images, except those of fonts."""

_SET_BY_ALL = (
    *IMAGES, *sorted(FONT_PROPERTIES), "display", "text-transform", "quotes", *ANIMATIONS,
)  # fmt: skip


def longhands(
    block: str, *, rules: bool = True, sizes: bool = False
) -> Iterator[tuple[str, ScannedDeclaration]]:
    """The declarations that affect requests, each with the longhand that it sets.

    Args:
        block: The block.
        rules: Whether rules may be nested in it, as in a stylesheet but not in a ``style`` attribute.
        sizes: Whether the widths of boxes affect requests.
    """
    for found in declarations(block, rules=rules):
        name = found.name
        if sizes:
            yield from size_longhands(found)
        if name.startswith("-webkit-animation"):
            name = name.removeprefix("-webkit-")
        if name in _PARTS_OF:
            yield from _parts(found._replace(name=name))
        elif name in IMAGE_PROPERTIES:
            yield IMAGE_PROPERTIES[name], found
        elif name == "all":
            if lowered(found.value) in WIDE:
                for longhand in _SET_BY_ALL:
                    yield longhand, found
        elif name in _OTHERS or name[:2] == "--":
            yield name, found._replace(name=name)


def _parts(found: ScannedDeclaration) -> Iterator[tuple[str, ScannedDeclaration]]:
    """The longhands that a shorthand sets. Values with ``var()`` and the like stay whole."""
    names, told = _PARTS_OF[found.name]
    if needs_substitution(found.value) and is_substituted(components(found.value)):
        for longhand in names:
            yield longhand, found
        return
    for longhand, part in told(found.value):
        yield longhand, ScannedDeclaration(longhand, part, found.important)


_PARTS_OF: dict[str, tuple[Sequence[str], Callable[[str], list[tuple[str, str]]]]] = {
    "font": (tuple(sorted(FONT_PROPERTIES)), font_parts),
    "animation": (tuple(ANIMATIONS), animation_parts),
}
"""The longhands of each shorthand, and the function that splits it."""
