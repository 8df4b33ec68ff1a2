"""Lists of pages: text files and sitemaps."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.formats.page_lists import (
    MAX_SITEMAP_BYTES,
    PageListError,
    Sitemap,
    parse_sitemap,
    parse_url_list,
)

SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def test_addresses_keep_the_number_of_their_line() -> None:
    text = "\ufeffhttps://a.example/\n\n# later\n  https://b.example/  \r\n"
    assert list(parse_url_list(text)) == [(1, "https://a.example/"), (4, "https://b.example/")]


def test_a_comment_may_stand_behind_an_address() -> None:
    text = "https://a.example/ # ours\nhttps://b.example/#part\t#theirs\n\t# none\r\n"
    assert [url for _, url in parse_url_list(text)] == [
        "https://a.example/",
        "https://b.example/#part",
    ]


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
        (b'<?xml version="1.0" encoding="x-klingon"?><urlset/>', "sitemap"),
        (b"hello", "neither XML nor a list"),
        (b"\xff\xfe\x00", "neither XML nor UTF-8"),
        (b"\x1f\x8b\x08damaged", "damaged"),
        (gzip.compress(b" " * (MAX_SITEMAP_BYTES + 1), mtime=0), "larger than"),
        (gzip.compress(b"<urlset/>", mtime=0)[:-9], "cut short"),
        (gzip.compress(b"", mtime=0) * 1_000, "more than 100 pieces"),
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


@given(st.binary() | st.text("<>/urlsetoc &;").map(str.encode))
def test_any_bytes_are_a_sitemap_or_refused(data: bytes) -> None:
    try:
        found = parse_sitemap(data)
    except PageListError:
        return
    assert all(found.pages)
