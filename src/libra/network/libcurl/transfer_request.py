"""What is asked for with a transfer, and how libcurl is told."""

from __future__ import annotations

import msgspec
import pycurl

from libra.network.tolerant_http import HEAD_BYTES


class TransferRequest(msgspec.Struct, frozen=True):
    """A request.

    Attributes:
        url: In normal form, sent as it is.
        headers: All lines but ``Host``, each with its end.
        max_field: Bytes of one header field of the answer.
        pins: What libcurl is told of the addresses of names.
        lookup_ms: How long it took to know them, if anybody waited for it.
        body: What is sent; None for GET.
        proxy: Through which it goes; "" for none.
        far_ends: The addresses and ports that may be connected to without asking the gate: those of
            the proxy.
        tunnel: The address and port that the proxy is asked for instead of the host.
        fresh: Whether it needs a connection of its own.
    """

    url: str
    headers: str
    max_field: int = HEAD_BYTES
    pins: tuple[str, ...] = ()
    lookup_ms: float | None = None
    body: bytes | None = None
    proxy: str = ""
    far_ends: frozenset[tuple[str, int]] = frozenset()
    tunnel: str = ""
    fresh: bool = False


class RequestOptions:
    """What one of libcurl's handles was told of the requests it was used for.

    What a handle was told before holds until it is told otherwise, and to tell it the same again costs.

    Args:
        easy: The handle.
    """

    __slots__ = ("_easy", "_fresh", "_headers", "_pins", "_posts", "_proxy", "_tunnel")

    def __init__(self, easy: pycurl.Curl) -> None:
        self._easy = easy
        self._headers = ""
        self._pins: tuple[str, ...] = ()
        self._tunnel = ""
        self._posts = False
        self._fresh = False
        self._proxy = ""

    def tell(self, asked: TransferRequest) -> None:
        """Say what is to be asked for."""
        easy = self._easy
        easy.setopt(pycurl.URL, asked.url)
        if asked.headers != self._headers:
            self._headers = asked.headers
            easy.setopt(pycurl.HTTPHEADER, _lines_of(asked.headers))
        if asked.fresh != self._fresh:
            self._fresh = asked.fresh
            easy.setopt(pycurl.FRESH_CONNECT, asked.fresh)
        if asked.body is not None:
            easy.setopt(pycurl.POSTFIELDS, asked.body)
            self._posts = True
        elif self._posts:
            easy.setopt(pycurl.HTTPGET, 1)
            self._posts = False
        if asked.proxy != self._proxy:
            self._proxy = asked.proxy
            easy.setopt(pycurl.PROXY, asked.proxy)
            easy.setopt(pycurl.NOPROXY, "" if asked.proxy else "*")
        if asked.pins != self._pins:
            self._pins = asked.pins
            easy.setopt(pycurl.RESOLVE, list(asked.pins))
        if asked.tunnel != self._tunnel:
            self._tunnel = asked.tunnel
            easy.setopt(pycurl.CONNECT_TO, [f"::{asked.tunnel}"] if asked.tunnel else [])
            easy.setopt(pycurl.HTTPPROXYTUNNEL, bool(asked.tunnel))


def _lines_of(headers: str) -> list[str]:
    # "Name:" would tell libcurl to leave a field out; "Name;" is one without a value.
    return [
        line if not line.endswith(": ") else line[:-2] + ";" for line in headers.split("\r\n")[:-1]
    ]
