"""HTML: elements that load something, where they may stand and may not, written well and badly."""

# fmt: off
from __future__ import annotations

from collections.abc import Callable

from differential.made import HTML, Site

_WRAPPERS = (
    "{}",
    "<p>{}</p>",
    "<div>{}",
    "<div hidden>{}</div>",
    "<div style='display:none'>{}</div>",
    "<div style=display:contents>{}</div>",
    "<span style=visibility:hidden>{}</span>",
    "<details><summary>s</summary>{}</details>",
    "<details open><summary>{}</summary>d</details>",
    "<dialog>{}</dialog>",
    "<dialog open>{}</dialog>",
    "<div popover>{}</div>",
    "<template>{}</template>",
    "<template shadowrootmode=open>{}</template>",
    "<div><template shadowrootmode=open>{}</template></div>",
    "<div><template shadowrootmode=closed><p>{}<slot></slot></template>l</div>",
    "<p><template shadowrootmode=OPEN>{}</template></p>",
    "<a href=x><template shadowrootmode=open>{}</template></a>",
    "<div><template shadowrootmode=open></template>{}</div>",
    "<div><template shadowrootmode=open>{}</template><template shadowrootmode=open>x</template></div>",
    "<div><template shadowrootmode>{}</template></div>",
    "<section><template shadowrootmode=open><slot name=a></slot></template><b slot=b>{}</b></section>",
    "<noscript>{}</noscript>",
    "<noscript><template>{}</noscript>",
    "<!-- {} -->",
    "<!--> {} -->",
    "<!---> {} -->",
    "<!-- a --!> {} <!-- b -->",
    "<!-- a --> {} -->",
    "<!-- <!-- --> {} -->",
    "<![CDATA[ {} ]]>",
    "<? {} ?>",
    "</ {}>",
    "<!x {}>",
    "<!--[if IE]> {} <![endif]-->",
    "<!--[if !IE]><!--> {} <!--<![endif]-->",
    "<![if !IE]> {} <![endif]>",
    "<svg>{}</svg>",
    "<svg><foreignObject>{}</foreignObject></svg>",
    "<svg><desc>{}</desc></svg>",
    "<svg><title>{}</title></svg>",
    "<svg><![CDATA[ {} ]]></svg>",
    "<svg><defs>{}</defs></svg>",
    "<svg style=display:none>{}</svg>",
    "<svg><style>{}</style></svg>",
    "<math>{}</math>",
    "<math><mi>{}</mi></math>",
    "<math><annotation-xml encoding=text/html>{}</annotation-xml></math>",
    "<math><annotation-xml>{}</annotation-xml></math>",
    "<table>{}</table>",
    "<table><tr>{}</tr></table>",
    "<table><td>{}",
    "<table><caption>{}</caption></table>",
    "<table><colgroup>{}</table>",
    "<select>{}</select>",
    "<select><option>{}</option></select>",
    "<select><button>{}</button></select>",
    "<datalist>{}</datalist>",
    "<textarea>{}</textarea>",
    "<title>{}</title>",
    "<xmp>{}</xmp>",
    "<noembed>{}</noembed>",
    "<noframes>{}</noframes>",
    "<iframe>{}</iframe>",
    "<video>{}</video>",
    "<video src=v.mp4 preload=none>{}</video>",
    "<audio>{}</audio>",
    "<canvas>{}</canvas>",
    "<object>{}</object>",
    "<object data=o.html>{}</object>",
    "<object data=o.zip type=application/zip>{}</object>",
    "<object type=application/x-shockwave-flash data=o.swf>{}</object>",
    "<object data=>{}</object>",
    "<picture>{}</picture>",
    "<picture><source srcset=''>{}</picture>",
    "<button>{}</button>",
    "<button disabled>{}</button>",
    "<fieldset><legend>{}</legend></fieldset>",
    "<meter>{}</meter>",
    "<progress>{}</progress>",
    "<marquee>{}</marquee>",
    "<ruby>a<rp>{}</rp></ruby>",
    "<a href=x>{}</a>",
    "<a>a<a>{}</a>",
    "<b><p>{}</b></p>",
    "<label>{}</label>",
    "<center><font>{}</font></center>",
    "<listing>{}</listing>",
    "<x-custom>{}</x-custom>",
    "<script>'{}'</script>",
    "<script type=text/template>{}</script>",
    "<script><!-- <script> {} </script> --></script>",
    "<style>/*{}*/</style>",
    "<div style=content-visibility:hidden>{}</div>",
    "<div inert>{}</div>",
    "<div contenteditable>{}</div>",
    "<embed>{}",
    "<frameset>{}</frameset>",
    "</br>{}",
    "</p>{}</p>",
    "</body>{}",
    "</html>{}",
    "<body>{}<body>",
    "<head>{}</head>",
    "<html><head>{}",
    "<form><form>{}</form>",
    "<image>{}",
    "<isindex>{}",
    "<div a='{}'>",
    "<div <b>{}</div>",
    "<div/>{}",
    '<div a="x>{}">y',
)


