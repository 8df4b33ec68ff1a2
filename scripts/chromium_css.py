"""Ask Chromium which CSS it supports, and write the table that static weighing uses.

    python scripts/chromium_css.py [--chromium /usr/bin/chromium] [--only-answers]

writes src/libra/weighing/css/chromium.json. A new Chromium may support more; run it again then. The
script also asks anew what the conditions, lengths and sizes in the tests (`ANSWERS`) come to. With
`--compared` it renews the answers in tests/unit/weighing/css/compared instead.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

TABLE = Path(__file__).parents[1] / "src/libra/weighing/css/chromium.json"

KEYWORDS = """
-apple-system -internal-x -moz-available -moz-box -moz-crisp-edges -moz-fit-content -moz-flex
-moz-grab -moz-grabbing -moz-inline-box -moz-inline-stack -moz-max-content -moz-min-content
-moz-none -moz-initial -ms-flexbox -ms-grid -ms-inline-flexbox -webkit-auto -webkit-baseline-middle
-webkit-body -webkit-box -webkit-center -webkit-fill-available -webkit-fit-content -webkit-flex
-webkit-grab -webkit-grabbing -webkit-inline-box -webkit-inline-flex -webkit-isolate -webkit-left
-webkit-link -webkit-match-parent -webkit-max-content -webkit-min-content -webkit-optimize-contrast
-webkit-plaintext -webkit-right -webkit-sticky -webkit-text -webkit-zoom-in -webkit-zoom-out above
absolute accumulate active add additive after alias all all-petite-caps all-scroll all-small-caps
allow-discrete allow-end allow-keywords allow-start alpha alphabetic alternate alternate-reverse
always anchor anchor-center antialiased anywhere arabic-indic area armenian at-end at-start atomic
auto auto-add auto-fill auto-fit auto-flow auto-phrase auto-same-line avoid avoid-column avoid-page
avoid-region back background backwards balance balance-all bar base base-select base-palette
baseline before below bengali bevel bidi-override blink block block-axis block-end block-size
block-start bold bolder border border-area border-box both both-block both-edges both-inline bottom
bottom-left bottom-right bounding-box box break-all break-spaces break-word browser bullets butt
button cap cap-height capitalize caption cell center central ch-width character-variant checkbox
chained circle clip clone close-quote closest-corner closest-side coarse col-resize collapse color
color-burn color-dodge color-mix column column-reverse columns common-ligatures compact condensed
contain container-size contain-floats content content-box contents context-fill context-menu
context-stroke contextual copy cover create-anchor crisp crispedges crisp-edges crosshair cross
currentcolor current cursive cyclic dark darken dashed decimal decimal-leading-zero decorations
default default-button deep defer dense destination-in destination-out destination-over
destination-atop devanagari diagonal-fractions difference disabled disc discard
discretionary-ligatures disk distribute dot dotted double double-circle down drop e-resize each-line
ease ease-in ease-in-out ease-out edges effect element ellipse ellipsis em embed emoji end endonly
enabled enclosed-circle ethiopic-numeric ew-resize evenodd ex-height exact exclude exclusion
expanded extends extra-condensed extra-expanded fade fallback fangsong fantasy farthest-corner
farthest-side fast fill fill-available fill-box filled first first-line fit-content fixed flat flex
flex-end flex-start flip flip-block flip-inline flip-start flip-x flip-y flow flow-root footnotes
force-end force-hidden forwards fragments freeze from-font from-image front fuchsia full-size-kana
full-width geometricprecision georgian grab grabbing grammar-error graphical-document
graphics-symbol grid grid-columns grid-lanes grid-order grid-rows groove gujarati gurmukhi hand
hanging hard-light hebrew help hidden hide high high-quality hiragana historical-forms
historical-ligatures horizontal horizontal-tb hover hue icon ideographic ideograph-alpha
ideograph-numeric infinite inherit initial inline inline-axis inline-block inline-box inline-end
inline-flex inline-flow-root inline-grid inline-grid-lanes inline-size inline-start inline-table
inner inset inside inside-shape inter-character inter-ideograph inter-word interactive internal
intersect invert isolate isolate-override italic items japanese-formal jis04 jis78 jis83 jis90
jump-both jump-end jump-none jump-start justify justify-all kannada katakana keep-all khmer
korean-hangul-formal lao large larger last last-baseline layout layout-box left legacy lighten
lighter light line line-edge line-through line-under linear linearrgb lining-nums list-item listbox
listitem local logical loose lower lower-alpha lower-armenian lower-greek lower-hexadecimal
lower-latin lower-roman lowercase lr lr-tb ltr luminance luminosity luminosity mandatory
manipulation manual margin margin-box marker markers mask masonry match-parent match-source math
math-auto matrix max-content medium menu menulist menulist-button message-box meter middle
min-content min-intrinsic minimal miter mixed moderate mongolian monospace most-block-size
most-height most-inline-size most-width move move-to multiline multiply myanmar n-resize ne-resize
nearest nesw-resize new no-add no-auto no-clip no-close-quote no-common-ligatures no-contextual
no-discretionary-ligatures no-drop no-historical-ligatures no-open-quote no-preference
no-punctuation no-repeat none none-start nonzero normal not-allowed nowrap ns-resize nw-resize
numbers numeric nwse-resize oblique off oldstyle-nums on only open open-quote optimizequality
optimizelegibility optimizespeed optional ordinal oriya out-of-flow outset outside over overlay
overline padding padding-box page paint painted pan-down pan-left pan-right pan-up pan-x pan-y
papayawhip paused persian petite-caps pinch-zoom pixelated plaintext pointer polygon portrait pre
pre-line pre-wrap preserve preserve-3d preserve-auto preserve-breaks preserve-parent-color
preserve-spaces pretty progress progressive progress-bar proportional-nums proportional-width
proximity push-button radial radio radio-button read-only read-write read-write-plaintext-only rect
region relative repeat repeat-x repeat-y replace replaced reset-size rest reverse revert
revert-layer revert-rule ridge right rl rl-tb rotate rotate-left rotate-right round row row-resize
row-reverse rtl ruby ruby-base ruby-base-container ruby-text ruby-text-container ruby-over
ruby-under run-in running s-resize safe sandwich sans-serif saturation scale-down scale scoop screen
scroll scroll-position scrollbar scrolling se-resize searchfield searchfield-cancel-button
select-list self self-block self-block-end self-block-start self-end self-inline self-inline-end
self-inline-start self-start semi-condensed semi-expanded separate serif sesame shape shape-box show
sideways sideways-lr sideways-right sideways-rl simplified single size skip-white-space slashed-zero
slice slider slider-horizontal slow small small-caps small-caption smaller smooth snap snap-block
snap-inline soft-light solid sliderthumb-horizontal source-atop source-in source-out source-over
space space-all space-around space-between space-evenly span span-all span-block-end
span-block-start span-bottom span-inline-end span-inline-start span-left span-right span-top
span-x-end span-x-start span-y-end span-y-start spell-out spelling-error square squircle srgb stable
stacked stacked-fractions start startend static status-bar step-end step-start sticky stretch strict
stroke stroke-box strong style stylistic sub subgrid subpixel-antialiased subtract super
superellipse swap swash symbolic symbols system-ui tab table table-caption table-cell table-column
table-column-group table-footer-group table-header-group table-row table-row-group tabular-nums
tamil target-text tb tb-rl telugu text text-after-edge text-before-edge text-bottom text-top
textarea textfield thai thick thin tibetan titling-caps to-zero top top-left top-right touch
traditional transform transparent trim trim-adjacent trim-auto trim-both trim-end trim-inner
trim-outer trim-start triangle ui-monospace ui-rounded ui-sans-serif ui-serif ultra-condensed
ultra-expanded under underline unicase uniform unsafe unset up upper upper-alpha upper-armenian
upper-latin upper-roman uppercase upright use-glyph-orientation vector-effect vertical vertical-lr
vertical-rl vertical-text view-box viewport visible visiblefill visiblepainted visiblestroke visual
w-resize wait wavy weight words wrap wrap-reverse x x-end x-large x-small x-start xor xx-large
xx-small xxx-large y y-end y-start zero zoom-in zoom-out autospace ideograph space-first
hanging-punctuation standard no-limit constrained constrained-high
""".split()  # noqa: SIM905

TYPES = {
    "zero": ["0"],
    "integer": ["1", "3"],
    "hundreds": ["450"],
    "number": ["1.5"],
    "negative": ["-1"],
    "length": ["1px"],
    "negative-length": ["-1px"],
    "percentage": ["1%"],
    "time": ["1s"],
    "angle": ["1deg"],
    "flex": ["1fr"],
    "resolution": ["1dppx"],
    "color": ["rebeccapurple"],
    "hash": ["#fff"],
    "url": ["url(x)"],
    "string": ['"x"'],
    "dashed": ["--x"],
    "name": ["custom-name-of-ours"],
}
"""Types of a single component, each with samples; a property must support at least one of them."""

FUNCTIONS = [
    "rgb(0 0 0)", "rgb(0,0,0)", "rgb(0 0 0/0)", "rgba(0,0,0,0)", "rgba(0 0 0/0)", "hsl(0 0% 0%)",
    "hsla(0,0%,0%,0)", "hwb(0 0% 0%)", "lab(0 0 0)", "lch(0 0 0)", "oklab(0 0 0)", "oklch(0 0 0)",
    "color(srgb 0 0 0)", "color-mix(in srgb,red,blue)", "light-dark(red,blue)",
    "light-dark(url(x),url(y))", "contrast-color(red)", "color-contrast(red vs blue,green)",
    "device-cmyk(0 0 0 0)", "alpha(from red/1)", "linear-gradient(red,blue)",
    "radial-gradient(red,blue)", "conic-gradient(red,blue)", "repeating-linear-gradient(red,blue)",
    "repeating-radial-gradient(red,blue)", "repeating-conic-gradient(red,blue)",
    "-webkit-linear-gradient(red,blue)", "-webkit-radial-gradient(red,blue)",
    "-webkit-repeating-linear-gradient(red,blue)", "-webkit-repeating-radial-gradient(red,blue)",
    "-webkit-gradient(linear,0 0,0 1,from(red),to(blue))", "-moz-linear-gradient(red,blue)",
    "image-set(url(x) 1x)", "-webkit-image-set(url(x) 1x)", "image-set('x' 1x)",
    "-webkit-cross-fade(url(x),url(y),50%)", "cross-fade(url(x),url(y),50%)",
    "cross-fade(url(x),url(y))", "paint(x)", "element(#x)", "-moz-element(#x)", "image(red)",
    "src('x')", "blur(1px)", "brightness(1)", "contrast(1)", "drop-shadow(0 0 red)", "grayscale(1)",
    "hue-rotate(1deg)", "invert(1)", "opacity(1)", "saturate(1)", "sepia(1)", "matrix(1,0,0,1,0,0)",
    "matrix3d(1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1)", "translate(1px)", "translate(1px,1px)",
    "translate3d(0,0,0)", "translatex(1px)", "translatey(1px)", "translatez(1px)", "scale(1)",
    "scale3d(1,1,1)", "scalex(1)", "scaley(1)", "scalez(1)", "rotate(1deg)", "rotate3d(1,1,1,1deg)",
    "rotatex(1deg)", "rotatey(1deg)", "rotatez(1deg)", "skew(1deg)", "skewx(1deg)", "skewy(1deg)",
    "perspective(1px)", "circle()", "circle(1px)", "circle(1px at 0 0)", "ellipse()",
    "ellipse(1px 1px)", "inset(1px)", "inset(1px round 1px)", "polygon(0 0,1px 1px,1px 0)",
    "polygon(0 0,1px 1px)", "rect(0 0 0 0)", "rect(0,0,0,0)", "rect(auto,auto,auto,auto)",
    "xywh(0 0 1px 1px)", "path('M0 0')", "shape(from 0 0,line to 1px 1px)", "ray(1deg)",
    "superellipse(2)", "calc(1px)", "calc(1)", "calc(1%)", "calc(1s)", "calc(1deg)",
    "calc-size(auto,size)", "fit-content(1px)", "minmax(1px,1fr)", "repeat(2,1fr)",
    "repeat(auto-fill,1px)", "repeat(2,1px)", "cubic-bezier(0,0,1,1)", "steps(1)", "linear(0,1)",
    "spring(1 1 1 1)", "scroll()", "view()", "counter(x)", "counters(x,'.')", "attr(x)",
    "symbols('x')", "anchor(top)", "anchor(--x top)", "anchor-size(width)", "stylistic(x)",
    "styleset(x)", "swash(x)", "palette-mix(in srgb,normal,light)", "random(1px,2px)", "type('x')",
    "snap-inline(1px)", "local('x')", "format('woff2')", "leader('.')", "alpha(opacity=1)",
    "expression(1)", "dynamic-range-limit-mix(standard 1%,high 1%)", "target-counter('x',y)",
    "content()", "string(x)", "ident('x')", "--x()", "progid:x()",
]  # fmt: skip

SHAPES = r"""
x mandatory|y proximity|both mandatory|red blue|auto red|
"wght" 1|"liga" on|"x" 1|"x" on|x 1|x 1 y 2|auto 1px|
auto 1px auto 1px|1px x|1px/1 x|bold 1px x|italic bold 1px x|1px/1.5 "x",y|oblique 1deg|
oblique 1deg 2deg|first baseline|last baseline|safe center|unsafe center|legacy left|0 0 red|
0 0 1px red|0 0 1px 1px red|inset 0 0 red|inset 0 0 1px red|red 0 0|1px 1px 1px red|1px solid red|
1px solid|solid red|trim-both cap alphabetic|trim-start ex alphabetic|trim-both text|cap alphabetic|
underline red|underline wavy red|underline dotted|underline 1px|underline wavy red 1px|all 1s|
all 1s ease|all 1s ease 1s|x 1s|x 1s linear infinite|display 1s allow-discrete|
1s ease-in-out 1s infinite alternate x|row wrap|column wrap|column nowrap|1 1 auto|1 1 0|1 1 0%|
1 0 1px|0 0 auto|1fr auto|auto 1fr|1fr 1fr|1fr minmax(0,1fr)|repeat(2,1fr) 1px|[a] 1fr [b]|
auto/auto|1fr/1fr|1/2|1/-1|1/span 2|span 2|span 2/span 3|auto/span 2|subgrid/subgrid|"a"|"a" "b"|
"a b"|16/9|auto 16/9|1/1|only light|only dark|light dark|inline flex|inline grid|block flex|
block grid|block flow|block flow-root|inline flow-root|inline table|list-item block|block list-item|
flow list-item|block ruby|both block|both inline|layout paint|size layout|inline-size style|
strict paint|stable both-edges|hidden auto|auto hidden|clip visible|scroll auto|contain none|x/size|
x/inline-size|--x/size|x y|--x y|view()|scroll(root block)|view(block)|cover 0%|cover 0% cover 50%|
entry 0% exit 100%|entry exit|contain 0%|normal normal|0% 100%|top left|top span-left|
bottom span-all|block-start inline-end|span-all bottom|top center|center top|left 1px top 1px|
right 1px bottom 1px|1px 1px 1px|left top 1px|x-start y-end|self-start self-end|start end|
center stretch|space-between center|stretch center|left top|under left|over right|1px/1px|
1px 1px/1px 1px|1 fill|1/1px|fill 1|url(x) 1|url(x) 1 round|url(x) 1/1px round|none 1|hanging first|
first last|force-end last|allow-end last|2 auto|auto 2|1px 2|2 1px|filled dot|open sesame|dot red|
filled red|sesame filled|2 2|2 drop|2 raise|normal 1px|pan-x pan-y|pan-x pinch-zoom|
pan-left pan-down|transform opacity|opacity,transform|scroll-position contents|x y z|counter(x) "y"|
"x" "y"|"x"/"y"|url(x)/"y"|"x" attr(y)|open-quote "x"|x 1px|0 0/cover|center/cover no-repeat|
url(x) center/cover|url(x) no-repeat|url(x) no-repeat center|red url(x)|1deg x|x 1deg|y 1deg|z 1deg|
1 1 1 1deg|1px 1px 1px|1 1 1|cubic-bezier(0,0,1,1) 1s|linear(0,.5 50%,1)|a b c d|flex-start safe|
wrap balance|nowrap pretty|collapse nowrap|preserve nowrap|common-ligatures contextual|
small-caps tabular-nums|tabular-nums slashed-zero|ordinal slashed-zero|jis78 ruby|weight style|
weight none|none none|ex-height 1|from-font 1|cap-height from-font|circle() border-box|
border-box circle()|inset(1px) margin-box|ray(1deg) border-box|ray(1deg closest-side)|
path('M0 0') 1px|auto 1deg|reverse 1deg|1px auto|auto auto|auto 1fr auto|hidden hidden|thin thin|
thick double red|medium none|outside square|square inside|inside url(x)|none inside|grid-rows x|
rotateX(1deg) scale(1)|translate(1px) rotate(1deg)|blur(1px) grayscale(1)|
drop-shadow(0 0 1px red) blur(1px)|1 2 3|1 2|round squircle|squircle round bevel|a4 landscape|
50% 50%|0% 0%|100% 0|1em 1em|stroke fill|fill stroke|markers stroke|normal "x"|jump-start 2|
row dense|column dense|dense row|dense|auto-flow dense/1fr|1fr/auto-flow|--x inline|--x block|
--x,--y|dodge(--x)|flip-block flip-inline|--x flip-block|most-width --x|anchors-valid|none always|
weave|last
""".replace("\n", "").split("|")
"""Values of several components; those that a property accepts show its forms."""

ALSO = ["app-region", "-webkit-app-region", "size", "page-orientation"]
"""Properties that Chromium supports but does not list."""

UNITS = """
px em rem ex rex ch rch cap rcap ic ric lh rlh vw vh vi vb vmin vmax svw svh svi svb svmin svmax lvw
lvh lvi lvb lvmin lvmax dvw dvh dvi dvb dvmin dvmax cqw cqh cqi cqb cqmin cqmax in cm mm q pt pc deg
grad rad turn s ms hz khz dpi dpcm dppx x fr
""".split()  # noqa: SIM905

PSEUDO_CLASSES = """
active active-view-transition any-link autofill blank buffering checked corner-present current
decrement default defined disabled double-button empty enabled end first first-child first-of-type
focus focus-visible focus-within fullscreen future has-slotted heading horizontal host hover
in-range increment indeterminate interest-source interest-target invalid last-child last-of-type
left link local-link modal muted no-button only-child only-of-type open optional out-of-range
overscroll-target past paused picture-in-picture placeholder-shown playing popover-open read-only
read-write required right root scope seeking single-button stalled start target target-after
target-before target-current target-within unchecked user-invalid user-valid valid vertical visited
volume-locked window-inactive xr-overlay menu-open contextmenu drag visible selected eq first-letter
first-line before after -webkit-any-link -webkit-autofill -webkit-autofill-strong-password
-webkit-drag -webkit-full-page-media -webkit-full-screen -webkit-full-screen-ancestor -webkit-foo
-moz-focusring -moz-ui-invalid -moz-placeholder -moz-full-screen -moz-any-link -moz-broken
-moz-first-node -moz-selection -ms-input-placeholder -ms-fullscreen -ms-clear
-internal-autofill-previewed -internal-autofill-selected -internal-foo -o-prefocus -khtml-drag
marker placeholder selection
""".split()  # noqa: SIM905

PSEUDO_CLASS_FUNCTIONS = {
    "is": "a", "where": "a", "not": "a", "has": "a", "matches": "a", "any": "a", "-webkit-any": "a",
    "-moz-any": "a", "nth-child": "1", "nth-last-child": "1", "nth-of-type": "1", "current": "a",
    "nth-last-of-type": "1", "nth-col": "1", "nth-last-col": "1", "lang": "en", "dir": "ltr",
    "host": "a", "host-context": "a", "state": "x", "active-view-transition-type": "x",
    "contains": "'x'", "heading": "1", "eq": "1", "target-within": "a", "cue": "a", "slotted": "a",
    "local-link": "1", "-webkit-full-screen": "a",
}  # fmt: skip

PSEUDO_ELEMENTS = """
after backdrop before checkmark clear column content cue cue-region details-content
file-selector-button first-letter first-line foo footnote-call footnote-marker grammar-error
highlight inner-spin-button interest-hint marker nth-letter part permission-icon picker-icon
placeholder scroll-marker scroll-marker-group search-text selection shadow slotted spelling-error
target-text thumb track view-transition view-transition-group view-transition-image-pair
view-transition-new view-transition-old view-transition-group-children scrollbar
overscroll-area-parent -moz-focus-inner -moz-focus-outer -moz-list-bullet -moz-list-number
-moz-meter-bar -moz-placeholder -moz-progress-bar -moz-range-progress -moz-range-thumb
-moz-range-track -moz-selection -moz-color-swatch -ms-browse -ms-check -ms-clear -ms-expand -ms-fill
-ms-fill-lower -ms-fill-upper -ms-reveal -ms-thumb -ms-ticks-after -ms-ticks-before -ms-tooltip
-ms-track -ms-value -ms-backdrop -internal-foo -o-foo -khtml-foo -webkit-foo -webkit-scrollbar
-webkit-scrollbar-track -webkit-scrollbar-thumb -webkit-scrollbar-button -webkit-scrollbar-corner
-webkit-scrollbar-track-piece -webkit-resizer -webkit-search-cancel-button -webkit-search-decoration
-webkit-search-results-button -webkit-search-results-decoration -webkit-progress-bar
-webkit-progress-value -webkit-progress-inner-element -webkit-slider-thumb
-webkit-slider-runnable-track -webkit-slider-container -webkit-meter-bar -webkit-meter-optimum-value
-webkit-meter-suboptimum-value -webkit-meter-even-less-good-value -webkit-meter-inner-element
-webkit-calendar-picker-indicator -webkit-inner-spin-button -webkit-outer-spin-button
-webkit-clear-button -webkit-color-swatch -webkit-color-swatch-wrapper -webkit-date-and-time-value
-webkit-datetime-edit -webkit-datetime-edit-fields-wrapper -webkit-datetime-edit-text
-webkit-datetime-edit-day-field -webkit-datetime-edit-month-field -webkit-datetime-edit-year-field
-webkit-datetime-edit-hour-field -webkit-datetime-edit-minute-field -webkit-datetime-edit-ampm-field
-webkit-details-marker -webkit-input-placeholder -webkit-file-upload-button
-webkit-validation-bubble -webkit-textfield-decoration-container
-webkit-credentials-auto-fill-button -webkit-contacts-auto-fill-button -webkit-media-controls
-webkit-media-controls-panel -webkit-media-controls-play-button -webkit-media-controls-enclosure
-webkit-media-slider-container -webkit-media-controls-overlay-play-button
-webkit-media-controls-start-playback-button -webkit-media-text-track-display
-webkit-media-text-track-container
""".split()  # noqa: SIM905

PSEUDO_ELEMENT_FUNCTIONS = {
    "cue": "b", "part": "x", "slotted": "a", "highlight": "x", "view-transition-group": "x",
    "view-transition-image-pair": "x", "view-transition-new": "x", "view-transition-old": "x",
    "view-transition-group-children": "x", "scroll-button": "*", "picker": "select", "before": "x",
    "foo": "x", "-webkit-foo": "x", "nth-fragment": "1", "picker-icon": "x", "content": "a",
}  # fmt: skip

TECHS = """
features-opentype features-aat features-graphite variations color-colrv0 color-colrv1 color-svg
color-sbix color-cbdt palettes incremental incremental-patch incremental-range incremental-auto
avar2 foo
""".split()  # noqa: SIM905
FORMATS = """
woff woff2 truetype opentype collection embedded-opentype svg woff-variations woff2-variations
truetype-variations opentype-variations foo
""".split()  # noqa: SIM905
AT_RULES = """
charset container counter-style custom-media custom-selector document font-face font-feature-values
font-palette-values function keyframes layer media mixin namespace page position-try property scope
starting-style supports view-transition viewport -webkit-keyframes -moz-keyframes -o-keyframes apply
contents
""".split()  # noqa: SIM905

ASK = """(ask) => {
  const yes = (p, v) => { try { return CSS.supports(p, v) } catch { return false } };
  const holds = (c) => { try { return CSS.supports(c) } catch { return false } };
  const kebab = (n) => n.replace(/[A-Z]/g, (c) => "-" + c.toLowerCase())
                        .replace(/^(webkit|epub)-/, "-$1-").replace(/^css-float$/, "float");
  const names = new Set(["float", ...ask.also]);
  const style = document.documentElement.style;
  for (const n in style) if (typeof style[n] == "string") names.add(n.includes("-") ? n : kebab(n));
  for (const n of getComputedStyle(document.documentElement)) names.add(n);
  const properties = {};
  for (const name of [...names].sort()) {
    if (name.startsWith("--") || !yes(name, "inherit")) continue;
    const found = {w: ask.keywords.filter((k) => yes(name, k)), t: {}, f: []};
    for (const [kind, samples] of Object.entries(ask.types)) {
      const sample = samples.find((v) => yes(name, v));
      if (!sample) continue;
      let most = 1;
      while (most < 6 && yes(name, Array(most + 1).fill(sample).join(" "))) most++;
      found.t[kind] = most;
    }
    found.f = ask.functions.map((v, i) => yes(name, v) ? i : -1).filter((i) => i >= 0);
    found.s = ask.shapes.map((v, i) => yes(name, v) ? i : -1).filter((i) => i >= 0);
    found.c = ask.keywords.concat(Object.values(ask.types).flat(), ask.functions)
                 .filter((v) => yes(name, v)).slice(0, 40)
                 // Any value is valid with a variable in it.
                 .some((v) => !yes("width", v + "," + v) && yes(name, v + "," + v));
    properties[name] = found;
  }
  const listed = (all, text) => all.filter((one) => holds(`selector(${text(one)})`));
  const called = (all, text) => Object.keys(all).filter((n) => holds(`selector(${text(n, all[n])})`));
  return {
    properties,
    units: ask.units.filter((u) => yes("width", "1" + u) || yes("rotate", "1" + u)
      || yes("transition-duration", "1" + u) || yes("grid-template-rows", "1" + u)
      || yes("background-image", `image-set(url(x) 1${u})`)),
    pseudo_classes: listed(ask.pseudoClasses, (n) => "a:" + n),
    pseudo_class_functions: called(ask.pseudoClassFunctions, (n, a) => `a:${n}(${a})`),
    pseudo_elements: listed(ask.pseudoElements, (n) => "a::" + n),
    pseudo_element_functions: called(ask.pseudoElementFunctions, (n, a) => `a::${n}(${a})`),
    font_techs: ask.techs.filter((n) => holds(`font-tech(${n})`)),
    font_formats: ask.formats.filter((n) => holds(`font-format(${n})`)),
    at_rules: ask.atRules.filter((n) => holds(`at-rule(@${n})`)),
  };
}"""

UNIT = Path(__file__).parents[1] / "tests/unit/weighing"
ANSWERS = {
    UNIT / "viewport/asked/media.json": "(all) => all.map((one) => matchMedia(one).matches)",
    UNIT / "stylesheets/asked/supports.json": "(all) => all.map((one) => CSS.supports(one))",
    UNIT / "viewport/asked/lengths.json": """(all) => {
      const box = document.body.appendChild(document.createElement("div"));
      box.style.display = "none";
      return all.map((one) => {
        box.style.left = "";
        box.style.left = one;
        const found = box.style.left && getComputedStyle(box).left;
        return /^[-+.e0-9]+px$/.test(found) ? parseFloat(found) : null;
      });
    }""",
    UNIT / "viewport/asked/sizes.json": """async (all) => {
      const widths = Array.from({length: 38}, (_, n) => Math.round(1.5 ** (n + 2)));
      const images = all.map((one) => {
        const image = new Image();
        image.sizes = one;
        image.srcset = widths.map((width) => `x:#${width} ${width}w`).join(", ");
        return image;
      });
      await new Promise((done) => setTimeout(done));
      return images.map((image) => parseInt(image.currentSrc.split("#")[1]));
    }""",
}
"""The tables of texts with Chromium's answers, and the scripts that ask."""


