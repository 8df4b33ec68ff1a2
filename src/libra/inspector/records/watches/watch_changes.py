"""What somebody wants of a watch, when it is made and when it is changed, and whether it can be had.

One list of fields for both: what is left out is as it was, or as `WatchState` has it at first.
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
"""Seconds between two alerts of the same trouble."""

_CONFIRM: Final = re.compile(r"\s*(\d{1,2})\s*(?:of|/)\s*(\d{1,2})\s*", re.ASCII | re.IGNORECASE)


class WatchChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Fields of a watch with what they shall be; those that are left out stay as they are.

    Attributes:
        url: what is to be weighed.
        every: ``hour``, ``day``, ``week``, an interval such as ``30m``, or a cron expression.
        time_zone: what a cron expression is read in, such as ``Europe/Berlin``.
        name: what people call it; empty for its URL.
        tags: what it belongs to.
        note: what people should know of it.
        paused: whether it rests: it is not weighed on schedule, and nobody is told anything.
        budgets: what the page must keep to; the last that matches its path counts.
        max_weight: transfer size that it may have in all: bytes, or a size such as ``"500kB"``.
        jump: what counts as a jump of its weight; None for nothing.
        confirm: how many weigh-ins must find something before it is told; also ``"2 of 3"``.
        repeat: seconds after which what is still wrong is told again, or ``"24h"``; None for never.
        recover: whether it is told that nothing is wrong any more.
        method: how the page is weighed; None as the service does.
        viewport: the window that it is weighed for, such as ``390x844@3``; None as the service does.
        headers: request headers for the page's own origin. Their values are secrets.
        webhook: where alerts are posted to, with credentials where it asks for them; None for nowhere.
        webhook_headers: what is sent with them, such as ``Authorization``.
        destination: the name of a destination of the operator's that alerts go to; None for none.
        public: whether a page and a badge of it are open to everybody who knows their address.
        keep: seconds that all of its weigh-ins are kept, or ``"90d"``; None for as long as pages are
            kept anyway.
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
        """The names of the fields alone: there are secrets in some of them."""
        given = [name for name in self.__struct_fields__ if getattr(self, name) is not UNSET]
        return f"WatchChanges({', '.join(given)})"


@dataclass(frozen=True, slots=True, repr=False)
class WantedChange:
    """Changes that can be had, in the form in which they are kept.

    Attributes:
        fields: of `WatchState`.
        terms: of `libra.budgets.alarms.Terms`.
        public: whether it shall be public, or None for no change of that.
    """

    fields: Mapping[str, Any]
    terms: Mapping[str, Any]
    public: bool | None


def checked(changes: WatchChanges, destinations: Mapping[str, object]) -> WantedChange:
    """See that all of it can be had.

    Args:
        changes: what is wanted.
        destinations: those that there are, by their names.

    Raises:
        InvalidURL: saying what is wrong with the URL or the webhook.
        InvalidOptions: saying which other field cannot be so, and why.
        InvalidSchedule: saying what is wrong with the schedule or the time zone.
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
        raise InvalidOptions("headers of a webhook are of no use without one")
    terms: dict[str, Any] = {name: given.pop(name) for name in _TERMS if name in given}
    if "method" in given:
        given["choice"] = given.pop("method")
    return WantedChange(given, terms, public)


def _require_destination(name: str, destinations: Mapping[str, object]) -> None:
    if name not in destinations:
        known = ", ".join(sorted(destinations)) or "none; whoever runs this Libra can add some"
        raise InvalidOptions(f"there is no destination {name[:60]!r}; there is {known}")


def parse_confirm(wanted: object) -> Confirm:
    """How many weigh-ins must find something, from ``"2 of 3"``, or ``"1"`` for the first.

    Raises:
        InvalidOptions: it is neither.
    """
    if isinstance(wanted, Confirm):
        return wanted
    match = _CONFIRM.fullmatch(wanted) if isinstance(wanted, str) else None
    if match is None and wanted != "1":
        raise InvalidOptions(
            f"confirm takes how many weigh-ins of how many, such as '2 of 3', not {str(wanted)[:40]!r}"
        )
    try:
        return Confirm(int(match[1]), int(match[2])) if match else Confirm()
    except ValueError as error:
        raise InvalidOptions(f"confirm: {error}") from None


def parse_keep(wanted: float | str | None) -> float | None:
    """Seconds that all weigh-ins are kept, from those or a duration such as ``90d``; None for no limit.

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
        InvalidOptions: it is none, or shorter than a minute.
    """
    if wanted is None:
        return None
    try:
        seconds = parse_duration(wanted) if isinstance(wanted, str) else float(wanted)
    except (ValueError, TypeError) as error:
        raise InvalidOptions(f"repeat: {error}") from None
    if not LEAST_REPEAT <= seconds <= 1e8:
        raise InvalidOptions("repeat takes a minute at least, such as 24h")
    return seconds


def parse_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags without blanks around them, each once.

    Raises:
        InvalidOptions: there are too many, or one is too long or has a comma in it.
    """
    if isinstance(tags, str):
        raise InvalidOptions(f"tags takes a list, not {tags[:40]!r}")
    given = tuple(tags)
    if len(given) > MOST_TAGS:
        raise InvalidOptions(f"there are {len(given)} tags; at most {MOST_TAGS} are taken")
    found = tuple(dict.fromkeys(plain(tag).strip() for tag in given if tag.strip()))
    for tag in found:
        if len(tag) > MOST_TAG or "," in tag:
            raise InvalidOptions(
                f"tags: {tag[:60]!r} is no tag: at most {MOST_TAG} characters, and no comma"
            )
    return found


def parse_headers(headers: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    """Headers that a page is asked for with.

    Raises:
        InvalidOptions: saying which cannot be sent.
    """
    found = tuple((headers or {}).items())
    if len(found) > MAX_HEADERS:
        raise InvalidOptions(f"there are {len(found)} headers; at most {MAX_HEADERS} are taken")
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
"""What brings a field into the form in which it is kept, in the order in which people see them."""