def html(site: Site) -> None:
    """A page of some parts."""
    draw = site.draw
    start = draw.one(
        (
            "<!doctype html><title>t</title>",
            "<!doctype html><html><head><title>t</title></head><body>",
            "<title>t</title>",
            "<!doctype html><head><title>t",
            "\ufeff<!doctype html>",
            "<!-- c --><!DOCTYPE html PUBLIC '-//W3C//DTD HTML 4.01 Transitional//EN'><title>t</title>",
            "<!doctype html><body>",
            "<p>x",
        )
    )
    head = draw.one(("", "", "", "", _base(site), _meta(site)))
    parts = draw.some(lambda: _wrapped(site), most=4)
    site.page(
        start + head + "".join(parts) + draw.one(("", "", "", "<p>end", "<img src=", "<!-- "))
    )


def _wrapped(site: Site) -> str:
    part = _part(site)
    for _ in range(site.draw.below(3)):
        part = site.draw.one(_WRAPPERS).replace("{}", part)
    return part


def _part(site: Site) -> str:
    parts: tuple[Callable[[Site], str], ...] = (
        _img, _img, _img, _picture, _video, _audio, _link, _link, _script, _object, _embed, _frame,
        _svg, _svg, _input, _background, _style, _style_attribute, _base, _meta,
    )
    return site.draw.one(parts)(site)


def _url(site: Site, suffix: str = "png") -> str:
    """An attribute's value, unquoted or in quotes."""
    draw = site.draw
    name = draw.name(suffix)
    return draw.one(
        (
            name, name, name, f"'{name}'", f'"{name}"', f"' {name} '", f"'\n{name}\t'",
            f"'{name}?a&amp;b'", f"'{name}?a&b=c'", f"{name}?a&copy=1", f"'{name}?a&copy;1'",
            f"'&#x61;{name}'", f"'&#97{name}'", f"'a\n{name}'", f"'./{name}'", f"'x/../{name}'",
            f"'x\\{name}'", f"{{B}}/{name}", f"{{X}}/{name}", f"'HTTP:{name}'", f"'{name}#f'",
            f"'{name}?'", f"'a b{name}'", f"'%zz{name}'", f"'%C3%A9{name}'", f"'é{name}'", "''", "' '", "#x",
            "?q", f"'?{name}'", "'data:image/gif,x'", "'javascript:1'", "about:blank", "'//'", "'http://'",
            f"'x/%2e%2e/{name}'", f"'{name}\u00a0'", f"'&nbsp;{name}'", f"'&unknown;{name}'", f"'&lt;{name}'",
            f"'a|{name}'", f"'a^{name}'", f"'a`{name}'", f"\"a'{name}\"", f"a'{name}", f"a\"{name}", f"a<{name}",
            f"a=b{name}", "''", f"'a&#0;{name}'", f"'a\0{name}'", f"'.//{name}'", f"'a&#128;{name}'",
            f"'a&ampb{name}'", f"'a&notit;{name}'",
        )
    )


def _srcset(site: Site) -> str:
    draw = site.draw

    def candidate() -> str:
        name = draw.one((draw.name("png"), draw.name("png"), f"a,{draw.name('png')}", "data:,x"))
        return name + draw.one(
            (
                "", " 1x", " 2x", " 500w", " 1350w", " 2000w", " 1x,", ",", " 0x", " -1x", " 1.5x", " 1e0x",
                " 100h", " 500w 100h", " 1x 1x", " x", " 1q", " 0w", " 10.5w", " (a, b)", " 1x (a", " +1x",
                " .5x", " 1.x", " 1X", "  1x", "\n1x", " 1w 1x", ",,", " infx", " 1350W", " 5e2w", " 1x)", " 00500w",
            )
        )

    return draw.one((", ", ",", " , ", "  ", ",,")).join(draw.some(candidate, most=4))


