"""The grammars of the properties that can cause requests, as Chromium reads them.

The grammars come from CSS Backgrounds 3, Images 4, Color 5, Masking 1, Filter Effects 1, Shapes 1, UI 4,
Lists 3, Content 3 and SVG 2. Chromium's additions (``-webkit-``) and omissions are included. Tests check
each form against Chromium's answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from libra.ascii import lowered
from libra.weighing.css.grammar import Grammars, Test
from libra.weighing.css.numeric import is_angle, is_length, is_number, type_of
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
    "family-word": lambda part: part.kind == "ident" and lowered(part.value) not in _WIDE,
    "color-word": _is_color_word,
    "channel": _is_channel,
    "unit-interval": lambda part: (
        is_number(part) and (part.kind == "function" or 0 <= float(part.value) <= 1)
    ),
    "positive-integer": lambda part: _is_integer(part, 1),
    "steps-between": lambda part: _is_integer(part, 2),
    "any": lambda _: True,
}

_GRAMMARS = {
    # Colours
    "color": "<color-word> | <color-function> | light-dark(<color> , <color>)",
    "color-function": """
        rgb(<rgb>) | rgba(<rgb>) | hsl(<hsl>) | hsla(<hsl>) | hwb(<hwb>) | lab(<lab>) |
        oklab(<lab>) | lch(<lch>) | oklch(<lch>) | color(<color-channels>) |
        contrast-color(<color>) | color-mix([ <interpolation> , ]? [ <color> && <p>? ]#) |
        alpha([ from ] <color> [ / [ <np> | none ] ]?)""",
    "alpha": "[ / [ <np> | none | <channel> ] ]?",
    "from": "from <color> <channel>{3} [ / <channel> ]?",
    "rgb": "<p>#{3} [ , <np> ]? | <n>#{3} [ , <np> ]? | [ <np> | none ]{3} <alpha> | <from>",
    "hsl": "<hue> , <p> , <p> [ , <np> ]? | [ <hue> | none ] [ <np> | none ]{2} <alpha> | <from>",
    "hue": "<n> | <angle-proper>",
    "hwb": "[ <hue> | none ] [ <np> | none ]{2} <alpha> | <from>",
    "lab": "[ <np> | none ]{3} <alpha> | <from>",
    "lch": "[ <np> | none ]{2} [ <hue> | none ] <alpha> | <from>",
    "color-channels": """
        <color-space> [ <np> | none ]{3} <alpha> | from <color> <color-space> <channel>{3} [ /
        <channel> ]?""",
    "color-space": """
        srgb | srgb-linear | display-p3 | display-p3-linear | a98-rgb | prophoto-rgb | rec2020 |
        xyz | xyz-d50 | xyz-d65""",
    "interpolation": """
        in [ <color-space> | lab | oklab | [ hsl | hwb | lch | oklch ] [ [ shorter | longer |
        increasing | decreasing ] hue ]? ]""",
    # Images
    "image": """
        <url> | <gradient> | <image-set> | <cross-fade> | paint(<name> [ , <any>* ]?) |
        image(<color>) | light-dark([ <image> | none ] , [ <image> | none ])""",
    "gradient": """
        linear-gradient(<linear>) | repeating-linear-gradient(<linear>) |
        radial-gradient(<radial>) | repeating-radial-gradient(<radial>) |
        conic-gradient(<conic>) | repeating-conic-gradient(<conic>) |
        -webkit-linear-gradient(<old-linear>) | -webkit-repeating-linear-gradient(<old-linear>)
        | -webkit-radial-gradient(<old-radial>) |
        -webkit-repeating-radial-gradient(<old-radial>) | -webkit-gradient(<oldest>)""",
    "linear": "[ [ [ <angle> | to <side> ] || <interpolation> ] , ]? <stops>",
    "side": "[ left | right ] || [ top | bottom ]",
    "stops": "<stop> [ , [ <lp> , ]? <stop> ]*",
    "stop": "<color> && <lp>{1,2}?",
    "radial": "[ [ [ [ <radial-shape> ]? [ at <position> ]? ] || <interpolation> ] , ]? <stops>",
    "radial-shape": """
        circle || [ <extent> | <l+> ] | ellipse || [ <extent> | <lp+>{2} ] | <extent> | <l+> |
        <lp+>{2}""",
    "extent": "closest-corner | closest-side | farthest-corner | farthest-side",
    "conic": """
        [ [ [ [ from <angle> ]? [ at <position> ]? ] || <interpolation> ] , ]? <angular-stop> [
        , [ <ap> , ]? <angular-stop> ]*""",
    "angular-stop": "<color> && <ap>{1,2}?",
    "old-linear": "[ [ <angle> | <side> ] , ]? <stops>",
    "old-radial": """
        [ <position> , ]? [ [ [ circle | ellipse ] || [ <extent> | contain | cover ] | <lp+>{2}
        ] , ]? <stops>""",
    "oldest": """
        [ linear , <point> , <point> | radial , <point> , <n+> , <point> , <n+> ] [ , [
        from(<color>) | to(<color>) | color-stop(<np> , <color>) ] ]*""",
    "point": "[ left | center | right | <np> ] [ top | center | bottom | <np> ]",
    "image-set": "image-set(<set-option>#) | -webkit-image-set(<set-option>#)",
    "set-option": """
        [ <string> | <set-image> ] [ <resolution+> || type(<string>) ]?""",
    "set-image": """
        <url> | <gradient> | <cross-fade> | paint(<name> [ , <any>* ]?) |
        light-dark([ <image> | none ] , [ <image> | none ])""",
    "cross-fade": "-webkit-cross-fade(<image> , <image> , <np>)",
    # Positions and boxes
    "position": """
        [ left | center | right | top | bottom | <lp> ] | [ left | center | right ] && [ top |
        center | bottom ] | [ left | center | right | <lp> ] [ top | center | bottom | <lp> ] |
        [ left | right ] <lp> && [ top | bottom ] <lp>""",
    "bg-position": """
        <position> | [ center | [ left | right ] <lp>? ] && [ center | [ top | bottom ] <lp>? ]""",
    "bg-size": "[ <lp+> | auto ]{1,2} | cover | contain",
    "repeat": "repeat-x | repeat-y | [ repeat | space | round | no-repeat ]{1,2}",
    "attachment": "scroll | fixed | local",
    "box": "border-box | padding-box | content-box",
    "bg-clip": "<box> | text | border-area",
    "bg-layer": """
        [ <image> | none ] || <bg-position> [ / <bg-size> ]? || <repeat> || <attachment> ||
        <box> || <bg-clip>""",
    "last-bg-layer": """
        [ <image> | none ] || <bg-position> [ / <bg-size> ]? || <repeat> || <attachment> ||
        <box> || <bg-clip> || <color>""",
    "background": "[ <bg-layer> , ]* <last-bg-layer>",
    "images": "[ <image> | none ]#",
    "image-or-none": "<image> | none",
    # Lists, borders, cursors
    "list-style": """
        [ inside | outside ] || [ <image> | none ] || [ <name> | none | <string> | symbols([
        cyclic | numeric | alphabetic | symbolic | fixed ]? [ <string> | <image> ]+) ]""",
    "border-image": """
        [ <image> | none ] || <slice> [ / <width> | / <width>? / <outset> ]? || <border-repeat>""",
    "slice": "<np+>{1,4} && fill?",
    "width": "[ <lp+> | <n+> | auto ]{1,4}",
    "outset": "[ <l+> | <n+> ]{1,4}",
    "border-repeat": "[ stretch | repeat | round | space ]{1,2}",
    "cursor": "[ [ <url> | <gradient> | <image-set> ] [ <n>{2} ]? , ]* [ <cursor-word> ]",
    "cursor-word": """
        auto | default | none | context-menu | help | pointer | progress | wait | cell |
        crosshair | text | vertical-text | alias | copy | move | no-drop | not-allowed | grab |
        grabbing | e-resize | n-resize | ne-resize | nw-resize | s-resize | se-resize |
        sw-resize | w-resize | ew-resize | ns-resize | nesw-resize | nwse-resize | col-resize |
        row-resize | all-scroll | zoom-in | zoom-out | -webkit-grab | -webkit-grabbing |
        -webkit-zoom-in | -webkit-zoom-out""",
    # Masks
    "mask": "<mask-layer>#",
    "mask-layer": """
        [ <image> | none ] || <bg-position> [ / <bg-size> ]? || <repeat> || <geometry> || [
        <geometry> | no-clip ] || [ add | subtract | intersect | exclude ] || [ alpha |
        luminance | match-source ]""",
    "geometry": "border-box | padding-box | content-box | fill-box | stroke-box | view-box",
    "old-mask": """
        [ [ <image> | none ] || <bg-position> [ / <bg-size> ]? || <repeat> || <geometry> || [
        <geometry> | no-clip | text | border | padding | content ] ]#""",
    # Filters, shapes
    "filter": "none | [ <filter-function> | <url> ]+",
    "filter-function": """
        blur(<l+>?) | brightness(<np+>?) | contrast(<np+>?) | grayscale(<np+>?) | invert(<np+>?)
        | opacity(<np+>?) | saturate(<np+>?) | sepia(<np+>?) | hue-rotate(<angle>?) |
        drop-shadow([ <color>? && [ <l>{2} <l+>? ] ])""",
    "clip-path": "none | <url> | <shape> || [ <geometry> | margin-box ]",
    "shape-outside": "none | <shape> || [ <box> | margin-box ] | <image>",
    "shape": """
        circle([ <lp+> | <extent-side> ]? [ at <position> ]?) | ellipse([ [ <lp+> |
        <extent-side> ]{2} ]? [ at <position> ]?) | inset(<lp>{1,4} [ round <radius> ]?) |
        rect([ <lp> | auto ]{4} [ round <radius> ]?) | xywh(<lp>{2} <lp+>{2} [ round <radius>
        ]?) | polygon([ [ nonzero | evenodd ] , ]? [ <lp>{2} ]#) | path([ [ nonzero | evenodd ]
        , ]? <string>) | shape(<any>+)""",
    "extent-side": "closest-side | farthest-side | closest-corner | farthest-corner",
    "radius": "<lp+>{1,4} [ / <lp+>{1,4} ]?",
    "offset-path": "none | [ ray(<any>+) | <url> | <shape> ] || <geometry-box>",
    "geometry-box": "<geometry> | margin-box",
    "reflect": """
        none | [ above | below | left | right ] [ <lp> [ <image> || <slice> [ / <width> | /
        <width>? / <outset> ]? || <border-repeat> ]? ]?""",
    # Content
    "content": """
        normal | none | [ <content-part>+ | <image> ] [ / [ <string> | <counter> | attr(<any>+)
        ]+ ]?""",
    "content-part": """
        <string> | <image> | <counter> | attr(<any>+) | open-quote | close-quote | no-open-quote
        | no-close-quote""",
    "counter": """
        counter(<name> [ , [ <ident> | <string> | symbols(<any>+) ] ]?) | counters(<name> ,
        <string> [ , [ <ident> | <string> | symbols(<any>+) ] ]?)""",
    # SVG
    "paint": "none | <url> [ none | <color> ]? | <color> | context-fill | context-stroke",
    "marker": "none | <url>",
    # Fonts
    "transform": """
        none | [ matrix(<n>#{6}) | matrix3d(<n>#{16}) | translate(<lp>#{1,2}) | translatex(<lp>)
        | translatey(<lp>) | translatez(<l>) | translate3d(<lp> , <lp> , <l>) |
        scale(<np>#{1,2}) | scalex(<np>) | scaley(<np>) | scalez(<np>) | scale3d(<np>#{3}) |
        rotate(<angle>) | rotatex(<angle>) | rotatey(<angle>) | rotatez(<angle>) | rotate3d(<n>
        , <n> , <n> , <angle>) | skew(<angle>#{1,2}) | skewx(<angle>) | skewy(<angle>) |
        perspective([ <l+> | none ]) ]+""",
    "bg-positions": "<bg-position>#",
    "font": """
        caption | icon | menu | message-box | small-caption | status-bar
        | [ [ normal | italic | oblique <angle>? ] || [ normal | small-caps ] || [ normal | bold
        | bolder | lighter | <weight> ] || [ normal | <font-width> ] ]?
        [ <lp+> | <font-size> ] [ / [ normal | <lp+> | <n+> ] ]? <font-family>""",
    "easing": """
        linear | ease | ease-in | ease-out | ease-in-out | step-start | step-end
        | cubic-bezier(<unit-interval> , <n> , <unit-interval> , <n>)
        | steps(<positive-integer> [ , [ jump-start | jump-end | jump-both | start | end ] ]?)
        | steps(<steps-between> , jump-none) | linear([ <n> && <p>{0,2} ]#{2,})""",
    "easings": "<easing>#",
    "durations": "[ auto | <time+> ]#",
    "range": "[ <range-edge>{1,2} ]#",
    "range-edges": "<range-edge>#",
    "range-edge": "normal | <lp> | <range-name> <lp>?",
    "range-name": "cover | contain | entry | exit | entry-crossing | exit-crossing | scroll",
    "font-width": """
        ultra-condensed | extra-condensed | condensed | semi-condensed | semi-expanded | expanded
        | extra-expanded | ultra-expanded""",
    "font-size": """
        xx-small | x-small | small | medium | large | x-large | xx-large | xxx-large | smaller
        | larger | math""",
    "font-family": "[ <string> | <family-word>+ ]#",
}  # fmt: skip

