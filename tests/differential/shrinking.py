"""Making a page smaller for as long as it is judged differently."""

from __future__ import annotations

from itertools import islice

from differential.chromium import TOGETHER, Chromium
from differential.comparing import Difference, difference
from differential.draw import Draw, smaller
from differential.known import reason_of
from differential.made import Grammar, Made, make
from support.in_memory import asked_by_libra

ROUNDS = 12
"""Pages that the browser is shown for one difference, at most."""


async def shrink(found: Difference, grammar: Grammar, chromium: Chromium) -> Difference:
    """The smallest page with a difference that was found."""
    for _ in range(ROUNDS):
        pages = _smaller(found.made, grammar)
        cases = [made.case() for made in pages]
        theirs = await chromium.ask(cases)
        better = [
            difference(made, mine, asked, None)
            for made, case, asked in zip(pages, cases, theirs, strict=True)
            if (mine := asked_by_libra(case)) != asked and reason_of(made, mine, asked) is None
        ]
        if not better:
            break
        found = min(better, key=lambda each: each.made.size)
    case = found.made.case()
    asked = await chromium.ask_alone(case)
    return difference(found.made, asked_by_libra(case), asked, None)


def _smaller(made: Made, grammar: Grammar) -> list[Made]:
    pages: dict[tuple[int, ...], Made] = {}
    for choices in islice(smaller(made.choices), 2_000):
        page = make(made.area, grammar, made.name, Draw(choices))
        if page.size < made.size:
            pages[page.choices] = page
    # Of all sizes: the smallest alone are mostly too small to have the difference.
    by_size = sorted(pages.values(), key=lambda page: page.size)
    step = max(len(by_size) / TOGETHER, 1.0)
    return [by_size[int(at * step)] for at in range(min(TOGETHER, len(by_size)))]
