"""The rules of a site for robots (RFC 9309)."""

from __future__ import annotations

from urllib.parse import urlsplit

from protego import Protego

from libra.ascii import lowered
from libra.cli.asking import NoAnswer, ask
from libra.cli.inputs import Route
from libra.weighing.options import PLAIN_USER_AGENT

AGENT = "Libra"
"""The user agent whose group of rules in ``robots.txt`` counts."""

MOST = 500 * 1024
"""Bytes of ``robots.txt`` that are read (section 2.5)."""


class RobotsError(Exception):
    """It is not known what may be read; the message says why."""


class Robots:
    """The rules of one site. Without a text, everything may be read."""

    def __init__(self, text: str = "") -> None:
        self._rules = Protego.parse(text)

    def allow(self, url: str) -> bool:
        """Whether a page may be read."""
        return bool(self._rules.can_fetch(url, AGENT))


def robots_of(origin: str, route: Route, *, seconds: float) -> Robots:
    """The current rules of a site.

    A site that answers that it has none (4xx) allows everything. A site with an error (5xx) or without
    an answer allows nothing (sections 2.3.1.3 and 2.3.1.4).

    Args:
        origin: ``scheme://host[:port]``.
        route: certificates and proxies.
        seconds: longest time for the server.

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
        raise RobotsError(f"{address} did not answer ({error})") from None
    if 200 <= answer.status < 300:
        return Robots(answer.body.decode("utf-8-sig", "replace"))
    if 400 <= answer.status < 500:
        return Robots()
    raise RobotsError(f"{address} answered {answer.status}")


def netloc_of(url: str) -> str:
    """Host and port: pages that share both are of one site."""
    return lowered(urlsplit(url).netloc)
