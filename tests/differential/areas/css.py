"""CSS: sheets whose rules pull at the same few elements, of forms that browsers read and do not."""

# fmt: off
from __future__ import annotations

from differential.made import Site

_BODY = """<div id=d class="a b" lang=en title="x y" data-n=5><p class=a>one <b class=b>two</b></p><p class=c>three
<span>four</span></p><ul><li class=a>1<li class=b>2<li>3</ul><a href=x.html class=l>l</a><input class=i value=v
placeholder=p required><input type=checkbox checked class=k><button disabled class=a>b</button><i class=e></i><textarea
class=t>t</textarea><select class=s><option selected>o</select><table class=w><tr><td>c</table><h1>h</h1><q>q</q>
<section class=a><em>e</em></section><details class=z open><summary>s</summary>d</details><progress value=1 max=2></progress>
<svg class=v width=9 height=9><rect width=9 height=9 /><text y=9>x</text></svg><div class=h hidden>n</div>
<img alt=broken class=g><fieldset class=f disabled><legend>l</legend><input type=radio name=r></fieldset></div>"""

_SELECTORS = (
    ".a", ".b", "#d", "p", "*", "div", "body", ":root", "html", "li", "span", ".c", "a", "p.a", ".a.b", "div>p", "p+p", "p~ul",
    "p b", "div *", "[lang]", "[lang=en]", "[lang|=en]", "[title~=x]", "[title^=x]", "[title$=y]", "[title*=' ']", "[data-n='5']",
    "[data-n=5]", "[lang=EN i]", "[lang=en s]", "[lang=EN]", "[class~=a]", "[ lang ]", "[|lang]", "[*|lang]", "[x|lang]", "[lang=en x]",
    "[lang='en'i]", "[lang=]", "[lang", "[lang=en]b", "[\"lang\"]", "[lang=\"en]", "[lang!=en]", "[lang=e\\6e]",
    ":is(.a,.b)", ":is(.a,:no)", ":is()", ":where(p)", ":not(.a)", ":not(.a,.b)", ":not()", ":not(:no)", ":not(p", "p:not(.a", ":has(b)",
    "p:has(>b)", "p:has(+ p)", ":has(:no)", ":has()", "p:has(b,:no)", ":has(:has(b))", "p:is(:has(b))", "li:nth-child(2)", "li:nth-child(odd)", "li:nth-child(2n+1)",
    "li:nth-child(2n + 1)", "li:nth-child(+n)", "li:nth-child(- n)", "li:nth-child(-n+2)", "li:nth-child(n of .a)", "li:nth-child(1 of .a,.b)",
    "li:nth-child(2n+ 1)", "li:nth-child(2 n)", "li:nth-child(EVEN)", "li:nth-child()", "li:nth-last-child(1)", "li:nth-of-type(2)", "li:nth-of-type(1 of .a)",
    "li:nth-child(1 of :no)", "li:first-child", "li:last-child", ":only-child", ":only-of-type", ":empty", "i:empty", ":root>body", ":first-of-type", ":last-of-type",
    ":link", ":visited", ":any-link", "a:hover", "a:active", ":focus", ":focus-within", ":focus-visible", ":target", ":checked", ":disabled", ":enabled", ":required",
    ":optional", ":read-only", ":read-write", ":placeholder-shown", ":default", ":indeterminate", ":valid", ":invalid", ":user-invalid", ":user-valid", ":in-range", ":out-of-range", ":autofill", ":-webkit-autofill",
    ":lang(en)", ":lang('en')", ":lang(de,en)", ":lang('*-x')", ":lang()", ":dir(ltr)", ":dir(rtl)", ":dir(auto)", ":scope", ":scope>body", ":defined", ":not(:defined)", ":open", "details:open", ":popover-open", ":modal", ":fullscreen",
    ":picture-in-picture", ":playing", ":paused", ":muted", ":host", ":host(p)", ":host-context(p)", "::slotted(p)", "::part(x)", ":state(x)", ":active-view-transition", ":current", ":past", ":future", ":local-link", ":target-within",
    ":blank", ":-moz-focusring", ":-webkit-any(p,b)", ":-webkit-any-link", ":matches(p)", ":any(p)", ":-moz-any(p)", ":-webkit-full-screen", ":-ms-input-placeholder", ":-moz-placeholder", ":nth-col(1)", ":heading", ":heading(1)", ":has-slotted", ":buffering", ":stalled", ":seeking", ":volume-locked", ":interest-source",
    "p::before", "p:before", "p::after", "li::marker", "p::first-letter", "p::first-line", "::selection", "input::placeholder", "::backdrop", "::cue", "::file-selector-button", "p:first-letter", "p:first-line", "p:marker",
    "::-webkit-scrollbar", "::-webkit-anything", "p::-webkit-x", "::-moz-selection", "::-ms-clear", "::no", "p::before::marker", "p::before:hover", "p::before p", "p::before.a", "::before", "*::after", "::-webkit-input-placeholder", "::-moz-placeholder", "input::-ms-input-placeholder",
    "::details-content", "details::details-content", "::marker", "::highlight(x)", "::spelling-error", "::grammar-error", "::target-text", "::view-transition", "::view-transition-group(x)", "::search-text", "::column", "::scroll-marker", "::checkmark", "::picker(select)", "::picker-icon",
    "summary::marker", "summary::-webkit-details-marker", "progress::-webkit-progress-bar", "progress::-webkit-progress-value", "input::-webkit-search-cancel-button", "::-webkit-inner-spin-button", "::-webkit-slider-thumb", "::-webkit-meter-bar", "::-webkit-calendar-picker-indicator", "::-webkit-file-upload-button", "::-webkit-resizer",
    "|p", "*|p", "*|*", "svg|p", "svg|*", "p|", "|*", ".", "#", ".1a", "#1a", "#\\31", ".\\61", ".a\\", "\\.a", "p>", ">p", "p>>p", "p>+p", "p,", ",p", "p,,b", "p,b", "p , b", "p,:no", "p,.1", "p,::no", "p,::-webkit-x", "p/**/.a", "p/**/ /**/.a", "p/**/>/**/b", "/**/p", "p/**/",
    "P", "DIV", ".A", "#D", "p b.b", "p||b", "p/for/b", "p>>>b", "p /deep/ b", "p::shadow b", "&", "& p", "&.a", "p &", "p&", "$p", "%p", "@p", "p@b", "p!", "!p", "p;b", "p:b", "p: hover", "p :hover", "p:hover", "p::", "p:", "5", "p 5", "'p'", "p()", "p(1)", "(p)", "{p}", "[p]", "p]", "p)", "50%", "from", "p\u00a0b", "p\tb", "p\nb",
    "svg", "rect", "svg>rect", "text", "td", "table td", "tbody", "h1", "q", "em", "section>em", "input", "button", "textarea", "select", "option", "legend", "summary", "details", "img", "fieldset", "progress", "p:is(.a)b", "p:not(b)>b", "li:nth-child(1)+li", "*:not(html)", ":nth-child(1)", ".a:where(p)", ":is(p,b,::before)", ":where(::before)", ":not(::before)", ":has(::before)", ":is(p::before)",
    "td:nth-child(1)", "p:first-child", ":first-child", "body>div", "html body", "html>body div.a", "div#d", "#d.a", "[id=d]", "[id=D]", "[ID=d]", "[type=CHECKBOX]", "[type='checkbox']", "input[checked]", ".h", "[hidden]", "div[hidden]", ".e", ".z", ".t", ".w", ".g", ".f", ".i", ".k", ".s", ".v", ".l",
)

