"""Sitemaps and feeds, as sites write them."""

from __future__ import annotations

import gzip
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.formats.page_lists import PageListError
from libra.formats.sitemap import MAX_SITEMAP_BYTES, Sitemap, parse_sitemap

SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def test_pages_of_a_sitemap_keep_their_order() -> None:
    xml = (
        f'<?xml version="1.0" encoding="UTF-8"?><urlset {SPACE}>'
        "<url><loc>https://a.example/?a=1&amp;b=2</loc><lastmod>2025-01-01</lastmod></url>"
        "<url><loc>\n https://a.example/<![CDATA[x]]> \n</loc></url></urlset>"
    )
    assert parse_sitemap(xml.encode()).pages == (
        "https://a.example/?a=1&b=2",
        "https://a.example/x",
    )


def test_images_and_films_of_a_page_are_no_pages() -> None:
    xml = (
        f'<urlset {SPACE} xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"><url>'
        "<loc>https://a.example/</loc>"
        "<image:image><image:loc>https://a.example/i.png</image:loc></image:image>"
        "<image:loc>https://a.example/j.png</image:loc></url></urlset>"
    )
    assert parse_sitemap(xml.encode()).pages == ("https://a.example/",)


def test_an_index_lists_further_sitemaps() -> None:
    xml = f"<sitemapindex {SPACE}><sitemap><loc>/a.xml</loc></sitemap></sitemapindex>"
    assert parse_sitemap(xml.encode()) == Sitemap(sitemaps=("/a.xml",))


def test_a_sitemap_without_the_namespace_is_read_all_the_same() -> None:
    xml = b"<urlset><url><loc>https://a.example/</loc></url></urlset>"
    assert parse_sitemap(xml).pages == ("https://a.example/",)


def test_a_gzipped_sitemap_is_unpacked() -> None:
    xml = b"<urlset><url><loc>https://a.example/</loc></url></urlset>"
    assert parse_sitemap(gzip.compress(xml)).pages == ("https://a.example/",)
    in_two = gzip.compress(xml[:30]) + gzip.compress(xml[30:])
    assert parse_sitemap(in_two).pages == ("https://a.example/",)


def test_a_sitemap_may_be_plain_text() -> None:
    assert parse_sitemap(b"https://a.example/\nhttps://b.example/\n").pages == (
        "https://a.example/",
        "https://b.example/",
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<html><body>404</body></html>", "root element is <html>"),
        (b"<urlset><url>", "not well-formed"),
        (b"<html><body><p>404 & gone</body></html>", "root element is <html>"),
        (b"<<<", "not well-formed"),
        (b'<?xml version="1.0" encoding="x-klingon"?><urlset/>', "sitemap"),
        (b"hello", "neither XML nor a list"),
        (b"\xff\xfe\x00", "neither XML nor UTF-8"),
        (b"\x1f\x8b\x08damaged", "damaged"),
        (gzip.compress(b" " * (MAX_SITEMAP_BYTES + 1), mtime=0), "larger than"),
        (gzip.compress(b"<urlset/>", mtime=0)[:10], "cut short"),
        (gzip.compress(b"", mtime=0) * 1_000, "more than 100 members"),
    ],
)
def test_what_is_no_sitemap_is_refused_with_the_reason(data: bytes, message: str) -> None:
    with pytest.raises(PageListError, match=message):
        parse_sitemap(data)


def test_entities_that_explode_are_refused_before_they_do() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    xml = (
        f'<!DOCTYPE urlset [<!ENTITY e0 "x">{entities}]><urlset><url><loc>&e9;</loc></url></urlset>'
    )
    with pytest.raises(PageListError, match="document type"):
        parse_sitemap(xml.encode())


def urlset(*inside: str, declaration: str = '<?xml version="1.0" encoding="UTF-8"?>') -> bytes:
    return f"{declaration}<urlset {SPACE}>{''.join(inside)}</urlset>".encode()


def url(address: str) -> str:
    return f"<url><loc>{address}</loc></url>"


A, B = "https://a.example/", "https://b.example/?x=1&y=2"


