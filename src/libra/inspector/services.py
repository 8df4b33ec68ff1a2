"""What pages and watches work with: how to weigh, and by which clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from libra.inspector.pauses import Pauses
from libra.inspector.records.watches.watch_record import WatchState
from libra.observability.tally import Tally
from libra.parsers.pool import Parsers
from libra.parsers.reader import ParserReader
from libra.report import Method
from libra.weighing.options import Options, Viewport
from libra.weighing.reading.reader import InPlaceReader, Reader
from libra.weighing.rendered import BrowserPool
from libra.weighing.static.fetcher import Fetcher


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


class Services:
    """What is given at the start and stays.

    Args:
        fetcher: the one way to the network.
        browsers: for pages that are to be rendered.
        parsers: who reads what strangers wrote; None where the system has no such processes.
        options: how a page is weighed whose submission chose nothing.
        ttl: seconds that a finished page rests in memory.
        now: the wall clock; tests move it by hand.
        public_url: where people reach the service; None if nobody said.

    Attributes:
        tally: what has happened since the start.
        pauses: how long the program did not run.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        browsers: BrowserPool,
        parsers: Parsers | None = None,
        *,
        options: Options,
        ttl: float,
        now: Callable[[], datetime] = utc_now,
        public_url: str | None = None,
    ) -> None:
        self.fetcher = fetcher
        self.browsers = browsers
        self.parsers = parsers
        self.options = options
        self.ttl = ttl
        self.now = now
        self.public_url = public_url
        self.tally = Tally()
        self.pauses = Pauses()

    def options_for(self, method: Method, viewport: Viewport) -> Options:
        """How a page is weighed that chose nothing but these, or of which nothing else is known."""
        return msgspec.structs.replace(self.options, method=method, viewport=viewport, auto=False)

    def options_of_its_own(self) -> Options | None:
        """The options of a page whose submission chose nothing, where these are not as usual.

        A page remembers how it is to be weighed; most need not, as it is without a browser.
        """
        usual = self.options.method == "static" and not self.options.auto
        return None if usual else self.options

    def options_of(self, watch: WatchState) -> Options | None:
        """How the page of a watch is weighed; None where that is as usual."""
        usual = self.options
        if (watch.method, watch.choice, watch.viewport, watch.headers) == (None, None, None, ()):
            return self.options_of_its_own()
        # A watch stays with the method of its first weigh-in.
        choice = watch.method or watch.choice or ("auto" if usual.auto else usual.method)
        return msgspec.structs.replace(
            usual,
            method="rendered" if choice == "rendered" else "static",
            viewport=watch.viewport or usual.viewport,
            headers=watch.headers or usual.headers,
            auto=choice == "auto",
        )

    def reader_for(self, options: Options) -> Reader:
        """Who reads the documents and style sheets of one page."""
        if self.parsers is None:
            return InPlaceReader(self.fetcher.in_thread, options)
        return ParserReader(self.parsers, self.fetcher.in_thread, options)
