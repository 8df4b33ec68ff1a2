"""Finds the end of a response that the proxy relays."""

from __future__ import annotations

from dataclasses import dataclass, field

import httptools


@dataclass(slots=True)
class AnswerFraming:
    """Follows the framing of a response to find its end. A response that it cannot follow ends here."""

    method: bytes
    started: bool = False
    complete: bool = False
    keeps_alive: bool = False
    body_bytes: int = 0
    interim: int = 0
    _parser: httptools.HttpResponseParser | None = field(init=False)

    def __post_init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)

    def take(self, chunk: bytes) -> None:
        """Process bytes from the server."""
        self.started = True
        if self._parser is None:
            return
        try:
            self._parser.feed_data(chunk)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            # Not valid HTTP: relay it unchanged until the server closes.
            self._parser = None
            self.complete = False

    def on_message_begin(self) -> None:
        """The parser reached the start of another head."""
        if self.complete:
            # The server sends data that nobody requested; it must not count as a response.
            self._parser = None
            self.keeps_alive = False

    def on_headers_complete(self) -> None:
        """The parser reached the end of a head."""
        if self._parser is not None and self.method == b"HEAD":
            self._end(self._parser)

    def on_body(self, data: bytes) -> None:
        """The parser read a part of the body, without its framing."""
        self.body_bytes += len(data)

    def on_message_complete(self) -> None:
        """The parser reached the end of a body."""
        if self._parser is not None:
            self._end(self._parser)

    def _end(self, parser: httptools.HttpResponseParser) -> None:
        if parser.get_status_code() < 200:  # the final response follows
            self.interim += 1
            return
        self.complete = True
        self.keeps_alive = parser.should_keep_alive()
