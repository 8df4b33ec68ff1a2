"""Budgets: what a page may weigh, and which limits it breaks.

A limit is about a kind of asset, about third parties, or about the whole page. If there are several
budgets, each is for the pages whose path it matches, and the last one that matches counts. Lighthouse
does the same; `libra.budgets.lighthouse` reads its file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

import msgspec

from libra.budgets.growth import Growth
from libra.file_names import name_matches
from libra.report import KINDS, HostTotal, Kind, Report, Total
from libra.urls import host_of
from libra.wording import count, size

Subject = Kind | Literal["third-party", "total"]
"""The subject of a limit: a kind of asset, third parties, or the whole page."""

SUBJECTS: tuple[str, ...] = (*KINDS, "third-party", "total")

GROWTH: Final = "growth"
"""The subject of a limit on growth: how much more a page may weigh than before."""

Measure = Literal["size", "count"]


About = Literal["kind", "file", "host"]


class Limit(msgspec.Struct, frozen=True):
    """An upper limit: bytes of transfer size, or requests.

    Attributes:
        subject: what it limits: one of `SUBJECTS`; a pattern for files, as
            `libra.file_names.name_matches` takes it; or a host, with all hosts below it.
        measure: bytes or requests. The bytes of a pattern are those of the heaviest file that it
            matches.
        most: the highest value that is no breach.
        about: which of the three the subject is.
    """

    subject: str
    measure: Measure
    most: int
    about: About = "kind"

    def __str__(self) -> str:
        if self.subject == GROWTH:
            return GROWTH  # of size: growth has no other measure
        what = f"third-party {self.subject}" if self.about == "host" else self.subject
        return f"{what} {self.measure}"


class Budget(msgspec.Struct, frozen=True):
    """The limits for pages whose path and query match.

    Attributes:
        path: as in robots.txt: a beginning, with at most one ``*`` and ``$`` only at the end.
        first_party: hosts that are the page's own, ``*.`` in front for any host below; when empty,
            the registrable domain decides.
        limits: the limits of these pages.
        timings: names of limited timings, which Libra does not measure.
        max_growth: how much more a page may weigh than in the earlier report that it is compared with.
    """

    path: str = "/"
    first_party: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    timings: tuple[str, ...] = ()
    max_growth: Growth | None = None


class Check(msgspec.Struct, frozen=True):
    """One limit and the page's value for it, in bytes or requests."""

    page: str
    limit: Limit
    measured: int

    @property
    def over(self) -> bool:
        """Whether the page breaks the limit; reaching it exactly does not."""
        return self.measured > self.limit.most

    @property
    def subject(self) -> str:
        """``script size``, ``third-party count``, ``app.*.js size``."""
        return str(self.limit)

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
    """The limit of ``--max-weight``: bytes of transfer size of the whole page."""
    return Limit("total", "size", most)


def growth(before: Report, after: Report, most: Growth) -> Check:
    """The check of ``--max-growth``: how much more a page may weigh than in an earlier report."""
    weighed = before.total.transfer_bytes
    grown = max(0, after.total.transfer_bytes - weighed)
    return Check(after.url, Limit(GROWTH, "size", most.allowed(weighed)), grown)


def growth_of(
    before: Report, after: Report, budgets: Sequence[Budget], most: Growth | None = None
) -> list[Check]:
    """The check of growth since an earlier report: by the budget that counts, and by ``most``.

    Both reports must have been weighed in the same way. The tighter of the two limits is checked.
    """
    budget = budget_for(after.final_url or after.url, budgets) or Budget()
    checks = [growth(before, after, one) for one in (most, budget.max_growth) if one is not None]
    return sorted(checks, key=lambda check: check.limit.most)[:1]


def check(
    report: Report, budgets: Sequence[Budget] = (), limits: Sequence[Limit] = ()
) -> list[Check]:
    """Check a weighed page against its limits; of two limits on the same subject, the tighter one.

    Args:
        report: a weighed page.
        budgets: the last that matches counts.
        limits: further limits, for every page.
    """
    budget = budget_for(report.final_url or report.url, budgets) or Budget()
    tightest: dict[str, Limit] = {}
    for limit in (*limits, *budget.limits):
        about = f"{limit.about} {limit}"
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

    ``/blog`` matches paths that begin with it, ``/blog$`` only that path, ``/*.php`` paths with ``.php``
    anywhere after the first slash, ``/*.php$`` paths that end with it.
    """
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    whole = pattern.endswith("$")
    before, star, after = pattern.removesuffix("$").partition("*")
    if not star:
        return target == before if whole else target.startswith(before)
    rest = target[len(before) :]
    return target.startswith(before) and (rest.endswith(after) if whole else after in rest)


def unmatched(reports: Sequence[Report], checks: Iterable[Check]) -> list[Limit]:
    """Limits on a file or a host that no page has: they protect nothing."""
    limits = dict.fromkeys(check.limit for check in checks if check.limit.about != "kind")
    return [
        limit
        for limit in limits
        if not any(_transfers(report, limit) for report in reports if report.status == "weighed")
    ]


def unused(reports: Sequence[Report], budgets: Iterable[Budget]) -> list[Budget]:
    """Budgets for paths that no weighed page has: they protect nothing."""
    pages = [report.final_url or report.url for report in reports if report.status == "weighed"]
    return [one for one in budgets if not any(path_matches(page, one.path) for page in pages)]


def _transfers(report: Report, limit: Limit) -> list[int]:
    """The transfer sizes of the assets that a limit on a file or a host applies to."""
    if limit.about == "host":
        meant = [a for a in report.assets if _is_below(host_of(a.url), limit.subject)]
    else:
        meant = [a for a in report.assets if name_matches(a.url, limit.subject)]
    return [asset.transfer_bytes for asset in meant if asset.status not in ("skipped", "pending")]


def _is_below(host: str, name: str) -> bool:
    host = host.rpartition(":")[0] if ":" in host and ":" not in name else host
    return host == name or host.endswith(f".{name}")


def _measure(report: Report, limit: Limit, first_party: Sequence[str]) -> int:
    if limit.about != "kind":
        found = _transfers(report, limit)
        if limit.measure == "count":
            return len(found)
        # A limit on a file applies to each file of that name: there may be several chunks.
        return sum(found) if limit.about == "host" else max(found, default=0)
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
