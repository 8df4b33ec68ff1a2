"""On whose behalf something is fetched: the document that asks, as far as it matters to requests."""

from __future__ import annotations

import msgspec

from libra.weighing.headers.content_policy import Policies


class RequestClient(msgspec.Struct, frozen=True):
    """A document (Fetch standard, "request client").

    Attributes:
        origin: Its origin; "" before there is a document, and if it has none of its own.
        policies: What it may ask for.
        encoding: The name of its character encoding, or that of the style sheet in it that asks.
        ancestors: The origins of the documents around it, the nearest first.
        in_quirks_mode: Whether it takes style sheets of any type from its own origin.
    """

    origin: str = ""
    policies: Policies = ()
    encoding: str = ""
    ancestors: tuple[str, ...] = ()
    in_quirks_mode: bool = False

    @property
    def around(self) -> tuple[str, ...]:
        """The origins of the documents around a frame in it."""
        return (self.origin, *self.ancestors) if self.origin else self.ancestors


NOBODY = RequestClient()
"""Who asks for the page itself."""
