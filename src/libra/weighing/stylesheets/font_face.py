"""``@font-face``: the descriptors of a face, and the sources that are tried (CSS Fonts 4)."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import NamedTuple
from urllib.parse import unquote

from libra.ascii import lowered, trimmed, words
from libra.urls import join
from libra.weighing.css.chromium import chromium
from libra.weighing.css.scan import declarations
from libra.weighing.css.syntax import ComponentValue, components, significant, split_at
from libra.weighing.stylesheets.fonts import FontFace, families_in, weight_of

_MAX_RANGES = 2_000

_RANGES = re.compile(
    r"(?:[ \t\n]*u\+[0-9a-f]{0,6}(?:\?{0,5}|-[0-9a-f]{1,6})[ \t\n]*(?:,(?![ \t\n]*\Z)|\Z))++\Z",
    re.IGNORECASE | re.ASCII,
)


_LAST_CODE_POINT = 0x10FFFF

_RANGE = re.compile(r"u\+([0-9a-f]{1,6})(\?{0,5})(?:-([0-9a-f]{1,6}))?", re.IGNORECASE | re.ASCII)


def read_face(block: str, base: str, layer: str = "") -> FontFace | None:
    """The face that a ``@font-face`` block declares, or None if it is unusable.

    Args:
        block: The text between the braces.
        base: The address of the stylesheet.
        layer: The cascade layer of the rule.
    """
    found: dict[str, str] = {}
    sources: _Sources | None = None
    for name, value, important in declarations(block, rules=False):
        if important:
            continue  # descriptors have no importance
        if name == "src":
            read = _font_sources(value, base)
            sources = sources if read is None else read
        elif name != "unicode-range" or _RANGES.match(value) is not None:
            found[name] = value
    families = families_in(found.get("font-family", ""))
    if lowered(found.get("font-family", "")) in _GENERIC:
        return None  # a generic family or a CSS keyword has no faces
    if len(families) != 1 or sources is None or not (sources.urls or sources.embedded):
        return None
    return FontFace(
        family=families[0],
        sources=tuple(sources.urls),
        ranges=_ranges(found.get("unicode-range", "")),
        weight=_weights(found.get("font-weight", "")),
        stretch=_stretches(found.get("font-stretch", "")),
        italic=lowered(found.get("font-style", "")).startswith(("italic", "oblique")),
        initiator=base,
        layer=layer,
    )


class _Sources(NamedTuple):
    """The sources of a face: their URLs, and whether a font that is embedded as data ends them."""

    urls: list[str]
    embedded: bool


def _font_sources(value: str, base: str) -> _Sources | None:
    """The sources in supported formats, in the order in which they are tried.

    None if there is none, so that Chromium ignores the declaration.
    """
    read = [_font_source(significant(source)) for source in split_at(components(value), ",")]
    if all(reference is None for reference in read):
        return None
    urls: list[str] = []
    for reference in filter(None, read):
        if lowered(reference[:5]) == "data:":
            if _is_font_data(reference):
                return _Sources(urls, embedded=True)
            continue
        url = join(base, reference)
        if url is not None:
            urls.append(url)
    return _Sources(urls, embedded=False)


_GENERIC = frozenset(
    {
        "serif", "sans-serif", "monospace", "cursive", "fantasy", "system-ui", "math",
        "inherit", "initial", "unset", "revert", "revert-layer", "default",
    }
)  # fmt: skip


def _font_source(parts: list[ComponentValue]) -> str | None:
    """The address of one source, if Chromium can read it and supports what it requires.

    It is "" if Chromium reads the source but asks for nothing.
    """
    if len(parts) == 1 and parts[0].kind == "function" and lowered(parts[0].value) == "local":
        kinds = [part.kind for part in significant(parts[0].parts)]
        return "" if kinds == ["string"] or set(kinds) == {"ident"} else None
    reference = address(parts[0]) if parts and parts[0].kind != "string" else None
    if reference is None:
        return None
    rest = parts[1:]
    if rest and rest[0].kind == "function" and lowered(rest[0].value) == "format":
        inner = significant(rest[0].parts)
        if len(inner) != 1 or inner[0].kind not in {"string", "ident"}:
            return None
        if lowered(inner[0].value) not in chromium().font_formats | _VARIATION_FORMATS:
            return None
        rest = rest[1:]
    elif lowered(reference).endswith(".eot") and lowered(reference[:5]) != "data:":
        reference = ""  # Chromium passes over a font for old Internet Explorers
    if rest and rest[0].kind == "function" and lowered(rest[0].value) == "tech":
        techs = [significant(one) for one in split_at(rest[0].parts, ",")]
        if any(
            len(one) != 1
            or one[0].kind != "ident"
            or lowered(one[0].value) not in chromium().font_techs
            for one in techs
        ):
            return None
        rest = rest[1:]
    return reference if not rest else None


_VARIATION_FORMATS = frozenset(
    {"woff-variations", "woff2-variations", "truetype-variations", "opentype-variations"}
)


_FONT_SIGNATURES = (b"wOF2", b"wOFF", b"\0\1\0\0", b"OTTO", b"true", b"ttcf")


def _is_font_data(reference: str) -> bool:
    """Whether a ``data:`` URL may hold a font, judging by its first bytes."""
    head, _, data = reference[5:].partition(",")
    data = unquote(data[:400])
    if trimmed(lowered(head)).endswith(";base64"):
        try:
            begin = b64decode("".join(words(data))[:80] + "====")
        except ValueError:
            return False
    else:
        begin = data[:80].encode("latin-1", "replace")
    return len(data) > _MIN_FONT and begin.startswith(_FONT_SIGNATURES)


_MIN_FONT = 60


def address(part: ComponentValue) -> str | None:
    """The address in a ``url()`` or a string."""
    if part.kind in {"url", "string"}:
        return part.value
    if part.kind == "function" and lowered(part.value) == "url":
        inner = significant(part.parts)
        # Chromium does not support modifiers after the string.
        return inner[0].value if len(inner) == 1 and inner[0].kind == "string" else None
    return None


def _weights(text: str) -> tuple[int, int]:
    weights = [weight_of(word) or 400 for word in words(lowered(text))[:2]]
    return (min(weights), max(weights)) if weights else (400, 400)


_STRETCHES = {
    "ultra-condensed": 50.0,
    "extra-condensed": 62.5,
    "condensed": 75.0,
    "semi-condensed": 87.5,
    "semi-expanded": 112.5,
    "expanded": 125.0,
    "extra-expanded": 150.0,
    "ultra-expanded": 200.0,
}


_PERCENTAGE = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,4})?)%\Z")


def _stretches(text: str) -> tuple[float, float]:
    found: list[float] = []
    for word in words(lowered(text))[:2]:
        percentage = _PERCENTAGE.match(word)
        found.append(float(percentage[1]) if percentage else _STRETCHES.get(word, 100.0))
    return (min(found), max(found)) if found else (100.0, 100.0)


def _ranges(value: str) -> tuple[tuple[int, int], ...]:
    ranges: list[tuple[int, int]] = []
    for match in _RANGE.finditer(value):
        first, wild, last = match.groups()
        low = int(first + "0" * len(wild), 16)
        high = int(last, 16) if last else int(first + "f" * len(wild), 16)
        if not low <= high <= _LAST_CODE_POINT:
            return ()  # the whole descriptor is invalid
        ranges.append((low, high))
        if len(ranges) >= _MAX_RANGES:
            break
    ranges.sort()
    merged: list[tuple[int, int]] = []
    for low, high in ranges:
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)
