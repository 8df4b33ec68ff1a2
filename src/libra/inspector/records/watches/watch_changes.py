"""The requested settings of a watch, when it is made and when it is changed, and their validation.

One list of fields serves both: a field that is left out keeps its value, or the default of `WatchState`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, get_args

import msgspec
from msgspec import UNSET, UnsetType

from libra.budgets.alarms import Confirm, Jump
from libra.budgets.budget import Budget
from libra.inspector.records.watches.schedule import parse_schedule, parse_zone
from libra.inspector.records.watches.webhook import (
    MAX_HEADERS,
    parse_webhook,
    parse_webhook_headers,
)
from libra.urls import InvalidURL, parse_url
from libra.weighing.method_choice import Choice
from libra.weighing.options import InvalidOptions, Viewport, require_headers
from libra.wording import parse_duration, parse_size, plain

MOST_NAME: Final = 100
MOST_NOTE: Final = 2000
MOST_TAGS: Final = 10
MOST_TAG: Final = 40

LEAST_REPEAT: Final = 60.0
"""The shortest pause between two alerts of the same problem, in seconds."""

_CONFIRM: Final = re.compile(r"\s*(\d{1,2})\s*(?:of|/)\s*(\d{1,2})\s*", re.ASCII | re.IGNORECASE)


class WatchChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Fields of a watch with their new values; fields that are left out keep their values.

    Attributes:
        url: the URL to weigh.
        every: ``hour``, ``day``, ``week``, an interval such as ``30m``, or a cron expression.
        time_zone: the time zone of a cron expression, such as ``Europe/Berlin``.
        name: a name for people; empty for its URL.
        tags: the groups to which the watch belongs.
        note: a note for people.
        paused: whether it is paused: Libra neither weighs it on schedule nor sends alerts.
        budgets: the budgets of the page; the last one that matches its path counts.
        max_weight: the limit of the page's total transfer size: bytes, or a size such as ``"500kB"``.
        jump: the increase in weight that counts as a jump; None for no alert of jumps.
        confirm: how many weigh-ins must find a problem before an alert is sent; also ``"2 of 3"``.
        repeat: seconds after which an alert of a lasting problem is repeated, or ``"24h"``; None for
            never.
        recover: whether an alert is sent when the problem is gone.
        method: how the page is weighed; None for the service's default.
        viewport: the viewport of the weighing, such as ``390x844@3``; None for the service's default.
        headers: request headers for the page's own origin. Their values are secrets.
        webhook: the URL that alerts are posted to, with credentials if it needs them; None for no
            webhook.
        webhook_headers: the headers to send with alerts, such as ``Authorization``.
        destination: the name of the operator's destination for alerts; None for none.
        public: whether its public page and badge are open to everybody who knows their address.
        keep: seconds for which all of its weigh-ins are kept, or ``"90d"``; None for the same time as
            other pages.
    """

    url: str | UnsetType = UNSET
    every: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    note: str | UnsetType = UNSET
    paused: bool | UnsetType = UNSET
    budgets: tuple[Budget, ...] | UnsetType = UNSET
    max_weight: Annotated[int, msgspec.Meta(ge=0)] | str | UnsetType | None = UNSET
    jump: Jump | UnsetType | None = UNSET
    confirm: Confirm | str | UnsetType = UNSET
    repeat: float | str | UnsetType | None = UNSET
    recover: bool | UnsetType = UNSET
    method: Choice | UnsetType | None = UNSET
    viewport: str | UnsetType | None = UNSET
    headers: Mapping[str, str] | UnsetType | None = UNSET
    webhook: str | UnsetType | None = UNSET
    webhook_headers: Mapping[str, str] | UnsetType | None = UNSET
    destination: str | UnsetType | None = UNSET
    public: bool | UnsetType = UNSET
    keep: float | str | UnsetType | None = UNSET

    def __repr__(self) -> str:
        """Show only the names of the fields: some values are secrets."""
        given = [name for name in self.__struct_fields__ if getattr(self, name) is not UNSET]
        return f"WatchChanges({', '.join(given)})"


