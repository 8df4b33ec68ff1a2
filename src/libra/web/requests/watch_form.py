"""Reads the form for a watch, and finds the mistakes in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args

import msgspec
from litestar.exceptions import ClientException
from msgspec import UNSET

from libra.app import (
    MOST_WATCH_NAME,
    MOST_WATCH_NOTE,
    Jump,
    Watch,
    parse_confirm,
    parse_headers,
    parse_repeat,
    parse_schedule,
    parse_tags,
    parse_webhook,
    parse_webhook_headers,
    parse_zone,
)
from libra.urls import as_typed, parse_url
from libra.web.requests.page_request import header_lines
from libra.web.requests.watch_request import WatchPatch, WatchRequest, parse_weight, read_field
from libra.weighing.method_choice import Choice
from libra.weighing.options import Viewport
from libra.wording import duration_in_full, parse_duration, size_in_full

Percent = Annotated[float, msgspec.Meta(ge=0, le=1e6)]

KEPT = frozenset({"webhook", "webhook_header", "headers"})
"""Secret fields of the form for a change: if left empty they stay, ``off`` removes them."""

INTERVALS = ("hour", "day", "week")
"""Schedules that the form offers; the user types any other."""


@dataclass(frozen=True, slots=True)
class WatchForm:
    """The form for a watch, with the user's input and the mistakes in it.

    Attributes:
        fields: the content of each field, by name.
        mistakes: what is wrong, by the name of the field: a sentence that says what to write.
        refusal: why no watch was made although the fields are valid.
        watch: the watch to change; None for a new one.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    mistakes: Mapping[str, str] = field(default_factory=dict)
    refusal: str | None = None
    watch: Watch | None = None

    @property
    def more(self) -> bool:
        """Whether the folded part of the form must be open."""
        return self.watch is not None or any(name in self.mistakes for name in _FOLDED)

    @property
    def failed(self) -> bool:
        """Whether the form was sent and did not lead to a watch."""
        return bool(self.mistakes or self.refusal)

    @property
    def first_mistake(self) -> str | None:
        """The first field with a mistake, in the order on the screen."""
        return next((name for name in _CHECKS if name in self.mistakes), None)


