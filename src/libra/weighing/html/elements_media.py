"""Audio and video: which source is loaded, and how much of it (HTML standard, 4.8.11)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from selectolax.lexbor import LexborNode

from libra.ascii import lowered, trimmed
from libra.urls import origin_of
from libra.weighing.bodies.media_types import is_playable
from libra.weighing.html.document_walk import Walk, is_foreign
from libra.weighing.html.elements_images import if_lazy
from libra.weighing.orders.orders import Reference
from libra.weighing.viewport.media_queries import media_matches

_MOST_SOURCES = 20
"""Maximum number of sources to try one after the other."""

_GROUPS = {
    "captions": "text",
    "subtitles": "text",
    "descriptions": "descriptions",
    "chapters": "chapters",
}
"""The kinds of tracks of which one is on at a time; any other kind is ``metadata``."""


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
    said = lowered(attributes.sget("preload", "metadata"))
    if said == "none" and not autoplay:
        return
    source = attributes.get("src")
    if source is None:
        sources = [*islice(_playable_sources(walk, node), _MOST_SOURCES)]
    elif source and not source.strip("\t\n\f\r "):
        sources = [walk.base]  # only media elements resolve a blank address
    else:
        sources = [source]
    whole = autoplay or said in {"auto", ""}
    cors = "crossorigin" in attributes
    urls = [url for url in map(walk.address, sources) if url is not None]
    otherwise: tuple[Reference, ...] = ()
    for url in reversed(urls[1:]):
        following = Reference(url, "media", partial=not whole, cors=cors, otherwise=otherwise)
        otherwise = (walk.judged(following),)
    for url in urls[:1]:
        walk.add(url, "media", partial=not whole, lazy=lazy, cors=cors, otherwise=otherwise)


def _playable_sources(walk: Walk, node: LexborNode) -> Iterator[str]:
    child = node.first_child
    while child is not None:
        if child.tag == "source":
            source = trimmed(child.attrs.sget("src"))
            if (
                source
                and is_playable(child.attrs.get("type"))
                and media_matches(child.attrs.sget("media"), walk.viewport)
            ):
                yield source
        child = child.next


def on_track(walk: Walk, node: LexborNode) -> None:
    """A default text track: one of each group, any number for scripts (``metadata``)."""
    parent = node.parent
    if "default" not in node.attrs or parent is None or parent.tag not in {"audio", "video"}:
        return
    kind = lowered(node.attrs.sget("kind")) if "kind" in node.attrs else "subtitles"
    group = _GROUPS.get(kind)
    if group is not None:
        if (parent.mem_id, group) in walk.tracks:
            return
        walk.tracks.add((parent.mem_id, group))
    url = walk.address(node.attrs.get("src"))
    if url is not None and origin_of(url) != walk.origin and "crossorigin" not in parent.attrs:
        return  # text of another origin is requested only with CORS
    walk.add(node.attrs.get("src"), "track", lazy=if_lazy(parent))
