"""The fallback sources of a font: if one fails, the next one in its rule is tried."""

from __future__ import annotations

from libra.weighing.headers.request_client import RequestClient
from libra.weighing.static.ledger import AssetLedger
from libra.weighing.style.wanted import WantedByStyle


class FontSources:
    """Remembers the next source for each source that is being tried.

    Args:
        ledger: Knows which sources have failed.
    """

    __slots__ = ("_ledger", "_tried")

    def __init__(self, ledger: AssetLedger) -> None:
        self._ledger = ledger
        self._tried: dict[str, tuple[WantedByStyle, RequestClient]] = {}

    def __contains__(self, url: str) -> bool:
        """Whether another source follows this one."""
        return url in self._tried

    def still_to_try(self, urls: tuple[str, ...]) -> tuple[str, ...]:
        """A font's sources from the first that has not failed, or else only the last."""
        for number, url in enumerate(urls):
            if not self._ledger.has_failed(url):
                return urls[number:]
        return urls[-1:]

    def note(self, item: WantedByStyle, client: RequestClient) -> None:
        """Record that a font's first source is tried now and the others follow if it fails."""
        if len(item.urls) > 1:
            self._tried[item.urls[0]] = item, client

    def after(self, url: str) -> tuple[WantedByStyle, RequestClient] | None:
        """The next source after a failed one, with its request client; None if there is none."""
        item, client = self._tried.pop(url, (None, None))
        if item is None or client is None:
            return None
        return item._replace(urls=item.urls[1:]), client
