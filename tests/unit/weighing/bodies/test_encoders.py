"""Encodings are read, and queries written in them, as in Chromium, where Python has it otherwise."""

import pytest

from libra.weighing.bodies.charset import to_utf8
from libra.weighing.bodies.encoders import percent_encoded


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        ("euc-jp", b"\xa8\xd8", "\ufffd"),
        ("euc-jp", b"\x81\x80", "\ufffd\ufffd"),
        ("euc-jp", b"\xf0\x9f\x98\x80", "\ufffd\ufffd\ufffd"),
        ("euc-jp", b"\x8f\xa1\x80x", "\ufffdx"),
        ("euc-jp", b"\x8f\xa1x", "\ufffdx"),
        ("euc-jp", b"\x8e\xb1", "\uff71"),
        ("big5", b"\x87\x7a", "\u3875"),
        ("big5", b"\xa2\x44", "\uffe5"),
        ("big5", b"\xa3\xe1", "\u20ac"),
        ("big5", b"\xa1\xfe\xa2\x41", "\uff0f\u2215"),
        ("big5", b"\x81x\xff\x80a", "\ufffdx\ufffd\ufffda"),
        ("big5", b"\x81\x80a", "\ufffda"),
        ("gb18030", b"\xa6\xd9\xfe\x59\xa3\xa0", "\ufe10\u9fb4\u3000"),
        ("windows-1255", b"\xca\xd9", "\u05ba\ufffd"),
        ("iso-2022-jp", b"a\x0eb", "a\ufffdb"),
    ],
)
def test_a_body_is_read_as_chromium_reads_it(encoding: str, body: bytes, text: str) -> None:
    assert to_utf8(body, encoding).decode() == text


@pytest.mark.parametrize(
    ("encoding", "text", "query"),
    [
        ("big5", "\xa5", "%26%23165%3B"),
        ("big5", "\uffe5\uff0f\u256d\u5341a", "%A2D%A1%FE%A2~%A4Qa"),
        ("big5", "\u3875", "%26%2314453%3B"),
        ("euc-jp", "\uffe2\u2225\xa2", "%A2%CC%A1%C2%26%23162%3B"),
        ("shift_jis", "\xa3\u2016", "%26%23163%3B%26%238214%3B"),
        ("gbk", "\u2e81\ufe10\u20ac\U0001f600", "%FEP%A6%D9%80%26%23128512%3B"),
        ("gb18030", "\u9fb4\ue5e5\ufeff", "%FEY%26%2358853%3B%841%953"),
        ("iso-2022-jp", "a\u2460\uff71\xa5b", "a%1B$B-!%%22%1B(J\\%1B(Bb"),
        ("windows-1252", "\x80\x81", "%26%23128%3B%81"),
        ("windows-1255", "\u05ba", "%CA"),
        ("koi8-u", "\u255d\u045e", "%26%239565%3B%AE"),
    ],
)
def test_a_query_is_written_as_chromium_writes_it(encoding: str, text: str, query: str) -> None:
    assert percent_encoded(text, encoding) == query