def ask_anew(chromium: str) -> None:
    """Write Chromium's answers for the texts in the tests, one per line, so that a diff shows each."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for path, script in ANSWERS.items():
            page = browser.new_page(viewport={"width": 1350, "height": 940})
            page.set_content("<!doctype html><body>")
            texts = [text for text, _ in json.loads(path.read_text())]
            answers = zip(texts, page.evaluate(script, texts), strict=True)
            path.write_text("[\n" + ",\n".join(map(json.dumps, answers)) + "\n]\n")
        browser.close()


def ask_chromium(chromium: str) -> dict[str, Any]:
    """Ask Chromium; returns the table as the file stores it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        found: dict[str, Any] = page.evaluate(
            ASK,
            {
                "keywords": KEYWORDS,
                "types": TYPES,
                "shapes": SHAPES,
                "also": ALSO,
                "functions": FUNCTIONS,
                "units": UNITS,
                "pseudoClasses": PSEUDO_CLASSES,
                "pseudoClassFunctions": PSEUDO_CLASS_FUNCTIONS,
                "pseudoElements": PSEUDO_ELEMENTS,
                "pseudoElementFunctions": PSEUDO_ELEMENT_FUNCTIONS,
                "techs": TECHS,
                "formats": FORMATS,
                "atRules": AT_RULES,
            },
        )
        version = browser.version
        browser.close()
    words: dict[str, int] = {}
    shapes: dict[str, int] = {}
    properties = {}
    for name, answer in found.pop("properties").items():
        # Many properties accept the same words and functions, so the table stores each set once.
        numbers = [
            words.setdefault(" ".join(sorted(part)), len(words))
            for part in (answer["w"], [FUNCTIONS[at].replace(" ", "_") for at in answer["f"]])
        ]
        numbers.append(shapes.setdefault("|".join(SHAPES[at] for at in answer["s"]), len(shapes)))
        properties[name] = [*numbers, answer["t"], bool(answer["c"])]
    return {
        "version": version,
        "words": list(words),
        "shapes": list(shapes),
        "properties": properties,
        **found,
    }


