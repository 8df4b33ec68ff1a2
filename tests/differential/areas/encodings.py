"""Encodings: how a document and its sheets say theirs, and addresses that are not ASCII."""

# fmt: off
from __future__ import annotations

from differential.made import Site

_LABELS = (
    "utf-8", "windows-1251", "koi8-r", "iso-8859-1", "windows-1252", "iso-8859-2", "shift_jis", "euc-jp", "gbk", "gb18030", "big5", "euc-kr", "iso-2022-jp", "macintosh", "x-mac-cyrillic", "ibm866", "utf-16", "utf-16le", "utf-16be", "utf8", "UTF-8", " utf-8 ", "latin1", "cp1251", "sjis", "ms_kanji",
    "x-user-defined", "replacement", "hz-gb-2312", "utf-7", "utf-32", "x", "", "ascii", "us-ascii", "iso8859-1", "windows-1250", "iso-8859-15", "iso-8859-8-i", "iso-8859-8", "windows-874", "x-sjis", "gb2312", "unicode", "ucs-2", "unicode-1-1-utf-8", "x-cp1251", "iso-8859-16", "iso-8859-9", "windows-1254", "koi8-u", "\"utf-8\"", "'koi8-r'", "utf_8", "big5-hkscs", "euc_jp", "csbig5",
    "windows-1253", "windows-1255", "windows-1256", "windows-1257", "windows-1258", "iso-8859-3", "iso-8859-4", "iso-8859-5", "iso-8859-6", "iso-8859-7", "iso-8859-10", "iso-8859-13", "iso-8859-14", "iso-8859-11", "tis-620", "x-x-big5", "ksc5601", "ks_c_5601-1987", "visual", "logical", "mac", "x-mac-roman", "x-mac-ukrainian", "l1", "cp819", "iso-2022-kr", "iso-2022-cn", "none", "binary",
)

_WORDS = (
    b"\xea\xe0", b"\xd0\xba\xd0\xb0", b"\xe9", b"\xc3\xa9", b"\x83\x65", b"\xa4\xa2", b"\xc4\xe3", b"\xb0\xa1", b"\x80", b"\xff", b"\xa4", b"\x81\x30\x81\x30", b"\xa1\xa1", b"\xe2\x82\xac", b"&eacute;", b"&#1082;", b"&#x20ac;", b"%E9", b"\x1b$B$\"\x1b(B",
    b"\xf0\x9f\x98\x80", b"\xed\xa0\x80", b"\xc0\xaf", b"\xe2\x82", b"\x9f", b"\x8f\xa2\xaf", b"\x88\x62", b"&yen;", b"\x5c", b"\x7e", b"&#128512;", b"\xfe\xff", b"\xa8\xd8", b"\xb1", b"\xdf", b"&szlig;", b"&#8211;", b"&#55296;", b"&#xe000;", b"&#150;", b"\xad", b"&shy;", b"e&#769;", b"&#8203;", b"&nbsp;", b"\xa0",
)


def encodings(site: Site) -> None:
    """A page in an encoding."""
    draw = site.draw
    kind, head = _declared(site)
    parts = b"".join(draw.some(lambda: _part(site), most=3))
    mark = draw.one((b"", b"", b"", b"", b"", b"\xef\xbb\xbf"))
    start = mark + draw.one((b"<!doctype html>", b"<!doctype html>", b"<!doctype html>", b"<!doctype html><html lang=ru><head>", b"<!-- x -->", b"\n<!doctype html>"))
    site.page(start + head + b"<title>t</title>" + parts, kind=kind)


