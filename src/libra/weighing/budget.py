"""Budgets: what a page may weigh, and where it weighs more.

A limit is about a kind of asset, about what strangers send, or about all of it. Where several budgets
are given, each is for the pages whose path it matches and the last one that matches counts, as in
Lighthouse, whose file `libra.formats.budget` reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args
from urllib.parse import urlsplit

import msgspec

from libra.weighing.report import KINDS, HostTotal, Kind, Report, Total
from libra.words import count, size

Subject = Kind | Literal["third-party", "total"]
"""What a limit is about: a kind of asset, what strangers send, or all of it."""

SUBJECTS: tuple[str, ...] = (*KINDS, "third-party", "total")

Measure = Literal["size", "count"]


class Limit(msgspec.Struct, frozen=True):
    """At most so much of something: bytes of transfer size, or requests."""

    subject: str
    measure: Measure
    most: int


class Budget(msgspec.Struct, frozen=True):
    """The limits for pages whose path and query match.

    Attributes:
        path: as in robots.txt: a beginning, with at most one ``*`` and ``$`` only at the end.
        first_party: hosts that are the page's own, ``*.`` in front for any host below; when empty,
            that is judged by registrable domain.
        limits: what the page must keep to.
        timings: names of timings that are limited too and that Libra does not measure.
    """

    path: str = "/"
    first_party: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    timings: tuple[str, ...] = ()


class Check(msgspec.Struct, frozen=True):
    """One limit and what a page has of it, in bytes or requests."""

    page: str
    limit: Limit
    measured: int

    @property
    def over(self) -> bool:
        """Whether the page breaches the limit; to reach it exactly is no breach."""
        return self.measured > self.limit.most

    @property
    def subject(self) -> str:
        """``script size``, ``third-party count``."""
        return f"{self.limit.subject} {self.limit.measure}"

    def sentence(self) -> str:
        """``script size is 512.3 kB, 205.1 kB over its budget of 307.2 kB (300 KiB)``."""
        measured, most = self.measured, self.limit.most
        if self.limit.measure == "count":
            text = f"{self.subject} is {count(measured, 'request')}"
            gap = f"{abs(measured - most):,}"
            budget = f"{most:,}"
        else:
            text = f"{self.subject} is {size(measured)}"
            gap = size(abs(measured - most))
            budget = size(most)
            if most and most % 1024 == 0 and most % 1000:
                budget += f" ({most // 1024:,} KiB)"
        if self.over:
            return f"{text}, {gap} over its budget of {budget}"
        return f"{text}, within its budget of {budget}"


def at_most(most: int) -> Limit:
    """The limit that is set by ``--max-weight``: bytes of transfer size of the whole page."""
    return Limit("total", "size", most)


def growth(before: Report, after: Report, allowed: int) -> Check:
    """What ``--max-growth`` says: a page weighs so many bytes more at most than in an earlier report."""
    grown = after.total.transfer_bytes - before.total.transfer_bytes
    return Check(after.url, Limit("growth", "size", allowed), max(0, grown))


def check(
    report: Report, budgets: Sequence[Budget] = (), limits: Sequence[Limit] = ()
) -> list[Check]:
    """What a weighed page must keep to; of two limits on the same thing the tighter one.

    Args:
        report: a weighed page.
        budgets: the last that matches counts.
        limits: what holds for every page beside them.
    """
    budget = budget_for(report.final_url or report.url, budgets) or Budget()
    tightest: dict[tuple[str, Measure], Limit] = {}
    for limit in (*limits, *budget.limits):
        about = (limit.subject, limit.measure)
        if about not in tightest or limit.most < tightest[about].most:
            tightest[about] = limit
    return [
        Check(report.url, limit, _measure(report, limit, budget.first_party))
        for limit in tightest.values()
    ]


def budget_for(url: str, budgets: Sequence[Budget]) -> Budget | None:
    """The last budget whose path matches the address."""
    return next((b for b in reversed(budgets) if path_matches(url, b.path)), None)


def path_matches(url: str, pattern: str) -> bool:
    """Whether path and query of an address match, as Lighthouse decides it.

    ``/blog`` matches what begins so, ``/blog$`` only that, ``/*.php`` what has ``.php`` anywhere
    after the first slash, ``/*.php$`` what ends so.
    """
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    whole = pattern.endswith("$")
    before, star, after = pattern.removesuffix("$").partition("*")
    if not star:
        return target == before if whole else target.startswith(before)
    rest = target[len(before) :]
    return target.startswith(before) and (rest.endswith(after) if whole else after in rest)


def _measure(report: Report, limit: Limit, first_party: Sequence[str]) -> int:
    if limit.subject == "third-party":
        strangers = _stranger(first_party)
        sent: list[Total | HostTotal] = [
            total
            for host, total in report.by_host.items()
            if (strangers(host) if first_party else total.third_party)
        ]
    elif limit.subject == "total":
        sent = [report.total]
    else:
        sent = [report.by_kind[kind] for kind in get_args(Kind) if kind == limit.subject]
    if limit.measure == "count":
        return sum(total.requests for total in sent)
    return sum(total.transfer_bytes for total in sent)


def _stranger(first_party: Sequence[str]) -> Callable[[str], bool]:
    def stranger(host: str) -> bool:
        name = urlsplit(f"//{host}").hostname or host
        return not any(
            name == own.removeprefix("*.")
            or (own.startswith("*.") and name.endswith(own.removeprefix("*")))
            for own in first_party
        )

    return stranger
