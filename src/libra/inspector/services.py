"""Services of pages and watches: the fetcher, browsers, parsers, options and the clock."""

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
    """Services that are set at the start and do not change.

    Args:
        fetcher: the only way to the network.
        browsers: render pages.
        parsers: read documents of strangers; None where the system cannot fork.
        options: the options of a page whose submission chose none.
        ttl: seconds that a finished page rests in memory.
        now: the wall clock; tests move it by hand.
        public_url: the public address of the service; None if it is not set.

    Attributes:
        tally: counts events since the start.
        pauses: measures how long the program did not run.
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
        """The default options with this method and viewport."""
        return msgspec.structs.replace(self.options, method=method, viewport=viewport, auto=False)

    def options_of_its_own(self) -> Options | None:
        """The options of a page whose submission chose none; None if they are the usual ones.

        A page remembers its options; most pages need none, because the usual method is without a
        browser.
        """
        usual = self.options.method == "static" and not self.options.auto
        return None if usual else self.options

    def options_of(self, watch: WatchState) -> Options | None:
        """The options for the page of a watch; None if they are the usual ones."""
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
        """The reader of the documents and stylesheets of one page."""
        if self.parsers is None:
            return InPlaceReader(self.fetcher.in_thread, options, self.fetcher.known)
        return ParserReader(self.parsers, self.fetcher.in_thread, options, self.fetcher.known)
