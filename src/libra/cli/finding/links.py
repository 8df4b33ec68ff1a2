"""The links of a document: the addresses that a person could open from it with a click."""

from __future__ import annotations

import asyncio
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from selectolax.lexbor import LexborHTMLParser

from libra.ascii import lowered
from libra.urls import InvalidURL, join, parse_url
from libra.weighing.bodies.charset import html_encoding, to_utf8
from libra.weighing.bodies.kept import KeptBody, Spool
from libra.weighing.orders.orders import Reading
from libra.weighing.orders.source import Source, StyleWork, Text
from libra.weighing.style.wanted import WantedByStyle

MOST = 10_000
"""Most links of one document that are read."""

_NO_PAGES = frozenset(
    f".{suffix}"
    for suffix in [
        "7z",
        "avi",
        "bz2",
        "css",
        "csv",
        "deb",
        "dmg",
        "doc",
        "docx",
        "epub",
        "exe",
        "gif",
        "gz",
        "ico",
        "iso",
        "jpeg",
        "jpg",
        "js",
        "json",
        "m4a",
        "mjs",
        "mkv",
        "mov",
        "mp3",
        "mp4",
        "mpeg",
        "msi",
        "odt",
        "ogg",
        "pdf",
        "png",
        "ppt",
        "pptx",
        "rar",
        "rpm",
        "rss",
        "svg",
        "tar",
        "tgz",
        "tif",
        "tiff",
        "ttf",
        "txt",
        "wav",
        "webm",
        "webp",
        "whl",
        "woff",
        "woff2",
        "xls",
        "xlsx",
        "xml",
        "xz",
        "zip",
    ]
)
"""Suffixes of files that are not pages: to find that out, they would be downloaded whole."""


def links_of(html: bytes, base: str) -> list[str]:
    """The addresses that a document links to, each once, in order, without fragments.

    Args:
        html: in UTF-8.
        base: the address of the document.
    """
    tree = LexborHTMLParser(html)
    own = tree.css_first("base[href]")
    if own is not None:
        base = join(base, own.attrs.get("href") or "") or base
    found: dict[str, None] = {}
    for link in tree.css("a[href], area[href]")[:MOST]:
        if "download" in link.attrs:
            continue
        address = join(base, link.attrs.get("href") or "")
        if address is None or not may_be_a_page(address):
            continue
        try:
            found[parse_url(address)] = None
        except InvalidURL:  # such as one with a password in it
            continue
    return list(found)


def may_be_a_page(address: str) -> bool:
    """Whether an address may be a page, by its suffix."""
    return lowered(PurePosixPath(unquote(urlsplit(address).path)).suffix) not in _NO_PAGES


class LinkReader:
    """Reads only the links of a document, and finds no assets, so that nothing else is fetched.

    Attributes:
        links: what the document links to; None while no document has been read.
    """

    def __init__(self) -> None:
        self.links: list[str] | None = None
        self.spool = Spool()

    async def read(self, text: Text, body: KeptBody) -> tuple[Reading, Source | None]:
        """As `libra.weighing.reading.reader.Reader.read`."""
        self.links = await asyncio.to_thread(self._read, text, body)
        # An icon that is named nowhere would be requested.
        return Reading(has_icon=True), None

    async def style(self, work: StyleWork) -> tuple[list[WantedByStyle], str | None]:
        """As `libra.weighing.reading.reader.Reader.style`: no work."""
        return [], None

    @staticmethod
    def _read(text: Text, body: KeptBody) -> list[str]:
        data = body.read()
        return links_of(to_utf8(data, html_encoding(data, text.content_type)), text.url)
