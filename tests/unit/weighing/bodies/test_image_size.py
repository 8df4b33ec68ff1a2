"""The size of an image is read from its head, in every format and from damaged files too."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.bodies.image_size import pixels_in
from support.work import assert_linear


def chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data


def jpeg(*segments: bytes) -> bytes:
    return b"\xff\xd8" + b"".join(segments)


def segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


FRAME = struct.pack(">BHHB", 8, 480, 640, 3) + bytes(9)

IMAGES = {
    "png": b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II", 640, 480) + bytes(5),
    "gif": b"GIF89a" + struct.pack("<HH", 640, 480) + bytes(10),
    "gif 87": b"GIF87a" + struct.pack("<HH", 640, 480) + bytes(10),
    "jpeg": jpeg(segment(0xE0, b"JFIF\0" + bytes(9)), segment(0xC0, FRAME)),
    "jpeg, progressive, after a profile": jpeg(
        segment(0xE1, bytes(20_000)), segment(0xE2, bytes(40_000)), segment(0xC4, b"\0" * 30),
        b"\xff", segment(0xC2, FRAME),
    ),
    "webp, lossy": b"RIFF\0\0\0\0WEBPVP8 " + bytes(7) + b"\x9d\x01\x2a" + struct.pack("<HH", 640, 480),
    "webp, lossless": b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f"
    + struct.pack("<I", 639 | 479 << 14) + bytes(4),
    "webp, extended": b"RIFF\0\0\0\0WEBPVP8X\n\0\0\0" + bytes(4)
    + (639).to_bytes(3, "little") + (479).to_bytes(3, "little"),
    "bmp": b"BM" + bytes(16) + struct.pack("<ii", 640, -480) + bytes(10),
    "avif": b"\0\0\0\x20ftypavif" + bytes(100)
    + b"\0\0\0\x14ispe" + bytes(4) + struct.pack(">II", 160, 120)
    + b"\0\0\0\x14ispe" + bytes(4) + struct.pack(">II", 640, 480),
}  # fmt: skip


@pytest.mark.parametrize("head", IMAGES.values(), ids=IMAGES)
def test_the_size_is_read(head: bytes) -> None:
    assert pixels_in(head) == (640, 480)


@pytest.mark.parametrize("head", IMAGES.values(), ids=IMAGES)
def test_a_head_that_is_cut_short_has_no_size_or_the_right_one(head: bytes) -> None:
    for length in range(0, len(head), max(1, len(head) // 200)):
        assert pixels_in(head[:length]) in {None, (640, 480), (160, 120)}


@pytest.mark.parametrize("head", [b"", b"<svg width=1>", b"\0\0\1\0", b"PNG", b"GIF89a" + bytes(4)])
def test_what_is_no_such_image_has_none(head: bytes) -> None:
    assert pixels_in(head) is None


@given(st.sampled_from(sorted(IMAGES)), st.data())
def test_damage_does_no_harm(name: str, data: st.DataObject) -> None:
    damaged = bytearray(IMAGES[name][:300])
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    found = pixels_in(bytes(damaged))
    assert found is None or min(found) > 0


@pytest.mark.parametrize(
    ("begin", "unit"),
    [
        (jpeg(b""), b"\xff"),
        (jpeg(b""), b"\xff\xd0"),
        (jpeg(b""), b"\xff\xe0\0\0"),
        (b"\0\0\0\x20ftypavif", b"ispe"),
    ],
)
def test_the_worst_is_read_in_linear_time(begin: bytes, unit: bytes) -> None:
    def prepare(size: int) -> Callable[[], object]:
        head = begin + unit * (size // len(unit))
        return lambda: pixels_in(head)

    assert_linear(prepare, 1_000_000)