_SIZES = (
    "", " sizes=100vw", " sizes=50vw", " sizes='(min-width:1000px) 400px, 100vw'", " sizes=''", " sizes=auto",
    " sizes='auto, 400px'", " sizes='(min-width:9000px) 10px, 400px'", " sizes='calc(100vw - 900px)'",
    " sizes='50%'", " sizes='400px, 800px'", " sizes='(bad 400px, 300px'", " sizes='400'", " sizes='-1px'",
    " sizes='not print 400px'", " sizes='(hover) 400px'", " sizes='print and (color), 30em'", " sizes='0'",
    " sizes='min(400px, 90vw)'", " sizes='/**/400px'", " sizes='400px /* x */'", " sizes='foo(1px), 400px'",
    " sizes='(width>=1000px) 400px'", " sizes='(1000px<=width<2000px) 400px'", " sizes='400PX'",
    " sizes='(min-width:1000px)and (hover) 400px'", " sizes='20rem,'", " sizes='1e2px'", " sizes='clamp(1px,5vw,9px)'",
    " sizes='100dvw'", " sizes='50svw'", " sizes='100vi'", " sizes='10vmin'", " sizes='2in'", " sizes='4ch'",
    " sizes='(orientation:landscape) 300px'", " sizes='all 300px'", " sizes='screen 300px'", " sizes='sign(1) 3px'",
)


def _img(site: Site) -> str:
    draw = site.draw
    tag = draw.one(("img", "img", "img", "IMG", "image"))
    attributes = draw.one(
        (
            f" src={_url(site)}",
            f" src={_url(site)}",
            f" srcset='{_srcset(site)}'{draw.one(_SIZES)}",
            f" srcset='{_srcset(site)}'{draw.one(_SIZES)} src={_url(site)}",
            f" SRC = {_url(site)}",
            f" src={_url(site)} src={_url(site)}",
            f" data-src={_url(site)}",
            f"/src={_url(site)}/",
            f" src\n=\n{_url(site)}",
            f' alt=a"b src={_url(site)}',
            f" lowsrc={_url(site)}",
            f" srcset={_url(site)}",
        )
    )
    also = draw.one(
        (
            "", "", "", " loading=lazy", " loading=lazy width=100 height=100", " loading=eager", " hidden",
            " style=display:none", " crossorigin", " loading=LAZY style=display:none", " decoding=async",
            " fetchpriority=low", " style='display:none' loading=lazy", " alt=''", " ismap usemap=#x",
            " referrerpolicy=no-referrer",
        )
    )
    # An image may need its srcset before it, as attributes have no order.
    return f"<{tag}{attributes}{also}>"


_MEDIA = (
    "", " media=all", " media=print", " media='(min-width:1000px)'", " media='(max-width:1000px)'",
    " media='not print'", " media='(min-width:1000px'", " media=''", " media='screen,print'", " media='tv'",
    " media='(hover)'", " media='not all'", " media='only screen'", " media='(min-width:1000px) and(hover)'",
    " media='not (hover)'", " media='(prefers-color-scheme:dark)'", " media='(min-resolution:2dppx)'",
    " media='(width)'", " media='(400px<width)'", " media='screen or (hover)'", " media='(unknown)'",
    " media='not (unknown)'", " media='(unknown) or (hover)'", " media='(-webkit-min-device-pixel-ratio:1)'",
    " media=';'", " media='print;'", " media='(color) and (hover:none)'", " media='(any-pointer:fine)'",
    " media='(min-aspect-ratio:1/1)'", " media='(scripting:enabled)'", " media='(update:fast)'",
    " media='(prefers-reduced-motion)'", " media='(display-mode:browser)'", " media='(dynamic-range:high)'",
    " media='(width:calc(1px*1350))'", " media='(device-width:1350px)'", " media='(grid:0)'", " media='(height<1em)'",
)