def as_meant(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields of a form, with the scheme added that the user left out of the page's URL."""
    url = {"url": as_typed(fields["url"])} if "url" in fields else {}
    return {**fields, **url}


def of_form(fields: Mapping[str, str]) -> WatchRequest:
    """The watch in a form. Its fields are those of the JSON, with the jump in two parts, and ``cron``.

    Raises:
        ClientException: saying what is missing or malformed.
    """
    given = _given(fields)
    if "url" not in given:
        raise ClientException("The form has no field url.")
    wanted: dict[str, Any] = {
        "url": given["url"],
        "every": given.get("cron") or given.get("every") or "day",
        "jump": _jump(given),
        "recover": "no_recover" not in given,
        "public": "public" in given,
    }
    if "budget" in given:
        wanted["budget"] = msgspec.Raw(given["budget"].encode())
    for name in _TEXTS:
        if name in given:
            wanted[name] = given[name]
    if "tags" in given:
        wanted["tags"] = tuple(given["tags"].split(","))
    if "headers" in given:
        wanted["headers"] = read_field("headers", _request_headers, given["headers"])
    if "webhook_header" in given:
        wanted["webhook_headers"] = read_field("webhook_header", _header, given["webhook_header"])
    if "method" in wanted:
        read_field("method", _method, wanted["method"])
    return WatchRequest(**wanted)


def patch_of_form(fields: Mapping[str, str]) -> WatchPatch:
    """The change in a form: the form has every field, so an empty one is cleared.

    Secrets are the exception, see `KEPT`.

    Raises:
        ClientException: saying what is malformed.
    """
    given = _given(fields)
    kept = {name: value for name, value in given.items() if name not in KEPT}
    wanted = of_form(kept | {"url": given.get("url", "")})
    cleared: dict[str, Any] = {
        **dict.fromkeys(("name", "note"), ""),
        **dict.fromkeys(
            ("max_weight", "repeat", "method", "viewport", "destination", "keep"), None
        ),
        "tags": (),
        "confirm": "1",
        "time_zone": "UTC",
    }
    changed = {
        name: value
        for name in wanted.__struct_fields__
        if (value := getattr(wanted, name)) is not UNSET
    }
    if "webhook" in given:
        changed["webhook"] = None if given["webhook"] == "off" else given["webhook"]
    for field_name, name, read in (
        ("headers", "headers", _request_headers),
        ("webhook_header", "webhook_headers", _header),
    ):
        if field_name in given:
            text = given[field_name]
            changed[name] = {} if text == "off" else read_field(field_name, read, text)
    return WatchPatch(**(cleared | changed))


def fields_of(watch: Watch) -> dict[str, str]:
    """The initial content of the form for a change: everything except secrets."""
    terms, jump = watch.terms, watch.terms.jump
    known = watch.every in INTERVALS
    fields = {
        "url": watch.url,
        "name": watch.name,
        "tags": ", ".join(watch.tags),
        "note": watch.note,
        "every": watch.every if known else "day",
        "cron": "" if known else watch.every,
        "time_zone": watch.time_zone,
        "max_weight": "" if terms.max_weight is None else size_in_full(terms.max_weight),
        "jump_percent": "off" if jump is None else f"{jump.percent:g}",
        "jump_bytes": "off" if jump is None else size_in_full(jump.bytes),
        "confirm": "" if terms.confirm.of == 1 else str(terms.confirm),
        "repeat": "" if terms.repeat is None else duration_in_full(terms.repeat),
        "method": watch.method or "",
        "viewport": watch.viewport or "",
        "destination": watch.destination or "",
        "keep": "" if watch.keep is None else duration_in_full(watch.keep),
    }
    fields |= {"public": "on"} if watch.public else {}
    return fields | ({} if terms.recover else {"no_recover": "on"})


def mistakes_in(fields: Mapping[str, str]) -> dict[str, str]:
    """All mistakes in a form, by field, so that the user can correct them at once."""
    given = _given(fields)
    found = {} if "url" in given else {"url": "Write the address of a page here."}
    for name, check in _CHECKS.items():
        try:
            if name in given:
                check(given[name])
        except ValueError as error:
            found[name] = f"{str(error).rstrip('.')}."
    return found


def _jump(given: Mapping[str, str]) -> Jump | None:
    percent, size = given.get("jump_percent"), given.get("jump_bytes")
    if "off" in (percent, size):
        return None
    return Jump(
        percent=read_field("jump_percent", _percent, percent) if percent else Jump().percent,
        bytes=read_field("jump_bytes", parse_weight, size) if size else Jump().bytes,
    )


def _given(fields: Mapping[str, str]) -> dict[str, str]:
    # An empty field was not filled in. Unknown fields, such as a button's, are no mistake.
    return {name: value.strip() for name, value in fields.items() if value.strip()}


def _header(text: str) -> dict[str, str]:
    """The headers of a webhook, from lines of ``Name: value``."""
    found = header_lines(text)
    parse_webhook_headers(found)
    return found


def _request_headers(text: str) -> dict[str, str]:
    """The headers of a page, likewise."""
    found = header_lines(text)
    parse_headers(found)
    return found


def _percent(text: str) -> float:
    try:
        number: float = msgspec.convert(text, Percent, strict=False)
    except msgspec.ValidationError:
        raise ValueError(f"{text[:40]!r} is not a percentage: write a number such as 20") from None
    return number


def _length(most: int) -> Callable[[str], object]:
    def check(text: str) -> None:
        if len(text) > most:
            raise ValueError(f"that is too long: at most {most} characters")

    return check


def _method(text: str) -> None:
    if text not in get_args(Choice):
        raise ValueError("write auto, static or rendered")


def _unless_off(check: Callable[[str], object]) -> Callable[[str], object]:
    return lambda text: None if text == "off" else check(text)


_TEXTS = (
    *(
        "confirm",
        "destination",
        "keep",
        "max_weight",
        "method",
        "name",
        "note",
        "repeat",
        "time_zone",
    ),
    *("viewport", "webhook"),
)
"""Fields that are the same in JSON and in a form."""

_CHECKS: Mapping[str, Callable[[str], object]] = {
    "url": lambda text: parse_url(as_typed(text)),
    "every": parse_schedule,
    "cron": parse_schedule,
    "max_weight": parse_weight,
    "jump_percent": _unless_off(_percent),
    "jump_bytes": _unless_off(parse_weight),
    "webhook": _unless_off(parse_webhook),
    "webhook_header": _unless_off(_header),
    "name": _length(MOST_WATCH_NAME),
    "tags": lambda text: parse_tags(tuple(text.split(","))),
    "time_zone": parse_zone,
    "confirm": parse_confirm,
    "repeat": parse_repeat,
    "method": _method,
    "viewport": Viewport.parse,
    "headers": _unless_off(_request_headers),
    "note": _length(MOST_WATCH_NOTE),
    "keep": parse_duration,
}
"""The checks of the fields of a form, in their order; each raises a ValueError."""

FIELDS = tuple(_CHECKS)
"""The fields of a form, in their order."""

_FOLDED = FIELDS[8:]
"""The fields that the form folds away at first."""
