"""A picture of a rendered page's window, small enough to be kept for every weigh-in."""

from __future__ import annotations

import binascii
import contextlib
from base64 import b64decode
from typing import TYPE_CHECKING, Final

import msgspec

from libra.weighing.options import Viewport

if TYPE_CHECKING:
    from playwright.async_api import CDPSession

MOST_WHOLE: Final = 60_000
"""Maximum bytes of the whole picture."""

MOST_THUMBNAIL: Final = 12_000
"""Maximum bytes of a thumbnail."""

THUMBNAIL_WIDTH: Final = 320
"""The width of a thumbnail in pixels."""

_QUALITIES: Final = (60, 35, 15)
"""WebP qualities to try in order until the picture is small enough; after that it is halved."""


class Picture(msgspec.Struct, frozen=True):
    """The content of a browser's window as WebP: a thumbnail, and the whole."""

    thumbnail: bytes
    whole: bytes


async def take_picture(session: CDPSession, viewport: Viewport) -> Picture | None:
    """Have the browser take a picture of its window; None if none is small enough.

    Args:
        session: the session of the page.
        viewport: the window.
    """
    # One image pixel per CSS pixel is enough to recognise a page.
    whole = await _smallest(session, viewport, 1 / viewport.dpr, MOST_WHOLE)
    scale = min(1.0, THUMBNAIL_WIDTH / viewport.width) / viewport.dpr
    thumbnail = await _smallest(session, viewport, scale, MOST_THUMBNAIL)
    return None if whole is None or thumbnail is None else Picture(thumbnail, whole)


def is_webp(data: bytes) -> bool:
    """Whether this may be a WebP image. Browser output is untrusted, whatever was requested."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


async def _smallest(
    session: CDPSession, viewport: Viewport, scale: float, most: int
) -> bytes | None:
    clip = {"x": 0, "y": 0, "width": viewport.width, "height": viewport.height}
    for smaller in (1, 2, 4):
        for quality in _QUALITIES:
            wanted = {
                "format": "webp",
                "quality": quality,
                "clip": {**clip, "scale": scale / smaller},
            }
            answer = await session.send("Page.captureScreenshot", wanted)
            data = b""
            with contextlib.suppress(binascii.Error):
                data = b64decode(answer["data"], validate=True)
            if is_webp(data) and len(data) <= most:
                return data
    return None
