"""When a page is done, has failed, or has had what a page may have."""

from __future__ import annotations

from libra.weighing.options import Limits
from libra.weighing.rendered.proxy.server import Proxy
from libra.weighing.rendered.requests.network_log import NetworkLog


class Completion:
    """Judges how far a page is.

    Args:
        log: What it has asked for.
        proxy: What that comes through.
        limits: What it may have.
    """

    def __init__(self, log: NetworkLog, proxy: Proxy, limits: Limits) -> None:
        self._log = log
        self._proxy = proxy
        self._limits = limits

    def is_done(self, *, loaded: bool) -> bool:
        """Whether a page that is silent has all that it asked for.

        Args:
            loaded: Whether the browser says so.
        """
        log = self._log
        if not log.entries:
            return False
        patience = self._limits.asset_seconds
        if log.in_flight(patience):
            return False
        # A page whose document breaks off, or that waits for something that never comes, is not
        # loaded, but there is nothing more.
        waits = log.in_flight(float("inf")) > 0
        return loaded or log.stands_still() or waits

    def has_failed(self) -> bool:
        """Whether there is no page, since its document could not be had."""
        document = self._log.document()
        return document is not None and document.status is None and not document.pending

    def limit_reached(self) -> str | None:
        """Why it gets nothing more, if it has had what a page may have."""
        limits = self._limits
        if self._proxy.received_bytes > limits.page_bytes:
            return f"page-too-large: more than {limits.page_bytes:,} bytes"
        if self._log.full:
            return f"too-many-assets: more than {limits.assets:,}"
        return None

    def cut_too_large(self) -> None:
        """An asset that is too large fails alone: its connection is cut."""
        limits = self._limits
        for entry in self._log.open_entries():
            if entry.arrived_bytes > limits.asset_bytes:
                error = f"too-large: more than {limits.asset_bytes:,} bytes"
            elif entry.resource_bytes > limits.asset_resource_bytes:
                error = f"too-large: decodes to more than {limits.asset_resource_bytes:,} bytes"
            else:
                continue
            self._log.abandon(entry, error)
            self._proxy.cut(entry.url)
