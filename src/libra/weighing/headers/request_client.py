"""The document on whose behalf a request is made, as far as requests depend on it."""

from __future__ import annotations

import msgspec

from libra.weighing.headers.content_policy import Policies


class RequestClient(msgspec.Struct, frozen=True):
    """A document (Fetch standard, "request client").

    Attributes:
        origin: Its origin; "" before there is a document, and for an opaque origin.
        policies: Its content security policies.
        encoding: The name of its character encoding, or of the stylesheet in it that makes the request.
        ancestors: The origins of the enclosing documents, the nearest first.
        in_quirks_mode: Whether it accepts stylesheets of any type from its own origin.
        precursor: For an opaque origin, the one of the document that it is written in.
    """

    origin: str = ""
    policies: Policies = ()
    encoding: str = ""
    ancestors: tuple[str, ...] = ()
    in_quirks_mode: bool = False
    precursor: str = ""

    @property
    def around(self) -> tuple[str, ...]:
        """The ancestor origins of a frame in this document."""
        return (self.origin, *self.ancestors) if self.origin else self.ancestors


NOBODY = RequestClient()
"""The client that requests the page itself."""