_IMAGE_TYPES = (
    "", "", " type=image/webp", " type=image/avif", " type=image/jxl", " type=image/png", " type=''",
    " type=IMAGE/PNG", " type='image/png;x'", " type=image/heic", " type=image/svg+xml", " type=text/html",
    " type=image/x-icon", " type=image/apng", " type=image/vnd.microsoft.icon", " type=image/tiff", " type='image/png '",
    " type=image/bmp", " type=image/jpg", " type=image", " type=image/x-png", " type=video/mp4", " type=image/pjpeg",
)


def _picture(site: Site) -> str:
    draw = site.draw

    def source() -> str:
        value = draw.one(("srcset", "srcset", "srcset", "src", "data-srcset"))
        return f"<source {value}='{_srcset(site)}'{draw.one(_MEDIA)}{draw.one(_IMAGE_TYPES)}{draw.one(_SIZES)}>"

    sources = draw.some(source, most=3, least=1)
    between = draw.one(
        ("", "", "", "<p>x</p>", "<div>", "x", "<picture>", "<!-- -->", "<template>", "</source>")
    )
    image = _img(site)
    if draw.happens(5):
        return f"<picture>{image}{''.join(sources)}</picture>"
    return f"<picture>{between.join(sources)}{between}{image}</picture>"


_VIDEO_TYPES = (
    "", "", " type=video/mp4", " type=video/webm", " type=video/quicktime", " type=video/ogg", " type=video/mp2t",
    " type='video/mp4;codecs=\"avc1.42E01E\"'", " type='video/mp4;codecs=none'", " type=application/x-mpegURL",
    " type=''", " type='video/webm; codecs=\"vp9, opus\"'", " type=audio/mpeg", " type=video/x-matroska",
    " type=audio/ogg", " type=audio/wav", " type=audio/flac", " type=video/x-m4v", " type=application/ogg",
    " type='video/mp4; codecs=hvc1'", " type='video/webm;codecs=av01.0.04M.08'", " type=audio/aac", " type=audio/x-m4a",
    " type=application/octet-stream", " type='video/3gpp'", " type='application/vnd.apple.mpegurl'", " type=audio/mp3",
    " type=VIDEO/MP4", " type=video", " type=audio/webm", " type=audio/midi", " type=audio/basic", " type=audio/x-wav",
)


def _media(site: Site, tag: str, suffix: str) -> str:
    draw = site.draw
    preload = draw.one(
        (" preload=auto", "", " preload=none", " preload=metadata", " preload", " preload=x", " autoplay muted",
         " autoplay", " preload=none autoplay", " preload=none autoplay muted", " controls", " loading=lazy preload=auto")
    )
    poster = draw.maybe(f" poster={_url(site)}") if tag == "video" else ""
    source = draw.one(("", f" src={_url(site, suffix)}", " src=''", f" src={draw.name(suffix)}"))
    inside = [
        draw.one(
            (
                f"<source src={_url(site, suffix)}{draw.one(_VIDEO_TYPES)}>",
                f"<source src={draw.name(suffix)}{draw.one(_VIDEO_TYPES)}{draw.one(_MEDIA)}>",
                "<source>",
                f"<track src={draw.name('vtt')}{draw.one(('', ' default', ' kind=metadata default'))}>",
                f"<track kind=chapters src={draw.name('vtt')} default>",
                f"<img src={draw.name('png')}>",
            )
        )
        for _ in range(draw.below(4))
    ]
    return f"<{tag}{source}{preload}{poster}>{''.join(inside)}</{tag}>"


def _video(site: Site) -> str:
    return _media(site, "video", "mp4")


def _audio(site: Site) -> str:
    return _media(site, "audio", "mp3")


_RELS = (
    ("stylesheet", "css"), ("stylesheet", "css"), ("STYLESHEET", "css"), ("alternate stylesheet", "css"),
    ("stylesheet/less", "css"), ("preload stylesheet", "css"), ("x stylesheet", "css"), ("style", "css"),
    ("'stylesheet icon'", "css"), ("prefetch", "png"), ("dns-prefetch", "png"), ("prerender", "html"),
    ("next", "html"), ("canonical", "html"), ("modulepreload", "js"), ("import", "html"), ("pingback", "html"),
    ("shortcut", "png"), ("search", "xml"), ("'\tstylesheet\n'", "css"), ("stylesheet\u00a0x", "css"),
    ("expect", "css"), ("compression-dictionary", "dict"), ("'modulepreload stylesheet'", "css"),
)
_AS = ("script", "style", "image", "font", "fetch", "track", "video", "audio", "document", "x", "", "IMAGE", "object",
       "worker", "json", "embed", "manifest")