def _declared(site: Site) -> tuple[str, bytes]:
    """The type of a page that says its encoding somehow, and the beginning of its head."""
    draw = site.draw
    label = draw.one(_LABELS)
    in_header = draw.below(4) == 0
    header = draw.one((f"text/html; charset={label}", f"text/html;charset={label}", f'text/html; charset="{label}"', f"text/html; CHARSET={label}", f"text/html; x=y; charset={label}", f"text/html; charset={label}; charset=utf-8")) if in_header else "text/html"
    other = draw.one(_LABELS)
    word = label if not in_header else other
    meta = draw.one(
        (
            f"<meta charset={word}>", f"<meta charset='{word}'>", f"<META CHARSET=\"{word}\">", f"<meta http-equiv=content-type content='text/html; charset={word}'>", f"<meta content='text/html;charset={word}' http-equiv='Content-Type'>", f"<meta charset={word}><meta charset=koi8-r>", f"<meta charset=x><meta charset={word}>", f"<meta name=x charset={word}>", f"<meta\n charset\n=\n{word}\n/>", f"<meta/charset={word}/>",
            f"<meta name=description content='charset=koi8-r'><meta charset={word}>", f"<!-- <meta charset=koi8-r> --><meta charset={word}>", f"<meta http-equiv=content-type content='charset = {word}'>", f"<meta http-equiv=content-type content='text/html; charset=\"{word}\"'>", f"<meta http-equiv=content-type content='x charsetcharset={word}'>", f"<meta content='charset=koi8-r'><meta charset={word}>",
            f"<title>charset=koi8-r</title><meta charset={word}>", f"<script>'<meta charset=koi8-r>'</script><meta charset={word}>", f"<style>/*<meta charset=koi8-r>*/</style><meta charset={word}>", f"<link rel=x href='<meta charset=koi8-r>'><meta charset={word}>", f"<noscript><meta charset=koi8-r></noscript><meta charset={word}>", f"<template><meta charset=koi8-r></template><meta charset={word}>", f"<meta charset={word}>" + "<!-- " + "x" * 1100 + " -->", "<!-- " + "x" * 1100 + f" --><meta charset={word}>", "<script>" + "x;" * 600 + f"</script><meta charset={word}>",
            f"<meta charset={word} charset=koi8-r>", f"<meta http-equiv=content-type charset={word} content='charset=koi8-r'>", f"<meta http-equiv=content-type content='text/html;charset={word};x=y'>", f"<meta http-equiv=content-type content='text/html;charset={word},utf-8'>", f"<meta http-equiv=content-type content=\"text/html;charset='{word}'\">", f"<base href=s/><meta charset={word}>", f"</head><meta charset={word}>", f"<?xml version='1.0' encoding='koi8-r'?><meta charset={word}>", f"<a href='<meta charset=koi8-r>'></a><meta charset={word}>", f"<meta http-equiv='content-type' content='text/html' charset={word}>", f"<meta property=x content='charset=koi8-r'><meta charset={word}>", f"<title><meta charset=koi8-r></title><meta charset={word}>", f"<meta a='>' charset={word}>", f"<meta charset={word}<title>", f"<meta charset=koi8-r/><meta charset={word}>", f"<meta http-equiv=refresh content='99;charset=koi8-r'><meta charset={word}>", f"<x><meta charset={word}>", f"<svg><meta charset=koi8-r></svg><meta charset={word}>",
        )
    )
    if in_header and draw.below(2):
        meta = ""
    return header, meta.encode()


def _part(site: Site) -> bytes:
    draw = site.draw
    word = draw.one(_WORDS)
    name = draw.name("png").encode()
    # Each part has a class of its own: what a later sheet overrides may have been asked for by then.
    mark = b"c" + name.removesuffix(b".png")
    kind = draw.below(11)
    if kind < 2:
        return b'<img src="' + draw.one((word + name, name + b"?x=" + word, name + b"?" + word + b"#" + word, b"a" + word + b"/" + name, b"?" + word, name + b"?a&amp;" + word)) + b'">'
    if kind == 2:
        return b'<p style="background:url(' + word + name + b"?" + word + b')">x</p>'
    if kind == 3:
        return b"<style>." + mark + b"{background:url(" + draw.one((word + name, b"'" + word + name + b"?" + word + b"'", name + b"?" + word)) + b")}</style><p>x</p>"
    if kind in {4, 5, 6}:
        path = draw.name("css")
        rule = draw.one((b"", b"", b"", b'@charset "koi8-r";', b"@charset 'koi8-r';", b'@charset "utf-8";', b'@CHARSET "koi8-r";', b' @charset "koi8-r";', b'@charset  "koi8-r";', b'@charset "koi8-r" ;', b"\xef\xbb\xbf", b'@charset "utf-16";', b'@charset "x";', b"\xff\xfe", b'@charset "windows-1251";', b'@charset ""', b'@charset "windows-1251"', b"\xfe\xff", b'\xef\xbb\xbf@charset "koi8-r";'))
        sheet = rule + b"." + mark + b"{background:url(" + draw.one((word + name, b"'" + word + name + b"'", name + b"?" + word)) + b")}"
        given = draw.one(("text/css", "text/css", "text/css", "text/css;charset=koi8-r", "text/css; charset=utf-8", "text/css;charset=x", "text/css;charset='koi8-r'", 'text/css;charset="koi8-r"', "text/css; charset=utf-16le", "text/css;charset="))
        site.put(path, sheet, given)
        also = draw.one((b"", b"", b"", b" charset=koi8-r", b" charset=x", b" charset=utf-8", b" charset='windows-1251'", b" charset=''", b" charset=utf-16"))
        if draw.happens(4):
            outer = draw.name("css")
            site.put(outer, draw.one((b"", b'@charset "koi8-r";', b'@charset "utf-8";')) + b"@import '" + path.encode() + b"';", "text/css")
            path = outer
        return b"<link rel=stylesheet href=" + path.encode() + also + b"><p class=" + mark + b">x</p>"
    if kind == 7:
        path = draw.name("html")
        inner_kind, head = _declared(site)
        site.put(path, b"<!doctype html>" + head + b'<img src="' + word + name + b"?" + word + b'">', inner_kind)
        return b"<iframe src=" + path.encode() + b"></iframe>"
    if kind == 8:
        return b"<iframe srcdoc=\"<img src='" + word + name + b"?" + word + b"'>\"></iframe>"
    if kind == 9:
        return b"<script type=module>import './" + word + draw.name("js").encode() + b"?" + word + b"'</script>"
    return b'<base href="b' + word + b'/"><img src="' + word + name + b'" srcset="' + name + b"?" + word + b' 1x">'
