"""Header fields of pages and of what they load: links, policies, types, redirects, statuses."""

# fmt: off
from __future__ import annotations

from differential.made import HTML, Site
from support.in_memory import WOFF2

_TYPES = (
    "text/html", "text/html;charset=utf-8", "TEXT/HTML", "text/html; charset=\"utf-8\"", "text/html,text/plain", "text/plain,text/html", "*/*", "", None, "x", "text", "text/", "/html", "application/xhtml+xml", "application/xml", "text/xml", "image/svg+xml", "text/plain", "application/octet-stream",
    "application/json", "text/css", "text/javascript", "image/png", "application/unknown", "unknown/unknown", "application/x-unknown-content-type", "text/html x", "text/html;", "text/htm", "application/rss+xml", "application/atom+xml", "x/y+xml", "multipart/x-mixed-replace", "text/markdown", "text/vcard", "image/jpeg",
    "application/html", " text/html ", "text /html", "text/html;charset", "image/webp", "audio/mpeg", "video/mp4", "font/woff2", "application/pdf", "text/html\t;x", "text/rtf", "application/mathml+xml", "image/*", "text/*", "httpd/unix-directory", "text/x-component", "message/rfc822", "application/ld+json", "text/json", "application/manifest+json", "text/event-stream", "text/csv", "text/calendar",
)


def headers(site: Site) -> None:
    """A page with fields of its own, that loads things with fields of theirs."""
    draw = site.draw
    fields = draw.some(lambda: _field(site), most=3, least=0)
    parts = draw.some(lambda: _part(site), most=4)
    site.page(f"<!doctype html><title>t</title>{''.join(parts)}<p class=a style=color:red>x", *fields)


def _field(site: Site) -> tuple[str, str]:
    draw = site.draw
    kind = draw.below(12)
    if kind < 5:
        return draw.one(("Link", "Link", "LINK", "link")), ", ".join(draw.some(lambda: _link(site), most=3))
    if kind < 9:
        name = draw.one(("Content-Security-Policy", "Content-Security-Policy", "content-security-policy", "Content-Security-Policy-Report-Only", "X-Content-Security-Policy", "X-WebKit-CSP"))
        return name, policy(site)
    path = draw.name("html")
    site.put(path, f"<!doctype html><img src={draw.name('png')}>", HTML)
    return draw.one(
        (
            ("Refresh", draw.one((f"0;url={path}", f"0; URL='{path}'", f"0,{path}", f"0;{path}", f"0 {path}", f"5;url={path}", f"0;url = {path}", f"0;url=\"{path}", f".9;url={path}", f"0.5;{path}", f"-1;{path}", f"x;url={path}", f";url={path}", f"00;url={path}", f" 0 ; url={path}", f"0;ur={path}", f"0;url{path}", f"+0;url={path}", f"0x;url={path}", f"0;;url={path}", f"1e0;url={path}", f"0;URL='{path}'x", f"0\t,\turl\t=\t{path}", f"9999;url={path}"))),
            ("Content-Language", "de"),
            ("X-Content-Type-Options", draw.one(("nosniff", "NOSNIFF", "x", "nosniff,x"))),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("X-Frame-Options", "ALLOWALL"),
            ("Content-Location", "sub/"),
            ("Content-Base", "sub/"),
            ("Content-Style-Type", "text/less"),
            ("Default-Style", "b"),
            ("Content-Disposition", "inline"),
            ("Permissions-Policy", "autoplay=()"),
            ("Document-Policy", "x"),
            ("Timing-Allow-Origin", "*"),
            ("X-DNS-Prefetch-Control", "off"),
            ("Origin-Agent-Cluster", "?1"),
            ("Link-Template", f"<{draw.name('css')}>; rel=preload; as=style"),
            ("Set-Cookie", "a=b"),
            ("Vary", "*"),
            ("Server", "x"),
            ("X-UA-Compatible", "IE=edge"),
            ("Strict-Transport-Security", "max-age=1"),
        )
    )


