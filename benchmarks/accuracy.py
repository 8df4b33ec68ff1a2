"""How right the weights are: both methods beside what Chromium was recorded to fetch.

    python -m benchmarks.accuracy CORPUS [--method static|rendered|both] [--page NAME]... [--assets]

CORPUS is a folder with `truth/*.json`: for each page its URL, every request that Chromium made, with
sizes, and the share of them that HTML and CSS name by themselves. The pages must be served where the
files say. Sizes are bytes of bodies on the wire; audio and video are left out, since how much of them a
browser reads varies from run to run.

The bars: rendered within 1 % of the recorded total on every page. Static, on pages where 95 % of the
bytes or more can be reached without scripts: within 5 % of that on 90 % of them, at least 98 % of the
assets found, and at most 3 % of bytes that Chromium did not fetch.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from libra.report import Report
from libra.weighing import Fetcher, Options, weigh_once
from libra.weighing.rendered import BrowserPool, RenderUnavailable, weigh_rendered

RENDERED_WITHIN = 0.01
STATIC_WITHIN = 0.05
STATIC_PAGES = 0.90
REACH = 0.95
RECALL = 0.98
EXTRA = 0.03

_CHANGING = re.compile(r"([?&](?:_|cb)=)\d+")
"""Numbers that scripts put into URLs so that no cache answers."""


@dataclass(frozen=True)
class Truth:
    """What Chromium fetched for one page."""

    name: str
    url: str
    body_bytes: int
    share: float
    reachable: int
    requests: Counter[str]

    @classmethod
    def read(cls, path: Path) -> Truth:
        """Read a file of the corpus."""
        found = json.loads(path.read_text())
        asked = [
            _stable(request["url"])
            for request in found["requests"]
            if request["phase"] == "load"
            and request["kind"] != "media"
            and not request["from_cache"]
        ]
        return cls(
            name=found["name"],
            url=found["url"],
            body_bytes=found["load_without_media"]["body_bytes"],
            share=found["static_reach"]["share_of_bytes"],
            reachable=found["static_reach"]["requests"],
            requests=Counter(asked),
        )


@dataclass(frozen=True)
class Measured:
    """One page weighed by one method, beside its truth."""

    truth: Truth
    report: Report
    seconds: float

    @property
    def body_bytes(self) -> int:
        """Of all but media."""
        return sum(a.transfer_bytes for a in self.report.assets if a.kind != "media")

    @property
    def aim(self) -> float:
        """What this method could have found."""
        reached = self.truth.share if self.report.method == "static" else 1.0
        return self.truth.body_bytes * reached

    @property
    def off(self) -> float:
        """How far from it, as a share of it."""
        return self.body_bytes / self.aim - 1 if self.aim else 0.0

    @property
    def recall(self) -> float:
        """The share of the requests that could be found that were.

        What a browser asks for again and again (errors, for the most part) is one asset here.
        """
        found = {_stable(a.url) for a in self.report.assets if a.status != "skipped"}
        hits = sum(times for url, times in self.truth.requests.items() if url in found)
        aim = self.truth.reachable if self.report.method == "static" else len(self.truth.requests)
        return min(1.0, hits / aim) if aim else 1.0

    @property
    def extra(self) -> float:
        """Bytes that Chromium did not fetch, as a share of those that it did."""
        more = sum(
            a.transfer_bytes
            for a in self.report.assets
            if a.kind != "media" and _stable(a.url) not in self.truth.requests
        )
        return more / self.truth.body_bytes if self.truth.body_bytes else 0.0

    @property
    def judged(self) -> bool:
        """Whether the bars of this method are meant for this page."""
        return self.report.method == "rendered" or self.truth.share >= REACH

    def row(self) -> str:
        """A line of the table."""
        mark = " " if self.judged else "·"
        return (
            f"{self.truth.name:22}{mark}{self.body_bytes:>11,}{round(self.aim):>11,}"
            f"{self.off:>+9.2%}{self.recall:>8.1%}{self.extra:>8.2%}"
            f"{self.report.total.requests:>6}{self.seconds:>7.2f} s  {self.report.error or ''}"
        )


async def measure(truths: list[Truth], method: str, browser: str | None) -> list[Measured]:
    """Weigh every page, one after the other."""
    found: list[Measured] = []
    async with Fetcher() as fetcher, BrowserPool(executable=browser, size=1) as browsers:
        if method == "rendered":
            browsers.check()
        for truth in truths:
            started = time.perf_counter()
            if method == "rendered":
                report = await weigh_rendered(truth.url, Options(), browsers)
            else:
                report = await weigh_once(truth.url, Options(), fetcher=fetcher)
            found.append(Measured(truth, report, time.perf_counter() - started))
            print(found[-1].row(), flush=True)
    return found


def verdicts(method: str, found: list[Measured]) -> list[tuple[bool, str]]:
    """The bars, and whether they are kept."""
    judged = [page for page in found if page.judged]
    if not judged:
        return []
    if method == "rendered":
        worst = max(judged, key=lambda page: abs(page.off))
        good = abs(worst.off) <= RENDERED_WITHIN
        return [(good, f"rendered: at most {abs(worst.off):.2%} off ({worst.truth.name})")]
    within = sum(abs(page.off) <= STATIC_WITHIN for page in judged)
    aim = sum(page.truth.reachable for page in judged)
    hits = sum(page.recall * page.truth.reachable for page in judged) / aim
    more = sum(page.extra * page.truth.body_bytes for page in judged)
    extra = more / sum(page.truth.body_bytes for page in judged)
    return [
        (
            within >= STATIC_PAGES * len(judged),
            f"static: within {STATIC_WITHIN:.0%} on {within} of {len(judged)} pages",
        ),
        (hits >= RECALL, f"static: {hits:.1%} of the assets found"),
        (extra <= EXTRA, f"static: {extra:.2%} of bytes that Chromium did not fetch"),
    ]


def differences(page: Measured) -> str:
    """Which assets are missing and which are too many."""
    found = {_stable(asset.url): asset for asset in page.report.assets}
    lines = [f"  missing {url}" for url in page.truth.requests if url not in found]
    lines += [
        f"  extra   {url} ({asset.transfer_bytes:,} bytes, {asset.status})"
        for url, asset in found.items()
        if url not in page.truth.requests
    ]
    return "\n".join(lines)


def main() -> int:
    """Print a table for each method; 1 if a bar is missed, 2 if nothing could be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--method", choices=("static", "rendered", "both"), default="both")
    parser.add_argument("--page", action="append", help="only this page; may be repeated")
    parser.add_argument("--assets", action="store_true", help="list the assets that differ")
    parser.add_argument("--browser", help="the executable of Chromium or Chrome")
    arguments = parser.parse_args()
    files = sorted((arguments.corpus / "truth").glob("[!_]*.json"))
    truths = [Truth.read(path) for path in files]
    if arguments.page:
        truths = [truth for truth in truths if truth.name in arguments.page]
    if not truths:
        parser.error(f"there are no such pages in {arguments.corpus / 'truth'}")
    kept: list[tuple[bool, str]] = []
    for method in ("static", "rendered") if arguments.method == "both" else (arguments.method,):
        print(f"\n{method:23}{'bytes':>11}{'aim':>11}{'off':>9}{'recall':>8}{'extra':>8}  reqs")
        try:
            found = asyncio.run(measure(truths, method, arguments.browser))
        except RenderUnavailable as unavailable:
            print(unavailable, file=sys.stderr)
            return 2
        if arguments.assets:
            print("\n".join(f"{page.truth.name}\n{differences(page)}" for page in found))
        kept += verdicts(method, found)
    print(
        "\n· scripts request more than 5 % of this page, so the bars of the static method do not apply\n"
    )
    for good, words in kept:
        print(f"{'kept  ' if good else 'MISSED'}  {words}")
    return 0 if all(good for good, _ in kept) else 1


def _stable(url: str) -> Any:
    return _CHANGING.sub(r"\1", url)


if __name__ == "__main__":
    sys.exit(main())