_CONDITIONS = (
    "@media all", "@media screen", "@media print", "@media not print", "@media only screen", "@media(min-width:1000px)", "@media (min-width:1000px)", "@media (min-width:1000px)and (hover)", "@media (min-width:1000px) and (hover)",
    "@media (min-width:1000px) and(hover)", "@media screen and (max-width:500px)", "@media screen,print", "@media", "@media ,", "@media screen,", "@media x", "@media not x", "@media (x)", "@media not (x)", "@media (x) or (hover)", "@media (hover) or (x)", "@media (x:1) and (hover)", "@media not (hover)",
    "@media ((hover))", "@media ((hover) and (pointer))", "@media (hover) and (pointer) or (grid)", "@media (hover) and ((pointer) or (grid))", "@media not screen and (hover)", "@media screen or (hover)", "@media screen and not (hover)", "@media (not (hover))", "@media not (not (hover))", "@media (1000px<=width)", "@media (1000px<width<2000px)", "@media (1000px<width>500px)",
    "@media (width>=1000px)", "@media (width > = 1000px)", "@media (width=1350px)", "@media (width)", "@media (width:1350px)", "@media (min-width)", "@media (min-width:0)", "@media (min-width:1)", "@media (min-width:-1px)", "@media (min-width:1e3px)", "@media (min-width:62.5em)", "@media (min-width:calc(1px + 1em))", "@media (min-width:50%)", "@media (min-width:100vw)", "@media (max-width:1349.98px)", "@media (max-width:1350.5px)",
    "@media (orientation:landscape)", "@media (orientation)", "@media (orientation:x)", "@media (min-aspect-ratio:16/9)", "@media (aspect-ratio>1)", "@media (min-aspect-ratio:1.4)", "@media (min-resolution:1dppx)", "@media (resolution:96dpi)", "@media (min-resolution:1.5x)", "@media (-webkit-min-device-pixel-ratio:1.5)", "@media (-webkit-device-pixel-ratio:1)", "@media (min--moz-device-pixel-ratio:1)", "@media (-o-min-device-pixel-ratio:1/1)",
    "@media (prefers-color-scheme:light)", "@media (prefers-color-scheme:dark)", "@media (prefers-color-scheme:no-preference)", "@media (prefers-reduced-motion:reduce)", "@media (prefers-reduced-motion:no-preference)", "@media (prefers-reduced-motion)", "@media (prefers-contrast:more)", "@media (prefers-contrast:no-preference)", "@media (forced-colors:active)", "@media (forced-colors:none)", "@media (inverted-colors:none)", "@media (prefers-reduced-data:reduce)", "@media (prefers-reduced-transparency:no-preference)",
    "@media (color)", "@media (min-color:8)", "@media (color-index)", "@media (monochrome)", "@media (monochrome:0)", "@media (color-gamut:srgb)", "@media (color-gamut:p3)", "@media (dynamic-range:standard)", "@media (hover:hover)", "@media (hover:none)", "@media (any-hover:hover)", "@media (any-hover:none)", "@media (pointer:fine)", "@media (pointer:coarse)", "@media (any-pointer:coarse)", "@media (update:fast)", "@media (update)", "@media (scan:progressive)", "@media (grid)", "@media (grid:0)", "@media (scripting:enabled)", "@media (scripting)", "@media (scripting:none)",
    "@media (overflow-block:scroll)", "@media (overflow-inline:scroll)", "@media (display-mode:browser)", "@media (display-mode:standalone)", "@media (device-width:1350px)", "@media (min-device-width:1000px)", "@media (max-device-width:1000px)", "@media (height>=940px)", "@media (min-height:900px)", "@media (max-height:939px)", "@media (-ms-high-contrast:none)", "@media (-webkit-transform-3d)", "@media (-webkit-transform-2d)", "@media (-webkit-animation)", "@media (video-dynamic-range:standard)", "@media (horizontal-viewport-segments:1)", "@media (device-posture:continuous)", "@media (nav-controls)", "@media (shape:rect)", "@media (environment-blending:opaque)",
    "@media screen\\0", "@media \\0screen", "@media screen and (min-width:0\\0)", "@media all and (transform-3d)", "@media (--x)", "@media @x", "@media 'screen'", "@media screen print", "@media only", "@media not", "@media and", "@media or", "@media only (hover)", "@media not only screen", "@media (hover)(pointer)", "@media screen (hover)", "@media /**/screen/**/and/**/(hover)", "@media screen and/**/(hover)", "@media tv", "@media projection", "@media speech", "@media aural", "@media SCREEN", "@MEDIA screen", "@media layer", "@media (hover", "@media x,screen", "@media (;),screen", "@media (a:b;),screen", "@media [x],screen", "@media (min-width:1px) , print", "@media not (hover),screen", "@media not (hover) and (pointer)",
    "@supports (display:grid)", "@supports not (display:grid)", "@supports (display:x)", "@supports not (display:x)", "@supports (display:grid) and (color:red)", "@supports (display:x) or (color:red)", "@supports (display:grid)and (color:red)", "@supports (display:grid) and(color:red)", "@supports not(display:x)", "@supports ((display:grid))", "@supports (not (display:x))", "@supports (x)", "@supports not (x)", "@supports x()", "@supports not x()", "@supports (--x:1)", "@supports (--x:)", "@supports (color:var(--x))", "@supports (color:)", "@supports (x:y)", "@supports (color:red;)", "@supports (color:red !important)", "@supports selector(p)", "@supports selector(:no)", "@supports selector(p,b)",
    "@supports selector(:has(p))", "@supports selector(:is(:no))", "@supports selector(::-webkit-x)", "@supports selector(::before)", "@supports selector(p > )", "@supports selector(&)", "@supports selector(:focus-visible)", "@supports selector(::-moz-x)", "@supports font-tech(variations)", "@supports font-tech(color-COLRv1)", "@supports font-tech(x)", "@supports font-tech(features-graphite)", "@supports font-format(woff2)", "@supports font-format(svg)", "@supports font-format('woff2')", "@supports at-rule(@layer)", "@supports (-webkit-appearance:none)", "@supports (-moz-appearance:none)", "@supports (-webkit-touch-callout:none)", "@supports (-ms-ime-align:auto)", "@supports (backdrop-filter:blur(1px))",
    "@supports (background:-webkit-named-image(i))", "@supports (-webkit-hyphens:none)", "@supports (aspect-ratio:1/1)", "@supports (inset:0)", "@supports (gap:1px)", "@supports (width:calc(1px))", "@supports (width:calc(1px*sin(0)))", "@supports (color:oklch(0 0 0))", "@supports (color:color(display-p3 0 0 0))", "@supports (color:lab(0 0 0))", "@supports (color:color-mix(in srgb,red,blue))", "@supports (color:rgb(from red r g b))", "@supports (color:light-dark(red,blue))", "@supports (color:contrast-color(red))", "@supports (color:device-cmyk(0 0 0 0))", "@supports (height:100dvh)", "@supports (height:100lvb)", "@supports (height:1cqw)", "@supports (height:1rlh)", "@supports (height:1rcap)", "@supports (width:stretch)", "@supports (width:-webkit-fill-available)", "@supports (width:-moz-available)", "@supports (width:fit-content)", "@supports (width:fit-content(1px))", "@supports (width:anchor-size(width))", "@supports (top:anchor(top))", "@supports (position-area:top)",
    "@supports (animation-timeline:scroll())", "@supports (animation-timeline:view())", "@supports (view-transition-name:x)", "@supports (grid-template-rows:subgrid)", "@supports (grid-template-rows:masonry)", "@supports (display:grid-lanes)", "@supports (text-wrap:balance)", "@supports (text-wrap:pretty)", "@supports (field-sizing:content)", "@supports (interpolate-size:allow-keywords)", "@supports (transition-behavior:allow-discrete)", "@supports (appearance:base-select)", "@supports (corner-shape:squircle)", "@supports (background:image-set(url(x) 1x))", "@supports (background:-webkit-image-set(url(x) 1x))", "@supports (background:cross-fade(url(x),url(y)))", "@supports (background:-webkit-cross-fade(url(x),url(y),50%))", "@supports (background:paint(x))", "@supports (background:element(#x))", "@supports (background:image(red))", "@supports (background:conic-gradient(red,blue))", "@supports (mask:url(x))", "@supports (mask-image:url(x))", "@supports (-webkit-mask:url(x))", "@supports (clip-path:path('M0 0'))", "@supports (clip-path:shape(from 0 0,line to 1px 1px))", "@supports (offset-path:ray(1deg))", "@supports (shape-outside:url(x))", "@supports (initial-letter:2)", "@supports (hanging-punctuation:first)", "@supports (text-box-trim:both)", "@supports (line-clamp:2)", "@supports (-webkit-line-clamp:2)", "@supports (overflow:clip)", "@supports (overflow-anchor:auto)", "@supports (scrollbar-gutter:stable)", "@supports (scrollbar-width:thin)", "@supports (accent-color:red)", "@supports (font-palette:dark)", "@supports (font-size-adjust:ex-height 1)", "@supports (font-variant-emoji:text)", "@supports (all:revert)", "@supports (all:revert-layer)", "@supports (color:if(else:red))", "@supports (width:attr(x px))", "@supports (width:attr(x type(<length>)))", "@supports (color:inherit(--x))", "@supports (width:random(1px,2px))", "@supports (width:sibling-index())", "@supports (width:calc(1px*sibling-index()))", "@supports (content:'x'/'y')", "@supports (content:url(x))", "@supports (ruby-position:over)", "@supports (zoom:1)", "@supports (user-select:none)", "@supports (-webkit-user-select:none)", "@supports (-moz-user-select:none)", "@supports (tab-size:4)", "@supports (contain:size)", "@supports (container-type:inline-size)", "@supports (content-visibility:auto)", "@supports (touch-action:none)", "@supports (position:sticky)", "@supports (position:-webkit-sticky)", "@supports (transform:translate(1px))", "@supports (transform-style:preserve-3d)", "@supports (filter:blur(1px))", "@supports (mix-blend-mode:multiply)", "@supports (object-fit:cover)", "@supports (object-view-box:inset(0))", "@supports (image-rendering:pixelated)", "@supports (image-rendering:crisp-edges)", "@supports (image-orientation:none)", "@supports (print-color-adjust:exact)", "@supports (reading-flow:normal)", "@supports (math-style:compact)", "@supports (dynamic-range-limit:standard)",
    "@layer x", "@layer", "@layer x.y", "@layer x,y", "@layer x .y", "@layer 1", "@layer initial", "@container (min-width:1px)", "@container x (min-width:1px)", "@container (width>9999px)", "@container style(--x:1)", "@scope (div)", "@scope (div) to (p)", "@scope", "@scope (p)", "@scope (:no)", "@scope (div,:no)", "@scope to (p)", "@scope (div)to(p)", "@scope (div) to", "@scope (.a) to (.b)", "@scope (:scope)", "@scope (&)", "@scope (> div)", "@starting-style", "@starting-style x", "@document url()", "@-moz-document url-prefix()", "@x", "@x y", "@page", "@viewport", "@-ms-viewport", "@font-feature-values x", "@namespace", "@charset 'x';@media all", "@import;@media all", "@media all;@media all", "@view-transition", "@position-try --x", "@property --x", "@counter-style x", "@keyframes x", "@when media(hover)", "@else", "@nest &", "@mixin --x", "@function --x()", "@supports-condition --x", "@navigation x", "@media all{}@media all", "@layer y;@layer x",
)


