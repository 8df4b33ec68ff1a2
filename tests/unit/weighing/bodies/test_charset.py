"""The encoding of a body is found as browsers find it, and nothing is undecodable."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webencodings.labels import LABELS as STANDARD_LABELS

from libra.weighing.bodies.charset import html_encoding, sheet_encoding, to_utf8


def html_to_utf8(body: bytes, content_type: str | None, inherited: str = "") -> bytes:
    return to_utf8(body, html_encoding(body, content_type, inherited))


def css_to_text(body: bytes, content_type: str | None, environment: str = "") -> str:
    return to_utf8(body, sheet_encoding(body, content_type, environment)).decode()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("é".encode(), "text/html; charset=utf-8"),
        ("é".encode("latin-1"), "text/html; charset=ISO-8859-1"),
        ("é".encode("latin-1"), 'text/html; charset="windows-1252"'),
        (codecs.BOM_UTF8 + "é".encode(), "text/html; charset=windows-1252"),
        (codecs.BOM_UTF16_LE + "é".encode("utf-16-le"), None),
        (codecs.BOM_UTF16_BE + "é".encode("utf-16-be"), "text/html; charset=utf-8"),
        ("é".encode("latin-1"), None),
        ("é".encode("latin-1"), "text/html; charset=no-such-charset"),
    ],
)
def test_the_encoding_is_found_in_the_order_of_the_standard(
    body: bytes, content_type: str | None
) -> None:
    assert html_to_utf8(body, content_type).decode() == "é"


def test_a_declaration_in_the_document_is_found_near_its_beginning() -> None:
    cyrillic = '<meta charset="windows-1251"><p>Привет'.encode("windows-1251")
    assert html_to_utf8(cyrillic, "text/html").decode().endswith("Привет")
    old = '<meta http-equiv=Content-Type content="text/html; charset=koi8-r">Привет'.encode(
        "koi8-r"
    )
    assert html_to_utf8(old, None).decode().endswith("Привет")
    commented = b"<!-- <meta charset=koi8-r> -->" + "é".encode("latin-1")
    assert html_to_utf8(commented, None).decode().endswith("é")


def test_a_document_that_says_utf16_in_ascii_is_utf8() -> None:
    assert html_to_utf8(b"<meta charset=utf-16>" + "é".encode(), None).decode().endswith("é")


def test_a_style_sheet_may_name_its_encoding() -> None:
    assert css_to_text(
        '@charset "windows-1251";a{content:"Я"}'.encode("windows-1251"), None
    ).endswith('"Я"}')
    assert css_to_text("a{content:'é'}".encode(), None) == "a{content:'é'}"
    assert css_to_text(codecs.BOM_UTF8 + b"a{}", "text/css; charset=latin-1") == "a{}"


LABELS = [
    "utf-8",
    "utf-7",
    "utf-32",
    "hz-gb-2312",
    "replacement",
    "x-user-defined",
    "base64",
    "rot13",
    "idna",
    "unicode_escape",
    "gb18030",
    "shift_jis",
    "euc-jp",
    "iso-2022-jp",
    "big5",
    "euc-kr",
    "macintosh",
    "ibm866",
    "zlib",
    "undefined",
    "mbcs",
]


@pytest.mark.parametrize("label", [*LABELS, *STANDARD_LABELS])
def test_every_name_of_an_encoding_is_survived(label: str) -> None:
    body = bytes(range(256)) * 3
    html_to_utf8(body, f"text/html; charset={label}").decode()
    html_to_utf8(f"<meta charset={label}>".encode() + body, None).decode()
    css_to_text(f'@charset "{label}";'.encode() + body, None)


@given(st.binary(max_size=400), st.none() | st.text(max_size=40))
def test_any_bytes_become_valid_text(body: bytes, content_type: str | None) -> None:
    html_to_utf8(body, content_type).decode()
    css_to_text(body, content_type)
