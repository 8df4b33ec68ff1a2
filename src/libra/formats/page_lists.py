"""Lists of pages: a text file with an address on each line, and sitemaps (sitemaps.org, 0.9)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final
from xml.parsers import expat

import msgspec

MAX_SITEMAP_BYTES: Final = 50_000_000
"""What the protocol allows one sitemap to have, uncompressed."""

_GZIP: Final = b"\x1f\x8b"

_MAX_MEMBERS: Final = 100
"""Each has to be cut off the rest, so that very many would take long."""

_DEEPEST: Final = 100
"""Elements inside one another; a sitemap needs three."""

_INSIDE: Final[dict[tuple[str, ...], str]] = {
    ("urlset", "url", "loc"): "page",
    ("sitemapindex", "sitemap", "loc"): "sitemap",
}


class PageListError(ValueError):
    """A list that cannot be read; the message says why."""


class Sitemap(msgspec.Struct, frozen=True):
    """What a sitemap lists: pages, or further sitemaps."""

    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()


def parse_url_list(text: str) -> Iterator[tuple[int, str]]:
    """Each address with the number of its line, without empty lines and comments.

    A comment begins with a # at the start of a line or after white space; elsewhere a # is part of
    the address.
    """
    for number, line in enumerate(text.splitlines(), 1):
        words = line.lstrip("\ufeff").split()
        end = next((at for at, word in enumerate(words) if word.startswith("#")), len(words))
        if end:
            yield number, " ".join(words[:end])


def parse_sitemap(data: bytes) -> Sitemap:
    """Read a sitemap or an index of sitemaps: XML or plain text, gzipped or not.

    Raises:
        PageListError: if it is neither, or larger than the protocol allows. Documents with a
            document type are refused: sitemaps have none, and entities can be made to explode.
    """
    data = _unpacked(data)
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _plain_sitemap(data)
    reader = _Reader()
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise PageListError(f"the sitemap is not well-formed XML: {error}") from None
    except PageListError:
        raise
    except (LookupError, ValueError) as error:  # an encoding that nobody knows
        raise PageListError(f"the sitemap cannot be read: {error}") from None
    if reader.root not in {"urlset", "sitemapindex"}:
        raise PageListError(f"that is no sitemap: its root element is <{reader.root[:40]}>")
    return Sitemap(tuple(reader.found["page"]), tuple(reader.found["sitemap"]))


class _Reader:
    """What expat tells of the elements on the way to each ``loc``."""

    def __init__(self) -> None:
        self.root = ""
        self.found: dict[str, list[str]] = {"page": [], "sitemap": []}
        self._path: list[str] = []
        self._text: list[str] = []
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text.append
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _start(self, name: str, _attributes: object) -> None:
        # Extensions (image:loc, video:...) have namespaces of their own.
        namespace, _, local = name.rpartition(" ")
        known = namespace == "" or "sitemaps.org/schemas/sitemap" in namespace
        if len(self._path) == _DEEPEST:
            raise PageListError(
                f"that is no sitemap: it has more than {_DEEPEST} elements in another"
            )
        self._path.append(local if known else name)
        self.root = self.root or local
        self._text.clear()

    def _end(self, _name: str) -> None:
        what = _INSIDE.get(tuple(self._path))
        address = "".join(self._text).strip()
        if what is not None and address:
            self.found[what].append(address)
        self._path.pop()
        self._text.clear()

    @staticmethod
    def _refuse(*_declaration: object) -> None:
        raise PageListError("that is no sitemap: it has a document type")


def _plain_sitemap(data: bytes) -> Sitemap:
    try:
        pages = tuple(address for _, address in parse_url_list(data.decode("utf-8-sig")))
    except UnicodeDecodeError:
        raise PageListError("the sitemap is neither XML nor UTF-8 text") from None
    if not all(page.startswith(("http://", "https://")) for page in pages):
        raise PageListError("that is no sitemap: neither XML nor a list of addresses")
    return Sitemap(pages)


def _unpacked(data: bytes) -> bytes:
    if data.startswith(_GZIP):
        data = _gunzipped(data)
    if len(data) > MAX_SITEMAP_BYTES:
        raise PageListError(f"the sitemap is larger than {MAX_SITEMAP_BYTES:,} bytes")
    return data


def _gunzipped(data: bytes) -> bytes:
    """All members of a gzip file, one after the other, up to one byte more than is allowed."""
    parts: list[bytes] = []
    room = MAX_SITEMAP_BYTES + 1
    while data.startswith(_GZIP) and room > 0:
        if len(parts) == _MAX_MEMBERS:
            raise PageListError(f"the sitemap is packed in more than {_MAX_MEMBERS} pieces")
        unpacker = zlib.decompressobj(wbits=31)
        try:
            parts.append(unpacker.decompress(data, room))
        except zlib.error as error:
            raise PageListError(f"the sitemap is damaged: {error}") from None
        room -= len(parts[-1])
        if not unpacker.eof and room > 0:
            raise PageListError("the sitemap is cut short")
        data = unpacker.unused_data
    return b"".join(parts)
