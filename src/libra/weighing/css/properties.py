"""Whether values of the properties that can cause requests are valid, as Chromium reads them.

`property_grammars` has the grammars; here are the tests of single components.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from libra.ascii import lowered
from libra.weighing.css.grammar import Grammars, Test
from libra.weighing.css.numeric import is_angle, is_length, is_number, type_of
from libra.weighing.css.property_grammars import GRAMMARS, PROPERTIES
from libra.weighing.css.syntax import ComponentValue, significant

COLORS = frozenset(
    """aliceblue antiquewhite aqua aquamarine azure beige bisque black blanchedalmond blue blueviolet
    brown burlywood cadetblue chartreuse chocolate coral cornflowerblue cornsilk crimson cyan darkblue
    darkcyan darkgoldenrod darkgray darkgreen darkgrey darkkhaki darkmagenta darkolivegreen darkorange
    darkorchid darkred darksalmon darkseagreen darkslateblue darkslategray darkslategrey darkturquoise
    darkviolet deeppink deepskyblue dimgray dimgrey dodgerblue firebrick floralwhite forestgreen
    fuchsia gainsboro ghostwhite gold goldenrod gray green greenyellow grey honeydew hotpink indianred
    indigo ivory khaki lavender lavenderblush lawngreen lemonchiffon lightblue lightcoral lightcyan
    lightgoldenrodyellow lightgray lightgreen lightgrey lightpink lightsalmon lightseagreen
    lightskyblue lightslategray lightslategrey lightsteelblue lightyellow lime limegreen linen magenta
    maroon mediumaquamarine mediumblue mediumorchid mediumpurple mediumseagreen mediumslateblue
    mediumspringgreen mediumturquoise mediumvioletred midnightblue mintcream mistyrose moccasin
    navajowhite navy oldlace olive olivedrab orange orangered orchid palegoldenrod palegreen
    paleturquoise palevioletred papayawhip peachpuff peru pink plum powderblue purple rebeccapurple
    red rosybrown royalblue saddlebrown salmon sandybrown seagreen seashell sienna silver skyblue
    slateblue slategray slategrey snow springgreen steelblue tan teal thistle tomato turquoise violet
    wheat white whitesmoke yellow yellowgreen transparent currentcolor
    accentcolor accentcolortext activeborder activecaption activetext appworkspace background
    buttonborder buttonface buttonhighlight buttonshadow buttontext canvas canvastext captiontext
    field fieldtext graytext highlight highlighttext inactiveborder inactivecaption
    inactivecaptiontext infobackground infotext linktext mark marktext menu menutext scrollbar
    selecteditem selecteditemtext threeddarkshadow threedface threedhighlight threedlightshadow
    threedshadow visitedtext window windowframe windowtext -webkit-activelink -webkit-focus-ring-color
    -webkit-link -webkit-text -internal-light-dark""".split()  # noqa: SIM905
)
_WIDE = frozenset(
    {"inherit", "initial", "unset", "revert", "revert-layer", "revert-rule", "default"}
)
_NOT_CUSTOM = _WIDE | {"none"}
_OF_ANIMATIONS = _NOT_CUSTOM | frozenset(
    {"auto", "linear", "ease", "ease-in", "ease-out", "ease-in-out", "step-start", "step-end",
     "infinite", "normal", "reverse", "alternate", "alternate-reverse", "forwards", "backwards",
     "both", "running", "paused"}
)  # fmt: skip


def _is_url(part: ComponentValue) -> bool:
    if part.kind == "url":
        return True
    if part.kind != "function" or lowered(part.value) != "url":
        return False
    first, *modifiers = significant(part.parts) or [part]
    return first.kind == "string" and all(
        one.kind == "function" and lowered(one.value) == "integrity" for one in modifiers
    )


def _is_color_word(part: ComponentValue) -> bool:
    if part.kind == "hash":
        return len(part.value) in {3, 4, 6, 8} and all(
            character in "0123456789abcdefABCDEF" for character in part.value
        )
    return part.kind == "ident" and lowered(part.value) in COLORS


def _is_channel(part: ComponentValue) -> bool:
    return part.kind == "ident" or is_number(part, percentage=True) or type_of(part) == "angle"


_INTEGER = re.compile(r"[+-]?[0-9]{1,9}\Z")


def _is_integer(part: ComponentValue, least: int) -> bool:
    if part.kind == "number":
        return _INTEGER.match(part.value) is not None and int(part.value) >= least
    return part.kind == "function" and is_number(part)


_SLANTS = {"deg": 1.0, "grad": 0.9000001, "rad": 57.29577951308232, "turn": 360.0}


def _is_slant(part: ComponentValue) -> bool:
    """An angle of at most 90 degrees."""
    if part.kind != "dimension":
        return is_angle(part, zero=False)
    degrees = _SLANTS.get(lowered(part.unit))
    return degrees is not None and abs(float(part.value) * degrees) <= 90


_GENERIC = frozenset(
    {"serif", "sans-serif", "cursive", "fantasy", "monospace", "system-ui", "math", "-webkit-body"}
)  # fmt: skip
_NUMBER = (
    r"[ \t\n\f\r]*+(?:,[ \t\n\f\r]*+)?[+-]?(?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?"
)
_FLAG = r"[ \t\n\f\r]*+(?:,[ \t\n\f\r]*+)?[01]"
_COMMANDS = (
    rf"[mMlLtT](?:{_NUMBER}{_NUMBER})++|[hHvV](?:{_NUMBER})++|[zZ]|[cC](?:(?:{_NUMBER}){{6}})++"
    rf"|[sSqQ](?:(?:{_NUMBER}){{4}})++|[aA](?:(?:{_NUMBER}){{3}}{_FLAG}{_FLAG}{_NUMBER}{_NUMBER})++"
)
_PATH = re.compile(rf"[ \t\n\f\r]*+(?=[mM])(?:(?:{_COMMANDS})[ \t\n\f\r]*+)++")
"""The data of a path (SVG 2, section 9.3.9)."""

_TESTS: dict[str, Test] = {
    "l": is_length,
    "lp": partial(is_length, percentage=True),
    "lp+": partial(is_length, percentage=True, negative=False),
    "l+": partial(is_length, negative=False),
    "n": is_number,
    "n+": partial(is_number, negative=False),
    "np": partial(is_number, percentage=True),
    "np+": partial(is_number, percentage=True, negative=False),
    "p": lambda part: part.kind == "percentage" or type_of(part) == "percentage",
    "p+": lambda part: (
        (part.kind == "percentage" and float(part.value) >= 0)
        or (part.kind == "function" and type_of(part) == "percentage")
    ),
    "angle": is_angle,
    "angle-proper": partial(is_angle, zero=False),
    "ap": lambda part: is_angle(part) or type_of(part) == "percentage",
    "time": lambda part: type_of(part) == "time",
    "time+": lambda part: type_of(part) == "time" and part.value[:1] != "-",
    "resolution+": lambda part: type_of(part) == "resolution" and part.value[:1] != "-",
    "weight": lambda part: (
        is_number(part) and (part.kind == "function" or 1 <= float(part.value) <= 1000)
    ),
    "url": _is_url,
    "string": lambda part: part.kind == "string",
    "name": lambda part: part.kind == "ident" and lowered(part.value) not in _NOT_CUSTOM,
    "ident": lambda part: part.kind == "ident",
    "generic": lambda part: part.is_word(*_GENERIC),
    "wide": lambda part: part.is_word(*_WIDE),
    "family-word": lambda part: part.kind == "ident" and not part.is_word(*_WIDE, *_GENERIC),
    "path-data": lambda part: part.kind == "string" and _PATH.fullmatch(part.value) is not None,
    "slant": _is_slant,
    "counter-style": lambda part: part.kind == "ident" and lowered(part.value) not in _WIDE,
    "animation": lambda part: (
        (part.kind == "ident" and lowered(part.value) not in _NOT_CUSTOM)
        or (part.kind == "string" and part.value != "")
    ),
    "animation-word": lambda part: (
        (part.kind == "ident" and lowered(part.value) not in _OF_ANIMATIONS)
        or (part.kind == "string" and part.value != "")
    ),
    "color-word": _is_color_word,
    "channel": _is_channel,
    "unit-interval": lambda part: (
        is_number(part) and (part.kind == "function" or 0 <= float(part.value) <= 1)
    ),
    "positive-integer": lambda part: _is_integer(part, 1),
    "steps-between": lambda part: _is_integer(part, 2),
    "any": lambda _: True,
}

_grammars = Grammars(_TESTS, GRAMMARS)


_MAX_PARTS = 1_000
"""Longer values count as valid without a check. Only a page built to waste time has such a value."""


def matches(name: str, parts: Sequence[ComponentValue]) -> bool | None:
    """Whether a value without white space is valid; None for a property without a grammar here."""
    grammar = PROPERTIES.get(name)
    if len(parts) > _MAX_PARTS:
        return True
    return None if grammar is None else _grammars.fits(grammar, parts)


def is_color(part: ComponentValue) -> bool | None:
    """Whether a function is a valid colour; None if it is not a colour function."""
    if part.kind != "function" or lowered(part.value) not in _COLOR_FUNCTIONS:
        return None
    return _grammars.fits("color", [part])


def is_image(part: ComponentValue) -> bool | None:
    """Whether a function is a valid image; None if it is not an image function."""
    if part.kind != "function" or lowered(part.value) not in _IMAGE_FUNCTIONS:
        return None
    return _grammars.fits("image", [part])


_COLOR_FUNCTIONS = frozenset(
    {"rgb", "rgba", "hsl", "hsla", "hwb", "lab", "lch", "oklab", "oklch", "color", "color-mix",
     "contrast-color"}
)  # fmt: skip
_IMAGE_FUNCTIONS = frozenset(
    {"linear-gradient", "repeating-linear-gradient", "radial-gradient", "repeating-radial-gradient",
     "conic-gradient", "repeating-conic-gradient", "-webkit-linear-gradient",
     "-webkit-repeating-linear-gradient", "-webkit-radial-gradient", "-webkit-gradient",
     "-webkit-repeating-radial-gradient", "image-set", "-webkit-image-set", "-webkit-cross-fade"}
)  # fmt: skip
