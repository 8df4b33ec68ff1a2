"""HTTP/1 read as Chromium reads it: each of these was tried with Chromium 156."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.network.tolerant_http import CutShort, NotHTTP, TolerantReader, parse_head

BODY = b"x" * 50
OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: 50\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
END = b"\r\n"
ONE_CHUNK = b"32\r\n" + BODY + b"\r\n0\r\n\r\n"


def read(wire: bytes, step: int = 1 << 20) -> tuple[int | None, bytes]:
    reader, body = TolerantReader(), b""
    for at in range(0, len(wire), step):
        body += b"".join(reader.feed(wire[at : at + step]))
        if reader.done:
            break
    if not reader.done:
        reader.end()
    return reader.status, body


TAKEN = {
    "a line without a colon": OK + b"junk\r\n" + LENGTH + END + BODY,
    "a space before the colon": OK + b"X : y\r\n" + LENGTH + END + BODY,
    "a space in a name": OK + b"X Y: z\r\n" + LENGTH + END + BODY,
    "a length with a space before its colon": OK + b"Content-Length : 50\r\n" + END + BODY,
    "a space before a name": OK + b" X: y\r\n" + LENGTH + END + BODY,
    "a folded field": OK + b"X: a\r\n b\r\n" + LENGTH + END + BODY,
    "no name": OK + b": y\r\n" + LENGTH + END + BODY,
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 50\n\n" + BODY,
    "a bare carriage return": OK + b"X: a\rY: b\r\n" + LENGTH + END + BODY,
    "thousands of fields": OK + b"".join(b"X-%d: y\r\n" % n for n in range(6_000)) + LENGTH + END + BODY,
    "a long field": OK + b"X: " + b"y" * 200_000 + b"\r\n" + LENGTH + END + BODY,
    "two equal lengths": OK + LENGTH + LENGTH + END + BODY,
    "two equal lengths in a line": OK + b"Content-Length: 50, 50\r\n" + END + BODY,
    "a length that is none": OK + b"Content-Length: abc\r\n" + END + BODY,
    "a length with a sign": OK + b"Content-Length: +50\r\n" + END + BODY,
    "a negative length": OK + b"Content-Length: -5\r\n" + END + BODY,
    "a length beyond all numbers": OK + b"Content-Length: 99999999999999999999\r\n" + END + BODY,
    "no status": b"HTTP/1.1\r\n" + LENGTH + END + BODY,
    "no code": b"HTTP/1.1 OK\r\n" + LENGTH + END + BODY,
    "no reason": b"HTTP/1.1 200\r\n" + LENGTH + END + BODY,
    "blanks in the status line": b"HTTP/1.1  200  OK\r\n" + LENGTH + END + BODY,
    "another version": b"HTTP/2.0 200 OK\r\n" + LENGTH + END + BODY,
    "no version": b"HTTP 200 OK\r\n" + LENGTH + END + BODY,
    "small letters": b"http/1.1 200 OK\r\n" + LENGTH + END + BODY,
    "blank lines before it": b"\r\n\r\n" + OK + LENGTH + END + BODY,
    "stray bytes before it": b"xx" + OK + LENGTH + END + BODY,
    "a length beside chunks": OK + b"Content-Length: 9\r\n" + CHUNKED + END + ONE_CHUNK,
    "chunked twice": OK + CHUNKED + CHUNKED + END + ONE_CHUNK,
    "chunked in another case": OK + b"Transfer-Encoding: Chunked\r\n" + END + ONE_CHUNK,
    "chunked in a list": OK + b"Transfer-Encoding: gzip, chunked\r\n" + END + ONE_CHUNK,
    "an unknown coding": OK + b"Transfer-Encoding: foo\r\n" + END + BODY,
    "the identity coding": OK + b"Transfer-Encoding: identity\r\n" + LENGTH + END + BODY,
    "chunks with bare line feeds": OK + CHUNKED + END + b"32\n" + BODY + b"\n0\n\n",
    "a chunk with an extension": OK + CHUNKED + END + b"32;a=b\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk with blanks": OK + CHUNKED + END + b"32  \r\n" + BODY + b"\r\n0\r\n\r\n",
    "trailers": OK + CHUNKED + END + b"32\r\n" + BODY + b"\r\n0\r\nX: y\r\n\r\n",
    "no length at all": OK + END + BODY,
    "interim answers": b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 20 + OK + LENGTH + END + BODY,
    "more than its length": OK + LENGTH + END + BODY + b"more",
    "control characters": OK + b"X: a\x01b\r\n" + LENGTH + END + BODY,
}  # fmt: skip


@pytest.mark.parametrize("step", [7, 1 << 20])
@pytest.mark.parametrize("form", TAKEN)
def test_what_chromium_takes_is_taken(form: str, step: int) -> None:
    assert read(TAKEN[form], step) == (200, BODY)


REFUSED = {
    "a NUL": OK + b"X: a\0b\r\n" + LENGTH + END + BODY,
    "headers without end": OK + b"X: " + b"y" * 300_000 + b"\r\n" + LENGTH + END + BODY,
    "two lengths": OK + LENGTH + b"Content-Length: 40\r\n" + END + BODY,
    "two locations": b"HTTP/1.1 302 F\r\nLocation: /a\r\nLocation: /b\r\n" + LENGTH + END + BODY,
    "no HTTP": BODY,
    "SSH": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n" * 3,
    "too many stray bytes": b"xxxxx" + OK + LENGTH + END + BODY,
    "another protocol": b"HTTP/1.1 101 S\r\n\r\n" + BODY,
    "a blank before a chunk": OK + CHUNKED + END + b" 32\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk in C's notation": OK + CHUNKED + END + b"0x32\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk that is none": OK + CHUNKED + END + b"32\r\n" + BODY + b"\r\nzz\r\n",
    "chunks without a break": OK + CHUNKED + END + b"32\r\n" + BODY + b"0\r\n\r\n",
    "an empty line between chunks": OK + CHUNKED + END + b"\r\n32\r\n" + BODY + b"\r\n0\r\n\r\n",
    "an endless extension": OK + CHUNKED + END + b"32;" + b"x" * 20_000 + b"\r\n" + BODY,
    "interim answers without end": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 21 + OK + LENGTH + END,
    "framing without end": OK + CHUNKED + END + b"1\r\nx\r\n" * 100_000,
    "trailers without end": OK + CHUNKED + END + b"0\r\n" + b"x: y\r\n" * 60_000,
}


@pytest.mark.parametrize("step", [4_099, 1 << 20])
@pytest.mark.parametrize("form", REFUSED)
def test_what_chromium_refuses_is_refused(form: str, step: int) -> None:
    with pytest.raises(NotHTTP, match=r"^(bad-answer|headers-too-large): "):
        read(REFUSED[form], step)


@pytest.mark.parametrize(
    "wire",
    [
        OK + b"Content-Length: 60\r\n" + END + BODY,
        OK + CHUNKED + END + BODY,
        OK + b"Transfer-Encoding: chunked\r\n" + END + b"32\r\n" + BODY + b"\r\n",
        OK + b"Transfer-Encoding: chunked\r\n" + END + b"32\r\n" + BODY + b"\r\n0\r\n",
    ],
)
def test_a_body_that_ends_too_early_is_cut_short(wire: bytes) -> None:
    with pytest.raises(CutShort):
        read(wire)


@pytest.mark.parametrize("wire", [OK + LENGTH.rstrip(), OK + LENGTH, OK])
def test_headers_that_end_with_the_connection_are_an_answer(wire: bytes) -> None:
    reader = TolerantReader()
    assert list(reader.feed(wire)) == []
    if b"Length" in wire:
        with pytest.raises(CutShort):
            reader.end()
    else:
        reader.end()
    assert reader.status == 200


@pytest.mark.parametrize("status", [204, 205, 304])
def test_where_there_can_be_no_body_there_is_none(status: int) -> None:
    assert read(b"HTTP/1.1 %d No\r\n" % status + LENGTH + END + BODY) == (status, b"")


def test_fields_are_those_that_have_a_name() -> None:
    status, headers = parse_head(
        b"HTTP/1.1 404 Not Found\r\nA: 1\r\njunk\r\nB : 2\r\n more\r\nC D: 3\r\n lost\r\nb:4"
    )
    assert status == 404
    assert list(headers.items()) == [("A", "1"), ("B", "2 more"), ("b", "4")]


@given(wire=st.binary(max_size=400), step=st.integers(1, 60))
def test_whatever_arrives_is_an_answer_or_named(wire: bytes, step: int) -> None:
    for start in (b"", OK, OK + CHUNKED + END):
        try:
            status, _ = read(start + wire, step)
        except (NotHTTP, CutShort):
            continue
        assert status is not None
