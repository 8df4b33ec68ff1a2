"""The names of the failures of a page and its parts.

An error in a report is a name, a colon and an explanation: ``timeout: no answer within 10 s``. All names
are listed here and are stable: programs rely on them, and people read the rest.
"""

from __future__ import annotations

from collections.abc import Container
from http import HTTPStatus
from typing import Final

FAILURES: Final = {
    "timeout": "no answer, or no end of it, in time; the page's deadline passed",
    "dns": "the name does not resolve",
    "refused": "nothing listens at the address",
    "unreachable": "there is no way to the address",
    "tls": "the connection could not be secured, or the certificate is not valid",
    "disconnected": "the server closed or reset the connection before it answered",
    "proxy": "the proxy cannot be reached, or does not open a way",
    "denied": "the gate does not allow it; the asset is `skipped`",
    "http": "the answer was 400 or more",
    "bad-answer": "what came is not HTTP",
    "headers-too-large": "the headers of the answer, or its interim answers, are too long",
    "cut-short": "the body ended before its announced end",
    "decode": "the body is not what its `Content-Encoding` says, or ends before it does",
    "too-large": "a body passed a limit on the wire, decoded, in ratio, or as a document",
    "too-complex": "reading a body, or its style, takes more of a processor than a page may",
    "out-of-memory": (
        "reading a body takes more memory than a page may; "
        "rendered: the page had its browser take too much, twice"
    ),
    "unreadable": "what read it ended twice, or failed at it",
    "no-parser": "nothing could be started to read it",
    "not-kept": "there is no room on the disk for what is still to be read",
    "redirect-loop": "redirects lead in a circle, or there are too many",
    "bad-redirect": "a redirect leads to no address that can be fetched",
    "bad-url": "the address cannot be requested",
    "too-many-assets": "the page has more parts than are weighed; those beyond were left out",
    "page-too-large": "the page has more bytes than are weighed; what is beyond was left out",
    "too-deep": "frames or imports nest too deeply; what is deeper was left out",
    "busy": "the server asked to be left alone (`Retry-After`) for longer than there is time",
    "cors": "another origin does not let the page read a font, a module or what says `crossorigin`",
    "blocked": (
        "the page's own rules forbid it: it was not requested (`skipped`), "
        "or it is a document that must not be framed"
    ),
    "aborted": "rendered: the page itself stopped it",
    "download": "rendered: the address leads to a file that a browser saves",
    "browser": "rendered: the browser failed, twice if it crashed",
    "no-browser": "rendered: there is no browser",
    "quarantined": "the page's process crashed whenever it was started; it can be retried",
    "lazy": "not an error: a browser would load it later",
    "hidden": "not an error: a browser loads what an object would show only where it is displayed",
}
"""The meaning of each name, in the order of the reference."""


def name_of(error: str | None) -> str | None:
    """The name of a failure; None if there is no failure, or if its name is not in the table."""
    name = (error or "").partition(":")[0]
    return name if name in FAILURES else None


def is_one_of(error: str | None, names: Container[str]) -> bool:
    """Whether there is a failure with one of these names."""
    name = name_of(error)
    return name is not None and name in names


def http_failure(status: int) -> str:
    """The failure for an answer with a status of 400 or more: ``http: 404 Not Found``."""
    try:
        return f"http: {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"http: {status}"


def table() -> str:
    """All names and their meanings, as a Markdown table for the documentation."""
    rows = [f"| `{name}` | {meaning} |" for name, meaning in FAILURES.items()]
    return "\n".join(["| Name | Means |", "|---|---|", *rows])