def css(site: Site) -> None:
    """A page with a sheet, in one of the ways that sheets come."""
    draw = site.draw
    sheet = "".join(draw.some(lambda: _statement(site), most=5))
    way = draw.below(6)
    body = _BODY.replace("\n", "")
    if way < 3:
        path = draw.name("css")
        site.put(path, sheet, "text/css")
        site.page(f"<!doctype html><title>t</title><link rel=stylesheet href={path}>{body}")
    elif way == 3 and "</style" not in sheet:
        site.page(f"<!doctype html><title>t</title><style>{sheet}</style>{body}")
    elif way == 4:
        path = draw.name("css")
        site.put(path, sheet, "text/css")
        last = draw.one((f"{path}')", f"{path}' screen", f"{path}' layer(x)", f"{path}' supports(display:grid)"))
        start = "@import url('" if last.endswith(")") and last.endswith("')") else "@import '"
        own = f"{start}{last};" + _statement(site)
        site.put("own.css", own, "text/css")
        site.page(f"<!doctype html><title>t</title><link rel=stylesheet href=own.css>{body}")
    else:
        path = draw.name("css")
        site.put(path, sheet, "text/css")
        site.page(f"<link rel=stylesheet href={path}>{body}")  # in quirks mode


def _statement(site: Site) -> str:
    draw = site.draw
    kind = draw.below(16)
    if kind < 7:
        return _rule(site)
    if kind < 10:
        return f"{draw.one(_CONDITIONS)}{draw.one(('', '', ' ', '/**/'))}{{{_rule(site)}}}" + draw.one(("", "", "", ";", "}"))
    if kind == 10:
        return _import(site)
    if kind == 11:
        return _face(site)
    if kind == 12:
        return _nested(site)
    if kind == 13:
        return _keyframes(site)
    if kind == 14:
        return draw.one(("<!--", "-->", ";", "}", "/* x */", "@charset 'utf-8';", "@charset \"utf-8\";", "@namespace svg 'http://www.w3.org/2000/svg';",
                         "@namespace 'http://www.w3.org/1999/xhtml';", "@layer x,y;", "@layer y;", "@x;", "@x y{z}", "x;", "{}", "p{}", "]", ")", "\\", "@namespace url(x);",
                         "@import;", "@media;", "@supports;", "@", "@ x;", "/*", "'", "\"\n", "\0", "\ufeff", "@property --x{syntax:'*';inherits:false}",
                         "@property --y{syntax:'<image>';inherits:true;initial-value:url(py.png)}", ":root{--x:url(rx.png);--y:none}", "!important;", "url(", "url(a b);"))
    return f"{draw.one(_CONDITIONS)}{{{draw.one(_CONDITIONS)}{{{_rule(site)}}}{_rule(site)}}}"


