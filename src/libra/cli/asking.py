"""Sends one request of the command to a given server, with the standard library.

Requests for pages and their assets go through `libra.weighing` instead, which counts and bounds answers.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from typing import IO, NamedTuple

from libra.cli.inputs import DIRECTLY, Route


class ServerAnswer(NamedTuple):
    """An answer of a server; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class NoAnswer(Exception):
    """The server gave no answer; the message says why."""


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
    """Send a request and return the answer, whatever its status.

    Args:
        method: of the request.
        url: http or https.
        headers: of the request.
        body: of the request.
        seconds: longest silence of the server.
        most: bytes of the answer's body to read.
        route: certificates and proxies.
        follow: whether to follow redirects; a secret must not be sent where they lead.

    Raises:
        NoAnswer: there is no answer.
    """
    proxy = route.proxies.of(url)
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else {}),
    ]
    if url.startswith("https:"):
        handlers.append(urllib.request.HTTPSHandler(context=route.trust.context()))
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


class _Stay(urllib.request.HTTPRedirectHandler):
    """Treats a redirect as an answer."""

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
