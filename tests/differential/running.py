"""A run: the pages of an area, in their order, for as long as there is time."""

from __future__ import annotations

import sys
import time
from collections import Counter

from differential.areas import AREAS
from differential.chromium import TOGETHER, Chromium
from differential.comparing import Difference, compare
from differential.draw import Draw
from differential.made import Made, make
from differential.shrinking import shrink


async def run(
    area: str,
    seed: int,
    chromium: Chromium,
    *,
    cases: int,
    first: int = 0,
    until: float = float("inf"),
    most_small: int = 5,
) -> int:
    """Compare pages of an area and tell what differs.

    Args:
        area: One of `AREAS`.
        seed: Of the pages.
        chromium: Who judges.
        cases: How many pages.
        first: The number of the first of them.
        until: By `time.monotonic`: nothing is begun after it but the first pages. However slow the
            machine is, no area goes by of which nothing was compared.
        most_small: How many differences are made small.

    Returns:
        How many pages differ that are not known to.
    """
    began, done = time.monotonic(), 0
    differences: list[Difference] = []
    known: Counter[str] = Counter()
    for start in range(first, first + cases, TOGETHER):
        if done and time.monotonic() > until:
            say(f"{area}: out of time; go on with --area {area} --seed {seed} --first {start}")
            break
        numbers = range(start, min(start + TOGETHER, first + cases))
        pages = [page(area, seed, number) for number in numbers]
        for difference in await compare(pages, chromium):
            if difference.reason is None:
                differences.append(difference)
                say(str(difference))
            else:
                known[difference.reason] += 1
        done += len(pages)
    for difference in differences[:most_small]:
        if time.monotonic() > until:
            break
        say(f"made small: {await shrink(difference, AREAS[area], chromium)}")
    for reason, times in known.most_common():
        say(f"{area}: {times} known: {reason}")
    seconds = time.monotonic() - began
    say(f"{area}: seed {seed}, {done} pages, {len(differences)} differ, {seconds:.0f} s")
    return len(differences)


def page(area: str, seed: int, number: int) -> Made:
    """The page of that number."""
    name = f"{area}-{seed}-{number}"
    return make(area, AREAS[area], name, Draw(seed=name))


def say(words: str) -> None:
    """Tell who started it."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()