def _link(site: Site) -> str:
    draw = site.draw
    rel, suffix = draw.one(_RELS)
    also = draw.one(_MEDIA) + draw.one(
        ("", "", "", " disabled", " title=a", " title=b", " title=''", " type=text/css", " type=text/plain",
         " type=''", " type='text/css;charset=x'", " type=TEXT/CSS", " crossorigin", " as=style", " blocking=render",
         " onload=\"this.media='all'\"", " integrity=sha256-x", " type=text/less", " charset=x")
    )
    if draw.happens(4):
        kind = draw.one(_AS)
        return draw.one(
            (
                f"<link rel=preload as='{kind}' href={_url(site, suffix)}{also}>",
                f"<link rel=preload as={kind or 'image'} imagesrcset='{_srcset(site)}'{draw.one(_SIZES).replace('sizes', 'imagesizes')}>",
                f"<link rel=preload href={_url(site)}>",
                f"<link rel=preload as={kind} href={_url(site)}{draw.one(_IMAGE_TYPES)}{draw.one(_MEDIA)}>",
            )
        )
    if rel.strip("'").split()[-1].lower() == "stylesheet" and draw.happens(2):
        path = draw.name("css")
        site.put(path, f"body{{background:url({draw.name('png')})}}", "text/css")
        return f"<link rel={rel if ' ' not in rel or rel[0] == chr(39) else repr(rel)} href={path}{also}>"
    quoted = rel if " " not in rel or rel.startswith("'") else f"'{rel}'"
    return f"<link rel={quoted} href={_url(site, suffix)}{also}>"


def _script(site: Site) -> str:
    draw = site.draw
    kind = draw.one(
        ("", "", " type=module", " type=text/javascript", " type=''", " type=text/plain", " type=importmap",
         " language=javascript", " language=vbscript", " type=application/json", " type='text/javascript;charset=x'",
         " type=' text/javascript '", " type=TEXT/JAVASCRIPT", " type=text/babel", " type=speculationrules",
         " type=application/javascript", " type=text/ecmascript", " type=text/jscript", " type=text/livescript",
         " type=javascript", " type=' '", " type=module ", " type=' module'", " language=''", " type=text/javascript1.3",
         " language=javascript1.9", " type=application/x-javascript", " type=x-javascript", " language=JScript")
    )
    also = draw.one(("", "", "", " async", " defer", " nomodule", " crossorigin", " for=window event=onload",
                     " for=x event=y", " for=window event=onload()", " for=' WINDOW ' event='ONLOAD'", " integrity=sha256-x",
                     " integrity=x", " for=window", " event=x", " blocking=render"))
    return f"<script{kind}{also} src={_url(site, 'js')}></script>"


_OBJECT_TYPES = (
    "", "", " type=image/png", " type=text/html", " type=application/pdf", " type=application/zip", " type=image/svg+xml",
    " type=application/x-shockwave-flash", " type=''", " type=text/plain", " type=video/mp4", " type=application/xml",
    " type=image/webp", " type=application/x-java-applet", " type='image/png;x'", " type=IMAGE/PNG", " type=x",
    " type=application/octet-stream", " type=text/css", " type=text/javascript", " type=application/json", " type=audio/mpeg",
    " type=application/x-silverlight-2", " type=image/tiff", " type=text/x-unknown", " type=image/jxl",
    " type=application/xhtml+xml",
)


