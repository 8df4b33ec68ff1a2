"""Images that Chromium shows, and audio and video that it plays, according to Chromium itself."""

from __future__ import annotations

import re

from libra.ascii import lowered, trimmed

IMAGE_TYPES = frozenset(
    {
        "image/apng", "image/avif", "image/bmp", "image/gif", "image/jpeg", "image/jpg", "image/jxl",
        "image/png", "image/svg+xml", "image/webp", "image/x-icon", "image/vnd.microsoft.icon",
        "image/x-png", "image/pjpeg", "image/x-xbitmap",
    }
)  # fmt: skip
"""The image types that current Chromium shows."""

_MP4 = (
    "avc1",
    "avc3",
    "mp4a.40",
    "mp4a.67",
    "mp4a.69",
    "mp4a.6b",
    "av01",
    "vp09",
    "opus",
    "flac",
    "mp3",
)
_WEBM = ("vp8", "vp9", "vp09", "av01", "opus", "vorbis")
_OGG = ("vorbis", "opus", "flac", "vp8")
_MATROSKA = (*_WEBM, *_MP4)
_MPEG = ("mp3",)
_NONE: tuple[str, ...] = ()

_CODECS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("video/mp4", "video/x-m4v", "video/3gpp"), _MP4),
    **dict.fromkeys(("audio/mp4", "audio/x-m4a"), _MP4),
    **dict.fromkeys(("video/webm", "audio/webm"), _WEBM),
    **dict.fromkeys(("video/ogg", "audio/ogg", "application/ogg"), _OGG),
    **dict.fromkeys(("video/x-matroska", "video/matroska"), _MATROSKA),
    **dict.fromkeys(("audio/x-matroska", "audio/matroska"), _MATROSKA),
    **dict.fromkeys(("audio/mpeg", "audio/mp3", "audio/x-mp3"), _MPEG),
    **dict.fromkeys(("audio/wav", "audio/x-wav"), ("1",)),
    **dict.fromkeys(("audio/aac", "audio/flac"), _NONE),
    **dict.fromkeys(("application/x-mpegurl", "application/vnd.apple.mpegurl"), _MP4),
    **dict.fromkeys(("audio/mpegurl", "audio/x-mpegurl"), _MP4),
}
"""The playable codecs of a container, by the prefix of their names."""

_PARAMETER = re.compile(
    r";[ \t\n\f\r]*+codecs[ \t\n\f\r]*+=[ \t\n\f\r]*+(?:\"([^\"]*+)\"|([^;]*+))",
    re.IGNORECASE | re.ASCII,
)
_END_OF_NAME = re.compile(r"[.]|\Z")


def is_playable(kind: str | None) -> bool:
    """Whether a ``type`` is empty or may be playable ("maybe" or "probably")."""
    text = trimmed(kind or "")
    if not text:
        return True
    known = _CODECS.get(lowered(trimmed(text.partition(";")[0])))
    if known is None:
        return False
    match = _PARAMETER.search(text)
    if match is None:
        return True
    names = [lowered(trimmed(name)) for name in (match[1] or match[2] or "").split(",")]
    return all(not name or _is_one_of(name, known) for name in names)


def _is_one_of(name: str, known: tuple[str, ...]) -> bool:
    return any(
        name.startswith(codec) and _END_OF_NAME.match(name, len(codec)) is not None
        for codec in known
    )
