"""The pages of a site, found by following its links from one of them."""

from __future__ import annotations

import msgspec


class Reach(msgspec.Struct, frozen=True):
    """How far a crawl goes.

    Attributes:
        limit: pages at most.
        depth: clicks from the first page at most; 0 is that page alone.
        at_a_time: documents that are read at a time.
        delay: seconds between two requests to one origin.
        obey_robots: whether ``robots.txt`` is obeyed.
    """

    limit: int = 100
    depth: int = 3
    at_a_time: int = 4
    delay: float = 0.0
    obey_robots: bool = True