def _object(site: Site) -> str:
    draw = site.draw
    suffix = draw.one(
        ("png", "html", "svg", "pdf", "swf", "mp4", "txt", "css", "js", "json", "zip", "unknown")
    )
    hidden = draw.one(("", "", "", " hidden", " style=display:none", " width=0 height=0", " classid=clsid:x",
                       " style=visibility:hidden", " codebase=y/", " declare", " name=n", " classid=''"))
    fallback = draw.one(("", "x", f"<img src={draw.name('png')}>", f"<object data={draw.name('png')}></object>",
                         f"<embed src={draw.name('png')}>", f"<param name=src value={draw.name('png')}>",
                         f"<param name=movie value={draw.name('swf')}>", f"<iframe src={draw.name('html')}></iframe>",
                         f"<video src={draw.name('mp4')}></video>"))
    data = draw.one((f" data={draw.name(suffix)}", f" data={_url(site, suffix)}", ""))
    if data and draw.happens(6):
        missing = draw.name(suffix)
        site.put(missing, "no", "text/html", status=404)
        data = f" data={missing}"
    return f"<object{data}{draw.one(_OBJECT_TYPES)}{hidden}>{fallback}</object>"


def _embed(site: Site) -> str:
    draw = site.draw
    suffix = draw.one(("png", "html", "svg", "pdf", "swf", "mp4", "txt"))
    hidden = draw.one(
        (
            "",
            "",
            " hidden",
            " style=display:none",
            " width=0 height=0",
            " hidden=false",
            " hidden=true",
        )
    )
    attribute = draw.one(("src", "src", "src", "data", "href", "code"))
    return f"<embed {attribute}={_url(site, suffix)}{draw.one(_OBJECT_TYPES)}{hidden}>"


def _frame(site: Site) -> str:
    draw = site.draw
    inner = draw.name("html")
    image, background = draw.name("png"), draw.name("png")
    body = f"<!doctype html><style>p{{background:url({background})}}</style><p>x<img src={image}>"
    site.put(inner, body, HTML)
    also = draw.one(("", "", "", " hidden", " style=display:none", " loading=lazy", " sandbox", " width=0 height=0",
                     " style=visibility:hidden", " sandbox=allow-scripts", " loading=lazy style=display:none",
                     " width=1 height=1", " style='width:0'", " name=x", " credentialless", " allow=x"))
    escaped = body.replace("'", "&apos;")
    return draw.one(
        (
            f"<iframe src={inner}{also}></iframe>",
            f"<iframe src={_url(site, 'html')}{also}></iframe>",
            f"<iframe srcdoc='{escaped}'{also}></iframe>",
            f"<iframe srcdoc='{escaped}' src={inner}{also}></iframe>",
            f"<iframe src='data:text/html,<img src={{B}}/{image}>'{also}></iframe>",
            f"<iframe srcdoc{also}></iframe>",
            f"<frame src={inner}{also}>",
            f"<frameset><frame src={inner}{also}></frameset>",
            f"<frameset cols=*,*><frame src={inner}><noframes><img src={draw.name('png')}></noframes></frameset>",
            f"<portal src={inner}{also}></portal>",
            f"<fencedframe src={inner}{also}></fencedframe>",
            f"<iframe src={inner}{also}>",
            f"<iframe srcdoc='<base href=b/><img src={image}>'{also}></iframe>",
        )
    )


