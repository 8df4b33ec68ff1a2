"""The pages of a site, found by following its links from one of them."""

from __future__ import annotations

import msgspec


class Reach(msgspec.Struct, frozen=True):
    """How far a crawl goes.

    Attributes:
        limit: most pages.
        depth: most clicks from the first page; 0 is that page alone.
        at_a_time: documents to read at a time.
        delay: seconds between two requests to one origin.
        obey_robots: whether to obey ``robots.txt``.
    """

    limit: int = 100
    depth: int = 3
    at_a_time: int = 4
    delay: float = 0.0
    obey_robots: bool = True
