"""Audio and video: which source is loaded, and how much of it (HTML standard, 4.8.11)."""

from __future__ import annotations

from selectolax.lexbor import LexborNode

from libra.urls import origin_of
from libra.weighing.bodies.media_types import is_playable
from libra.weighing.html.document_walk import Walk, is_foreign
from libra.weighing.html.elements_images import if_lazy
from libra.weighing.viewport.media_queries import media_matches


def on_video(walk: Walk, node: LexborNode) -> None:
    """The poster and the video."""
    lazy = if_lazy(node)
    walk.add(node.attrs.get("poster"), "image", lazy=lazy)
    if walk.has_foreign and is_foreign(node):
        return  # in foreign content only the preload scanner acts on it
    _on_media(walk, node, plays="muted" in node.attrs, lazy=lazy)


def on_audio(walk: Walk, node: LexborNode) -> None:
    """The audio."""
    _on_media(walk, node, plays=False, lazy=if_lazy(node))


def _on_media(walk: Walk, node: LexborNode, *, plays: bool, lazy: LexborNode | None) -> None:
    attributes = node.attrs
    # Audible media wait for a visitor's action, despite autoplay.
    autoplay = plays and "autoplay" in attributes
    said = attributes.sget("preload", "metadata").strip().lower()
    if said == "none" and not autoplay:
        return
    source = attributes.get("src")
    if source is None:
        source = _playable_source(walk, node)
    elif source and not source.strip("\t\n\f\r "):
        source = walk.base  # only media elements resolve a blank address
    whole = autoplay or said in {"auto", ""}
    cors = "crossorigin" in attributes
    walk.add(source, "media", partial=not whole, lazy=lazy, cors=cors)


def _playable_source(walk: Walk, node: LexborNode) -> str | None:
    child = node.first_child
    while child is not None:
        if child.tag == "source":
            source = child.attrs.sget("src").strip()
            if (
                source
                and is_playable(child.attrs.get("type"))
                and media_matches(child.attrs.sget("media"), walk.viewport)
            ):
                return source
        child = child.next
    return None


def on_track(walk: Walk, node: LexborNode) -> None:
    """A default text track: one for text, one for chapters, any number for scripts (``metadata``)."""
    parent = node.parent
    if "default" not in node.attrs or parent is None or parent.tag not in {"audio", "video"}:
        return
    kind = node.attrs.sget("kind").lower()
    if kind != "metadata":
        group = "chapters" if kind == "chapters" else "text"
        if (parent.mem_id, group) in walk.tracks:
            return
        walk.tracks.add((parent.mem_id, group))
    url = walk.address(node.attrs.get("src"))
    if url is not None and origin_of(url) != walk.origin and "crossorigin" not in parent.attrs:
        return  # text of another origin is requested only with CORS
    walk.add(node.attrs.get("src"), "track", lazy=if_lazy(parent))