def _rule(site: Site) -> str:
    draw = site.draw
    selector = draw.one(_SELECTORS)
    if draw.happens(4):
        selector = f"{selector},{draw.one(_SELECTORS)}"
    elif draw.happens(4):
        selector = f"{selector}{draw.one((' ', '>', '+', '~', ''))}{draw.one(_SELECTORS)}"
    close = draw.one(("}", "}", "}", "}", "}", "};", "}}", "", " ;}"))
    return f"{selector}{{{_declarations(site)}{close}"


def _declarations(site: Site) -> str:
    draw = site.draw
    return draw.one((";", ";", ";", "; ", ";;", ";/**/", "}", ";}", ",", "")).join(draw.some(lambda: _declaration(site), most=3))


def _declaration(site: Site) -> str:
    draw = site.draw
    start = draw.one(("", "", "", "", "", "content:'x';", "display:block;", "display:none;", "color:red;", "color;", "x:y;", ":;", "*zoom:1;", "filter:alpha(opacity=5);",
                      "filter:progid:DXImageTransform.Microsoft.gradient(startColorstr='#1');", "@x;", "@media all{}", "a:b{c}", "a{b:c}", "&{color:red}", "color:rgb(1;", "--z:{a;b};", "--z:;", "--x:url(dx.png);",
                      "/*;*/", "!important;", "<!--", "-->", "color:red!ie;", "visibility:hidden;", "all:unset;", "all:initial;", "content:none;", "display:contents;", "position:absolute;", "float:left;", "content:normal;", "background:none!important;", "background:red;"))
    name = draw.one(("background", "background", "background-image", "background-image", "background-image", "BACKGROUND", "background ", "list-style", "list-style-image", "border-image", "border-image-source", "cursor",
                     "mask", "mask-image", "-webkit-mask-image", "-webkit-mask", "content", "filter", "clip-path", "shape-outside", "-webkit-border-image", "-webkit-mask-box-image", "mask-border-source", "fill", "stroke", "marker-start", "marker", "backdrop-filter",
                     "*background", "_background", "-moz-background-image", "background/**/", "back\\67round", "background_image", "--x", "offset-path", "src", "behavior", "-webkit-filter", "mask-border", "-webkit-mask-box-image-source", "border", "background-color", "list-style-type",
                     "-webkit-box-reflect", "marker-mid", "cursor ", "-webkit-clip-path", "image", "symbols"))
    return f"{start}{name}:{_value(site)}" + draw.one(("", "", "", "", "", "!important", " ! important", "!IMPORTANT", "!x", "\\9", "!important x", "!/**/important", " !", "\\0/", "!important!important"))


