"""The headers of a document other than its type, as the server sent them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import msgspec

from libra.ascii import BLANKS_OF_C, lowered
from libra.network.tolerant_http import AS_IT_CAME
from libra.weighing.headers.content_policy import Policies, forbids_framing, parse_policies

_MOST_RULES = 20


class DocumentHeaders(msgspec.Struct, frozen=True, array_like=True):
    """The headers of a document that affect its requests.

    Attributes:
        links: The values of ``Link``.
        policies: The values of ``Content-Security-Policy``.
        refresh: The first ``Refresh``.
        speculation_rules: The values of ``Speculation-Rules``.
        frame_options: The values of ``X-Frame-Options``.
        is_download: Whether a browser saves the response to a file.
        is_typed: Whether browsers must trust the type (``X-Content-Type-Options: nosniff``).
    """

    links: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    refresh: str = ""
    speculation_rules: tuple[str, ...] = ()
    frame_options: tuple[str, ...] = ()
    is_download: bool = False
    is_typed: bool = False

    @property
    def asks(self) -> bool:
        """Whether the headers alone cause requests, independently of the body."""
        return bool(self.links or self.refresh or self.speculation_rules)

    @classmethod
    def of(cls, values_of: Callable[[str], Iterable[str]]) -> DocumentHeaders:
        """Build from a function that returns all values of a header name, as they came."""

        def values(name: str) -> tuple[str, ...]:
            return tuple(map(_as_latin1, values_of(name)))

        return cls(
            links=values("Link"),
            policies=values("Content-Security-Policy"),
            refresh=next(iter(values("Refresh")), ""),
            speculation_rules=values("Speculation-Rules"),
            frame_options=values("X-Frame-Options"),
            is_download=any(map(_is_download, values("Content-Disposition"))),
            is_typed=any(
                lowered(value.strip(" \t")) == "nosniff"
                for value in values("X-Content-Type-Options")
            ),
        )

    def parsed_policies(self) -> Policies:
        """The policies of the document."""
        return parse_policies(self.policies)

    def refuses(self, ancestors: tuple[str, ...], own: str) -> str | None:
        """The header that forbids showing the document in a frame, or None.

        Args:
            ancestors: The origins of the enclosing documents, the nearest first.
            own: The origin of the document.
        """
        if not ancestors or not (self.policies or self.frame_options):
            return None
        policies = self.parsed_policies()
        if any("frame-ancestors" in policy.directives for policy in policies):
            # A policy with frame-ancestors overrides X-Frame-Options (CSP, section 6.4.2.2).
            refused = forbids_framing(policies, ancestors, own)
            return "Content-Security-Policy (frame-ancestors)" if refused else None
        options = {
            lowered(option.strip(BLANKS_OF_C))
            for value in self.frame_options
            for option in value.split(",")
        }
        if len(options) > 1:
            refused = bool(options & {"deny", "allowall", "sameorigin"})
        elif "sameorigin" in options:
            refused = any(ancestor != own for ancestor in ancestors)
        else:
            refused = "deny" in options
        return "X-Frame-Options" if refused else None


NO_HEADERS = DocumentHeaders()


def _is_download(disposition: str) -> bool:
    kind = lowered(disposition.partition(";")[0].strip(" \t"))
    return kind != "inline" and _TOKEN.match(kind) is not None


_TOKEN = re.compile(r"[\w!#$%&'*+.^`|~-]+\Z", re.ASCII)


def _as_latin1(value: str) -> str:
    """A value as Chromium reads it: an address in UTF-8 becomes another one, except in ``Location``."""
    return value if value.isascii() else value.encode(*AS_IT_CAME).decode("latin-1")


_ITEM = re.compile(
    r'[ \t]*+(?:"((?:[^"\\]|\\["\\])*+)"|[A-Za-z*][\w!#$%&\'*+.^`|~:/-]*+|-?[0-9][0-9.]*+|\?[01])'
    r'(?:;[^,"]*+(?:"(?:[^"\\]|\\.)*+")?)*+[ \t]*+(?:,|\Z)',
    re.ASCII,
)


def addresses_of_rules(values: Iterable[str]) -> list[str]:
    """The addresses in ``Speculation-Rules``, a list of strings (RFC 9651); none if it is malformed."""
    text = ", ".join(values)
    found: list[str] = []
    at = 0
    while at < len(text):
        item = _ITEM.match(text, at)
        if item is None:
            return []
        at = item.end()
        if item[1] is not None:
            found.append(re.sub(r"\\(.)", r"\1", item[1]))
    return found[:_MOST_RULES]
