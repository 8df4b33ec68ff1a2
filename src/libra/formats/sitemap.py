"""Sitemaps (sitemaps.org, 0.9) and the feeds that stand in for them, as sites really write them.

The protocol allows RSS 2.0 and Atom beside its own format and plain text. A sitemap that is not
well-formed is read again by a tolerant reader, as search engines do: one bad address then costs only
that address and not the list.
"""

from __future__ import annotations

import re
import zlib
from typing import Final
from xml.parsers import expat

import msgspec

from libra.ascii import lowered, trimmed
from libra.formats.loose_xml import read_loosely
from libra.formats.page_lists import PageListError, parse_url_list

MAX_SITEMAP_BYTES: Final = 50_000_000
"""Largest size of one sitemap that the protocol allows, uncompressed."""

_GZIP: Final = b"\x1f\x8b"

_MAX_MEMBERS: Final = 100
"""Gzip members: each has to be cut off the rest, so very many would take long."""

_DEEPEST: Final = 100
"""Depth of nested elements; a sitemap needs three."""

_ROOTS: Final = {"urlset", "sitemapindex", "rss", "rdf", "feed"}

#: Elements whose text is an address.
_ADDRESSES: Final[dict[tuple[str, ...], str]] = {
    ("urlset", "url", "loc"): "page",
    ("sitemapindex", "sitemap", "loc"): "sitemap",
    ("rss", "channel", "item", "link"): "page",
    ("rdf", "item", "link"): "page",
}

_ATOM_LINK: Final = ("feed", "entry", "link")

#: Elements that each stand for one address, which is lost if none is found in them.
_ENTRIES: Final = {path[:-1] for path in (*_ADDRESSES, _ATOM_LINK)}

#: Namespaces of current and former formats, beside that of the root element.
_KNOWN: Final = ("schemas/sitemap/", "schemas/sitemap-index/", "purl.org/rss/1.0")


class Sitemap(msgspec.Struct, frozen=True):
    """The contents of a sitemap.

    Attributes:
        pages: addresses of pages.
        sitemaps: addresses of further sitemaps.
        fault: what is wrong with the sitemap, in words; None if nothing is.
        whole: False if some of its entries could not be read.
    """

    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    fault: str | None = None
    whole: bool = True


def parse_sitemap(data: bytes) -> Sitemap:
    """Read a sitemap, an index of sitemaps or a feed: XML or plain text, gzipped or not.

    Raises:
        PageListError: it is none of these, or larger than the protocol allows. Documents with a
            document type are refused: sitemaps have none, and entities can expand without bound.
    """
    data = _unpacked(data)
    # Nothing may stand before the declaration, but some scripts write a blank line there.
    data = data.lstrip(b"\xef\xbb\xbf \t\r\n\v\f\0") if not data.startswith(_UTF16) else data
    return _xml_sitemap(data) if data.startswith((b"<", *_UTF16)) else _plain_sitemap(data)


_UTF16: Final = (b"\xff\xfe<", b"\xfe\xff\0<")


def _xml_sitemap(data: bytes) -> Sitemap:
    strictly = _AddressReader()
    try:
        _read_strictly(data, strictly)
    except expat.ExpatError as error:
        fault = f"it is not well-formed XML ({error})"
    except PageListError:
        raise
    except (LookupError, ValueError) as error:  # an unknown encoding
        fault = f"it cannot be read as XML ({error})"
    else:
        strictly.require_sitemap()
        return strictly.sitemap()
    reader = _AddressReader()
    closed = read_loosely(data, reader.start, reader.text, reader.end)
    if reader.root:
        reader.require_sitemap()
    if not reader.found["page"] and not reader.found["sitemap"]:
        raise PageListError(f"this is not a sitemap: {fault}")
    whole = closed and reader.entries == len(reader.found["page"]) + len(reader.found["sitemap"])
    return reader.sitemap(fault, whole=whole)


class _AddressReader:
    """Finds the addresses in the elements that either XML reader reports."""

    def __init__(self) -> None:
        self.root = ""
        self.entries = 0
        self.found: dict[str, list[str]] = {"page": [], "sitemap": []}
        self._namespace = ""
        self._path: list[str] = []
        self._text: list[str] = []

    def start(self, namespace: str, local: str, attributes: dict[str, str]) -> None:
        if len(self._path) == _DEEPEST:
            raise PageListError(
                f"this is not a sitemap: its elements are nested more than {_DEEPEST} deep"
            )
        if not self._path and not self.root:
            self.root, self._namespace = local, namespace
        # Extensions (image:loc, video:..., atom:link in RSS) have namespaces of their own.
        ours = namespace in ("", self._namespace) or any(known in namespace for known in _KNOWN)
        name = lowered(local) if not self._path else local
        self._path.append(name if ours else f"{namespace} {local}")
        self._text.clear()
        path = tuple(self._path)
        self.entries += path in _ENTRIES
        if path == _ATOM_LINK and attributes.get("rel", "alternate") == "alternate":
            self._take("page", attributes.get("href", ""))

    def text(self, text: str) -> None:
        self._text.append(text)

    def end(self) -> None:
        what = _ADDRESSES.get(tuple(self._path))
        if what is not None:
            self._take(what, "".join(self._text))
        self._path.pop()
        self._text.clear()

    def _take(self, what: str, address: str) -> None:
        if address := trimmed(address):
            self.found[what].append(address)

    def require_sitemap(self) -> None:
        if lowered(self.root) not in _ROOTS:
            raise PageListError(f"this is not a sitemap: its root element is <{self.root[:40]}>")

    def sitemap(self, fault: str | None = None, *, whole: bool = True) -> Sitemap:
        pages, sitemaps = tuple(self.found["page"]), tuple(self.found["sitemap"])
        return Sitemap(pages, sitemaps, fault, whole)


def _read_strictly(data: bytes, reader: _AddressReader) -> None:
    def start(name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        reader.start(namespace, local, attributes)

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: reader.end()
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.Parse(data, True)


def _refuse(*_declaration: object) -> None:
    raise PageListError("this is not a sitemap: it has a document type")


_ADDRESS: Final = re.compile(r"https?://", re.IGNORECASE | re.ASCII)


def _plain_sitemap(data: bytes) -> Sitemap:
    try:
        lines = [address for _, address in parse_url_list(data.decode("utf-8-sig"))]
    except UnicodeDecodeError:
        raise PageListError("the sitemap is neither XML nor UTF-8 text") from None
    pages = tuple(line for line in lines if _ADDRESS.match(line))
    if lines and not pages:
        raise PageListError("this is not a sitemap: it is neither XML nor a list of URLs")
    if len(pages) < len(lines):
        return Sitemap(pages, fault="some of its lines are not URLs", whole=False)
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
            raise PageListError(f"the sitemap is a gzip file of more than {_MAX_MEMBERS} members")
        unpacker = zlib.decompressobj(wbits=31)
        try:
            parts.append(unpacker.decompress(data, room))
        except zlib.error as error:
            raise PageListError(f"the sitemap is damaged: {error}") from None
        room -= len(parts[-1])
        if not unpacker.eof and room > 0:
            # Some servers leave out the trailer; the XML reader finds out whether the end is there.
            if not any(parts):
                raise PageListError("the sitemap is cut short")
            break
        data = unpacker.unused_data
    return b"".join(parts)
