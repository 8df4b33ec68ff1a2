"""What a site lets robots read (RFC 9309)."""

from __future__ import annotations

from urllib.parse import urlsplit

from protego import Protego

from libra.cli.asking import NoAnswer, ask
from libra.cli.inputs import Route
from libra.weighing.options import PLAIN_USER_AGENT

AGENT = "Libra"
"""The name that a group of rules in ``robots.txt`` is for."""

MOST = 500 * 1024
"""Bytes of it that are read (section 2.5)."""


class RobotsError(Exception):
    """Nobody can tell what may be read; the message says why."""


class Robots:
    """The rules of one site. Without a text, everything may be read."""

    def __init__(self, text: str = "") -> None:
        self._rules = Protego.parse(text)

    def allow(self, url: str) -> bool:
        """Whether a page may be read."""
        return bool(self._rules.can_fetch(url, AGENT))


def robots_of(origin: str, route: Route, *, seconds: float) -> Robots:
    """The rules of a site, as it gives them now.

    A site that answers that there is none (4xx) allows everything; one that is in trouble (5xx), or
    does not answer, nothing (sections 2.3.1.3 and 2.3.1.4).

    Args:
        origin: ``scheme://host[:port]``.
        route: certificates and proxies.
        seconds: which the server may take.

    Raises:
        RobotsError: the site does not say what may be read.
    """
    address = f"{origin}/robots.txt"
    headers = {"User-Agent": PLAIN_USER_AGENT, "Accept": "text/plain, */*;q=0.5"}
    try:
        answer = ask(
            "GET", address, headers=headers, seconds=seconds, most=MOST, route=route, follow=True
        )
    except NoAnswer as error:
        raise RobotsError(f"{address} gives no answer ({error})") from None
    if 200 <= answer.status < 300:
        return Robots(answer.body.decode("utf-8-sig", "replace"))
    if 400 <= answer.status < 500:
        return Robots()
    raise RobotsError(f"{address} answered {answer.status}")


def netloc_of(url: str) -> str:
    """Host and port: pages are of one site if these are the same."""
    return urlsplit(url).netloc.lower()
