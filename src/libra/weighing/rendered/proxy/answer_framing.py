"""Where an answer ends that a proxy relays."""

from __future__ import annotations

from dataclasses import dataclass, field

import httptools


@dataclass(slots=True)
class AnswerFraming:
    """Follows the framing of an answer, to know where it ends. What it cannot follow ends it."""

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
        """Note what the server sent."""
        self.started = True
        if self._parser is None:
            return
        try:
            self._parser.feed_data(chunk)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            # Not HTTP as one expects it: relayed as it is, until the server closes.
            self._parser = None
            self.complete = False

    def on_message_begin(self) -> None:
        """The parser has come to another head."""
        if self.complete:
            # The server sends what nobody asked for: it shall not be taken for an answer.
            self._parser = None
            self.keeps_alive = False

    def on_headers_complete(self) -> None:
        """The parser has come to the end of a head."""
        if self._parser is not None and self.method == b"HEAD":
            self._end(self._parser)

    def on_body(self, data: bytes) -> None:
        """The parser has read a part of the body, without its framing."""
        self.body_bytes += len(data)

    def on_message_complete(self) -> None:
        """The parser has come to the end of a body."""
        if self._parser is not None:
            self._end(self._parser)

    def _end(self, parser: httptools.HttpResponseParser) -> None:
        if parser.get_status_code() < 200:  # the real one follows
            self.interim += 1
            return
        self.complete = True
        self.keeps_alive = parser.should_keep_alive()
