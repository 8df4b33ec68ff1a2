"""Decides when a page is done, has failed, or has reached a limit."""

from __future__ import annotations

from libra.weighing.options import Limits
from libra.weighing.rendered.proxy.server import Proxy
from libra.weighing.rendered.requests.network_log import NetworkLog


class Completion:
    """Judges the progress of a page.

    Args:
        log: The requests of the page.
        proxy: The proxy of the page.
        limits: The limits of the page.
    """

    def __init__(self, log: NetworkLog, proxy: Proxy, limits: Limits) -> None:
        self._log = log
        self._proxy = proxy
        self._limits = limits

    def is_done(self, *, loaded: bool) -> bool:
        """Whether a page without network activity has received all that it requested.

        Args:
            loaded: Whether the browser reports the page as loaded.
        """
        log = self._log
        if not log.entries:
            return False
        patience = self._limits.asset_seconds
        if log.in_flight(patience):
            return False
        # If its document breaks off, or it waits for a response that never comes, the page does not
        # load. It is done all the same.
        waits = log.in_flight(float("inf")) > 0
        return loaded or log.stands_still() or waits

    def has_failed(self) -> bool:
        """Whether the page failed because its document did not arrive."""
        document = self._log.document()
        return document is not None and document.status is None and not document.pending

    def limit_reached(self) -> str | None:
        """The named error of the limit that the page has reached, if any."""
        limits = self._limits
        if self._proxy.received_bytes > limits.page_bytes:
            return f"page-too-large: more than {limits.page_bytes:,} bytes"
        if self._log.full:
            return f"too-many-assets: more than {limits.assets:,}"
        return None

    def cut_too_large(self) -> None:
        """Cut the connection of each asset that is too large; only that asset fails."""
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