def _svg(site: Site) -> str:
    draw = site.draw
    href = draw.one(("href", "xlink:href", "href", "src", "XLINK:HREF", "xl:href"))
    sprite = draw.name("svg")
    inside = draw.one(
        (
            f"<image {href}={_url(site)} />",
            f"<image width=9 height=9 {href}={_url(site)}></image>",
            f"<use {href}='{sprite}#a'/>",
            f"<use {href}='{sprite}'/>",
            f"<use {href}='#a'/>",
            f"<use {href}='{{X}}/{sprite}#a'/>",
            f"<filter id=f><feImage {href}={_url(site)} /></filter>",
            f"<filter id=f><feImage {href}={_url(site)} /></filter><rect width=9 height=9 filter=url(#f) />",
            f"<pattern id=p><image {href}={_url(site)} /></pattern>",
            f"<script {href}={draw.name('js')}></script>",
            f"<img src={_url(site)}>",
            f"<style>rect{{fill:url({draw.name('svg')}#x)}}</style><rect width=9 height=9 />",
            f"<style>@import url({draw.name('css')});</style>",
            f"<image {href}={draw.name('png')} xlink:href={draw.name('png')} />",
            f"<rect width=9 height=9 fill='url({sprite}#a)' mask='url({draw.name('svg')}#m)'/>",
            f"<a {href}={draw.name('html')}><image href={draw.name('png')} /></a>",
            f"<cursor {href}={draw.name('png')} />",
            f"<textPath {href}='{sprite}#a'>x</textPath>",
            f"<mpath {href}='{sprite}#a'/>",
            f"<linearGradient {href}='{sprite}#a'/>",
            f"<symbol id=a><image {href}={_url(site)} /></symbol><use href=#a />",
            f"<switch><image {href}={draw.name('png')} /><image href={draw.name('png')} /></switch>",
            f"<switch><g requiredExtensions=x><image href={draw.name('png')} /></g><image href={draw.name('png')} /></switch>",
            f"<switch><image systemLanguage=xx href={draw.name('png')} /><image href={draw.name('png')} /></switch>",
            f"<clipPath><image {href}={draw.name('png')} /></clipPath>",
            f"<mask><image {href}={draw.name('png')} /></mask>",
            f"<image display=none {href}={draw.name('png')} />",
            f"<image style=display:none {href}={draw.name('png')} />",
            f"<set attributeName=href to={draw.name('png')} /><image href={draw.name('png')} />",
            f"<image><set attributeName=href to={draw.name('png')} /></image>",
            f"<video src={draw.name('mp4')}></video>",
            f"<iframe src={draw.name('html')}></iframe>",
            f"<link rel=stylesheet href={draw.name('css')}>",
            f"<link xmlns=http://www.w3.org/1999/xhtml rel=stylesheet href={draw.name('css')} />",
        )
    )
    return f"<svg>{inside}</svg>"


def _input(site: Site) -> str:
    draw = site.draw
    kind = draw.one(
        (
            " type=image",
            " type=image",
            " type=IMAGE",
            " type=submit",
            "",
            " type=' image'",
            " type=button",
        )
    )
    return f"<input{kind} src={_url(site)}{draw.one(('', '', ' hidden', ' disabled', ' alt=x', ' style=display:none'))}>"


def _background(site: Site) -> str:
    draw = site.draw
    value = _url(site)
    return draw.one(
        (
            f"<body background={value}>",
            f"<table background={value}><tr><td>x</table>",
            f"<table><tr background={value}><td>x</table>",
            f"<table><tr><td background={value}>x</table>",
            f"<table><thead background={value}><tr><th background={_url(site)}>x</table>",
            f"<div background={value}>x</div>",
            f"<table><col background={value}><tr><td>x</table>",
            f"<table hidden background={value}><tr><td>x</table>",
            f"<body background={value} style='background:none'>",
            f"<body background={value} style='background-color:red'>",
            f"<table><tfoot background={value}><tr><td>x</table>",
            f"<html background={value}>",
            f"<table><caption background={value}>x</table>",
            f"<table><colgroup background={value}><tr><td>x</table>",
            f"<style>body{{background-image:url({draw.name('png')})}}</style><body background={value}>",
            f"<style>table{{background:red}}</style><table background={value}><tr><td>x</table>",
            f"<ul type=disc background={value}><li>x</ul>",
        )
    )


def _style(site: Site) -> str:
    draw = site.draw
    image = draw.name("png")
    kind = draw.one(("", "", " type=text/css", " type=''", " type=text/less", " type=TEXT/CSS", " media=print",
                     " media='(min-width:1px)'", " title=a", " disabled", " hidden", " type='text/css; x'", " scoped",
                     " media='not print'", " type=css", " type=' text/css'", " title=''", " media=','", " blocking=render"))
    inside = draw.one(
        (
            f"body{{background:url({image})}}",
            f"@import '{draw.name('css')}';body{{background:url({image})}}",
            f"<!-- body{{background:url({image})}} -->",
            f"body{{background:url({image})",
            f"body{{background:url({image}",
            f"/* </style> */body{{background:url({image})}}",
            f"<b>body{{background:url({image})}}",
            f"body&gt;p{{background:url({image})}}",
            f":root{{background:url({image})}}",
            f"<!-- x --> body{{background:url({image})}}",
            f"//c\nbody{{background:url({image})}}",
            f"body{{background:url({image})}}</STYLE>",
            f"]]>body{{background:url({image})}}",
            f"<![CDATA[body{{background:url({image})}}]]>",
            f"<script>body{{background:url({image})}}</script>",
        )
    )
    return f"<style{kind}>{inside}</style><p>x</p>"


