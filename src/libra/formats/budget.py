"""Budgets: what a page may weigh, and where it weighs more.

The file is Lighthouse's ``budget.json`` (performance budgets, up to Lighthouse 11; Lighthouse CI
still reads it): a list of objects, each for the pages whose path it matches, with sizes in KiB of
transfer size and counts of requests. As in Lighthouse the last one that matches a page is the one
that counts, and what the format does not know is an error rather than ignored: a misspelt budget
guards nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import msgspec

from libra.formats.words import count, size
from libra.weighing.report import KINDS, HostTotal, Kind, Report, Total

Subject = Kind | Literal["third-party", "total"]
"""What a limit is about: a kind of asset, what strangers send, or all of it."""

SUBJECTS: tuple[str, ...] = (*KINDS, "third-party", "total")

Measure = Literal["size", "count"]

TIMINGS = (
    "cumulative-layout-shift",
    "first-contentful-paint",
    "first-cpu-idle",
    "first-meaningful-paint",
    "interactive",
    "largest-contentful-paint",
    "max-potential-fid",
    "speed-index",
    "total-blocking-time",
)
"""What a budget may say of time. Libra reads these and measures none of them."""


class BudgetError(ValueError):
    """A budget file that cannot be used; the message says where in it and what is taken."""


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


def check(
    report: Report, budgets: Sequence[Budget] = (), limits: Sequence[Limit] = ()
) -> list[Check]:
    """What a weighed page must keep to; of two limits on the same thing the tighter one.

    Args:
        report: a weighed page.
        budgets: from `parse_budgets`; the last that matches counts.
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


def parse_budgets(text: str | bytes) -> list[Budget]:
    """Read a ``budget.json``.

    Raises:
        BudgetError: if it is not JSON, or has a key, type, path or number that the format does not.
    """
    try:
        data = json.loads(text, object_pairs_hook=_object)
    except UnicodeDecodeError:
        raise BudgetError("it is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise BudgetError(f"it is not JSON: {error}") from None
    except RecursionError:
        raise BudgetError("it is nested too deeply") from None
    if not isinstance(data, list):
        raise BudgetError(f"it must be a list of budgets, [{{...}}], and is {_name(data)}")
    return [_budget(f"[{n}]", item) for n, item in enumerate(data)]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise BudgetError(f"the key {key!r} is there twice in one object")
        seen[key] = value
    return seen


def _budget(where: str, data: Any) -> Budget:
    fields = _fields(where, data, ("path", "options", "resourceSizes", "resourceCounts", "timings"))
    return Budget(
        path=_path(f"{where}.path", fields.get("path", "/")),
        first_party=_first_party(f"{where}.options", fields.get("options", {})),
        limits=(
            *_limits(f"{where}.resourceSizes", fields.get("resourceSizes", []), "size"),
            *_limits(f"{where}.resourceCounts", fields.get("resourceCounts", []), "count"),
        ),
        timings=_timings(f"{where}.timings", fields.get("timings", [])),
    )


def _path(where: str, path: Any) -> str:
    if not isinstance(path, str) or not path.startswith("/"):
        raise BudgetError(f"{where} must be text that begins with /, and is {path!r}")
    if path.count("*") > 1:
        raise BudgetError(f"{where} may have one * and has {path.count('*')}: {path!r}")
    if "$" in path[:-1]:
        raise BudgetError(f"{where} may have a $ only at its end: {path!r}")
    return path


def _first_party(where: str, options: Any) -> tuple[str, ...]:
    hosts = _fields(where, options, ("firstPartyHostnames",)).get("firstPartyHostnames", [])
    where = f"{where}.firstPartyHostnames"
    for host in _list(where, hosts):
        if not isinstance(host, str) or not host.removeprefix("*."):
            raise BudgetError(f"{where} takes names such as example.com or *.example.com")
        if "*" in host.removeprefix("*.") or "/" in host or ":" in host:
            raise BudgetError(
                f"{where}: {host!r} must be a name without scheme, port and path; "
                "a * may only be its first part, as in *.example.com"
            )
    return tuple(host.lower() for host in hosts)


def _limits(where: str, items: Any, measure: Measure) -> tuple[Limit, ...]:
    return tuple(
        Limit(subject, measure, round(number * 1024) if measure == "size" else int(number))
        for subject, number in _named_numbers(where, items, "resourceType", SUBJECTS)
    )


def _timings(where: str, items: Any) -> tuple[str, ...]:
    return tuple(name for name, _ in _named_numbers(where, items, "metric", TIMINGS))


def _named_numbers(
    where: str, items: Any, name_key: str, known: Sequence[str]
) -> list[tuple[str, float]]:
    found: dict[str, float] = {}
    for n, item in enumerate(_list(where, items)):
        at = f"{where}[{n}]"
        # Lighthouse 5 and 6 had a tolerance for timings; files of that time still have it.
        keys = (name_key, "budget", *(("tolerance",) if name_key == "metric" else ()))
        fields = _fields(at, item, keys)
        name, number = fields.get(name_key), fields.get("budget")
        if not isinstance(name, str) or name not in known:
            raise BudgetError(f"{at}.{name_key} is {name!r}; known are {', '.join(known)}")
        if name in found:
            raise BudgetError(f"{at}: there are two budgets for {name!r}")
        if isinstance(number, bool) or not isinstance(number, int | float) or not number >= 0:
            raise BudgetError(f"{at}.budget must be a number, 0 or more, and is {number!r}")
        if number > 1e12:
            raise BudgetError(f"{at}.budget is {number:g}: that is more than any page weighs")
        found[name] = number
    return list(found.items())


def _fields(where: str, data: Any, known: Sequence[str]) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise BudgetError(f"{where} must be an object and is {_name(data)}")
    for key in data:
        if key not in known:
            raise BudgetError(f"{where} has the unknown key {key!r}; known are {', '.join(known)}")
    return data


def _list(where: str, data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise BudgetError(f"{where} must be a list and is {_name(data)}")
    return data


def _name(data: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    return names.get(type(data), "nothing" if data is None else "a number")


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
