"""One request of a page with its progress, and how the report counts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from libra.report import Kind

Event = Mapping[str, Any]
"""An event of the DevTools protocol, or a part of one."""

_KIND_OF: dict[str, Kind] = {
    "Document": "document",
    "Stylesheet": "stylesheet",
    "Script": "script",
    "Image": "image",
    "Font": "font",
    "Media": "media",
}
"""The kinds by the protocol's resource types; all others are ``other``, as in Lighthouse."""


class LoggedRequest:
    """One request and its progress."""

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
        """Body bytes received on the wire, as far as they are known during the transfer.

        For streams the protocol reports only decoded bytes, and over HTTP/2 it sometimes reports too few
        encoded bytes. Without an encoding both are the same.
        """
        return max(self.encoded_bytes, 0 if self.encoding else self.resource_bytes)

    @property
    def pending(self) -> bool:
        """Whether it has not ended yet."""
        return self.ended is None

    @property
    def undone(self) -> bool:
        """Whether a navigation to it has not led to a page, at least not yet."""
        return self.cancelled or self.redirected or (self.status is None and self.pending)

    @property
    def kind(self) -> Kind:
        """The kind in the report. The browser itself fetches icons, which therefore have no type."""
        if self.type == "Other" and (self.content_type or "").startswith("image/"):
            return "image"
        return _KIND_OF.get(self.type, "other")

    def take_head(self, response: Event) -> None:
        """Record the head of its response from DevTools."""
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
