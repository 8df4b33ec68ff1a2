"""Content encodings are undone piece by piece, and what is wrong with them has a name."""

import contextlib
import gzip
import random
import sys
import zlib
from collections.abc import Callable
from functools import cache, partial

import brotli  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.network.content_encoding import PIECE, DecodeError, Decoder, encodings_in

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def raw_deflate(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(data) + deflate.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": partial(brotli.compress, quality=5),
    "zstd": zstd.compress,
}


def decoded(
    encodings: list[str], data: bytes, *, step: int = 1 << 20, finish: bool = True
) -> bytes:
    decoder = Decoder(encodings)
    out = b"".join(
        piece for at in range(0, len(data), step) for piece in decoder.feed(data[at : at + step])
    )
    decoder.finish()
    return out


@pytest.mark.parametrize("encoding", ENCODERS)
@given(data=st.binary(max_size=2_000), step=st.integers(1, 50))
def test_whatever_was_encoded_comes_back_however_it_is_cut(
    encoding: str, data: bytes, step: int
) -> None:
    assert decoded([encoding], ENCODERS[encoding](data), step=step) == data


@cache
def many_pieces(encoding: str) -> tuple[bytes, bytes]:
    """What is several pieces long, and how it is sent."""
    chance = random.Random(7)
    words = [chance.randbytes(5).hex() for _ in range(3_000)]
    data = " ".join(chance.choices(words, k=110_000)).encode()
    return data, ENCODERS[encoding](data)


@pytest.mark.parametrize("step", [1_400, 16_384, 36_405, 1 << 20])
@pytest.mark.parametrize("encoding", ENCODERS)
def test_what_decodes_to_many_pieces_comes_back_to_its_end(encoding: str, step: int) -> None:
    data, wire = many_pieces(encoding)
    assert len(data) > 4 * PIECE
    assert decoded([encoding], wire, step=step) == data


def test_what_is_left_of_a_full_piece_comes_as_well() -> None:
    # All that was sent is read by then, and some hundred bytes of it are still to be written.
    for length in range(2 * PIECE, 2 * PIECE + 260, 10):
        data = b"a" * length
        assert decoded(["deflate"], raw_deflate(data)) == data


def test_deflate_is_understood_with_and_without_its_wrapper() -> None:
    assert decoded(["deflate"], raw_deflate(b"hello" * 99), step=1) == b"hello" * 99
    assert decoded(["deflate"], zlib.compress(b"hello" * 99), step=1) == b"hello" * 99


def test_encodings_on_top_of_one_another_are_undone_in_reverse() -> None:
    data = b"hello" * 1_000
    wire = brotli.compress(gzip.compress(data))
    assert decoded(["gzip", "br"], wire, step=7) == data


def test_a_zstd_body_may_have_several_frames() -> None:
    assert decoded(["zstd"], zstd.compress(b"one ") + zstd.compress(b"two"), step=3) == b"one two"


BODY = b"body" * 99
GZIP = gzip.compress(BODY)


@pytest.mark.parametrize(
    ("encoding", "wire"),
    [
        pytest.param("gzip", GZIP + b"garbage", id="what follows"),
        pytest.param("gzip", GZIP + GZIP, id="a second member"),
        pytest.param("gzip", GZIP[:-8], id="no trailer"),
        pytest.param("gzip", GZIP[:-3], id="half a trailer"),
        pytest.param("gzip", GZIP[:-8] + bytes(8), id="a wrong trailer"),
        pytest.param("gzip", GZIP[:3] + b"\xe0" + GZIP[4:], id="reserved flags"),
        pytest.param(
            "gzip",
            GZIP[:3] + b"\x1e" + GZIP[4:10] + b"\2\0xyname\0comment\0\xaa\xbb" + GZIP[10:],
            id="a long header with a wrong checksum",
        ),
        pytest.param("deflate", zlib.compress(BODY)[:-4], id="deflate without its checksum"),
        pytest.param("deflate", zlib.compress(BODY) + b"garbage", id="what follows deflate"),
        pytest.param("deflate", raw_deflate(BODY) + b"garbage", id="what follows raw deflate"),
        pytest.param("br", brotli.compress(BODY) + b"garbage", id="what follows brotli"),
    ],
)
@pytest.mark.parametrize("step", [1, 5, 1_000])
def test_what_chromium_shows_in_spite_of_its_coding_is_decoded(
    encoding: str, wire: bytes, step: int
) -> None:
    assert decoded([encoding], wire, step=step) == BODY


