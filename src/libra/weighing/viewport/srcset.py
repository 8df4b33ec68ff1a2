"""Chooses the candidate of ``srcset`` and ``sizes`` that a browser loads.

Parsing follows the HTML standard ("parse a srcset attribute"). The choice follows Chromium, which takes
the candidate on the nearer side of the geometric mean of two neighbouring densities. Everything takes
time linear in the length of the attribute.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from libra.ascii import is_digits, lowered, words
from libra.weighing.options import Viewport
from libra.weighing.viewport.sizes import source_size

MAX_CANDIDATES = 1_000
_MAX_DIGITS = 10

_URL = re.compile(r"[^ \t\n\f\r]+")
_SEPARATORS = re.compile(r"[ \t\n\f\r,]*")
_DESCRIPTORS = re.compile(r"(?:[^,()]++|\([^()]*+\)?|\))*+")
_DESCRIPTOR = re.compile(
    r"(-?(?:[0-9]+(?:\.(?:[0-9]+|(?=[eE])))?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)([wxh])"
)


class Candidate(NamedTuple):
    """One image of a ``srcset``, with a ``width``, a ``density``, or neither (1x)."""

    url: str
    width: int | None = None
    density: float | None = None


def parse_srcset(text: str) -> list[Candidate]:
    """The candidates in order, without those with invalid descriptors."""
    candidates: list[Candidate] = []
    at = 0
    while len(candidates) < MAX_CANDIDATES:
        at = _SEPARATORS.match(text, at).end()  # type: ignore[union-attr]  # it matches everything
        match = _URL.match(text, at)
        if match is None:
            break
        url, at = match[0], match.end()
        descriptors = ""
        if url.endswith(","):
            url = url.rstrip(",")
        else:
            found = _DESCRIPTORS.match(text, at)
            if found is not None:
                descriptors, at = found[0], found.end()
        candidate = _candidate(url, descriptors)
        if candidate is not None:
            candidates.append(candidate)
    return candidates


def choose(
    srcset: str | None,
    sizes: str | None,
    src: str | None,
    viewport: Viewport,
    *,
    at_hand: bool = False,
) -> str | None:
    """The image reference that a browser loads, or None if there is none.

    Args:
        srcset: The attribute, if present.
        sizes: The attribute, which ``w`` descriptors need (default ``100vw``).
        src: The fallback, which counts as a 1x candidate unless there are ``w`` descriptors.
        viewport: The window and its pixel ratio.
        at_hand: Whether to prefer a larger candidate in a ``data:`` URL, which costs nothing, to the one
            that fits.
    """
    if not srcset:
        return src or None
    candidates = parse_srcset(srcset)
    has_widths = any(candidate.width is not None for candidate in candidates)
    if src and not has_widths and all(c.density not in {None, 1.0} for c in candidates):
        candidates.append(Candidate(src))
    if not candidates:
        return src or None
    size = source_size(sizes, viewport) if has_widths and len(candidates) > 1 else 1.0
    return choose_candidate(candidates, size, viewport.dpr, at_hand=at_hand)


def choose_candidate(
    candidates: list[Candidate], size: float, dpr: float, *, at_hand: bool = False
) -> str | None:
    """The URL of the candidate that Chromium loads for an image of this width in CSS pixels."""
    if not candidates:
        return None
    dense = sorted((_density(candidate, size), n) for n, candidate in enumerate(candidates))
    chosen = _nearest([density for density, _ in dense], dpr)
    if at_hand:
        for density, n in reversed(dense[chosen + 1 :]):
            if density > dense[chosen][0] and lowered(candidates[n].url[:5]) == "data:":
                return candidates[n].url
    return candidates[dense[chosen][1]].url


def _candidate(url: str, descriptors: str) -> Candidate | None:
    width: int | None = None
    density: float | None = None
    has_height = False
    for token in words(descriptors):
        match = _DESCRIPTOR.fullmatch(token)
        if match is None:
            return None
        number, unit = match.groups()
        if unit == "x" and density is None and width is None:
            density = float(number)
            if density < 0:  # while a negative zero is none
                return None
        elif unit == "w" and density is None and width is None and is_digits(number):
            width = _whole(number)
            if not width:
                return None
        elif unit == "h" and not has_height and is_digits(number) and _whole(number):
            has_height = True  # allowed beside a width, without effect
        else:
            return None
    if (density is not None and not math.isfinite(density)) or (has_height and width is None):
        return None
    return Candidate(url, width, density)


def _whole(digits: str) -> int:
    """The number, or 0 if it is too large for Chromium."""
    digits = digits.lstrip("0")
    number = int(digits) if digits and len(digits) <= _MAX_DIGITS else 0
    return number if number < 2**31 else 0


def _density(candidate: Candidate, size: float) -> float:
    if candidate.width is not None:
        return candidate.width / size if size > 0 else math.inf
    return 1.0 if candidate.density is None else candidate.density


def _nearest(densities: list[float], dpr: float) -> int:
    """Chromium's choice among ascending densities (html_srcset_parser.cc); the first of equals."""
    chosen = len(densities) - 1
    for n in range(len(densities) - 1):
        current, following = densities[n], densities[n + 1]
        if following < dpr:
            continue
        upwards = current < dpr <= 1 or dpr >= math.sqrt(current * following)
        chosen = n + 1 if upwards else n
        break
    while chosen > 0 and densities[chosen - 1] == densities[chosen]:
        chosen -= 1
    return chosen