@pytest.mark.parametrize(
    ("data", "pages"),
    [
        (b"\n" + urlset(url(A)), (A,)),
        (b" \r\n\xef\xbb\xbf" + urlset(url(A)), (A,)),
        (urlset(url(A), declaration="").replace(b"<urlset", b"\t<urlset"), (A,)),
        (urlset(url(A)).decode().replace("UTF-8", "UTF-16").encode("utf-16"), (A,)),
        (
            f'<urlset xmlns="http://www.google.com/schemas/sitemap/0.84">{url(A)}</urlset>'.encode(),
            (A,),
        ),
        (f'<urlset xmlns="urn:of-somebody">{url(A)}</urlset>'.encode(), (A,)),
        (
            f'<s:urlset xmlns:s="http://www.sitemaps.org/schemas/sitemap/0.9"><s:url><s:loc>{A}</s:loc>'
            "</s:url></s:urlset>".encode(),
            (A,),
        ),
        (gzip.compress(urlset(url(A)), mtime=0)[:-8], (A,)),
    ],
)
def test_what_is_unusual_is_no_fault(data: bytes, pages: tuple[str, ...]) -> None:
    assert parse_sitemap(data) == Sitemap(pages)


@pytest.mark.parametrize(
    "data",
    [
        urlset(url(B), url(A)),
        urlset(url("https://b.example/?x=1&y=2&"), url(A)).replace(b"y=2&<", b"y=2<"),
        urlset(url(B.replace("&", "&amp;")), "<priority>&nbsp;</priority>", url(A)),
        urlset(url(f"<![CDATA[{B}]]>"), "<!-- a & b -- c -->", url(A)),
        urlset(url(B), url(A)).replace(b"UTF-8", b"x-klingon"),
        urlset(f"<url><loc>{B}</loc>", url(A)),
        urlset(f"<url><loc>{B}</url>", url(A)),
        urlset(url(B), "</b>", url(A)),
        urlset(url(B), "<lastmod>caf\xe9</lastmod>", url(A)).decode().encode("latin-1"),
    ],
)
def test_what_is_not_well_formed_costs_no_address_that_can_be_read(data: bytes) -> None:
    found = parse_sitemap(data)
    assert found.pages == (B, A)
    assert found.whole
    assert found.fault is not None


@pytest.mark.parametrize(
    "data",
    [
        urlset(url(A), "<url><loc>https://c.exa"),
        urlset(url(A), url(B))[:-30],
        urlset(url(A), url(B))[:-30] + b"\xff",
        urlset(url(A), "<url><loc>  </loc></url>&"),
        b"https://a.example/\n<!-- cut\n",
    ],
)
def test_what_could_not_be_read_is_told(data: bytes) -> None:
    found = parse_sitemap(data.replace(b"</urlset>", b""))
    assert found.pages == (A,)
    assert not found.whole
    assert found.fault is not None


RSS = (
    "<rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom'><channel><link>https://home</link>"
    f"<atom:link href='https://self'/><item><title>a</title><link>{A}</link>"
    "<atom:link href='https://other'/></item></channel></rss>"
)
ATOM = (
    "<feed xmlns='http://www.w3.org/2005/Atom'><link href='https://home'/><entry>"
    f"<link rel='edit' href='https://edit'/><link href='{A}'/></entry></feed>"
)
RDF = (
    "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'>"
    f"<channel><link>https://home</link></channel><item><link>{A}</link></item></rdf:RDF>"
)


@pytest.mark.parametrize("feed", [RSS, ATOM, RDF])
def test_a_feed_lists_the_pages_of_its_entries(feed: str) -> None:
    assert parse_sitemap(feed.encode()) == Sitemap((A,))
    loosely = parse_sitemap(
        feed.replace("<item>", "<item>&").replace("<entry>", "<entry>&").encode()
    )
    assert loosely.pages == (A,)
    assert loosely.whole


@pytest.mark.parametrize(
    "junk", ["<!--", "<![CDATA[", "<?", "<!", "<a ", "&", "<a b=", "</", "<url>"]
)
def test_it_takes_as_long_as_the_document_is(junk: str) -> None:
    # A reader that looked for each end anew would take hours for this.
    with suppress(PageListError):
        parse_sitemap(f"<urlset>{url(A)}{junk * 50_000}".encode())


@given(st.binary() | st.text("<>/urlsetoc &;").map(str.encode))
def test_any_bytes_are_a_sitemap_or_refused(data: bytes) -> None:
    try:
        found = parse_sitemap(data)
    except PageListError:
        return
    assert all(found.pages)
