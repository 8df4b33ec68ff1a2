"""What is sent to watch a URL: JSON, or a form."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request
from litestar.exceptions import ClientException

from libra.app import Jump
from libra.formats.budget import Budget, BudgetError, parse_budgets
from libra.settings import parse_size
from libra.web.submission import JSON, content_type, decode_body, read_fields

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
        return _size("max_weight", self.max_weight)


async def read_watch(request: Request[Any, Any, Any]) -> tuple[WatchRequest, bool]:
    """Read the body, and whether it was a form.

    Raises:
        ClientException: saying what is missing or malformed; 413 for a body that is too large.
        HTTPException: 415 for a body of another type.
    """
    kind = content_type(request)
    if kind == JSON:
        return decode_body(await request.body(), WatchRequest), False
    return _of_form(await read_fields(request, kind)), True


def _of_form(fields: dict[str, str]) -> WatchRequest:
    """A form has the same fields, some in parts: ``cron``, ``jump_percent`` and ``jump_bytes``."""
    # An empty field is one that was not filled in. Others, such as a button's, are no mistake.
    given = {name: value.strip() for name, value in fields.items() if value.strip()}
    if "url" not in given:
        raise ClientException("The form has no field url.")
    jump: Jump | None = Jump()
    percent, size = given.get("jump_percent"), given.get("jump_bytes")
    if "off" in (percent, size):
        jump = None
    elif percent or size:
        jump = Jump(
            percent=_number("jump_percent", percent) if percent else Jump().percent,
            bytes=_size("jump_bytes", size) if size else Jump().bytes,
        )
    return WatchRequest(
        url=given["url"],
        every=given.get("cron") or given.get("every") or "day",
        max_weight=given.get("max_weight"),
        budget=msgspec.Raw(given.get("budget", "null").encode()),
        jump=jump,
        webhook=given.get("webhook"),
    )


def _size(name: str, text: str) -> int:
    try:
        size = parse_size(text)
    except ValueError as error:
        raise ClientException(f"{name}: {error}.") from None
    if size > MOST:
        raise ClientException(f"{name} is {size}: that is more than any page weighs.")
    return size


def _number(name: str, text: str) -> float:
    try:
        number: float = msgspec.convert(text, Percent, strict=False)
    except msgspec.ValidationError as error:
        raise ClientException(f"{name}: {error}.") from None
    return number