@pytest.mark.parametrize("step", [PIECE // 4 - 1, PIECE])
def test_what_follows_brotli_is_dropped_after_many_pieces(step: int) -> None:
    data = bytes(3 * PIECE) + random.Random(1).randbytes(30_000)
    wire = brotli.compress(data) + b"garbage"
    assert decoded(["br"], wire, step=step) == data


@pytest.mark.parametrize("step", [1, 1_000])
def test_a_wrong_checksum_of_deflate_is_an_error_as_in_chromium(step: int) -> None:
    with pytest.raises(DecodeError, match="incorrect data check"):
        decoded(["deflate"], zlib.compress(BODY)[:-4] + b"wrong", step=step)


def test_a_gzip_header_that_does_not_end_is_given_up() -> None:
    with pytest.raises(DecodeError, match="its header does not end"):
        decoded(["gzip"], GZIP[:3] + b"\x08" + GZIP[4:10] + b"n" * 100_000, step=1_000)


@pytest.mark.parametrize("encoding", ENCODERS)
def test_a_stream_cut_short_keeps_what_was_decoded_and_is_named(encoding: str) -> None:
    data = random.Random(1).randbytes(300_000)
    wire = ENCODERS[encoding](data)
    decoder = Decoder([encoding])
    out = b"".join(decoder.feed(wire[: len(wire) * 3 // 4]))
    assert out
    assert data.startswith(out)
    with pytest.raises(DecodeError, match=f"decode: {encoding} stream cut short"):
        decoder.finish()


@pytest.mark.parametrize("encoding", ENCODERS)
def test_what_is_not_in_its_encoding_is_named(encoding: str) -> None:
    with pytest.raises(
        DecodeError, match=f"decode: (not {encoding}|{encoding} stream cut short)|not brotli"
    ):
        decoded([encoding], b"\x07\x07<html>plain text</html>" * 20)


@pytest.mark.parametrize("encoding", ENCODERS)
def test_an_empty_body_is_fine_in_every_encoding(encoding: str) -> None:
    assert decoded([encoding], b"") == b""


@pytest.mark.parametrize("encoding", ENCODERS)
def test_a_bomb_comes_out_in_pieces_that_can_be_stopped(encoding: str) -> None:
    wire = ENCODERS[encoding](bytes(50_000_000))
    pieces = Decoder([encoding]).feed(wire)
    for _, piece in zip(range(10), pieces, strict=False):
        assert 0 < len(piece) <= 2 * PIECE


def test_a_stack_of_encodings_is_refused() -> None:
    with pytest.raises(DecodeError, match="nested"):
        Decoder(["gzip"] * 5)


def test_zstd_may_not_ask_for_a_huge_window() -> None:
    options: dict[int, int] = {
        zstd.CompressionParameter.window_log: 27,
        zstd.CompressionParameter.content_size_flag: 0,
    }
    compressor = zstd.ZstdCompressor(options=options)
    wire = compressor.compress(bytes(1_000)) + compressor.flush()
    with pytest.raises(DecodeError, match="not zstd"):
        decoded(["zstd"], wire)


@pytest.mark.parametrize("content", [b"", b"x"])
def test_a_zstd_body_of_tiny_frames_is_refused_before_it_takes_much_time(content: bytes) -> None:
    frame = zstd.compress(content)
    assert decoded(["zstd"], frame * 1_000) == content * 1_000
    with pytest.raises(DecodeError, match="too many frames"):
        decoded(["zstd"], frame * 1_100)


def test_a_zstd_body_may_have_any_number_of_ordinary_frames() -> None:
    assert decoded(["zstd"], zstd.compress(bytes(2_000)) * 5_000) == bytes(10_000_000)


def test_the_header_names_what_can_be_undone() -> None:
    assert encodings_in(None) == []
    assert encodings_in("GZip, br") == ["gzip", "br"]
    assert encodings_in("identity, x-unknown, aws-chunked") == []


def test_where_one_encoding_is_unknown_none_is_undone_as_in_chromium() -> None:
    assert encodings_in("gzip, identity") == encodings_in("aws-chunked, gzip") == []


@pytest.mark.parametrize("encoding", [*ENCODERS, "x-gzip"])
@given(data=st.binary(max_size=300))
def test_any_bytes_decode_or_are_named(encoding: str, data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        decoded([encoding], data, step=7)