PROPERTIES = {
    "background": "background", "background-image": "images",
    "list-style": "list-style", "list-style-image": "image-or-none",
    "border-image": "border-image", "border-image-source": "image-or-none",
    "-webkit-border-image": "border-image",
    "cursor": "cursor",
    "mask": "mask", "mask-image": "images",
    "-webkit-mask": "mask", "-webkit-mask-image": "images",
    "-webkit-mask-box-image": "border-image", "-webkit-mask-box-image-source": "image-or-none",
    "filter": "filter", "-webkit-filter": "filter",
    "backdrop-filter": "filter", "-webkit-backdrop-filter": "filter",
    "clip-path": "clip-path", "-webkit-clip-path": "clip-path",
    "shape-outside": "shape-outside", "-webkit-shape-outside": "shape-outside",
    "offset-path": "offset-path", "-webkit-box-reflect": "reflect", "content": "content",
    "fill": "paint", "stroke": "paint", "transform": "transform", "-webkit-transform": "transform",
    "object-position": "position", "background-position": "bg-positions", "font-family": "font-family",
    "font": "font", "animation-timing-function": "easings",
    "animation-duration": "durations", "animation-range": "range",
    "animation-range-start": "range-edges", "animation-range-end": "range-edges",
    "marker": "marker", "marker-start": "marker", "marker-mid": "marker", "marker-end": "marker",
}  # fmt: skip
"""The grammar of each property that has one."""

_grammars = Grammars(_TESTS, _GRAMMARS)


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
