"""The request of one transfer, and its options in libcurl."""

from __future__ import annotations

import msgspec
import pycurl

from libra.network.tolerant_http import AS_IT_CAME, HEAD_BYTES


class TransferRequest(msgspec.Struct, frozen=True):
    """A request.

    Attributes:
        url: A URL in normal form, sent as it is.
        headers: All header lines except ``Host``, each with its end.
        max_field: Bytes of one header field of the answer.
        pins: The addresses of names, in libcurl's form.
        lookup_ms: Milliseconds of the look-up, if the request waited for one.
        body: The body to send; None for GET.
        proxy: The proxy to use; "" for none.
        far_ends: The proxy's addresses and ports, which may be connected to without asking the gate.
        tunnel: The address and port to ask the proxy for, in place of the host.
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
    """Sets a handle's options for a request, and remembers them.

    An option holds until it is set again, and setting the same value again costs time.

    Args:
        easy: Libcurl's handle.
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
        """Set the options of a request that differ from those of the last one."""
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


def _lines_of(headers: str) -> list[bytes]:
    # In libcurl "Name:" removes a field, and "Name;" sends one without a value.
    return [
        line if not line.endswith(b": ") else line[:-2] + b";"
        for line in headers.encode(*AS_IT_CAME).split(b"\r\n")[:-1]
    ]
