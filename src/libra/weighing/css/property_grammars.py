"""The grammars of the properties that can cause requests, as Chromium reads them.

The grammars come from CSS Backgrounds 3, Images 4, Color 5, Masking 1, Filter Effects 1, Shapes 1, UI 4,
Lists 3, Content 3 and SVG 2. Chromium's additions (``-webkit-``) and omissions are included. Tests check
each form against Chromium's answers.
"""

from __future__ import annotations

GRAMMARS = {
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
    "stop": "<color> <lp>{0,2}",
    "radial": "[ [ [ [ <radial-shape> ]? [ at <position> ]? ] || <interpolation> ] , ]? <stops>",
    "radial-shape": """
        circle || [ <extent> | <l+> ] | ellipse || [ <extent> | <lp+>{2} ] | <extent> | <l+> |
        <lp+>{2}""",
    "extent": "closest-corner | closest-side | farthest-corner | farthest-side",
    "conic": """
        [ [ [ [ from <angle> ]? [ at <position> ]? ] || <interpolation> ] , ]? <angular-stop> [
        , [ <ap> , ]? <angular-stop> ]*""",
    "angular-stop": "<color> <ap>{0,2}",
    "old-linear": "[ [ [ <angle> | <side> ] || <interpolation> ] , ]? <stops>",
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
    "cross-fade": "-webkit-cross-fade([ <image> | none ] , [ <image> | none ] , <np>)",
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
        [ inside | outside ] || [ <image> | none ] || [ <name> | none | <string> | <symbols> ]""",
    "symbols": """
        symbols([ cyclic | symbolic | fixed ]? <string>+) |
        symbols([ numeric | alphabetic ] <string>{2,})""",
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
        [ [ <image> | none ] || <bg-position> [ / <bg-size> ]? || <repeat> || <old-box> || [
        <old-box> | text ] || [ add | subtract | intersect | exclude ] || [ alpha | luminance |
        match-source ] ]#""",
    "old-box": "<box> | border | padding | content",
    # Filters, shapes
    "filter": "none | [ <filter-function> | <url> ]+",
    "filter-function": """
        blur(<l+>?) | brightness(<np+>?) | contrast(<np+>?) | grayscale(<np+>?) | invert(<np+>?)
        | opacity(<np+>?) | saturate(<np+>?) | sepia(<np+>?) | hue-rotate(<angle>?) |
        drop-shadow([ <color>? && [ <l>{2} <l+>? ] ])""",
    "clip-path": "none | <url> | <shape> || [ <geometry> | margin-box ]",
    "shape-outside": "none | <shape> || [ <box> | margin-box ] | <image>",
    "shape": "<common-shape> | path([ [ nonzero | evenodd ] , ]? <path-data>)",
    "offset-shape": "<common-shape> | path(<path-data>)",
    "common-shape": """
        circle([ <lp+> | <extent-side> ]? [ at <position> ]?) | ellipse([ [ <lp+> |
        <extent-side> ]{2} ]? [ at <position> ]?) | inset(<lp>{1,4} [ round <radius> ]?) |
        rect([ <lp> | auto ]{4} [ round <radius> ]?) | xywh(<lp>{2} <lp+>{2} [ round <radius>
        ]?) | polygon([ [ [ nonzero | evenodd ] || round <l+> ] , ]? [ <lp>{2} ]#) |
                shape([ nonzero | evenodd ]? from <shape-point> , <shape-command>#)""",
    "shape-point": "<lp>{2} | <position>",
    "shape-to": "to <shape-point> | by <lp>{2}",
    "shape-control": "<shape-point> [ from [ start | end | origin ] ]?",
    "shape-command": """
        close | move <shape-to> | line <shape-to> | hline [ to | by ] [ <lp> | left | center
        | right | x-start | x-end ] | vline [ to | by ] [ <lp> | top | center | bottom | y-start
        | y-end ] | curve <shape-to> with <shape-control> [ / <shape-control> ]? |
        smooth <shape-to> [ with <shape-control> ]? |
        arc <shape-to> [ of <lp>{1,2} && [ cw | ccw ]? && [ large | small ]? && [ rotate
        <angle> ]? ]""",
    "extent-side": "closest-side | farthest-side",
    "radius": "<lp+>{1,4} [ / <lp+>{1,4} ]?",
    "offset-path": """
        none | [ ray(<angle-proper> && [ <extent> | sides ]? && contain? && [ at <position> ]?) | <url> |
        <offset-shape> ] || <geometry>""",
    "reflect": """
        [ above | below | left | right ] [ <lp> [ <image> || <slice> [ / <width> | /
        <width>? / <outset> ]? || <border-repeat> ]? ]?""",
    # Content
    "content": """
        normal | none | [ <content-part>+ | <image> ] [ / [ <string> | <counter> | attr(<any>+)
        ]+ ]?""",
    "content-part": """
        <string> | <image> | <counter> | attr(<any>+) | open-quote | close-quote | no-open-quote
        | no-close-quote""",
    "counter": """
        counter(<counter-style> [ , [ <counter-style> | <symbols> ] ]?) | counters(<counter-style> ,
        <string> [ , [ <counter-style> | <symbols> ] ]?)""",
    "quotes": "none | auto | [ <string>{2} ]+",
    # Text and boxes
    "text-transform": "none | capitalize | uppercase | lowercase | math-auto",
    "display": """
        none | contents | [ block | inline ] || [ flow | flow-root | table | flex | grid | ruby |
        math ] | [ block | inline ]? && [ flow | flow-root ]? && list-item |
        inline-block | inline-table | inline-flex | inline-grid |
        table-row-group | table-header-group | table-footer-group | table-row | table-cell |
        table-column-group | table-column | table-caption | ruby-text | -webkit-box |
        -webkit-inline-box | -webkit-flex | -webkit-inline-flex""",
    "animations": "[ <one-animation> ]#",
    "one-animation": """
        [ auto | <time+> ] || <easing> || <time> || [ infinite | <n+> ] || [ normal | reverse |
        alternate | alternate-reverse ] || [ none | forwards | backwards | both ] || [ running |
        paused ] || [ none | <animation-word> ]""",
    "animation-names": "[ none | <animation> ]#",
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
        caption | icon | menu | message-box | small-caption | status-bar | -webkit-mini-control
        | -webkit-small-control | -webkit-control
        | [ [ normal | italic | oblique <slant>? ] || [ normal | small-caps ] || [ normal | bold
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
    "font-family": "[ <string> | <generic> | <wide> <ident>+ | <family-word> <ident>* ]#",
    "font-weight": "normal | bold | bolder | lighter | <weight>",
    "font-style": "normal | italic | oblique <slant>?",
    "font-stretch": "normal | <font-width> | <p+>",
}  # fmt: skip

PROPERTIES = {
    "background": "background", "background-image": "images",
    "list-style": "list-style", "list-style-image": "image-or-none",
    "border-image": "border-image", "border-image-source": "image-or-none",
    "-webkit-border-image": "border-image",
    "cursor": "cursor",
    "mask": "mask", "mask-image": "images",
    "-webkit-mask": "old-mask", "-webkit-mask-image": "images",
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
    "font-weight": "font-weight", "font-style": "font-style", "font-stretch": "font-stretch",
    "text-transform": "text-transform", "quotes": "quotes", "display": "display",
    "animation": "animations", "-webkit-animation": "animations",
    "animation-name": "animation-names", "-webkit-animation-name": "animation-names",
    "marker": "marker", "marker-start": "marker", "marker-mid": "marker", "marker-end": "marker",
}  # fmt: skip
"""The grammar of each property that has one."""
