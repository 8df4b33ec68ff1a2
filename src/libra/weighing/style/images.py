"""The images that a CSS value needs, one for each ``image-set()`` (CSS Images 4)."""

from __future__ import annotations

import re

from libra.urls import join
from libra.weighing.css.value_text import end_of_function, first_url, lowered, urls_in
from libra.weighing.options import Viewport
from libra.weighing.viewport.media_queries import split_top_level
from libra.weighing.viewport.srcset import Candidate, choose_candidate

_IMAGE_TYPE = re.compile(r"type\(\s*[\"']?([^\"')]*)", re.IGNORECASE)
_RESOLUTION = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?|\.\d+)(x|dppx|dpi)(?![\w])", re.IGNORECASE)
_IMAGE_TYPES = frozenset(
    {"image/avif", "image/webp", "image/png", "image/jpeg", "image/gif", "image/svg+xml"}
)


def images_in(value: str, base: str, viewport: Viewport, *, dark: bool = False) -> list[str]:
    """The absolute addresses of the images that a value makes a browser fetch.

    Args:
        value: The value of a property.
        base: The base URL of its addresses.
        viewport: The window for which candidates are chosen.
        dark: Whether the element is shown in dark colours.
    """
    if "light-dark(" in value.lower():
        value = _in_light(value, dark=dark)
    if "image-set(" in value.lower():
        value = _without_image_sets(value, viewport)
    images: list[str] = []
    for reference in urls_in(value):
        if reference and not reference.startswith("#"):
            url = join(base, reference)
            if url is not None:
                images.append(url)
    return images


def _in_light(value: str, *, dark: bool) -> str:
    """Replace each ``light-dark()`` by the half that applies."""
    lower = lowered(value)
    parts: list[str] = []
    at = 0
    while (found := lower.find("light-dark(", at)) >= 0:
        end = end_of_function(value, found + 10)
        halves = split_top_level(value[found + 11 : end], ",")
        parts += (value[at:found], halves[min(int(dark), len(halves) - 1)] if halves else "")
        at = end + 1
    parts.append(value[at:])
    return " ".join(parts)


def _without_image_sets(value: str, viewport: Viewport) -> str:
    """Replace each ``image-set()`` by the ``url()`` of the candidate that a browser chooses."""
    lower = lowered(value)
    parts: list[str] = []
    at = 0
    while (found := lower.find("image-set(", at)) >= 0:
        end = end_of_function(value, found + 9)
        parts.append(value[at:found])
        parts.append(_from_image_set(value[found + 10 : end], viewport))
        at = end + 1
    parts.append(value[at:])
    return " ".join(parts)


def _from_image_set(argument: str, viewport: Viewport) -> str:
    candidates: list[Candidate] = []
    for option in split_top_level(argument, ","):
        kind = _IMAGE_TYPE.search(option)
        if kind is not None and kind[1].strip().lower() not in _IMAGE_TYPES:
            continue
        plain = _IMAGE_TYPE.sub("", option)
        reference = first_url(plain)
        if not reference:
            continue
        density = 1.0
        resolution = _RESOLUTION.search(plain.replace(reference, ""))
        if resolution is not None:
            density = float(resolution[1]) / (96 if resolution[2].lower() == "dpi" else 1)
        if density > 0:  # a candidate without a size is not shown
            candidates.append(Candidate(reference, None, density))
    chosen = choose_candidate(candidates, 1.0, viewport.dpr)
    return "" if chosen is None else 'url("' + chosen.replace('"', "%22") + '")'
