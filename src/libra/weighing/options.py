"""The options of a submission, and the limits that hold for every page.

Both are plain immutable data: they can travel in messages, be stored and be compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import get_args

import msgspec

from libra.report import Method

CHROME = 156
"""The Chromium version that pages are weighed as; a test compares it with the installed one."""

PLAIN_USER_AGENT = "Libra/0.1 (+https://github.com/libra-weigh/libra)"
"""Libra's name and address, the whole user agent for sitemaps and webhooks."""

USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    f"Chrome/{CHROME}.0.0.0 Safari/537.36 {PLAIN_USER_AGENT}"
)
"""The user agent for pages and their assets.

Servers, above all font services, choose formats by a browser's form. The name and the address still
identify Libra.
"""

_PLAIN_NAME = "libra"

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
"""A header name as in RFC 9110, section 5.6.2."""

_RESERVED = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "host",
        "te",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that control a message's framing, destination or measurement."""


class InvalidOptions(ValueError):
    """An option has an invalid value; the message says which and why."""


class Viewport(msgspec.Struct, frozen=True):
    """The window for which candidates and media queries are chosen, in CSS pixels.

    ``dpr`` is the number of device pixels per CSS pixel.
    """

    width: int = 1350
    height: int = 940
    dpr: float = 1.0

    def __post_init__(self) -> None:
        if not (1 <= self.width <= 16_384 and 1 <= self.height <= 16_384):
            raise InvalidOptions("viewport: width and height must be 1 to 16384 CSS pixels")
        if not 0.1 <= self.dpr <= 10:
            raise InvalidOptions("viewport: the device pixel ratio must be 0.1 to 10")

    def __str__(self) -> str:
        return f"{self.width}x{self.height}@{self.dpr:g}"

    @classmethod
    def parse(cls, text: str) -> Viewport:
        """Read ``WIDTHxHEIGHT`` or ``WIDTHxHEIGHT@DPR``, for instance ``1350x940@1``.

        Raises:
            InvalidOptions: The text has another shape, or a value is out of range.
        """
        match = re.fullmatch(r"(\d{1,5})x(\d{1,5})(?:@(\d{1,2}(?:\.\d{1,3})?))?", text.strip())
        if match is None:
            raise InvalidOptions(
                f"viewport: {text[:40]!r} is not of the form 1350x940 or 1350x940@1"
            )
        width, height, dpr = match.groups()
        return cls(int(width), int(height), float(dpr or 1))


DESKTOP = Viewport()
"""The default window."""


class Limits(msgspec.Struct, frozen=True):
    """The most that one page may cost. Sizes are bytes, times seconds. Reaching a limit is reported.

    Attributes:
        page_seconds: Time for the whole page. Then it is weighed with the data received so far.
        asset_seconds: Time for one request, from the moment it may start to its last byte.
        asset_bytes: Size of one body on the wire.
        asset_resource_bytes: Decoded size of one body.
        page_bytes: Size of all bodies of a page on the wire. Beyond it nothing more is fetched.
        read_bytes: Part of a decoded body that is read for references (HTML, CSS, modules).
        assets: Requests of one page; any beyond are `skipped`.
        redirects: Hops of one reference before it is a `redirect-loop`.
        frame_depth: Nesting of frames.
        import_depth: Nesting of imports among stylesheets and modules.
        header_bytes: Size of one field of a response's headers.
        decode_ratio: Ratio of a body's decoded size to its transfer size. It is checked only beyond
            `decode_grace` decoded bytes, since short bodies can have any ratio.
        decode_grace: See `decode_ratio`.
        media_bytes: Bytes read of audio and video of which a browser would read only the beginning
            (``preload=metadata``).
    """

    page_seconds: float = 60.0
    asset_seconds: float = 20.0
    asset_bytes: int = 100_000_000
    asset_resource_bytes: int = 200_000_000
    page_bytes: int = 500_000_000
    read_bytes: int = 32_000_000
    assets: int = 10_000
    redirects: int = 10
    frame_depth: int = 4
    import_depth: int = 12
    header_bytes: int = 32_768
    decode_ratio: float = 1_100.0
    decode_grace: int = 16_000_000
    media_bytes: int = 1_000_000

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not getattr(self, name) >= 0:
                raise InvalidOptions(f"limits: {name} must not be negative")
        for name in ("page_seconds", "asset_seconds"):
            if not getattr(self, name) > 0:
                raise InvalidOptions(f"limits: {name} must be more than zero")


class Options(msgspec.Struct, frozen=True):
    """The options for weighing a page.

    Attributes:
        method: ``static`` reads HTML and CSS; ``rendered`` runs a browser.
        auto: Whether to weigh a page that scripts build again in a browser, if the method is ``static``.
            Only the service and the command act on it, since they have both methods.
        viewport: The window for images and media queries.
        headers: Additional request headers. Libra sends them only to the page's own origin, so a
            credential never reaches a third party.
        user_agent: The user agent that servers see; ``libra`` stands for `PLAIN_USER_AGENT`.
        limits: The limits of the page's cost.
    """

    method: Method = "static"
    viewport: Viewport = DESKTOP
    headers: tuple[tuple[str, str], ...] = ()
    user_agent: str = USER_AGENT
    limits: Limits = Limits()
    auto: bool = False

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise InvalidOptions(f"method is {self.method!r}: it must be static or rendered")
        if isinstance(self.viewport, str):
            msgspec.structs.force_setattr(self, "viewport", Viewport.parse(self.viewport))
        for name, kind in (("viewport", Viewport), ("limits", Limits), ("user_agent", str)):
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise InvalidOptions(f"{name} takes a {kind.__name__}, not {value!r}")
        if isinstance(self.headers, Mapping):
            msgspec.structs.force_setattr(self, "headers", tuple(self.headers.items()))
        require_headers(self.headers)
        _require_header_value("user agent", self.user_agent)
        if self.user_agent.strip().lower() == _PLAIN_NAME:
            msgspec.structs.force_setattr(self, "user_agent", PLAIN_USER_AGENT)

    def __repr__(self) -> str:
        """Show only the names of the headers, because their values are often credentials."""
        names = ", ".join(name for name, _ in self.headers)
        return (
            f"Options(method={self.method!r}, viewport={str(self.viewport)!r}, "
            f"headers=({names}), auto={self.auto!r}, ...)"
        )


def require_headers(headers: Iterable[tuple[str, str]]) -> None:
    """Reject headers that are invalid, or that Libra sets itself.

    Raises:
        InvalidOptions: The message names the header.
    """
    for name, value in headers:
        if _TOKEN.match(name) is None:
            raise InvalidOptions(f"headers: {name[:40]!r} is not a header name")
        if name.lower() in _RESERVED:
            raise InvalidOptions(f"headers: {name} is set by Libra itself")
        _require_header_value(f"headers: the value of {name}", value)


def _require_header_value(what: str, value: str) -> None:
    """Reject control characters, which could smuggle in a second header or request, and non-ASCII."""
    if any(character < " " and character != "\t" for character in value) or "\x7f" in value:
        raise InvalidOptions(f"{what} must not contain control characters")
    if not value.isascii():
        raise InvalidOptions(f"{what} must be ASCII")