def _link(site: Site) -> str:
    draw = site.draw
    suffix, kind = draw.one((("png", "image"), ("css", "style"), ("js", "script"), ("woff2", "font"), ("json", "fetch"), ("vtt", "track"), ("mp4", "video"), ("html", "document"), ("png", "IMAGE"), ("png", "'image'"), ("png", '"image"'), ("png", "x"), ("png", "")))
    path = draw.name(suffix)
    address = draw.one((f"<{path}>", f"<{path}>", f"<{path}>", f"< {path} >", path, f"<{path}", f"<'{path}'>", f"<./{path}>", f"<{{B}}/{path}>", f"<{{X}}/{path}>", "<>", f"<{path}?a,b;c>", f'"<{path}>"', f"<{path}#f>", f"<a>b{path}>", f" <{path}> ", f"<{path}>>", f"<<{path}>"))
    rel = draw.one(("rel=preload", "rel=preload", "rel=preload", 'rel="preload"', "rel='preload'", "REL=PRELOAD", "rel=modulepreload", "rel=stylesheet", "rel=icon", "rel=prefetch", "rel=preconnect", 'rel="preload stylesheet"', 'rel="x preload"', "rel", "rel=", "rel=next", "rev=preload", "rel = preload", "rel=compression-dictionary", "rel=dns-prefetch", "rel=prerender", "rel=manifest", "rel=preload;rel=x", "rel=x;rel=preload", "rel*=UTF-8''preload", 'rel=" preload "', "rel=\\preload", 'rel="pre\\load"', "rel=expect"))
    also = draw.one(("", "", "", ";crossorigin", ";crossorigin=anonymous", ";crossorigin=use-credentials", ";type=text/css", ";type=image/x", ";type=font/x", ";type='image/png'", ";media=print", ";media=\"(min-width:1px)\"", ";media=\"not all\"", ";nopush", ";imagesrcset=\"i1.png 1x,i2.png 2x\"", ";imagesrcset=\"i1.png 400w,i2.png 2000w\";imagesizes=400px", ";anchor=\"#x\"", ";anchor=\"\"", ";title=x", ";as=image", ";integrity=sha256-x", ";fetchpriority=low", ";x", ";;", ";", " ", ";x=\"a,b;c\"", ";x='a,b'", ";crossorigin=\"\"", ";hreflang=de", ";x=\"unclosed", ";media=(hover)", ";type=\"\"", ";as", ";type=text/javascript", ";nonce=x", ";blocking=render", ";imagesrcset=x", ";media=\"\"", ";media=x", ";as=font;as=image", ";x = y"))
    middle = draw.one(("; ", ";", " ; ", ";;", " ", ",", "\t;\t", "; ;"))
    purpose = draw.one((f"as={kind}", f"as={kind}", f'as="{kind}"', f"AS={kind}", "", f"as = {kind}"))
    parts = [rel, purpose] if draw.below(4) else [purpose, rel]
    return address + middle + middle.join(part for part in parts if part) + also


_SOURCES = (
    "'self'", "'none'", "*", "{O}", "{B}/", "{B}", "{X}/", "http:", "https:", "data:", "localhost:*", "127.0.0.1:*", "127.0.0.1", "localhost", "'unsafe-inline'", "'nonce-n'", "'nonce-x'", "'strict-dynamic'", "'unsafe-eval'", "'unsafe-hashes'", "'report-sample'", "*.png", "x", "", "'SELF'", "self", "none",
    "'none' 'self'", "http://*", "http://*:*", "*:*", "http://localhost:*", "HTTP://127.0.0.1:*", "//127.0.0.1", "ws:", "blob:", "'sha256-x'", "'sha256-x='", "'nonce-'", "'inline-speculation-rules'", "'wasm-unsafe-eval'", "*.localhost:*", "http://127.0.0.1:80", "{O}/c", "{O}/c/", "{O}/nothere/", "'self';", "https://127.0.0.1:*", "127.*:*", "http:*", "'unsafe-inline' 'nonce-x'", "'unsafe-inline' 'strict-dynamic'", "{B}/1.png", "{B}/1%2Epng", "{B}/x?y", "[::1]:*", "'self' x", "x 'self'", "\u00e9", "'self','none'", "mediastream:", "'none';img-src *", "'trusted-types-eval'", "filesystem:",
)


def policy(site: Site) -> str:
    """A Content Security Policy."""
    draw = site.draw

    def directive() -> str:
        name = draw.one(("img-src", "img-src", "default-src", "script-src", "style-src", "font-src", "frame-src", "child-src", "object-src", "media-src", "manifest-src", "connect-src", "script-src-elem", "style-src-elem", "style-src-attr", "script-src-attr", "base-uri", "worker-src", "form-action", "prefetch-src", "IMG-SRC", "img_src", "img-src:", "x", "upgrade-insecure-requests", "block-all-mixed-content", "report-uri", "require-trusted-types-for", "trusted-types", "plugin-types", "navigate-to", "referrer", "reflected-xss", "report-to", "require-sri-for", "fenced-frame-src"))
        return f"{name} {' '.join(draw.some(lambda: draw.one(_SOURCES), most=3))}"

    return draw.one(("; ", ";", ";;", " ; ", ", ", ",", "\t;")).join(draw.some(directive, most=3))