@dataclass(frozen=True, slots=True, repr=False)
class WantedChange:
    """Valid changes, in the form in which they are stored.

    Attributes:
        fields: fields of `WatchState`.
        terms: fields of `libra.budgets.alarms.Terms`.
        public: whether the watch becomes public; None for no change.
    """

    fields: Mapping[str, Any]
    terms: Mapping[str, Any]
    public: bool | None


def checked(changes: WatchChanges, destinations: Mapping[str, object]) -> WantedChange:
    """Validate and normalise the changes.

    Args:
        changes: the requested changes.
        destinations: the configured destinations, by their names.

    Raises:
        InvalidURL: says what is wrong with the URL or the webhook.
        InvalidOptions: says which other field is invalid, and why.
        InvalidSchedule: says what is wrong with the schedule or the time zone.
    """
    given: dict[str, Any] = {
        name: value
        for name in changes.__struct_fields__
        if (value := getattr(changes, name)) is not UNSET
    }
    public = given.pop("public", None)
    for name in ("paused", "recover"):
        if not isinstance(given.get(name, False), bool):
            raise InvalidOptions(f"{name} takes true or false, not {given[name]!r}")
    if not isinstance(public, (bool, type(None))):
        raise InvalidOptions(f"public takes true or false, not {public!r}")
    if given.get("destination") is not None:
        _require_destination(given["destination"], destinations)
    for name, check in _CHECKS.items():
        if name in given:
            given[name] = check(given[name])
    if given.get("webhook_headers") and given.get("webhook", "-") is None:
        raise InvalidOptions("webhook headers need a webhook: set one, too")
    terms: dict[str, Any] = {name: given.pop(name) for name in _TERMS if name in given}
    if "method" in given:
        given["choice"] = given.pop("method")
    return WantedChange(given, terms, public)


def _require_destination(name: str, destinations: Mapping[str, object]) -> None:
    if name not in destinations:
        known = ", ".join(sorted(destinations)) or "none; the operator of this Libra can add some"
        raise InvalidOptions(f"there is no destination {name[:60]!r}; there is {known}")


def parse_confirm(wanted: object) -> Confirm:
    """How many weigh-ins must find a problem, from ``"2 of 3"``, or ``"1"`` for the first one.

    Raises:
        InvalidOptions: it is neither.
    """
    if isinstance(wanted, Confirm):
        return wanted
    match = _CONFIRM.fullmatch(wanted) if isinstance(wanted, str) else None
    if match is None and wanted != "1":
        raise InvalidOptions(
            f"confirm takes a number of weigh-ins, such as '2 of 3', not {str(wanted)[:40]!r}"
        )
    try:
        return Confirm(int(match[1]), int(match[2])) if match else Confirm()
    except ValueError as error:
        raise InvalidOptions(f"confirm: {error}") from None


def parse_keep(wanted: float | str | None) -> float | None:
    """Seconds that all weigh-ins are kept, from those or a duration such as ``90d``; None: no limit.

    Raises:
        InvalidOptions: it is neither.
    """
    if wanted is None:
        return None
    try:
        return parse_duration(wanted) if isinstance(wanted, str) else float(wanted)
    except (TypeError, ValueError) as error:
        raise InvalidOptions(f"keep: {error}") from None


def parse_repeat(wanted: float | str | None) -> float | None:
    """Seconds from a duration such as ``"24h"``; None for never.

    Raises:
        InvalidOptions: it is not a duration, or is shorter than a minute.
    """
    if wanted is None:
        return None
    try:
        seconds = parse_duration(wanted) if isinstance(wanted, str) else float(wanted)
    except (ValueError, TypeError) as error:
        raise InvalidOptions(f"repeat: {error}") from None
    if not LEAST_REPEAT <= seconds <= 1e8:
        raise InvalidOptions("repeat takes at least a minute, such as 24h")
    return seconds


