"""The failures of requests, by name."""

from __future__ import annotations

from errno import ECONNREFUSED

import pycurl


class Failure(Exception):
    """A request that failed, or whose answer is incomplete; the message is a named error.

    Attributes:
        status: The status that the server sent, if there was one.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class NotForCurl(Failure):
    """The answer is not HTTP for libcurl; a more tolerant reader may accept it."""


class Disconnected(Failure):
    """The server closed the connection without an answer."""


_STREAM, _PROXY = 92, 97  # pycurl has no names for these

REFUSED = frozenset({8, 61, 100, pycurl.E_UNSUPPORTED_PROTOCOL})
"""8 is ``CURLE_WEIRD_SERVER_REPLY``; 61 is for unknown transfer codings; 100 is ``CURLE_TOO_LARGE``,
for header fields.
"""

TOO_LARGE = "headers-too-large: the response headers are too long"

_LOST = frozenset({pycurl.E_RECV_ERROR, pycurl.E_SEND_ERROR, pycurl.E_HTTP2, _STREAM})
"""Before an answer begins, these may mean that a kept connection has ended."""

_TLS = {
    pycurl.E_PEER_FAILED_VERIFICATION,
    pycurl.E_SSL_CONNECT_ERROR,
    pycurl.E_SSL_CERTPROBLEM,
    pycurl.E_SSL_CIPHER,
    pycurl.E_SSL_ENGINE_INITFAILED,
    pycurl.E_USE_SSL_FAILED,
}


def failure_of(code: int, words: str, *, began: bool, errno: int = 0, address: str = "") -> Failure:
    """The failure for libcurl's code and message.

    Args:
        code: Libcurl's code.
        words: Libcurl's message.
        began: Whether a body had begun to arrive.
        errno: The system's error of the last connection.
        address: The address that was connected to.
    """
    if code in REFUSED:
        return NotForCurl(TOO_LARGE if code == 100 else "bad-answer: not valid HTTP")
    if code == pycurl.E_GOT_NOTHING or (code in _LOST and not began):
        why = "the server closed the connection without a response"
        if code in {pycurl.E_HTTP2, _STREAM}:
            why = " ".join(words.split())[:120]
        return Disconnected(f"disconnected: {why}")
    if code == pycurl.E_COULDNT_CONNECT and ("refused" in words or errno == ECONNREFUSED):
        return Failure(f"refused: nothing listens at {address or 'that address'}")
    name = "tls" if code in _TLS else _NAMES.get(code, "bad-answer")
    explanation = (
        _EXPLANATIONS.get(code) or " ".join(words.split())[:120] or f"libcurl error {code}"
    )
    if code == pycurl.E_PEER_FAILED_VERIFICATION:
        explanation = f"the certificate is not valid ({explanation})"
    return Failure(f"{name}: {explanation}")


_NAMES = {
    pycurl.E_COULDNT_RESOLVE_HOST: "dns",
    pycurl.E_COULDNT_RESOLVE_PROXY: "proxy",
    _PROXY: "proxy",
    pycurl.E_COULDNT_CONNECT: "unreachable",
    pycurl.E_OPERATION_TIMEDOUT: "timeout",
    pycurl.E_PARTIAL_FILE: "cut-short",
    pycurl.E_RECV_ERROR: "cut-short",
    pycurl.E_SEND_ERROR: "cut-short",
    pycurl.E_HTTP2: "cut-short",
    _STREAM: "cut-short",
    pycurl.E_URL_MALFORMAT: "bad-url",
}
_CUT_SHORT = "the response ended before its body was complete"
_EXPLANATIONS = {
    pycurl.E_COULDNT_RESOLVE_HOST: "the name does not resolve",
    pycurl.E_OPERATION_TIMEDOUT: "no connection in time",
    pycurl.E_PARTIAL_FILE: _CUT_SHORT,
    pycurl.E_RECV_ERROR: _CUT_SHORT,
    pycurl.E_SEND_ERROR: _CUT_SHORT,
    pycurl.E_URL_MALFORMAT: "the URL cannot be requested",
}
