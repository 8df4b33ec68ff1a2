"""One request of the command to a server that it was told of, over what the system's Python has.

Pages and what they pull in go through `libra.weighing` instead, which counts and bounds what arrives.
"""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from functools import cache
from typing import IO, NamedTuple

from libra.cli.inputs import DIRECTLY, Route
from libra.network.libcurl.trust import Trust


class ServerAnswer(NamedTuple):
    """What a server answered; header names are in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes


class NoAnswer(Exception):
    """No answer came; the message says why."""


def ask(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    seconds: float,
    most: int,
    route: Route = DIRECTLY,
    follow: bool = False,
) -> ServerAnswer:
    """Send a request and wait for the answer, whatever its status.

    Args:
        method: of the request.
        url: http or https.
        headers: of the request.
        body: of the request.
        seconds: between two signs of life of the server.
        most: bytes of the answer's body that are read.
        route: certificates and proxies.
        follow: whether redirects are followed; a secret must not go where they lead.

    Raises:
        NoAnswer: if there is none.
    """
    proxy = route.proxies.of(url)
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else {}),
    ]
    if url.startswith("https:"):
        handlers.append(urllib.request.HTTPSHandler(context=_context(route.trust)))
    if not follow:
        handlers.append(_Stay())
    request = urllib.request.Request(url, data=body, headers=dict(headers), method=method)  # noqa: S310 - http or https
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=seconds) as answer:
            return ServerAnswer(answer.status, _fields(answer.headers), answer.read(most))
    except urllib.error.HTTPError as error:
        with error:
            return ServerAnswer(error.code, _fields(error.headers), _some(error, most))
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        told = getattr(reason, "strerror", None) or str(reason)
        raise NoAnswer(told or type(error).__name__) from None


@cache
def _context(trust: Trust) -> ssl.SSLContext:
    # To read all authorities of a system takes longer than a request, and a run makes many.
    return trust.context()


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:
        return None


def _fields(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _some(error: urllib.error.HTTPError, most: int) -> bytes:
    try:
        return error.read(most)
    except (OSError, http.client.HTTPException):
        return b""