def parse_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Remove blanks around tags, and duplicates.

    Raises:
        InvalidOptions: there are too many tags, or one is too long or contains a comma.
    """
    if isinstance(tags, str):
        raise InvalidOptions(f"tags takes a list, not {tags[:40]!r}")
    given = tuple(tags)
    if len(given) > MOST_TAGS:
        raise InvalidOptions(f"there are {len(given)} tags; at most {MOST_TAGS} are allowed")
    found = tuple(dict.fromkeys(plain(tag).strip() for tag in given if tag.strip()))
    for tag in found:
        if len(tag) > MOST_TAG or "," in tag:
            raise InvalidOptions(
                f"tags: {tag[:60]!r} is not a tag: at most {MOST_TAG} characters, without a comma"
            )
    return found


def parse_headers(headers: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    """Validate the request headers for a page.

    Raises:
        InvalidOptions: says which header cannot be sent.
    """
    found = tuple((headers or {}).items())
    if len(found) > MAX_HEADERS:
        raise InvalidOptions(f"there are {len(found)} headers; at most {MAX_HEADERS} are allowed")
    require_headers(found)
    return found


def _line(what: str, most: int) -> Any:
    def check(text: str) -> str:
        found = plain(text).strip()
        if len(found) > most:
            raise InvalidOptions(f"{what} is too long: at most {most} characters")
        return found

    return check


def _note(text: str) -> str:
    lines = (plain(line).rstrip() for line in text.strip().splitlines())
    found = "\n".join(lines)
    if len(found) > MOST_NOTE:
        raise InvalidOptions(f"the note is too long: at most {MOST_NOTE} characters")
    return found


def _budgets(budgets: tuple[Budget, ...]) -> tuple[Budget, ...]:
    if not all(isinstance(budget, Budget) for budget in budgets):
        raise InvalidOptions("budgets takes Budget objects, as `parse_budgets` reads them")
    if any(budget.max_growth is not None for budget in budgets):
        raise InvalidOptions("a watch has no maxGrowth: use jump, which compares weigh-ins")
    return tuple(budgets)


def _jump(jump: Jump | None) -> Jump | None:
    if jump is not None and not isinstance(jump, Jump):
        raise InvalidOptions(f"jump takes a Jump or None, not {jump!r}")
    return jump


def _size(most: int | str | None) -> int | None:
    if isinstance(most, str):
        try:
            return parse_size(most)
        except ValueError as error:
            raise InvalidOptions(f"max_weight: {error}") from None
    if most is not None and (type(most) is not int or most < 0):
        raise InvalidOptions(f"max_weight takes bytes or a size such as '500kB', not {most!r}")
    return most


def _method(method: str | None) -> str | None:
    if method is not None and method not in get_args(Choice):
        raise InvalidOptions(f"method is {method!r}: it takes auto, static or rendered")
    return method


def _webhook(webhook: str | None) -> str | None:
    if webhook is None:
        return None
    try:
        return parse_webhook(webhook)
    except InvalidURL as error:
        raise InvalidURL(f"The webhook is not valid. {error}") from None


_TERMS: Final = ("budgets", "max_weight", "jump", "confirm", "repeat", "recover")

_CHECKS: Final[Mapping[str, Any]] = {
    "url": parse_url,
    "every": parse_schedule,
    "time_zone": parse_zone,
    "name": _line("the name", MOST_NAME),
    "tags": parse_tags,
    "note": _note,
    "budgets": _budgets,
    "max_weight": _size,
    "jump": _jump,
    "confirm": parse_confirm,
    "repeat": parse_repeat,
    "method": _method,
    "viewport": lambda text: None if text is None else Viewport.parse(str(text)),
    "headers": parse_headers,
    "keep": parse_keep,
    "webhook": _webhook,
    "webhook_headers": lambda headers: parse_webhook_headers(headers or {}),
}
"""The functions that normalise each field, in the order in which people see the fields."""