COMPARED = Path(__file__).parents[1] / "tests/unit/weighing/css/compared"

COMPARISONS = {
    "selectors": """([documents, cases]) => {
        const parsed = documents.map(html => new DOMParser().parseFromString(html, "text/html"));
        return cases.map(([place, selector]) => {
            try {
                const found = [...parsed[place].querySelectorAll(selector)];
                const numbers = new Set(found.map(one => +one.getAttribute("n")));
                return [...numbers].sort((a, b) => a - b);
            } catch { return null; }
        });
    }""",
    "values": "([_, cases]) => cases.map(([name, value]) => CSS.supports(name, value))",
    "sheets": r"""([_, cases]) => cases.map(([text]) => {
        const element = document.createElement("style"), found = new Set();
        element.textContent = text;
        document.implementation.createHTMLDocument("").head.append(element);
        const walk = rules => { for (const rule of rules) {
            const kind = rule.constructor.name;
            if (kind == "CSSMediaRule" && !matchMedia(rule.media.mediaText).matches) continue;
            if (kind == "CSSSupportsRule" && !CSS.supports(rule.conditionText)) continue;
            if (kind == "CSSStyleRule" || kind == "CSSNestedDeclarations")
                for (const name of ["background-image", "list-style-image"])
                    for (const url of rule.style[name].matchAll(/url\("?(\d+)"?\)/g))
                        found.add(+url[1]);
            if (rule.cssRules && kind != "CSSKeyframesRule" && kind != "CSSPageRule")
                walk(rule.cssRules);
        } };
        walk(element.sheet.cssRules);
        return [...found].sort((a, b) => a - b);
    })""",
    "winners": r"""([_, cases]) => cases.map(([css, body]) => {
        const images = text => text.replace(/U(\d+)/g, "data:,$1"), found = new Set();
        document.head.innerHTML = "<style></style>";
        document.head.firstChild.textContent = images(css);
        document.body.innerHTML = images(body);
        for (const one of document.querySelectorAll("html, body, body *")) {
            const style = getComputedStyle(one);
            for (const name of ["background-image", "border-image-source", "mask-image", "cursor",
                                "-webkit-mask-box-image-source", "filter", "backdrop-filter",
                                "clip-path"])
                for (const url of style.getPropertyValue(name).matchAll(/data:,(\d+)/g))
                    found.add(`U${url[1]}`);
        }
        return [...found].sort();
    })""",
}
"""What answers the cases of each table of comparisons."""


def compare(chromium: str) -> None:
    """Ask Chromium anew what the tables of comparisons say of it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1350, "height": 940})
        for name, script in COMPARISONS.items():
            path = COMPARED / f"{name}.json"
            known = json.loads(path.read_text("utf-8"))
            cases = known.pop("cases")
            answers = page.evaluate(script, [known.get("documents"), cases])
            for case, answer in zip(cases, answers, strict=True):
                case[-1] = answer
            head = "".join(
                f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)},\n"
                for key, value in known.items()
            )
            lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
            path.write_text(f'{{{head}"cases": [\n{lines}\n]}}\n', "utf-8")
        browser.close()


def main() -> None:
    """Write the table, or the answers that tests compare with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--only-answers", action="store_true", help="keep the table")
    parser.add_argument("--compared", action="store_true", help="renew the tables of the tests")
    arguments = parser.parse_args()
    if arguments.compared:
        compare(arguments.chromium)
        return
    ask_anew(arguments.chromium)
    if arguments.only_answers:
        return
    table = ask_chromium(arguments.chromium)
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in table.items()]
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