def _style_attribute(site: Site) -> str:
    draw = site.draw
    image = draw.name("png")
    value = draw.one(
        (
            f"background:url({image})",
            f"background:url(&quot;{image}&quot;)",
            f"background:url(&apos;{image}&apos;);",
            f";background:url({image})",
            f"{{background:url({image})}}",
            f"background:url({image}",
            f"background:url({image}) !important",
            f"background:url({image});background:none",
            f"--x:url({image});background:var(--x)",
            f"color:red;;background:url({image})",
            f"color;background:url({image})",
            f"BACKGROUND:URL({image})",
            f"background:url({image})}}p{{",
            f"/*;*/background:url({image})",
            f"background:url({image})\\9",
            f"color:}};background:url({image})",
            f"color:);background:url({image})",
            f"&{{background:url({image})}}",
            f"list-style-image:url({image})",
            f"cursor:url({image}),auto",
            f"content:url({image})",
            f"border-image:url({image}) 3",
            f"background:url({image}) x y",
            f"filter:url({image}#a)",
            f"mask:url({image})",
            f"background:-webkit-image-set(url({image}) 1x)",
            f"*background:url({image})",
            f"_background:url({image})",
            f"<!--background:url({image})-->",
        )
    )
    tag = draw.one(
        (
            "p",
            "div",
            "span",
            "li",
            "td",
            "b",
            "h1",
            "x-y",
            "img",
            "input",
            "hr",
            "option",
            "svg",
            "br",
        )
    )
    return f"<{tag} style='{value}'>x</{tag}>"


def _base(site: Site) -> str:
    draw = site.draw
    href = draw.one(("sub/", "'sub/x'", "{X}/", "''", "'/'", "{B}/b/", "'data:,x'", "'javascript:x'", "about:blank", "' sub/ '",
                     "'?q'", "'#f'", "'//'", "'http://'", "'mailto:x'", "x.html", "'../'", "ftp://x/"))
    href = href.replace("'/'", "{B}/c/").replace("'../'", "{B}/up/")
    return draw.one(
        (
            f"<base href={href}>",
            f"<base href={href}>",
            "<base>",
            f"<base target=x><base href={href}>",
            f"<base href={href}><base href=no/>",
            f"<svg><base href={href}></base></svg>",
            f"<base HREF={href} />",
        )
    )


def _meta(site: Site) -> str:
    draw = site.draw
    policy = draw.one(("img-src 'none'", "default-src 'self'", "script-src 'none'", "style-src 'none'", "img-src {B}/",
                       "img-src *.png", "style-src 'unsafe-inline'", "default-src 'none'; img-src 'self'", "media-src 'none'",
                       "object-src 'none'", "frame-src 'none'", "child-src 'none'", "base-uri 'none'", "img-src",
                       "default-src *", "img-src http:", "img-src 'self' {X}", "script-src 'self'; img-src 'self'",
                       "style-src-elem 'self'", "style-src-attr 'none'", "font-src 'none'", "IMG-SRC 'NONE'", "img-src none",
                       "img-src localhost:*", "img-src 127.0.0.1:*", "upgrade-insecure-requests; img-src http:",
                       "sandbox", "report-uri /x", "img-src 'none', img-src *", "script-src-elem 'none'"))
    return draw.one(
        (
            f'<meta http-equiv=content-security-policy content="{policy}">',
            f'<META HTTP-EQUIV="Content-Security-Policy" CONTENT="{policy}">',
            f'<meta http-equiv=content-security-policy-report-only content="{policy}">',
            f'<meta name=content-security-policy content="{policy}">',
            "<meta name=referrer content=no-referrer>",
            "<meta http-equiv=refresh content='5;url=no.html'>",
            f"<meta property=og:image content={draw.name('png')}>",
            f"<meta itemprop=image content={draw.name('png')}>",
            f"<meta http-equiv=link content='<{draw.name('css')}>;rel=stylesheet'>",
            "<meta http-equiv=default-style content=b>",
            "<meta name=color-scheme content='dark'>",
            "<meta name=viewport content='width=500'>",
            f"<meta name=msapplication-TileImage content={draw.name('png')}>",
        )
    )
