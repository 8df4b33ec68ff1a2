"""One request of a page as far as it has come, and how the report counts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from libra.report import Kind

Event = Mapping[str, Any]
"""Of the DevTools protocol, or a part of one."""

_KIND_OF: dict[str, Kind] = {
    "Document": "document",
    "Stylesheet": "stylesheet",
    "Script": "script",
    "Image": "image",
    "Font": "font",
    "Media": "media",
}
"""By the protocol's resource types; the rest is ``other``, as in Lighthouse."""


class LoggedRequest:
    """One request as far as it has come."""

    __slots__ = (
        "answered",
        "cached",
        "cancelled",
        "content_type",
        "encoded_bytes",
        "encoding",
        "ended",
        "error",
        "head_bytes",
        "headers",
        "headless",
        "initiator",
        "loader",
        "main_document",
        "method",
        "protocol",
        "redirected",
        "request_id",
        "resource_bytes",
        "sent",
        "skipped",
        "started",
        "status",
        "steps",
        "transfer_bytes",
        "type",
        "unseen",
        "url",
    )

    def __init__(self, request_id: str, url: str, type_: str, method: str, now: float) -> None:
        self.request_id = request_id
        self.url = url
        self.type = type_
        self.method = method
        self.started = now
        self.ended: float | None = None
        self.initiator: str | None = None
        self.loader = ""
        self.main_document = False
        self.status: int | None = None
        self.steps: dict[str, float] = {}
        self.headers: dict[str, str] = {}
        self.content_type: str | None = None
        self.encoding: str | None = None
        self.protocol: str | None = None
        self.answered = False
        self.headless = False
        self.cached = False
        self.skipped = False
        self.unseen = False
        self.cancelled = False
        self.redirected = False
        self.error: str | None = None
        self.head_bytes = 0
        self.encoded_bytes = 0
        self.resource_bytes = 0
        self.transfer_bytes = 0

    @property
    def arrived_bytes(self) -> int:
        """What has come of its body on the wire, as far as that is known while it comes.

        Of streams the protocol reports decoded bytes only, and over HTTP/2 sometimes too few of the
        others. Without an encoding they are the same.
        """
        return max(self.encoded_bytes, 0 if self.encoding else self.resource_bytes)

    @property
    def pending(self) -> bool:
        """Whether more of it is to come."""
        return self.ended is None

    @property
    def undone(self) -> bool:
        """Whether a navigation to it has not come to a page, at least not yet."""
        return self.cancelled or self.redirected or (self.status is None and self.pending)

    @property
    def kind(self) -> Kind:
        """As the report counts it. Icons are fetched by the browser itself and have no type."""
        if self.type == "Other" and (self.content_type or "").startswith("image/"):
            return "image"
        return _KIND_OF.get(self.type, "other")

    def take_head(self, response: Event) -> None:
        """Note the head of its answer, as DevTools tells it."""
        self.answered = True
        self.status = response.get("status") or None
        self.headers = {
            str(name).lower(): str(value) for name, value in response.get("headers", {}).items()
        }
        content_type = self.headers.get("content-type", response.get("mimeType") or "")
        self.content_type = content_type.partition(";")[0].strip().lower()[:127] or None
        self.encoding = self.headers.get("content-encoding")
        self.protocol = response.get("protocol")
        self.steps = response.get("timing") or {}
        self.head_bytes = max(0, int(response.get("encodedDataLength", 0)))
