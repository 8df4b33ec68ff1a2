"""The names of the failures of a page and its assets.

An error in a report is a name, a colon and an explanation: ``timeout: no response within 10 s``. All
names are listed here and are stable: programs rely on them, and people read the rest.
"""

from __future__ import annotations

from collections.abc import Container
from http import HTTPStatus
from typing import Final

FAILURES: Final = {
    "timeout": "the response did not begin, or did not end, in time; or the page's deadline passed",
    "dns": "the name does not resolve",
    "refused": "nothing listens at the address",
    "unreachable": "the address cannot be reached",
    "tls": "the connection could not be secured, or the certificate is not valid",
    "disconnected": "the server closed or reset the connection before it responded",
    "proxy": "the proxy cannot be reached, or does not open a tunnel",
    "denied": "the gate does not allow the address or port; the asset is `skipped`",
    "http": "the status of the response was 400 or more",
    "bad-answer": "the response is not valid HTTP",
    "headers-too-large": "the headers of the response, or of its interim responses, are too long",
    "cut-short": "the response ended before its body was complete",
    "decode": "the body does not match its `Content-Encoding`, or its compressed data ends early",
    "too-large": (
        "a body exceeded a limit: its transfer size, its decoded size, the ratio of the two, "
        "the bytes that Libra reads, or the elements of a document"
    ),
    "too-complex": "reading a body, or applying styles, takes more processor time than a page may use",
    "out-of-memory": (
        "reading a body takes more memory than a page may use; "
        "rendered: the page made its browser use too much memory, twice"
    ),
    "unreadable": "the parser ended twice while it read the body, or failed to read it",
    "no-parser": "no parser could be started to read the body",
    "not-kept": "the body could not be stored on disk until Libra read it; the disk may be full",
    "redirect-loop": "the redirects form a loop, or there are too many",
    "bad-redirect": "a redirect leads to a URL that cannot be fetched",
    "bad-url": "the URL cannot be requested",
    "too-many-assets": "the page has more assets than Libra weighs; Libra left out the rest",
    "page-too-large": "the page has more bytes than Libra weighs; Libra left out the rest",
    "too-deep": "frames or imports are nested too deeply; Libra left out the deeper ones",
    "busy": "the server asked for a longer pause (`Retry-After`) than the time left allows",
    "cors": (
        "another origin does not let the page read a font, a module or an asset with `crossorigin`"
    ),
    "blocked": (
        "the page's own rules forbid the request, which was not sent (`skipped`), "
        "or the answer does not allow the page to frame or embed it"
    ),
    "aborted": "rendered: the page cancelled the request",
    "download": "rendered: the URL leads to a file that a browser saves instead of showing",
    "browser": "rendered: the browser failed, or crashed twice",
    "no-browser": "rendered: no browser is available",
    "quarantined": "the page's process crashed at every start; the page can be retried",
    "lazy": "not an error: a browser would load it later",
    "hidden": "not an error: a browser loads an object's content only while the object is displayed",
}
"""The meaning of each name, in the order of the reference."""


def name_of(error: str | None) -> str | None:
    """The name of a failure; None if there is no failure, or if its name is not in the table."""
    name = (error or "").partition(":")[0]
    return name if name in FAILURES else None


def is_one_of(error: str | None, names: Container[str]) -> bool:
    """Whether there is a failure with one of these names."""
    if error is None:
        return False
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
