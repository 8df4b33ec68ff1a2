"""Maps the browser's names of request failures to the named errors of reports."""

from __future__ import annotations

CANCELLED = "aborted: the page cancelled it"

_NET_ERRORS = {
    "net::ERR_CERT_": "tls: the certificate is not valid",
    "net::ERR_CONNECTION_REFUSED": "refused: nothing listens at that address",
    "net::ERR_CONNECTION_RESET": "disconnected: the connection was reset",
    "net::ERR_CONTENT_DECODING": "decode: the body does not match its Content-Encoding",
    "net::ERR_CONTENT_LENGTH_MISMATCH": "cut-short: the response ended before its body was complete",
    "net::ERR_EMPTY_RESPONSE": "disconnected: the server closed the connection without a response",
    "net::ERR_INCOMPLETE_CHUNKED": "cut-short: the response ended before its body was complete",
    "net::ERR_INVALID_CHUNKED": "bad-answer: not valid HTTP",
    "net::ERR_INVALID_HTTP": "bad-answer: not valid HTTP",
    "net::ERR_NAME_NOT_RESOLVED": "dns: the name does not resolve",
    "net::ERR_RESPONSE_HEADERS_TOO_BIG": "headers-too-large: the response headers are too long",
    "net::ERR_SSL_": "tls: the connection could not be secured",
    "net::ERR_TOO_MANY_REDIRECTS": "redirect-loop: more than 20 redirects",
}
"""The static method's named errors, by the prefix of the browser's name for the failure."""


def name_of_failure(error: str) -> str:
    """The static method's named error for a browser's error (``net::ERR_...``)."""
    for beginning, name in _NET_ERRORS.items():
        if error.startswith(beginning):
            return name
    return f"browser: {error[:100]}"
