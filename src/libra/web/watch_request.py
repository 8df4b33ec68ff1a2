"""What is sent to watch a URL: JSON, or a form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from litestar import Request
from litestar.exceptions import ClientException

from libra.app import Jump, parse_schedule, parse_webhook, parse_webhook_headers
from libra.formats.budget import Budget, BudgetError, parse_budgets
from libra.settings import parse_size
from libra.web.submission import JSON, content_type, decode_body, read_fields
from libra.weighing.urls import parse_url

MOST = 10**12
"""Bytes: more than any page weighs."""

Percent = Annotated[float, msgspec.Meta(ge=0, le=1e6)]

_NOTHING = msgspec.Raw(b"null")


class WatchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A URL to watch, how often, what it must keep to, and who is told if it does not.

    ``budget`` is a Lighthouse ``budget.json``. ``jump`` is null for no alerts of that kind.
    """

    url: str
    every: str = "day"
    max_weight: Annotated[int, msgspec.Meta(ge=0, le=MOST)] | str | None = None
    budget: msgspec.Raw = _NOTHING
    jump: Jump | None = Jump()
    webhook: str | None = None
    webhook_headers: dict[str, str] | None = None

    def budgets(self) -> tuple[Budget, ...]:
        """The budgets, read.

        Raises:
            ClientException: there is something in them that the format does not have.
        """
        if bytes(self.budget) == b"null":
            return ()
        try:
            return tuple(parse_budgets(bytes(self.budget)))
        except BudgetError as error:
            raise ClientException(f"The budget cannot be used: {error}.") from None

    def most(self) -> int | None:
        """How many bytes the page may weigh in all.

        Raises:
            ClientException: it is no size.
        """
        if not isinstance(self.max_weight, str):
            return self.max_weight
        most: int = _read("max_weight", _size, self.max_weight)
        return most


@dataclass(frozen=True, slots=True)
class WatchForm:
    """The form that people fill in, with what they have written and what is wrong with it.

    Attributes:
        fields: what is in each field, by its name.
        mistakes: what is wrong, by the name of the field: a sentence that says what to write.
        refusal: why nothing is watched although nothing is wrong with the fields.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    mistakes: Mapping[str, str] = field(default_factory=dict)
    refusal: str | None = None

    @property
    def failed(self) -> bool:
        """Whether it was sent and did not lead to a watch."""
        return bool(self.mistakes or self.refusal)

    @property
    def first_mistake(self) -> str | None:
        """The field to look at first, in the order in which people see them."""
        return next((name for name in _CHECKS if name in self.mistakes), None)


async def read_watch(request: Request[Any, Any, Any]) -> WatchRequest | dict[str, str]:
    """Read the body: what is wanted, or the fields of a form for `of_form`.

    Raises:
        ClientException: saying what is missing or malformed; 413 for a body that is too large.
        HTTPException: 415 for a body of another type.
    """
    kind = content_type(request)
    if kind == JSON:
        return decode_body(await request.body(), WatchRequest)
    return await read_fields(request, kind)


def of_form(fields: Mapping[str, str]) -> WatchRequest:
    """What a form asks for. It has the same fields as JSON, the jump in two parts, and ``cron``.

    Raises:
        ClientException: saying what is missing or malformed.
    """
    given = _given(fields)
    if "url" not in given:
        raise ClientException("The form has no field url.")
    jump: Jump | None = Jump()
    percent, size = given.get("jump_percent"), given.get("jump_bytes")
    if "off" in (percent, size):
        jump = None
    elif percent or size:
        jump = Jump(
            percent=_read("jump_percent", _percent, percent) if percent else Jump().percent,
            bytes=_read("jump_bytes", _size, size) if size else Jump().bytes,
        )
    return WatchRequest(
        url=given["url"],
        every=given.get("cron") or given.get("every") or "day",
        max_weight=given.get("max_weight"),
        budget=msgspec.Raw(given.get("budget", "null").encode()),
        jump=jump,
        webhook=given.get("webhook"),
        webhook_headers=_read("webhook_header", _header, given.get("webhook_header", "")),
    )


def mistakes_in(fields: Mapping[str, str]) -> dict[str, str]:
    """All that is wrong with a form, by field, so that nobody has to send it once for each."""
    given = _given(fields)
    found = {} if "url" in given else {"url": "Write the address of a page here."}
    for name, check in _CHECKS.items():
        try:
            if name in given:
                check(given[name])
        except ValueError as error:
            found[name] = f"{str(error).rstrip('.')}."
    return found


def _given(fields: Mapping[str, str]) -> dict[str, str]:
    # An empty field is one that was not filled in. Others, such as a button's, are no mistake.
    return {name: value.strip() for name, value in fields.items() if value.strip()}


def _header(text: str) -> dict[str, str]:
    """The headers of some lines, each ``Name: value``."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if line.strip() and not colon:
            raise ValueError("that is no header: write Name: value")
        if colon:
            found[name.strip()] = value.strip()
    parse_webhook_headers(found)
    return found


def _size(text: str) -> int:
    size = parse_size(text)
    if size > MOST:
        raise ValueError(f"{size} bytes are more than any page weighs")
    return size


def _percent(text: str) -> float:
    try:
        number: float = msgspec.convert(text, Percent, strict=False)
    except msgspec.ValidationError:
        raise ValueError(f"{text[:40]!r} is not a percentage: write a number such as 20") from None
    return number


def _unless_off(check: Callable[[str], object]) -> Callable[[str], object]:
    return lambda text: None if text == "off" else check(text)


_CHECKS: Mapping[str, Callable[[str], object]] = {
    "url": parse_url,
    "every": parse_schedule,
    "cron": parse_schedule,
    "max_weight": _size,
    "jump_percent": _unless_off(_percent),
    "jump_bytes": _unless_off(_size),
    "webhook": parse_webhook,
    "webhook_header": _header,
}
"""What finds mistakes in the fields of a form, in their order; each raises a ValueError."""


def _read(name: str, read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise ClientException(f"{name}: {error}.") from None
