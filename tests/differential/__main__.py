"""Compare static weighing with Chromium: ``PYTHONPATH=tests python -m differential --area css``.

Pages are numbered: ``--seed 7 --first 400`` goes on where an earlier run ended, and what a page is
follows from the seed and its number alone. The exit code is 1 where something differs that is not known,
2 where there is no browser.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import time

from differential.areas import AREAS
from differential.chromium import Chromium
from differential.running import run, say
from libra.weighing.rendered import RenderUnavailable


def main() -> int:
    """Compare; 0 if nothing differs that is not known, 1 if something does."""
    parser = argparse.ArgumentParser(
        prog="make differential", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--area", choices=sorted(AREAS), action="append", help="only this one")
    parser.add_argument("--seed", type=int, default=None, help="make the pages of that seed again")
    parser.add_argument("--first", type=int, default=0, help="the number of the first page")
    parser.add_argument("--cases", type=int, default=2000, help="pages of each area")
    parser.add_argument(
        "--seconds",
        type=float,
        default=3600,
        help="begin nothing after this time but the first pages of an area",
    )
    parser.add_argument("--small", type=int, default=5, help="differences of an area made small")
    parser.add_argument("--browser", default=None, help="the executable of Chromium")
    arguments = parser.parse_args()
    try:
        return asyncio.run(_run(arguments))
    except RenderUnavailable as missing:
        say(str(missing))
        return 2


async def _run(arguments: argparse.Namespace) -> int:
    seed = secrets.randbelow(10**6) if arguments.seed is None else arguments.seed
    until = time.monotonic() + arguments.seconds
    found = 0
    async with Chromium(arguments.browser) as chromium:
        for area in arguments.area or AREAS:
            found += await run(
                area,
                seed,
                chromium,
                cases=arguments.cases,
                first=arguments.first,
                until=until,
                most_small=arguments.small,
            )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