def _image(site: Site) -> str:
    draw = site.draw
    path = draw.name("png")
    return draw.one(
        (
            f"url({path})", f"url({path})", f"url({path})", f"url('{path}')", f'url("{path}")', f"url( {path} )", f"url(\n'{path}'\n)", f"URL({path})", f"url(a\\){path})", f"url(a){path})", f"url('a){path}')",
            f"url(a b{path})", f"url(a'{path})", f"url({path}", f"url('{path}", f"url('{path}\n')", f"url(/**/{path})", f"url({path}/**/)", f"url(a\\\n{path})", f"url('a\\\n{path}')", f"url(\\61{path})", f"url(\\61 {path})", f"u\\72l({path})",
            f"url({path}) ", f"/**/url({path})/**/", f"url ({path})", f"url/**/({path})", "url()", "url('')", "url(#x)", "none", "x", "inherit", "initial", f"src({path})", f"src('{path}')", f"image({path})", f"image('{path}')", f"'{path}'", f"\"{path}\"", path,
            f"url('{path}' x)", f"url('{path}' x())", f"url('{path}' crossorigin(anonymous))", f"url('{path}' integrity('x'))", f"url({path} x)",
            f"image-set(url({path}) 1x)", f"image-set('{path}' 1x,'{draw.name('png')}' 2x)", f"image-set(url({path}) 2x,url({draw.name('png')}) 1x)", f"-webkit-image-set(url({path}) 1x)", f"image-set('{path}')", f"image-set('{path}' type('image/x'))", f"image-set('{path}' type('image/png') 1x,'{draw.name('png')}' type('image/avif'))", f"image-set('{path}' 0x)", f"image-set('{path}' -1x)",
            f"image-set('{path}' 96dpi)", f"image-set('{path}' 1dppx)", f"image-set('{path}' 1)", f"image-set({path} 1x)", f"image-set('{path}' 1x 2x)", "image-set()", f"image-set('{path}' 1x,)", f"image-set('{path}' calc(1x))", f"image-set('{path}' 1x type('image/png'))", f"image-set('{path}' 1x,linear-gradient(red,blue) 2x)", f"-webkit-image-set('{path}' 1x)", f"-moz-image-set(url({path}) 1x)", f"image-set(none 1x,url({path}) 2x)", f"image-set(image-set('{path}' 1x) 1x)", f"image-set(url({path}) 1x,url({draw.name('png')}) 1x)", f"image-set('{path}' .5x,'{draw.name('png')}' 3x)",
            f"cross-fade(url({path}),url({draw.name('png')}),50%)", f"-webkit-cross-fade(url({path}),url({draw.name('png')}),50%)", f"-webkit-cross-fade(url({path}),url({draw.name('png')}),.5)", f"-webkit-cross-fade(url({path}),url({draw.name('png')}))", f"cross-fade(url({path}) 50%,red)", f"cross-fade(url({path}),red)", f"-webkit-cross-fade(url({path}),none,50%)",
            "linear-gradient(red,blue)", "linear-gradient(red)", "linear-gradient()", "linear-gradient(to top,red,blue)", "linear-gradient(top,red,blue)", "-webkit-linear-gradient(top,red,blue)", "-moz-linear-gradient(top,red,blue)", "linear-gradient(45,red,blue)", "linear-gradient(45deg,red,blue)", "linear-gradient(0,red,blue)", "linear-gradient(red,blue", "radial-gradient(red,blue)", "radial-gradient(circle,red,blue)", "radial-gradient(at,red,blue)", "conic-gradient(red,blue)", "conic-gradient(from 1deg,red,blue)",
            "-webkit-gradient(linear,0 0,0 100%,from(red),to(blue))", "repeating-linear-gradient(red,blue 9px)", "linear-gradient(in oklch,red,blue)", "linear-gradient(red 0 9px,blue)", "linear-gradient(red,10%,blue)", "linear-gradient(red,10%,20%,blue)", "linear-gradient(10%,red,blue)", "linear-gradient(red blue)", "linear-gradient(red,#12345,blue)", "linear-gradient(red,rgba(0,0,0,.5),transparent)", "linear-gradient(180deg,rgb(0 0 0/5%) 0%,#fff 100%)", "linear-gradient(x,red)", "linear-gradient(to top left,red,blue)", "linear-gradient(to top bottom,red,blue)", "linear-gradient(1turn,hsl(1 2% 3%),red)", "linear-gradient(var(--c),red)",
            f"var(--x,url({path}))", "var(--x)", f"var(--u,url({path}))", "var(--u)", "var(--u,)", "var(x)", f"var(--u url({path}))", "var()", f"var(--u,var(--v,url({path})))", f"VAR(--u,url({path}))", f"env(x,url({path}))", f"attr(x,url({path}))", "attr(x)", "attr(title)", "attr(title type(<url>))",
            f"light-dark(url({path}),url({draw.name('png')}))", f"light-dark(url({path}),none)", "light-dark(red,blue)", f"if(media(hover):url({path});else:url({draw.name('png')}))", f"if(else:url({path}))", f"if(style(--x:1):url({path}))", f"if(supports(display:x):none;else:url({path}))", f"if(media(print):url({path}))", f"if(url({path}))",
            f"element(#d) url({path})", "paint(x)", f"-webkit-canvas(x),url({path})", f"expression('{path}')", f"calc(url({path}))", f"url({path})url({draw.name('png')})", f"url({path}),url({draw.name('png')})", f"url({path}),none", f"url({path}),", f",url({path})", f"url({path}),,none", f"(url({path}))", f"[url({path})]", f"{{url({path})}}", f"url({path})]", f"url({path}))",
            f"url({path})}}", f"url(x{{{path})", f"url(x;{path})", f"url(x}}{path})", f"url('x;{path}')", f"url(\"x'{path}\")", f"url('x\\'{path}')", f"url(data:image/png,x),url({path})", f"url(data:image/svg+xml;utf8,<svg xmlns='x'/>),url({path})", f"url(\"data:image/svg+xml,<svg xmlns='x'/>\"),url({path})", f"url({path}#f)", f"url({path}?q)", f"url(?{path})", f"url(é{path})", f"url('\\e9 {path}')", f"url(\\{path})", f"url({{B}}/{path})", f"url(//x\\{path})",
        )
    )


