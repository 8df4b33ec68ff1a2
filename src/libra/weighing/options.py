"""What a submission may choose, and the limits that hold for every page.

Both are plain immutable data, so that they can travel in messages, be stored and be compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import get_args

import msgspec

from libra.report import Method

CHROME = 156
"""The Chromium that pages are weighed as; a test compares it with the one that is installed."""

PLAIN_USER_AGENT = "Libra/0.1 (+https://github.com/libra-weigh/libra)"
"""Who asks, by name and address: all that sitemaps and webhooks are told."""

USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    f"Chrome/{CHROME}.0.0.0 Safari/537.36 {PLAIN_USER_AGENT}"
)
"""What pages and their parts are asked for with. Servers choose formats by the form of a browser's, font
services above all; the name and the address say who it is all the same."""

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
"""Headers that decide how a message is framed, where it goes or how it is measured."""


class InvalidOptions(ValueError):
    """An option has a value that cannot be meant; the message says which and why."""


class Viewport(msgspec.Struct, frozen=True):
    """The window that candidates and media queries are chosen for, in CSS pixels.

    ``dpr`` is the number of device pixels for one CSS pixel.
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
            InvalidOptions: if the text has another shape or a value is out of range.
        """
        match = re.fullmatch(r"(\d{1,5})x(\d{1,5})(?:@(\d{1,2}(?:\.\d{1,3})?))?", text.strip())
        if match is None:
            raise InvalidOptions(
                f"viewport: {text[:40]!r} is not of the form 1350x940 or 1350x940@1"
            )
        width, height, dpr = match.groups()
        return cls(int(width), int(height), float(dpr or 1))


DESKTOP = Viewport()
"""The window that pages are weighed for where nothing else is chosen."""


class Limits(msgspec.Struct, frozen=True):
    """How much one page may cost. Sizes are bytes, times seconds. Reaching a limit is reported.

    Attributes:
        page_seconds: Until the page is weighed with what has arrived.
        asset_seconds: For one request, from the moment it may start to its last byte.
        asset_bytes: Of one body on the wire.
        asset_resource_bytes: Of one body when it is decoded.
        page_bytes: Of all bodies of a page on the wire; when passed, nothing more is fetched.
        read_bytes: Of a decoded body that is read for references (HTML, CSS, modules).
        assets: How many requests a page may make; what comes after is `skipped`.
        redirects: How many hops one reference may take before it is a `redirect-loop`.
        frame_depth: How deep frames may nest.
        import_depth: How deep style sheets and modules may import one another.
        header_bytes: Of one field of a response's headers.
        decode_ratio: How many times larger than its wire size a body may become. It is judged
            only past `decode_grace` decoded bytes, since short bodies compress to anything.
        decode_grace: See `decode_ratio`.
        media_bytes: How much of audio and video is read that a browser would read only the
            beginning of (``preload=metadata``).
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
    """How a page is to be weighed.

    Attributes:
        method: ``static`` reads HTML and CSS; ``rendered`` runs a browser.
        auto: Whether a browser goes on with a page that scripts build, if the method is ``static``.
            That is for who weighs more than one way: a service and the command.
        viewport: What images and media queries are chosen for.
        headers: Further request headers, sent to the page's own origin only, so that a
            credential never reaches a third party.
        user_agent: What servers see; ``libra`` stands for `PLAIN_USER_AGENT`.
        limits: How much the page may cost.
    """

    method: Method = "static"
    viewport: Viewport = DESKTOP
    headers: tuple[tuple[str, str], ...] = ()
    user_agent: str = USER_AGENT
    limits: Limits = Limits()
    auto: bool = False

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise InvalidOptions(f"method is {self.method!r}: it takes static or rendered")
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
        """With the names of the headers alone: their values are credentials more often than not."""
        names = ", ".join(name for name, _ in self.headers)
        return (
            f"Options(method={self.method!r}, viewport={str(self.viewport)!r}, "
            f"headers=({names}), auto={self.auto!r}, ...)"
        )


def require_headers(headers: Iterable[tuple[str, str]]) -> None:
    """Refuse headers that cannot be sent, or that are Libra's own.

    Raises:
        InvalidOptions: naming the header.
    """
    for name, value in headers:
        if _TOKEN.match(name) is None:
            raise InvalidOptions(f"headers: {name[:40]!r} is not a header name")
        if name.lower() in _RESERVED:
            raise InvalidOptions(f"headers: {name} is set by Libra itself")
        _require_header_value(f"headers: the value of {name}", value)


def _require_header_value(what: str, value: str) -> None:
    """A value with a line break would let it smuggle a second header or request."""
    if any(character < " " and character != "\t" for character in value) or "\x7f" in value:
        raise InvalidOptions(f"{what} must not contain control characters")
    if not value.isascii():
        raise InvalidOptions(f"{what} must be ASCII")
