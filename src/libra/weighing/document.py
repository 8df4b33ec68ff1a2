"""The references in an HTML document, as a desktop browser with scripting on would follow them.

The parser (lexbor) builds the tree that the HTML standard prescribes, so comments, templates and
``noscript`` are what they are in a browser. Each kind of element has one small function below; they
follow the "fetch" steps of the HTML standard for that element.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec
from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, LexborNode

from libra.weighing.charset import html_to_utf8
from libra.weighing.icons import Icon, choose_icons
from libra.weighing.integrity import NEVER, asks
from libra.weighing.media import length_px, media_matches
from libra.weighing.modules import ImportMap, imports_in
from libra.weighing.nesting import tamed
from libra.weighing.observing import observe
from libra.weighing.options import DESKTOP, Viewport
from libra.weighing.parsed import Parsed
from libra.weighing.position import near
from libra.weighing.preloads import IMAGE_TYPES, is_supported, preload
from libra.weighing.reference import Reference
from libra.weighing.roles import Role
from libra.weighing.scope import Linked, Scope
from libra.weighing.srcset import choose
from libra.weighing.stylesheet import Sheet, read_stylesheet
from libra.weighing.urls import join, origin_of
from libra.weighing.xhtml import as_html, is_xml

MAX_SRCDOC_DEPTH = 3
MAX_SRCDOCS = 200
"""In a document. Each takes 200 kB of memory, however short it is, until its style is known."""

_MAX_TITLE = 1_000
LARGE = 1_000_000
"""Bytes from which a document counts as large: too large to be searched for selectors."""

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

_MEDIA_TYPES = frozenset(
    {
        "video/mp4", "video/webm", "video/ogg", "video/x-m4v", "video/quicktime", "video/mp2t",
        "video/3gpp", "video/x-matroska", "application/ogg",
        "audio/mpeg", "audio/mp3", "audio/mp4", "audio/x-m4a", "audio/aac", "audio/ogg", "audio/webm",
        "audio/wav", "audio/x-wav", "audio/wave", "audio/flac", "audio/x-flac", "audio/opus",
    }
)  # fmt: skip
_UNPLAYABLE_CODECS = ("theora",)

_SHOWN_TYPES = ("image/", "text/", "audio/", "video/")
_PLUGIN_SUFFIXES = (".swf", ".spl", ".class", ".jar", ".dcr", ".dir", ".xap", ".wrl")
_FALLBACK_DEPTH = 8
_NOT_DISPLAYED = re.compile(r"(?:^|;)\s*+display\s*+:\s*+none", re.IGNORECASE)


def read_document(
    body: bytes,
    content_type: str | None,
    url: str,
    viewport: Viewport = DESKTOP,
    *,
    is_frame: bool = False,
) -> Parsed:
    """Parse a document and find what it asks for. Never raises, whatever the body holds.

    Args:
        body: Decoded bytes.
        content_type: The header, which may name the character encoding.
        url: Where the document is, after redirects.
        viewport: What candidates are chosen for.
        is_frame: Frames have no icons and no manifest.
    """
    html = html_to_utf8(body, content_type)
    if is_xml(content_type):
        html = as_html(html)
    return _Document(html, url, viewport, is_frame=is_frame).read()


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
        viewport: Viewport,
        *,
        is_frame: bool,
        srcdoc_depth: int = 0,
        documents: list[Scope] | None = None,
    ) -> None:
        self.tree, self.cut_off = parse_html(html)
        self.base = url
        self.viewport = viewport
        self.is_frame = is_frame
        self.srcdoc_depth = srcdoc_depth
        self.references: list[Reference] = []
        self.icons: list[Icon] = []
        self.import_map = ImportMap(url)
        self.size = len(html)
        self.large = self.size > LARGE
        self.url = url
        self.scope = Scope(self.tree, url=url, size=self.size)
        self.documents = [] if documents is None else documents  # with those written in them
        self.documents.append(self.scope)
        self.html = html
        self.title: str | None = None
        self.has_base = False
        self.has_manifest = False
        self.preferred: str | None = None
        self.plugins: set[int] = set()

    def read(self) -> Parsed:
        for node in self._elements():
            _HANDLERS[node.tag or ""](self, node)
        for node in self.tree.css("[style]"):
            self._inline_style(node)
        self.scope.base = self.base
        if self.scope.lazy and not self.scope.sheets:
            self._wake_near()
        if self.icons and not self.is_frame:
            icons = choose_icons(self.icons)
            self.references += [Reference(icon, "icon") for icon in icons]
        return Parsed(
            references=self.references,
            title=self.title,
            import_map=self.import_map,
            has_icon=bool(self.icons),
            error="too-large: the document has too many elements" if self.cut_off else None,
            documents=self.documents,
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
            self.scope.use_names(names, _characters(self.html))

    def add(
        self,
        reference: str | None,
        role: Role,
        *,
        lazy: LexborNode | None = None,
        partial: bool = False,
        cors: bool = False,
    ) -> None:
        """Note a reference, unless it is empty or leads to nothing that is requested."""
        if not reference:
            return
        url = join(self.base, reference)
        if url is not None:
            if lazy is not None:
                self.scope.lazy.setdefault(lazy.mem_id, []).append(url)
            self.references.append(
                Reference(url, role, lazy=lazy is not None, partial=partial, cors=cors)
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
                applies = (
                    "alternate" not in rel
                    and self._is_preferred(attributes.get("title"))
                    and media_matches(attributes.sget("media"), self.viewport)
                )
                cors, integrity = "crossorigin" in attributes, attributes.sget("integrity")
                self._add_sheet(href, applies=applies, cors=cors, integrity=integrity)
        elif "icon" in rel:
            self._on_icon(node, href)
        if "preload" in rel:
            self._on_preload(node, href)
        if "modulepreload" in rel and media_matches(attributes.sget("media"), self.viewport):
            self.add(href, "module")
        if "manifest" in rel and href and not self.is_frame and not self.has_manifest:
            self.has_manifest = True
            self.add(href, "manifest")

    def _add_sheet(self, href: str | None, *, applies: bool, cors: bool, integrity: str) -> None:
        url = join(self.base, href) if href else None
        if url is not None:
            if integrity and not cors and origin_of(url) != origin_of(self.url):
                integrity = (
                    NEVER if asks(integrity) else ""
                )  # what may not be read cannot be checked
            self.references.append(
                Reference(url, "stylesheet", applies=applies, cors=cors, integrity=integrity)
            )
            self.scope.sheets.append(Linked(url, applies))

    def _is_preferred(self, title: str | None) -> bool:
        """Of the style sheets that have titles, those with the first title apply (CSSOM, 6.2)."""
        if not title:
            return True
        self.preferred = self.preferred or title
        return title == self.preferred

    def _on_icon(self, node: LexborNode, href: str | None) -> None:
        attributes, parent = node.attrs, node.parent
        if not href or parent is None or parent.tag != "head":
            return
        if media_matches(attributes.sget("media"), self.viewport):
            # A data: icon is an icon, too: none is implied.
            self.icons.append(Icon(join(self.base, href) or "", attributes.sget("sizes")))

    def _on_preload(self, node: LexborNode, href: str | None) -> None:
        found = preload(node.attributes, href, self.viewport)
        if found is not None:
            self.add(*found)

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
            source = source or attributes.get("href") or attributes.get("xlink:href")
            self.add(source, "script", cors="crossorigin" in attributes)

    def on_style(self, node: LexborNode) -> None:
        kind = node.attrs.sget("type").strip().lower()
        if kind not in {"", "text/css"}:
            return
        applies = self._is_preferred(node.attrs.get("title")) and media_matches(
            node.attrs.sget("media"), self.viewport
        )
        sheet = read_stylesheet(node.text(deep=True), self.base, self.viewport, applies=applies)
        self.references += imports_of(sheet)
        self.scope.sheets.append(Linked(sheet, applies))

    def _inline_style(self, node: LexborNode) -> None:
        declarations = node.attrs.sget("style")
        if _MAY_MATTER.search(declarations):
            self.scope.style_element(node, declarations)

    # Images

    def on_img(self, node: LexborNode) -> None:
        attributes = node.attrs
        srcset, sizes, src = (
            attributes.get("srcset"),
            attributes.get("sizes"),
            attributes.get("src"),
        )
        parent = node.parent
        if parent is not None and parent.tag == "picture":
            source = self._picture_source(parent, node)
            if source is not None:
                srcset, sizes, src = source.attrs.get("srcset"), source.attrs.get("sizes"), None
        lazy = _if_lazy(node)
        if lazy is not None and sizes and sizes.strip().lower().startswith("auto"):
            sizes = _auto_size(attributes.sget("width")) or sizes.partition(",")[2]
        chosen = choose(srcset, sizes, src, self.viewport)
        self.add(chosen, "image", lazy=lazy, cors="crossorigin" in attributes)

    def _wake_near(self) -> None:
        """Without style sheets it is known at once what is lazy and near all the same."""
        lazy, self.scope.lazy = self.scope.lazy, {}
        urls = {url for element in near(self.tree, self.viewport) for url in lazy.get(element, ())}
        self.references = [
            msgspec.structs.replace(reference, lazy=False)
            if reference.lazy and reference.url in urls
            else reference
            for reference in self.references
        ]

    def _picture_source(self, picture: LexborNode, image: LexborNode) -> LexborNode | None:
        """The first source before the image whose ``media`` and ``type`` hold."""
        child = picture.first_child
        while child is not None and child.mem_id != image.mem_id:
            if child.tag == "source" and child.attrs.get("srcset"):
                attributes = child.attrs
                if media_matches(attributes.sget("media"), self.viewport) and is_supported(
                    attributes.sget("type"), IMAGE_TYPES
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
        if not href or href.startswith("#"):
            return
        url = join(self.base, href)
        if url is not None and origin_of(url) == origin_of(self.url):
            self.add(href, "image")  # another origin's is refused

    def on_background(self, node: LexborNode) -> None:
        self.add(node.attrs.get("background"), "image")

    # Media

    def on_video(self, node: LexborNode) -> None:
        lazy = _if_lazy(node)
        self.add(node.attrs.get("poster"), "image", lazy=lazy)
        self._on_media(node, plays="muted" in node.attrs, lazy=lazy)

    def on_audio(self, node: LexborNode) -> None:
        self._on_media(node, plays=False, lazy=_if_lazy(node))

    def _on_media(self, node: LexborNode, *, plays: bool, lazy: LexborNode | None) -> None:
        attributes = node.attrs
        # What would be heard waits for a visitor to do something, whatever it says.
        autoplay = plays and "autoplay" in attributes
        said = attributes.sget("preload", "metadata").strip().lower()
        if said == "none" and not autoplay:
            return
        source = attributes.get("src")
        if source is None:
            source = self._playable_source(node)
        whole = autoplay or said in {"auto", ""}
        cors = "crossorigin" in attributes
        self.add(source, "media", partial=not whole, lazy=lazy, cors=cors)

    def _playable_source(self, node: LexborNode) -> str | None:
        child = node.first_child
        while child is not None:
            if child.tag == "source" and child.attrs.get("src"):
                kind = child.attrs.sget("type").lower()
                playable = is_supported(kind, _MEDIA_TYPES) and not any(
                    codec in kind for codec in _UNPLAYABLE_CODECS
                )
                if playable and media_matches(child.attrs.sget("media"), self.viewport):
                    return child.attrs.get("src")
            child = child.next
        return None

    def on_track(self, node: LexborNode) -> None:
        parent = node.parent
        if "default" in node.attrs and parent is not None and parent.tag in {"audio", "video"}:
            self.add(node.attrs.get("src"), "track")

    # Frames and plugins

    def on_frame(self, node: LexborNode) -> None:
        attributes = node.attrs
        srcdoc = attributes.get("srcdoc")
        if srcdoc is not None and node.tag == "iframe":
            self._on_srcdoc(srcdoc)
            return
        self.add(attributes.get("src"), "frame", lazy=_if_lazy(node))

    def _on_srcdoc(self, srcdoc: str) -> None:
        if self.srcdoc_depth >= MAX_SRCDOC_DEPTH:
            return
        if len(self.documents) > MAX_SRCDOCS:
            self.cut_off = True
            return
        inner = _Document(
            srcdoc.encode("utf-8", "replace"),
            self.base,
            self.viewport,
            is_frame=True,
            srcdoc_depth=self.srcdoc_depth + 1,
            documents=self.documents,
        )
        reading = inner.read()
        self.references += reading.references
        self.cut_off |= inner.cut_off

    def on_object(self, node: LexborNode) -> None:
        self._on_plugin(node, node.attrs.get("data"))

    def on_embed(self, node: LexborNode) -> None:
        self._on_plugin(node, node.attrs.get("src"))

    def _on_plugin(self, node: LexborNode, address: str | None) -> None:
        """What would need a plug-in is not loaded, nor is what is not shown."""
        attributes = node.attrs
        kind = attributes.sget("type").partition(";")[0].strip().lower()
        path = (address or "").partition("?")[0].lower()
        if kind and not (
            kind.startswith(_SHOWN_TYPES) or kind in {"application/pdf", "application/xhtml+xml"}
        ):
            return
        if not kind and path.endswith(_PLUGIN_SUFFIXES):
            return
        if "hidden" in attributes or _NOT_DISPLAYED.search(attributes.sget("style")):
            return
        if self.plugins and self._is_fallback(node):
            return
        if address:
            self.plugins.add(node.mem_id)
        self.add(address, "object")

    def _is_fallback(self, node: LexborNode) -> bool:
        """Whether it stands in for an object around it that is loaded."""
        parent = node.parent
        for _ in range(_FALLBACK_DEPTH):
            if parent is None:
                break
            if parent.mem_id in self.plugins:
                return True
            parent = parent.parent
        return False


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
    "tr": _Document.on_background,
    "tbody": _Document.on_background,
    "tfoot": _Document.on_background,
    "thead": _Document.on_background,
    "video": _Document.on_video,
    "audio": _Document.on_audio,
    "track": _Document.on_track,
    "iframe": _Document.on_frame,
    "frame": _Document.on_frame,
    "object": _Document.on_object,
    "embed": _Document.on_embed,
}


_MAY_MATTER = re.compile(r"font|url\(|image-set|display|background|--|content", re.IGNORECASE)
"""What a ``style`` attribute has to hold to decide about something that is fetched."""


def imports_of(sheet: Sheet) -> list[Reference]:
    """The style sheets that one imports."""
    return [Reference(url, "stylesheet", applies=applies) for url, applies, _ in sheet.imports]


def _if_lazy(node: LexborNode) -> LexborNode | None:
    return node if node.attrs.sget("loading").lower() == "lazy" else None


def _auto_size(width: str) -> str | None:
    """The ``sizes`` that ``auto`` stands for, as far as an attribute tells."""
    text = width.strip().removesuffix("px")
    return f"{text}px" if length_px(f"{text}px", DESKTOP) else None


def _characters(html: bytes) -> frozenset[int]:
    """The code points of a large document: its text is hardly less varied than its source."""
    found: set[str] = set()
    for at in range(0, len(html), LARGE):
        found.update(html[at : at + LARGE].decode("utf-8", "ignore"))
    return frozenset(map(ord, found))