_AFTER = (
    "", "", "", "", " no-repeat", " 0 0", " red", " red no-repeat 50% 0/cover", " center/contain no-repeat fixed", " x", " 0 0 0 0 0", " red red", " 1px", " repeat-x scroll", " 1", " left top", " left left", " top 1px left 2px", " / cover", " 0/cover", " cover",
    " border-box", " padding-box content-box", " text", " border-box border-box border-box", ",auto", ",pointer", " 4 4,auto", " 4 4 auto", ",x", " 3", " 3 fill", " 3/1px round", " 3 / 1px / 2px stretch", " 3 3 3 3 3", " round", " outside", " disc", " inside disc", " square circle", " #a", " hwb(0 0% 0%)", " #12", " rgb(1,2,3)", " RED", " currentcolor", " transparent", " none", " no-repeat no-repeat", " no-repeat no-repeat no-repeat", " repeat no-repeat", " repeat-x repeat-y", " round space",
    " calc(50% - 1px) 0", " calc(50%-1px) 0", " right 1px bottom", " bottom right 2em", " 50%/50% auto", " 50%/auto auto auto", " 50%/-1px", " 0 0/1px", " alpha", " luminance", " add", " intersect exclude", " match-source", " blur(1px)", " / 'alt'", " / ''", " / x", " counter(x)", " 'a'", " open-quote", " attr(title)", " attr(x,'y')", " counters(x,'.')", " var(--none)", " var(--none,)", " var(--none, no-repeat)", " inherit", " ,none", " , url(z.png) red", " red, none", ", none red", "  ", "\n", " -webkit-x", " -1px -1px", " 1e2px 0", " +1px 0", " 1.px 0", " 1px0", " 0px/**/0px", " 0,0", " !x", " local", " fixed scroll", " url(second.png)", " linear-gradient(red,blue)", " border-area", " \\72 ed", " space", " stretch", " 5% 5%", " 3 / auto", " 3/0", " 3 x", " fill 3", " 3 fill fill", " fill", " 1.5", " 10px", " -3",
)


def _value(site: Site) -> str:
    return _image(site) + site.draw.one(_AFTER)