def _answer(site: Site, path: str, body: str | bytes, kind: str) -> str:
    """Put something at an address, often not as it should be."""
    draw = site.draw
    fields: list[tuple[str, str]] = []
    way = draw.below(8)
    status = 200
    given: str | None = kind
    if way == 1:
        status = draw.one((404, 500, 403, 201, 203, 299, 410, 401, 503, 418, 300))
    elif way == 2:
        given = draw.one(_TYPES)
    elif way == 3:
        target = draw.name(path.rpartition(".")[2])
        site.put(target, body, kind)
        status = draw.one((301, 302, 303, 307, 308))
        location = draw.one((target, f"./{target}", f"{{B}}/{target}", f"{{X}}/{target}", f" {target} ", f"{target}#f", f"?{target}", f"x\\..\\{target}", "data:text/css,x", "about:blank", f"a b{target}", path, "javascript:1"))
        fields.append(("Location", location))
    elif way == 4:
        fields.append(draw.one((
            ("X-Content-Type-Options", "nosniff"), ("X-Content-Type-Options", "nosniff,x"), ("X-Content-Type-Options", "x,nosniff"), ("X-Content-Type-Options", "NoSniff "), ("Cross-Origin-Resource-Policy", "same-origin"), ("Content-Disposition", "attachment"), ("Content-Disposition", "attachment; filename=x"),
            ("Cache-Control", "no-store"), ("Link", f"<{draw.name('png')}>;rel=preload;as=image"), ("Refresh", f"0;url={draw.name('html')}"), ("Content-Security-Policy", policy(site)), ("X-Frame-Options", draw.one(("DENY", "SAMEORIGIN", "deny", "ALLOW-FROM x", "x", "ALLOWALL", "DENY,DENY", "SAMEORIGIN,DENY", "'DENY'", "", "x,y", "ALLOWALL,x", " SameOrigin "))),
            ("Content-Security-Policy", draw.one(("frame-ancestors 'none'", "frame-ancestors 'self'", "frame-ancestors *", "frame-ancestors", "frame-ancestors http:", "frame-ancestors {O}", "frame-ancestors x", "FRAME-ANCESTORS 'NONE'", "frame-ancestors 127.0.0.1:*", "frame-ancestors https:", "sandbox", "sandbox allow-scripts"))),
            ("Content-Type", draw.one(_TYPES) or "x"), ("Content-Location", "y/"), ("Location", "z"), ("Content-Language", "de"), ("Content-Style-Type", "x"),
        )))
        if draw.happens(3):
            fields.append(("X-Content-Type-Options", "nosniff"))
            given = draw.one(_TYPES)
    return site.put(path, body, given, *fields, status=status)


def _part(site: Site) -> str:
    draw = site.draw
    nonce = draw.one(("", "", "", " nonce=n", " nonce=x", " nonce"))
    host = draw.one(("", "", "", "", "{X}/"))
    kind = draw.below(14)
    image = draw.name("png")
    if kind < 2:
        return f"<img src={host}{image}{draw.one(('', '', ' crossorigin', ' srcset=s.png'))}>"
    if kind < 4:
        path = _answer(site, draw.name("css"), f".a{{background:url({image})}}", "text/css")
        also = draw.one(("", "", " crossorigin", " media=print", " type=text/css", " integrity=sha256-x"))
        return f"<link rel=stylesheet href={host}{path}{nonce}{also}>"
    if kind == 4:
        return f"<style{nonce}>.a{{background:url({host}{image})}}</style>"
    if kind == 5:
        return f"<script{nonce} src={host}{_answer(site, draw.name('js'), '', 'text/javascript')}{draw.one(('', ' crossorigin', ' async', ' integrity=x'))}></script>"
    if kind == 6:
        inner = _answer(site, draw.name("js"), f"import './{draw.name('js')}'", "text/javascript")
        return f"<script{nonce} type=module src={host}{inner}></script>"
    if kind in {7, 8}:
        page = _answer(site, draw.name("html"), f"<!doctype html><title>f</title><img src={image}><script src={draw.name('js')}></script>", HTML)
        also = draw.one(("", "", " sandbox", " sandbox=allow-same-origin", " csp=\"img-src 'none'\"", " credentialless", " referrerpolicy=no-referrer", " loading=eager"))
        if "csp=" in also:
            also = ""
        return f"<iframe src={host}{page}{also}></iframe>"
    if kind == 9:
        path = _answer(site, draw.name(draw.one(("png", "html", "svg", "txt", "swf", "pdf"))), f"<img src={image}>", HTML)
        return f"<object data={host}{path}{draw.one(('', ' type=text/html', ' type=image/png', ' type=x'))}><img src={draw.name('png')}></object>"
    if kind == 10:
        path = _answer(site, draw.name("html"), f"<img src={image}>", HTML)
        return f"<embed src={host}{path}{draw.one(('', ' type=text/html', ' type=image/png', ' type=x'))}>"
    if kind == 11:
        return f"<p style='background:url({host}{image})'>y</p><video src={draw.name('mp4')} poster={draw.name('png')}></video>"
    if kind == 12:
        path = _answer(site, draw.name("woff2"), WOFF2, "font/woff2")
        return f"<style{nonce}>@font-face{{font-family:F;src:url({host}{path}),url({draw.name('woff2')})}}p{{font-family:F}}</style>"
    path = _answer(site, draw.name("svg"), "<svg xmlns='http://www.w3.org/2000/svg' id='a'><image href='no.png'/></svg>", "image/svg+xml")
    return draw.one((f"<img src={host}{path}>", f"<svg><use href='{host}{path}#a'/></svg>", f"<iframe src={host}{path}></iframe>", f"<iframe srcdoc='<img src={image}>'></iframe>", f"<link rel=preload as=image href={host}{path}>"))
