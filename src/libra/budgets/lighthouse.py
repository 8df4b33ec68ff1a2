"""Budget files: Lighthouse's ``budget.json`` (performance budgets, up to Lighthouse 11).

Lighthouse CI still reads it. The file is a list of objects, each for the pages whose path it matches,
with sizes in KiB of transfer size and counts of requests. A key that the format does not have is an
error: a misspelt budget would protect nothing. `libra.budgets.budget` checks pages against the budgets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from libra.budgets.budget import (
    SUBJECTS,
    Budget,
    Check,
    Limit,
    Measure,
    Subject,
    at_most,
    budget_for,
    check,
    growth_of,
    path_matches,
    unmatched,
    unused,
)
from libra.budgets.growth import Growth, parse_growth
from libra.budgets.rules import parse_rule
from libra.decoding import Undecodable, decode_json

__all__ = [
    "SUBJECTS",
    "TIMINGS",
    "Budget",
    "BudgetError",
    "Check",
    "Limit",
    "Measure",
    "Subject",
    "at_most",
    "budget_for",
    "check",
    "growth_of",
    "parse_budgets",
    "parse_rule",
    "path_matches",
    "unmatched",
    "unused",
]

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
"""The timings that a budget may limit. Libra reads these and measures none of them."""

_KEYS = ("path", "options", "resourceSizes", "resourceCounts", "timings", "rules", "maxGrowth")
"""The keys of a budget. The last two are Libra's own."""


class BudgetError(ValueError):
    """A budget file cannot be used; the message says where the mistake is and what is accepted."""


def parse_budgets(text: str | bytes) -> list[Budget]:
    """Read a ``budget.json``.

    Raises:
        BudgetError: it is not JSON, or has a key, type, path or number that the format does not allow.
    """
    try:
        data = decode_json(text, pairs=_object)
    except Undecodable as error:
        raise BudgetError(str(error)) from None
    if not isinstance(data, list):
        raise BudgetError(f"it must be a list of budgets, [{{...}}], but is {_name(data)}")
    return [_budget(f"[{n}]", item) for n, item in enumerate(data)]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise BudgetError(f"the key {key!r} occurs twice in one object")
        seen[key] = value
    return seen


def _budget(where: str, data: Any) -> Budget:
    fields = _fields(where, data, _KEYS)
    return Budget(
        path=_path(f"{where}.path", fields.get("path", "/")),
        first_party=_first_party(f"{where}.options", fields.get("options", {})),
        limits=(
            *_limits(f"{where}.resourceSizes", fields.get("resourceSizes", []), "size"),
            *_limits(f"{where}.resourceCounts", fields.get("resourceCounts", []), "count"),
            *_rules(f"{where}.rules", fields.get("rules", [])),
        ),
        timings=_timings(f"{where}.timings", fields.get("timings", [])),
        max_growth=_growth(f"{where}.maxGrowth", fields.get("maxGrowth")),
    )


def _path(where: str, path: Any) -> str:
    if not isinstance(path, str) or not path.startswith("/"):
        raise BudgetError(f"{where} must be text that begins with /, but is {path!r}")
    if path.count("*") > 1:
        raise BudgetError(f"{where} may have only one *, but has {path.count('*')}: {path!r}")
    if "$" in path[:-1]:
        raise BudgetError(f"{where} may have a $ only at its end: {path!r}")
    return path


def _first_party(where: str, options: Any) -> tuple[str, ...]:
    hosts = _fields(where, options, ("firstPartyHostnames",)).get("firstPartyHostnames", [])
    where = f"{where}.firstPartyHostnames"
    for host in _list(where, hosts):
        if not isinstance(host, str) or not host.removeprefix("*."):
            raise BudgetError(f"{where} must list names such as example.com or *.example.com")
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


def _rules(where: str, items: Any) -> Iterator[Limit]:
    for n, text in enumerate(_list(where, items)):
        if not isinstance(text, str):
            raise BudgetError(
                f"{where}[{n}] must be text such as 'app.*.js < 50kB', but is {text!r}"
            )
        try:
            yield parse_rule(text)
        except ValueError as error:
            raise BudgetError(f"{where}[{n}]: {error}") from None


def _growth(where: str, text: Any) -> Growth | None:
    if text is None:
        return None
    if not isinstance(text, str):
        raise BudgetError(f"{where} must be text such as '5%' or '20kB', but is {text!r}")
    try:
        return parse_growth(text)
    except ValueError as error:
        raise BudgetError(f"{where}: {error}") from None


def _timings(where: str, items: Any) -> tuple[str, ...]:
    return tuple(name for name, _ in _named_numbers(where, items, "metric", TIMINGS))


def _named_numbers(
    where: str, items: Any, name_key: str, known: Sequence[str]
) -> list[tuple[str, float]]:
    found: dict[str, float] = {}
    for n, item in enumerate(_list(where, items)):
        at = f"{where}[{n}]"
        # Lighthouse 5 and 6 had a tolerance for timings; files from that time still have it.
        keys = (name_key, "budget", *(("tolerance",) if name_key == "metric" else ()))
        fields = _fields(at, item, keys)
        name, number = fields.get(name_key), fields.get("budget")
        if not isinstance(name, str) or name not in known:
            raise BudgetError(f"{at}.{name_key} is {name!r}; it must be one of {', '.join(known)}")
        if name in found:
            raise BudgetError(f"{at}: there are two budgets for {name!r}")
        if isinstance(number, bool) or not isinstance(number, int | float) or not number >= 0:
            raise BudgetError(f"{at}.budget must be a number of 0 or more, but is {number!r}")
        if number > 1e12:
            raise BudgetError(f"{at}.budget is more than any page weighs")
        found[name] = number
    return list(found.items())


def _fields(where: str, data: Any, known: Sequence[str]) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise BudgetError(f"{where} must be an object, but is {_name(data)}")
    for key in data:
        if key not in known:
            raise BudgetError(
                f"{where} has the unknown key {key!r}; known keys are {', '.join(known)}"
            )
    return data


def _list(where: str, data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise BudgetError(f"{where} must be a list, but is {_name(data)}")
    return data


def _name(data: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    return names.get(type(data), "nothing" if data is None else "a number")