def _import(site: Site) -> str:
    draw = site.draw
    path = draw.name("css")
    site.put(path, f"body{{border-image:url({draw.name('png')}) 3}}", "text/css")
    address = draw.one((f"'{path}'", f'"{path}"', f"url({path})", f"url('{path}')", f" '{path}'", f" url({path})", f"/**/'{path}'", f" {path}", f"\n'{path}'", f" url( '{path}' )", f" url({path}", f" '{path}", f" src('{path}')", f"\t\"{path}\"", f"URL({path})", f" var(--x,'{path}')", f" URL('{path}')", f" url({path} x)", f" url('{path}' x)", f"/**/url({path})/**/"))
    also = draw.one(("", "", "", " screen", " print", " (min-width:1px)", " layer", " layer(x)", " layer()", " layer(x) screen", " screen layer(x)", " supports(display:grid)", " supports(display:x)", " supports((display:grid))", " supports(not (display:x))", " layer supports(display:grid) screen", " supports(display:grid) layer", " supports()",
                     " not print", " x", " (x)", ",screen", "screen", "/**/screen", " screen,print", " layer (x)", " layer(x,y)", " layer(x.y)", " layer(1)", " supports(selector(p))", " supports(color:red) (hover)", " scope(p)", " supports(display:grid) print", " (width>1px)", " only screen", " ;", "{}", " layer x", " all", " supports (display:grid)", " supports(x)", " 'x'", " url(x)", " [x]", " (hover) and (pointer)", "(hover)", " LAYER", " Supports(display:grid)", " supports(--x:1)", " supports(font-tech(variations))", " and", " supports(display:grid) supports(color:red)", " layer layer"))
    end = draw.one((";", ";", ";", "", "\n", "; ", "}", "{}", ";;", "/**/;"))
    odd = ("@import ", "@IMPORT ", "@imp\\6frt ", "@ import ", "@import-x ", "@-import ", "\\@import ", "@@import ")
    keyword = draw.one(odd) if draw.happens(4) else "@import"
    return f"{keyword}{address}{also}{end}"


def _face(site: Site) -> str:
    draw = site.draw
    first, second = draw.name("woff2"), draw.name("woff2")
    source = draw.one(
        (
            f"url({first})", f"url({first})format('woff2')", f"url({first}) format('woff'),url({second})", f"url({first}) format(woff2)", f"url({first}) format('x'),url({second}) format('woff2')", f"local('x'),url({first})", f"local(x y),url({first})", f"local(),url({first})", f"url({first}) tech(variations)", f"url({first}) format(woff2) tech(variations)", f"url({first}) format('woff2') tech(x),url({second})", f"url({first}) tech(features-graphite),url({second})", f"url({first}) format('embedded-opentype'),url({second})", f"url({first}?#iefix) format('embedded-opentype'),url({second}) format('woff')",
            f"'{first}'", f"url({first}),", f",url({first})", f"url({first}) x", f"url({first}) format()", f"url({first}) format('woff2','woff')", f"url({first}) format('svg'),url({second}) format('truetype')", f"url({first}) format('woff2-variations')", f"url({first}) format('opentype')", f"url({first}) format('TRUETYPE')", f"url(data:font/woff2,x),url({first})", f"url(data:font/woff2;base64,AAAA) format('woff2'),url({first}) format('woff')", f"url({first})format('woff2')tech(color-COLRv1)", f"url({first}) tech(color-svg),url({second})", f"url({first}) format(collection)", f"url({first}) tech(incremental),url({second})", f"url() ,url({first})", f"x,url({first})", f"url({first}) format('woff2') x,url({second})", f"url({first});src:url({second})", f"url({first});src:url({second}) x", f"url({first});src:local(x) x", f"url({first}) tech(palettes,variations)", f"url({first}) tech(features-opentype)", f"var(--x,url({first}))", "none", "", f"url({first})!important", f"local(a)local(b),url({first})", f"local('a',b),url({first})", f"url({first}) format(\"woff2\") , url({second})", f"url({first}) format(woff2-variations)", f"url({first}) format('woff2 '),url({second})", f"url({first}) format('font/woff2'),url({second})", f"url({first}) format(x),url({second})",
        )
    )
    descriptor = draw.one(("", "", "", ";unicode-range:U+0-7F", ";unicode-range:U+400-4FF", ";unicode-range:U+6?", ";unicode-range:U+??????", ";unicode-range:U+x", ";unicode-range:u+41,U+62-7A", ";unicode-range:U+62-61", ";unicode-range:U+110000", ";unicode-range:U+0-10FFFF,", ";unicode-range:U+5??-6FF", ";unicode-range:61-7a", ";unicode-range:U+ 61", ";unicode-range:U+000061", ";unicode-range:U+0000061", ";font-weight:700", ";font-weight:100 900", ";font-weight:bold", ";font-weight:x", ";font-style:italic", ";font-style:oblique 10deg", ";font-display:none", ";font-stretch:50%", ";font-weight:1000", ";font-weight:1001", ";font-weight:900 100", ";font-stretch:condensed", ";font-style:oblique", ";font-weight:bolder", ";size-adjust:50%", ";ascent-override:x", ";font-display:optional", ";font-variation-settings:'x' 1", ";unicode-range:U+26", ";unicode-range:U+6F,U+6E", ";unicode-range:U+61-61-62", ";unicode-range:U+4e00-9fff"))
    family = draw.one(("F", "F", "'F'", "\"F\"", "F G", "'F G'", "F,G", "serif", "'serif'", "f", "", "F 1", "1F", "\\46", "inherit", "F;font-family:G", "'F'!important", "F x()", "var(--x)", "system-ui", "F/**/G", "-F", "--F", "F\\ G", "F  G", "initial F", "default", "'F'G", "\ufeffF"))
    use = draw.one(("font-family:F", "font:1em F", "font:1em/2 'F',serif", "font:F", "font-family:'F G'", "font-family:F G", "font-family:G,F", "font-family:serif,F", "font:bold 1em F", "font:italic 1em F", "font:1em var(--f,F)", "font-family:var(--f,F)", "font-family:'serif'", "font-family:f", "font-family:F,", "font-family:,F", "font-family:F;font-weight:700", "font-family:F;font-style:italic", "font-family:F;font-weight:bolder", "font:caption;font-family:F", "font:1em F!important;font:x", "font:0 F", "font:1px/0 F", "font:-1px F", "font:10 F", "font:small-caps 1em F", "font:1em/normal F", "font:1em / 1 F", "font:bold italic small-caps condensed 1em F", "font:bold bold 1em F", "font:1em F,x()", "font-family:F!x", "font-family:inherit", "font-family:F 1", "font-family:'F", "font-family:1F", "font-family:F;text-transform:uppercase", "font-family:F;font-variant:small-caps", "font-family:F;content:'z'", "font-family:F;font-size:0", "font-family:F;visibility:hidden", "font-family:F;text-indent:-9999px", "font-family:F;display:none", "font-family:F;color:transparent", "font-family:F;font-stretch:50%", "font-family:F;font-synthesis:none", "font-family:'missing',F", "font-family:emoji,F", "font-family:math,F", "font-family:fangsong,F", "font-family:generic(x),F", "font-family:-apple-system,F", "font-family:BlinkMacSystemFont,F", "font-family:ui-serif,F", "font-family:Arial,F", "font-family:Helvetica,F", "font-family:'Times New Roman',F", "font-family:monospace,F", "font-family:cursive,F", "font-family:\\46", "font-family:initial,F", "font-family:F inherit", "font-family:default,F", "font-family:revert,F"))
    return f"@font-face{draw.one(('', '', ' ', '/**/', ' x', '()'))}{{font-family:{family};src:{source}{descriptor}}}{draw.one(('p', '.a', 'li', 'body', 'b', 'p::before', 'li::marker', 'input', 'textarea', 'q', 'p::first-letter', '*', 'h1', ':root', 'p::first-line', 'option', 'summary', '.e', '.h', 'svg', 'text', 'img', 'q::before', '::placeholder', 'button', 'select', 'legend', 'progress', 'table', 'ul', 'span'))}{{{use}}}"


