"""Reads requests to watch a URL, or to change how it is watched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request
from litestar.exceptions import ClientException
from msgspec import UNSET, UnsetType

from libra.app import Confirm, Jump, WatchChanges
from libra.budgets.lighthouse import Budget, BudgetError, parse_budgets
from libra.web.requests.page_request import JSON, content_type, decode_body, read_fields
from libra.weighing.method_choice import Choice
from libra.wording import parse_size

T = TypeVar("T")

MOST = 10**12
"""Bytes: more than any page weighs."""

_ABSENT = msgspec.Raw(b"")


class WatchPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The changes of a watch; fields that are left out stay as they are. See `libra.app.WatchChanges`.

    ``budget`` is a Lighthouse ``budget.json``. An example of ``confirm`` is ``2 of 3``, one of
    ``repeat`` is ``24h``.
    """

    url: str | UnsetType = UNSET
    every: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    note: str | UnsetType = UNSET
    paused: bool | UnsetType = UNSET
    max_weight: Annotated[int, msgspec.Meta(ge=0, le=MOST)] | str | UnsetType | None = UNSET
    budget: msgspec.Raw = _ABSENT
    jump: Jump | UnsetType | None = UNSET
    confirm: Confirm | str | UnsetType = UNSET
    repeat: float | str | UnsetType | None = UNSET
    recover: bool | UnsetType = UNSET
    method: Choice | UnsetType | None = UNSET
    viewport: str | UnsetType | None = UNSET
    headers: dict[str, str] | UnsetType | None = UNSET
    webhook: str | UnsetType | None = UNSET
    webhook_headers: dict[str, str] | UnsetType | None = UNSET
    destination: str | UnsetType | None = UNSET
    public: bool | UnsetType = UNSET
    keep: Annotated[float, msgspec.Meta(ge=0)] | str | UnsetType | None = UNSET

    def changes(self) -> WatchChanges:
        """Read the changes.

        Raises:
            ClientException: the budget contains something that the format does not have, or the
                greatest weight is not a size.
        """
        given = {
            name: value
            for name in self.__struct_fields__
            if name != "budget" and (value := getattr(self, name)) is not UNSET
        }
        if isinstance(self.max_weight, str):
            given["max_weight"] = read_field("max_weight", parse_weight, self.max_weight)
        budget = bytes(self.budget)
        if budget:
            given["budgets"] = () if budget == b"null" else _budgets(budget)
        return WatchChanges(**given)


class WatchRequest(WatchPatch, frozen=True, kw_only=True):
    """A URL to watch, how often, its limits, and the receivers of alerts.

    ``jump`` is null for no alerts of that kind. ``keep`` is how long all weigh-ins are kept:
    seconds, or a duration such as ``90d``.
    """

    url: str


async def read_watch(request: Request[Any, Any, Any]) -> WatchRequest | dict[str, str]:
    """Read the body: a request, or the fields of a form for `watch_form.of_form`.

    Raises:
        ClientException: saying what is missing or malformed; 413 for a body that is too large.
        HTTPException: 415 for a body of another type.
    """
    kind = content_type(request)
    if kind == JSON:
        return decode_body(await request.body(), WatchRequest)
    return await read_fields(request, kind)


async def read_patch(request: Request[Any, Any, Any]) -> WatchPatch:
    """Read the body of a change, which is JSON.

    Raises:
        ClientException: saying what is malformed; 413 for a body that is too large.
        HTTPException: 415 for a body of another type.
    """
    content_type(request, taken=(JSON,))
    return decode_body(await request.body(), WatchPatch)


def parse_weight(text: str) -> int:
    """Bytes that a page may weigh.

    Raises:
        ValueError: it is not a size, or greater than any page.
    """
    size = parse_size(text)
    if size > MOST:
        raise ValueError(f"{size} bytes is too much: the maximum is {MOST}")
    return size


def read_field(name: str, read: Callable[[str], T], text: str) -> T:
    """Read a field.

    Args:
        name: of the field.
        read: reads the text, with a ValueError for an invalid one.
        text: the content of the field.

    Raises:
        ClientException: naming the field.
    """
    try:
        return read(text)
    except ValueError as error:
        raise ClientException(f"{name}: {error}.") from None


def _budgets(text: bytes) -> tuple[Budget, ...]:
    try:
        return tuple(parse_budgets(text))
    except BudgetError as error:
        raise ClientException(f"The budget cannot be used: {error}.") from None
