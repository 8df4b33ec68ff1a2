"""``data:`` URLs are read as Chromium reads them."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.bodies.data_url import DataURL, decode_data_url

DEFAULT = "text/plain;charset=US-ASCII"


@pytest.mark.parametrize(
    ("url", "content_type", "body"),
    [
        ("data:,a", DEFAULT, b"a"),
        ("data:text/css,p\nb{}", "text/css", b"p\nb{}"),
        ("data:text/css,p\tb{}", "text/css", b"p\tb{}"),
        ("  data:text/css,p{} ", "text/css", b"p{}"),
        ("data:text/css,p%0Ab{}#end", "text/css", b"p\nb{}"),
        ("data:text/css;base64,YW Jj\n", "text/css", b"abc"),
        ("data:text/css;base64,YWI%3D", "text/css", b"ab"),
        ("data:text/css;base64,YWI", "text/css", b"ab"),
        ("data:text/css; BASE64,YWI=", "text/css", b"ab"),
        ("data:text/css;\tbase64,YWI=", "text/css;\tbase64", b"YWI="),
        ("data:;charset=utf-8,a", "text/plain;charset=utf-8", b"a"),
        ("data:/,a", DEFAULT, b"a"),
        ("data:text,a", DEFAULT, b"a"),
    ],
)
def test_it_has_a_type_and_a_body(url: str, content_type: str, body: bytes) -> None:
    assert decode_data_url(url) == DataURL(content_type, body)


@pytest.mark.parametrize(
    "body", ["Y", "YWJj=", "YW-_", "YWI=\u00e9", "%", "====", "YQ=a", "Y=Q=", "YWJjY"]
)
def test_what_is_not_base64_fails(body: str) -> None:
    assert decode_data_url(f"data:text/css;base64,{body}") is None


def test_without_a_comma_it_is_malformed() -> None:
    assert decode_data_url("data:text/css") is None


@given(st.binary(max_size=60))
def test_any_bytes_survive_base64(body: bytes) -> None:
    packed = base64.b64encode(body).decode()
    assert decode_data_url(f"data:a/b;base64,{packed}") == DataURL("a/b", body)
    assert decode_data_url(f"data:a/b;base64,{packed.rstrip('=')}") == DataURL("a/b", body)


@given(st.text(max_size=60))
def test_any_text_is_survived(text: str) -> None:
    decode_data_url("data:" + text)