def _nested(site: Site) -> str:
    draw = site.draw
    inner = draw.one(("&", "& b", "&.a", "b", ">b", "+p", "& + p", "p &", ".a&", "& &", "&:hover", "&::before", "&>b", ":is(b)", "b,i", "b,:no", "@media all", "@media print", "@supports (display:grid)", "@layer x", "@container (width>0)", "@scope (b)", "@starting-style", "&b", "b&", "*", ".b", "#d", "[lang]", "::before", ":not(&)", "@nest &", "@nest b &", "b:hover", "a:b", "&-x", "& > & b", ":where(&)", "@x", "html &", "~ul", "||b", "> b, i", "&,b", "b &", ":has(&)", "@media (hover){b", "& *"))
    before = draw.maybe(f"{_declaration(site)}{draw.one((';', ';', ''))}", of=2)
    after = draw.maybe(_declaration(site), of=2)
    return f"{draw.one(_SELECTORS[:30])}{{{before}{inner}{{{_declarations(site)}}}{draw.one(('', '', ';'))}{after}}}"


def _keyframes(site: Site) -> str:
    draw = site.draw
    frames = draw.one(("from{background-image:%s}", "0%%{background-image:%s}to{background-image:none}", "50%%{background-image:%s}", "to{background-image:%s}", "from,to{background-image:%s}", "x{background-image:%s}", "101%%{background-image:%s}", "-1%%{background-image:%s}", "0{background-image:%s}", "FROM{background-image:%s}", "from{background-image:%s!important}", "from{background:%s}", "from{list-style-image:%s}", "from{content:%s}", "from{cursor:%s,auto}", "from,x{background-image:%s}", "entry 0%%{background-image:%s}", "from{mask-image:%s}", "from{border-image-source:%s}", "from{display:none;background-image:%s}", "from{--x:%s}", "from{background-image:%s}from{background-image:none}", "from{background-image:var(--x)}to{background-image:%s}", "from{fill:%s}", "0.0%%{background-image:%s}", "calc(0%%){background-image:%s}", "from,{background-image:%s}")) % f"url({draw.name('png')})"
    name = draw.one(("n", "n", "n", "'n'", "N", "none", "'none'", "initial", "", "n m", "1n", "\\6e", "auto", "-n", "--n", "ease", "infinite"))
    use = draw.one(("animation:n 1s", "animation:n 1s infinite", "animation:n", "animation:1s n", "animation-name:n", "animation:'n' 1s", "animation:N 1s", "animation:n 1s paused", "animation:n 1s 5s", "animation:n 1s both", "animation:n 0s", "animation:n 1s,m 1s", "animation:m 1s,n 1s", "animation:none", "animation:n 1s;display:none", "animation:n -1s", "animation:n 1s x", "animation:n 1", "animation-name:n;animation-duration:1s", "animation-name:n;animation-duration:1s;animation-delay:9s", "-webkit-animation:n 1s", "-moz-animation:n 1s", "animation:n 1s 0", "animation:var(--a,n) 1s", "animation:n 1s cubic-bezier(0,0,1,1)", "animation:n 1s steps(2,jump-none) 2 alternate-reverse backwards", "animation:n 1s cubic-bezier(2,0,1,1)", "animation:ease 1s", "animation:ease ease 1s", "animation:infinite 1s", "animation:-n 1s", "animation:--n 1s", "animation:n 1s!important", "animation:n 1s;animation:x y z 1s", "animation:n 1s linear(0,1)", "animation:auto 1s", "animation:n 1s forwards", "animation:n 1ms", "animation:n 1s 0", "animation:n 1s;animation-play-state:paused", "animation:n 1s 0 0", "animation:n 1s;visibility:hidden", "animation:n 1s;animation-timeline:scroll()", "animation:n auto", "animation:n 1s 0.5", "animation:n 1s -1"))
    keyword = draw.one(("@keyframes", "@keyframes", "@-webkit-keyframes", "@-moz-keyframes", "@KEYFRAMES", "@-o-keyframes"))
    return f"{keyword} {name}{{{frames}}}{draw.one(('p', '.a', '.b', '#d', 'body', 'p::before', 'li', '.h', 'b'))}{{{use}}}"
