"""Whatever foreign text holds, the small readers of documents take it and say something."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.bodies.data_imports import as_data_sheet, with_data_imports
from libra.weighing.bodies.data_url import decode_data_url
from libra.weighing.bodies.mime import charset_of, essence_of
from libra.weighing.bodies.prescan import declared_in_html
from libra.weighing.bodies.query_encoding import in_encoding, queries_in_sheet
from libra.weighing.headers.document_headers import DocumentHeaders, addresses_of_rules
from libra.weighing.headers.refresh import parse_refresh
from libra.weighing.html.late_sheets import after_load
from libra.weighing.html.quirks import is_in_quirks_mode
from libra.weighing.style.shadow_roots import in_root, outside_roots
from support.work import assert_linear

URL = "https://example.com/"
PIECES = st.sampled_from(
    ["<meta ", "charset=", "@import ", "url(", "data:text/css,", ";", "{", "}", "(", ")", "'", '"',
     ":host", "::slotted", "::part", ">", ",", " ", "[a", "]", "\\", "this.media", "=", "?", "#", "/*",
     "*/", "<!--", "-->", "<!doctype ", "html", "PUBLIC", "0", ".", "é", "\x00", "text/html", "base64"]
)  # fmt: skip
READERS: list[Callable[[str], object]] = [
    with_data_imports,
    as_data_sheet,
    lambda text: decode_data_url(f"data:{text}"),
    lambda text: addresses_of_rules([text]),
    lambda text: after_load({"onload": text, "media": "print"}),
    essence_of,
    charset_of,
    lambda text: declared_in_html(text.encode()),
    lambda text: in_encoding(text, "windows-1251"),
    lambda text: queries_in_sheet(text, "shift_jis"),
    lambda text: is_in_quirks_mode(text.encode()),
    lambda text: parse_refresh(text, URL, URL),
    lambda text: in_root(text, "1"),
    outside_roots,
    lambda text: DocumentHeaders(policies=(text,), frame_options=(text,)).refuses((URL,), URL),
]


@given(st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=80))
def test_any_text_is_taken(text: str) -> None:
    for read in READERS:
        read(text)


@pytest.mark.parametrize(
    ("reader", "unit"),
    [
        (with_data_imports, "@import 'data:text/css,"),
        (with_data_imports, "@import data:"),
        (lambda text: declared_in_html(text.encode()), "<meta a='"),
        (lambda text: declared_in_html(text.encode()), "<!--"),
        (lambda text: declared_in_html(text.encode()), "<a "),
        (lambda text: queries_in_sheet(text, "shift_jis"), "url(é?"),
        (outside_roots.__wrapped__, ":host("),
        (outside_roots.__wrapped__, "["),
        (lambda text: is_in_quirks_mode(text.encode()), "<!--"),
    ],
)  # fmt: skip
def test_the_worst_is_read_in_linear_time(reader: Callable[[str], object], unit: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        text = unit * (size // len(unit))
        return lambda: reader(text)

    assert_linear(prepare, 100_000)
