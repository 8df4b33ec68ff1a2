"""The references in an HTML document, as a desktop browser with scripting on would follow them.

The parser (lexbor) builds the tree that the HTML standard prescribes, so comments, templates and
``noscript`` are what they are in a browser. Each kind of element has one small function below; they
follow the "fetch" steps of the HTML standard for that element.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, LexborNode

from libra.weighing.charset import html_to_utf8
from libra.weighing.fonts import FontUse
from libra.weighing.media import media_matches
from libra.weighing.modules import ImportMap, imports_in
from libra.weighing.nesting import tamed
from libra.weighing.observing import observe
from libra.weighing.options import Options
from libra.weighing.reference import Reading, Reference, Role
from libra.weighing.scope import Scope
from libra.weighing.srcset import choose
from libra.weighing.stylesheet import read_declarations, read_stylesheet
from libra.weighing.urls import join

MAX_SRCDOC_DEPTH = 3
_ICON_EDGE = 32
_MAX_TITLE = 1_000
LARGE = 1_000_000
"""Bytes from which a document counts as large: too large to be searched for selectors."""

_ASCII = frozenset(range(0x20, 0x7F))
_NOT_TEXT = frozenset({"script", "style", "noscript", "template", "textarea", "iframe", "noembed"})


_SCRIPT_TYPES = frozenset(
    {
        "",
        "text/javascript",
        "application/javascript",
        "application/x-javascript",
        "application/ecmascript",
        "application/x-ecmascript",
        "text/ecmascript",
        "text/x-ecmascript",
        "text/x-javascript",
        "text/jscript",
        "text/livescript",
        *(f"text/javascript1.{n}" for n in range(6)),
    }
)
"""JavaScript MIME types (MIME Sniffing standard, section 4.6) and the empty type."""

_PRELOAD_ROLES: dict[str, Role] = {
    "script": "script",
    "style": "stylesheet",
    "image": "image",
    "font": "font",
    "fetch": "other",
    "track": "track",
}
"""The destinations that Chromium preloads; it ignores the others."""

_IMAGE_TYPES = frozenset(
    {
        "image/apng", "image/avif", "image/bmp", "image/gif", "image/jpeg", "image/jpg", "image/png",
        "image/svg+xml", "image/webp", "image/x-icon", "image/vnd.microsoft.icon", "image/x-png",
        "image/pjpeg", "image/x-ms-bmp", "image/x-xbitmap",
    }
)  # fmt: skip

_MEDIA_TYPES = frozenset(
    {
        "video/mp4", "video/webm", "video/ogg", "video/x-m4v", "video/quicktime", "video/mp2t",
        "video/3gpp", "video/x-matroska", "application/ogg",
        "audio/mpeg", "audio/mp3", "audio/mp4", "audio/x-m4a", "audio/aac", "audio/ogg", "audio/webm",
        "audio/wav", "audio/x-wav", "audio/wave", "audio/flac", "audio/x-flac", "audio/opus",
    }
)  # fmt: skip
_UNPLAYABLE_CODECS = ("theora",)


class Icon(NamedTuple):
    """A ``link rel=icon``: its address, its ``sizes`` and its ``type``."""

    url: str
    sizes: str
    type: str


def read_document(
    body: bytes, content_type: str | None, url: str, options: Options, *, is_frame: bool = False
) -> Reading:
    """Parse a document and find what it asks for. Never raises, whatever the body holds.

    Args:
        body: Decoded bytes.
        content_type: The header, which may name the character encoding.
        url: Where the document is, after redirects.
        options: The viewport for which candidates are chosen.
        is_frame: Frames have no icons and no manifest.
    """
    return _Document(html_to_utf8(body, content_type), url, options, is_frame=is_frame).read()


def parse_html(html: bytes) -> tuple[LexborHTMLParser, bool]:
    """The tree of a document in UTF-8, as a browser that runs scripts builds it.

    Returns it with whether the document was cut off because it would have grown too large.
    """
    html, cut_off = tamed(html)
    # Without events: keeping <selectedcontent> up to date takes time that grows with the square
    # of the options and changes nothing that is fetched.
    options = LexborDocumentOptions.WO_EVENTS
    return LexborHTMLParser(html, scripting=True, options=options), cut_off


class _Document:
    """One pass over the elements of a document."""

    def __init__(
        self,
        html: bytes,
        url: str,
        options: Options,
        *,
        is_frame: bool,
        srcdoc_depth: int = 0,
    ) -> None:
        self.tree, self.cut_off = parse_html(html)
        self.base = url
        self.options = options
        self.viewport = options.viewport
        self.is_frame = is_frame
        self.srcdoc_depth = srcdoc_depth
        self.references: list[Reference] = []
        self.icons: list[Icon] = []
        self.import_map = ImportMap(url)
        self.size = len(html)
        self.large = self.size > LARGE
        self.url = url
        self.scope = Scope(self.tree, _characters(self.tree, html), self.import_map)
        self.styles: list[Reading] = []
        self.title: str | None = None
        self.has_base = False

    def read(self) -> Reading:
        for node in self._elements():
            _HANDLERS[node.tag or ""](self, node)
        for node in self.tree.css("[style]"):
            self._inline_style(node.attrs.sget("style"))
        if self.icons and not self.is_frame:
            icons = choose_icons(self.icons)
            self.references += [Reference(icon, "icon") for icon in icons if icon]
        uses: list[FontUse] = []
        variables: dict[str, str] = {}
        faces = []
        for part in self.styles:
            self.references += part.references
            faces += part.faces
            uses += part.uses
            variables |= part.variables
        return Reading(
            references=self.references,
            title=self.title,
            scope=self.scope,
            has_icon=bool(self.icons),
            error="too-large: the document has too many elements" if self.cut_off else None,
            faces=faces,
            uses=uses,
            variables=variables,
            observed=(None if self.large else observe(self.tree, self.size, self.url, self.base)),
        )

    def _elements(self) -> Iterator[LexborNode]:
        """The elements that may ask for something, in document order.

        The tree is walked, not searched: a search holds the interpreter until it is done, which in
        a large document is long enough for others to notice.
        """
        root = self.tree.root
        if root is None:
            return
        names: set[str] = set()
        for node in root.traverse():
            if not node.is_element_node:
                continue  # a comment has no attributes
            tag = node.tag or ""
            if self.large:
                names.add(tag)
                names.update(f".{name}" for name in node.attrs.sget("class").split())
                names.add(f"#{node.attrs.sget('id')}")
            if tag in _HANDLERS:
                yield node
        if self.large:
            self.scope.use_names(names)

    def add(
        self,
        reference: str | None,
        role: Role,
        *,
        lazy: bool = False,
        partial: bool = False,
        applies: bool = True,
    ) -> None:
        """Note a reference, unless it is empty or leads to nothing that is requested."""
        if not reference:
            return
        url = join(self.base, reference)
        if url is not None:
            self.references.append(
                Reference(url, role, lazy=lazy, partial=partial, applies=applies)
            )

    # Elements of the head

    def on_base(self, node: LexborNode) -> None:
        href = node.attrs.get("href")
        if href is not None and not self.has_base:
            self.has_base = True
            self.base = join(self.base, href) or self.base
            self.import_map.base = self.base

    def on_title(self, node: LexborNode) -> None:
        # An SVG may have titles of its own; the document's is the first one in HTML.
        if self.title is None and (node.parent is None or node.parent.tag != "svg"):
            self.title = " ".join(node.text(deep=True).split())[:_MAX_TITLE] or None

    def on_link(self, node: LexborNode) -> None:
        attributes = node.attrs
        rel = frozenset(attributes.sget("rel").lower().split())
        href = attributes.get("href")
        if "stylesheet" in rel:
            kind = attributes.sget("type").strip().lower()
            if "disabled" not in attributes and kind.partition(";")[0] in {"", "text/css"}:
                applies = "alternate" not in rel and media_matches(
                    attributes.sget("media"), self.viewport
                )
                self.add(href, "stylesheet", applies=applies)
        elif "icon" in rel:
            self._on_icon(node, href)
        if "preload" in rel:
            self._on_preload(node, href)
        if "modulepreload" in rel:
            self.add(href, "module")
        if "manifest" in rel and not self.is_frame:
            self.add(href, "manifest")

    def _on_icon(self, node: LexborNode, href: str | None) -> None:
        url = join(self.base, href) if href else None
        if url is not None:
            self.icons.append(Icon(url, node.attrs.sget("sizes"), node.attrs.sget("type")))
        elif href:  # a data: icon is an icon, too: none is implied
            self.icons.append(Icon("", node.attrs.sget("sizes"), ""))

    def _on_preload(self, node: LexborNode, href: str | None) -> None:
        attributes = node.attrs
        role = _PRELOAD_ROLES.get(attributes.sget("as").strip().lower())
        if role is None or not media_matches(attributes.sget("media"), self.viewport):
            return
        if role == "image":
            if not _is_supported(attributes.sget("type"), _IMAGE_TYPES):
                return
            href = choose(
                attributes.get("imagesrcset"), attributes.get("imagesizes"), href, self.viewport
            )
        self.add(href, role)

    def on_script(self, node: LexborNode) -> None:
        attributes = node.attrs
        kind = attributes.sget("type", "").strip().lower()
        source = attributes.get("src")
        if not kind and "type" not in attributes and attributes.get("language"):
            kind = f"text/{attributes.sget('language').strip().lower()}"
        if kind == "module":
            if source is not None:
                self.add(source, "module")
            else:
                for url in imports_in(node.text(deep=True), self.base, self.import_map):
                    self.references.append(Reference(url, "module"))
        elif kind == "importmap":
            if source is None:
                self.import_map.add(node.text(deep=True))
        elif kind in _SCRIPT_TYPES and "nomodule" not in attributes:
            self.add(source or attributes.get("href") or attributes.get("xlink:href"), "script")

    def on_style(self, node: LexborNode) -> None:
        kind = node.attrs.sget("type").strip().lower()
        if kind not in {"", "text/css"}:
            return
        applies = media_matches(node.attrs.sget("media"), self.viewport)
        self.styles.append(
            read_stylesheet(
                node.text(deep=True), self.base, self.viewport, self.scope, applies=applies
            )
        )

    def _inline_style(self, declarations: str) -> None:
        lowered = declarations.lower()
        if "url(" in lowered or "font" in lowered or "image-set(" in lowered:
            self.styles.append(read_declarations(declarations, self.base, self.viewport))

    # Images

    def on_img(self, node: LexborNode) -> None:
        attributes = node.attrs
        srcset, sizes = attributes.get("srcset"), attributes.get("sizes")
        parent = node.parent
        if parent is not None and parent.tag == "picture":
            source = self._picture_source(parent, node)
            if source is not None:
                srcset, sizes = source.attrs.get("srcset"), source.attrs.get("sizes")
                chosen = choose(srcset, sizes, None, self.viewport)
                self.add(chosen, "image", lazy=_is_lazy(node))
                return
        chosen = choose(srcset, sizes, attributes.get("src"), self.viewport)
        self.add(chosen, "image", lazy=_is_lazy(node))

    def _picture_source(self, picture: LexborNode, image: LexborNode) -> LexborNode | None:
        """The first source before the image whose ``media`` and ``type`` hold."""
        child = picture.first_child
        while child is not None and child.mem_id != image.mem_id:
            if child.tag == "source" and child.attrs.get("srcset"):
                attributes = child.attrs
                if media_matches(attributes.sget("media"), self.viewport) and _is_supported(
                    attributes.sget("type"), _IMAGE_TYPES
                ):
                    return child
            child = child.next
        return None

    def on_input(self, node: LexborNode) -> None:
        if node.attrs.sget("type").strip().lower() == "image":
            self.add(node.attrs.get("src"), "image")

    def on_svg_image(self, node: LexborNode) -> None:
        self.add(node.attrs.get("href") or node.attrs.get("xlink:href"), "image")

    def on_svg_use(self, node: LexborNode) -> None:
        href = (node.attrs.get("href") or node.attrs.get("xlink:href") or "").strip()
        if not href.startswith("#"):
            self.add(href, "image")

    def on_background(self, node: LexborNode) -> None:
        self.add(node.attrs.get("background"), "image")

    # Media

    def on_video(self, node: LexborNode) -> None:
        self.add(node.attrs.get("poster"), "image")
        self._on_media(node)

    def on_audio(self, node: LexborNode) -> None:
        self._on_media(node)

    def _on_media(self, node: LexborNode) -> None:
        attributes = node.attrs
        autoplay = "autoplay" in attributes
        preload = attributes.sget("preload", "metadata").strip().lower()
        if preload == "none" and not autoplay:
            return
        source = attributes.get("src")
        if source is None:
            source = self._playable_source(node)
        whole = autoplay or preload in {"auto", ""}
        self.add(source, "media", partial=not whole)

    def _playable_source(self, node: LexborNode) -> str | None:
        child = node.first_child
        while child is not None:
            if child.tag == "source" and child.attrs.get("src"):
                kind = child.attrs.sget("type").lower()
                playable = _is_supported(kind, _MEDIA_TYPES) and not any(
                    codec in kind for codec in _UNPLAYABLE_CODECS
                )
                if playable and media_matches(child.attrs.sget("media"), self.viewport):
                    return child.attrs.get("src")
            child = child.next
        return None

    def on_track(self, node: LexborNode) -> None:
        if "default" in node.attrs:
            self.add(node.attrs.get("src"), "track")

    # Frames and plugins

    def on_frame(self, node: LexborNode) -> None:
        attributes = node.attrs
        srcdoc = attributes.get("srcdoc")
        if srcdoc is not None and node.tag == "iframe":
            self._on_srcdoc(srcdoc)
            return
        self.add(attributes.get("src"), "frame", lazy=_is_lazy(node))

    def _on_srcdoc(self, srcdoc: str) -> None:
        if self.srcdoc_depth >= MAX_SRCDOC_DEPTH:
            return
        inner = _Document(
            srcdoc.encode("utf-8", "replace"),
            self.base,
            self.options,
            is_frame=True,
            srcdoc_depth=self.srcdoc_depth + 1,
        )
        self.styles.append(inner.read())

    def on_object(self, node: LexborNode) -> None:
        self.add(node.attrs.get("data"), "object")

    def on_embed(self, node: LexborNode) -> None:
        self.add(node.attrs.get("src"), "object")


_HANDLERS: dict[str, Callable[[_Document, LexborNode], None]] = {
    "base": _Document.on_base,
    "title": _Document.on_title,
    "link": _Document.on_link,
    "script": _Document.on_script,
    "style": _Document.on_style,
    "img": _Document.on_img,
    "input": _Document.on_input,
    "image": _Document.on_svg_image,
    "feimage": _Document.on_svg_image,
    "feImage": _Document.on_svg_image,
    "use": _Document.on_svg_use,
    "body": _Document.on_background,
    "table": _Document.on_background,
    "td": _Document.on_background,
    "th": _Document.on_background,
    "video": _Document.on_video,
    "audio": _Document.on_audio,
    "track": _Document.on_track,
    "iframe": _Document.on_frame,
    "frame": _Document.on_frame,
    "object": _Document.on_object,
    "embed": _Document.on_embed,
}


def choose_icons(icons: list[Icon]) -> list[str]:
    """The URLs of the icons that a desktop Chromium loads, for the most part one.

    It wants 32 pixels. Of the icons that state their size it takes the nearest; if none states one, it
    has to look into them, the last named first, and looks into two. A ``data:`` URL is an icon, too,
    that needs no request: it is "" here.
    """
    sized = [icon for icon in icons if _edges(icon)]
    if sized:
        return [min(reversed(sized), key=_icon_rank).url]
    return list(dict.fromkeys(icon.url for icon in reversed(icons)))[:2]


def _edges(icon: Icon) -> list[int]:
    edges = (size.partition("x")[0] for size in icon.sizes.lower().split())
    return [int(edge[:6]) for edge in edges if edge.isdecimal()]


def _icon_rank(icon: Icon) -> tuple[bool, int]:
    nearest = min(_edges(icon), key=lambda edge: (edge < _ICON_EDGE, abs(edge - _ICON_EDGE)))
    return nearest < _ICON_EDGE, abs(nearest - _ICON_EDGE)


def _is_lazy(node: LexborNode) -> bool:
    return node.attrs.sget("loading").strip().lower() == "lazy"


def _is_supported(kind: str, types: frozenset[str]) -> bool:
    essence = kind.partition(";")[0].strip().lower()
    return not essence or essence in types


def _characters(tree: LexborHTMLParser, html: bytes) -> frozenset[int]:
    """The code points of the document's text, for ``unicode-range``."""
    if html.isascii() and b"&" not in html:
        return _ASCII
    found: set[str] = set()
    if len(html) > LARGE:
        for at in range(0, len(html), LARGE):  # its text is hardly less varied than its source
            found.update(html[at : at + LARGE].decode("utf-8", "ignore"))
    elif tree.body is not None:
        for node in tree.body.traverse(include_text=True):
            if node.is_text_node and (node.parent is None or node.parent.tag not in _NOT_TEXT):
                found.update(node.text_content or "")
    return frozenset(map(ord, found))
