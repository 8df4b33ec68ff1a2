"""The page of 41 requests and 511,478 bytes that a local server gives to all who are compared."""

from __future__ import annotations

import gzip
import random
import struct
import zlib
from pathlib import Path

from benchmarks.samples import WORDS

REQUESTS = 41
WIRE_BYTES = 511_478
"""What one page costs on the wire: the report that the design shows."""


def write_page(folder: Path) -> list[str]:
    """Write the page that is weighed into `folder`; the names of its 41 files, `index.html` first.

    45,896 bytes of HTML name 4 stylesheets, 10 scripts, 17 images and an icon; the stylesheets name
    6 more images and 2 fonts. Text other than the document lies there as ``.gz`` only, as a server
    with precompressed files would send it. What crosses the wire is `WIRE_BYTES`, to the byte.
    """
    rng = random.Random(41)
    files: dict[str, bytes] = {}
    for number in range(4):
        used = [f"bg-{number * 2 + i}.png" for i in range(2)] if number < 3 else []
        fonts = [f"face-{number}.woff2"] if number < 2 else []
        size = 150_000 if number == 0 else 30_000
        files[f"style-{number}.css.gz"] = _gz(_stylesheet(rng, used, fonts, size))
        files |= {name: _png(rng, 4_000) for name in used}
        files |= {name: rng.randbytes(22_000) for name in fonts}
    for number in range(10):
        files[f"script-{number}.js.gz"] = _gz(_script(rng, 26_000))
    images = [f"image-{number}.png" for number in range(17)]
    files["icon.png"] = _png(rng, 1_200)
    files["index.html"] = _document(rng, images, 45_896)
    left = WIRE_BYTES - sum(map(len, files.values()))
    weights = [rng.lognormvariate(0, 0.7) for _ in images]
    for name, weight in zip(images, weights, strict=True):
        files[name] = _png(rng, int(left * weight / sum(weights)))
    # The last image takes up the rounding, so that the sum is what the design says.
    short = WIRE_BYTES - sum(map(len, files.values()))
    files[images[-1]] = _png(rng, len(files[images[-1]]) + short)
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    names = sorted((name.removesuffix(".gz") for name in files), key=lambda n: n != "index.html")
    assert len(names) == REQUESTS
    return names


def _png(rng: random.Random, size: int) -> bytes:
    """An image of one pixel that is so many bytes long; a browser takes all of it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    pixel, tail = chunk(b"IDAT", zlib.compress(b"\0\0\0\0")), chunk(b"IEND", b"")
    # A private, ancillary chunk, which every decoder passes over (PNG, section 5.4).
    filler = chunk(b"fiLl", rng.randbytes(size - len(head + pixel + tail) - 12))
    return head + filler + pixel + tail


def _gz(data: bytes) -> bytes:
    return gzip.compress(data, 6, mtime=0)


def _document(rng: random.Random, images: list[str], size: int) -> bytes:
    links = "".join(f'<link rel="stylesheet" href="style-{n}.css">\n' for n in range(4))
    scripts = "".join(f'<script src="script-{n}.js" defer></script>\n' for n in range(10))
    used = "".join(f'<p class="f{n}">{_prose(rng, 60)}</p>\n' for n in range(2))
    used += "".join(f'<div class="bg-{n}">{_prose(rng, 60)}</div>\n' for n in range(6))
    head = (
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8><title>A page of 41</title>\n"
        f'<link rel="icon" href="icon.png">\n{links}{scripts}</head><body>\n{used}'
    )
    body = head + "".join(
        f'<p>{_prose(rng, 200)}</p>\n<img src="{name}" alt="" width=300 height=200>\n'
        for name in images
    )
    tail = "</body></html>\n"
    room = size - len(body) - len(tail)
    while room > 400:
        text = f"<p class=t>{_prose(rng, 250)}</p>\n"
        body += text
        room -= len(text)
    return (body + "<!--" + "." * (room - 7) + "-->" + tail).encode("ascii")


def _prose(rng: random.Random, length: int) -> str:
    return " ".join(rng.choices(WORDS, k=length // 6))


def _stylesheet(rng: random.Random, images: list[str], fonts: list[str], size: int) -> bytes:
    parts = []
    for name in fonts:
        family = name.split(".")[0]
        parts.append(f'@font-face{{font-family:"{family}";src:url({name}) format("woff2")}}\n')
        parts.append(f'.f{family[-1]}{{font-family:"{family}",sans-serif}}\n')
    parts += [
        f'.{name.removesuffix(".png")}{{background:url("{name}") no-repeat}}\n' for name in images
    ]
    length = sum(map(len, parts))
    while length < size:
        rule = (
            f".{rng.choice(WORDS)}-{rng.choice(WORDS)}{rng.randrange(100)}"
            f"{{margin:{rng.randrange(40)}px;color:#{rng.randbytes(3).hex()};"
            f"padding:{rng.randrange(9)}px {rng.randrange(9)}em}}\n"
        )
        parts.append(rule)
        length += len(rule)
    return "".join(parts).encode("ascii")


def _script(rng: random.Random, size: int) -> bytes:
    parts, length = [], 0
    while length < size:
        name, other = rng.choice(WORDS), rng.choice(WORDS)
        line = (
            f"function {name}{rng.randrange(999)}(a,b){{return a.{other}(b,{rng.random():.6f})}}\n"
        )
        parts.append(line)
        length += len(line)
    return "".join(parts).encode("ascii")
