"""Errors in a form for programs: problem details (RFC 9457)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar.exceptions import HTTPException, ValidationException

from libra.app import (
    CannotRender,
    EngineUnavailable,
    Full,
    InvalidSchedule,
    NotConverted,
    PageNotFound,
    PageUnknown,
    PageUnreadable,
    ResultDeleted,
    TooManyWatches,
    UnusableResult,
    WatchNotFound,
    WatchUnknown,
)
from libra.urls import InvalidURL
from libra.weighing.options import InvalidOptions

PROBLEM_JSON = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong (RFC 9457).

    ``type`` is ``about:blank`` where the status says everything; else it is an address on this server
    that explains the problem, and identifies it for programs. ``retry_after`` is in seconds and equals
    the header of that name. ``errors`` names each parameter that was refused.
    """

    title: str
    status: int
    type: str = "about:blank"
    detail: str | None = None
    retry_after: int | None = None
    errors: tuple[str, ...] = ()


TYPES = {
    "page-not-found": "No page has this id, neither in memory nor in the database.",
    "page-unknown": "The page is not in memory and the database is unreachable, so the page may exist.",
    "page-unreadable": "The row of the page in the database is damaged. The log says what is wrong.",
    "watch-not-found": "No watch has this id.",
    "watch-unknown": "Libra has not read the watches of the database yet, so the watch may exist.",
    "too-many-watches": "The limit of watches is reached. Delete a watch that you do not need.",
    "engine-unavailable": "The engine of the cluster does not respond. Try again after `Retry-After`.",
    "full": "Memory is full of pages that must stay. Try again after `Retry-After`.",
    "invalid-url": "Libra cannot weigh this URL. The detail says what is wrong and what to do.",
    "unusable-result": "Libra cannot keep the report that was sent. The detail says what is wrong.",
    "result-deleted": "Somebody deleted this result. It stays deleted; weigh the page again.",
    "cannot-render": "The method is `rendered` and this Libra has no browser. Use another method.",
    "token-needed": "Send a token as `Authorization: Bearer SECRET`, or log in at `/login`.",
    "not-allowed": "This token may not do this. Use one with the role `full`.",
    "too-many-requests": "The client sent too many requests. Try again after `Retry-After`.",
    "busy": "Too many clients wait for large reports or follow pages. The detail says which.",
    "not-converted": "Libra could not convert the report to this format. The detail says why.",
    "other-site": "A page of another site made a browser send this. Send it from Libra's own pages.",
    "wrong-host": "The service does not answer to this host name. Add it with `--allowed-host`.",
    "idempotency-key-reused": "The `Idempotency-Key` was used before with another body. Use a new key.",
}
"""Libra's own problems, each explained in `/docs`."""


class RequestRefused(Exception):
    """A request is refused; the code that finds out why raises it.

    Args:
        status: of HTTP.
        name: one of `TYPES`; None where the status says everything.
        detail: a sentence for people.
        retry_after: seconds until it is worth trying again.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        name: str | None,
        detail: str,
        *,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        phrase = HTTPStatus(status).phrase
        self.headers = dict(headers or {})
        self.problem = (
            Problem(phrase, status, detail=detail)
            if name is None
            else _own(name, status, phrase, detail, retry_after)
        )


def problem_of(error: Exception) -> Problem:  # noqa: C901, PLR0911, PLR0912 - a table
    """The problem for an exception; 500 for any unforeseen one."""
    match error:
        case RequestRefused(problem=problem):
            return problem
        case PageNotFound():
            detail = " ".join(filter(None, ("No page has this id.", error.lost)))
            return _own("page-not-found", 404, "No such page", detail)
        case PageUnknown():
            return _own(
                "page-unknown",
                503,
                "Can't tell right now",
                "The database is unreachable, so Libra can't tell whether this page exists. "
                "Try again in a moment.",
                error.retry_after,
            )
        case PageUnreadable():
            return _own(
                "page-unreadable",
                500,
                "This page is damaged",
                "The row of this page in the database cannot be read. The log says what is wrong.",
            )
        case WatchNotFound():
            detail = " ".join(filter(None, ("No watch has this id.", error.lost)))
            return _own("watch-not-found", 404, "No such watch", detail)
        case WatchUnknown():
            return _own("watch-unknown", 503, "Can't tell right now", str(error), error.retry_after)
        case TooManyWatches():
            return _own("too-many-watches", 409, "Too many watches", str(error))
        case Full():
            return _own("full", 503, "Full", str(error), error.retry_after)
        case EngineUnavailable():
            return _own(
                "engine-unavailable", 503, "Engine unavailable", str(error), error.retry_after
            )
        case NotConverted():
            detail = f"Libra could not convert the report to this format. {error}. Read it as JSON."
            return _own("not-converted", 503, "Not converted", detail, error.retry_after)
        case InvalidURL():
            return _own("invalid-url", 400, "Libra cannot weigh this URL", str(error))
        case UnusableResult():
            return _own("unusable-result", 400, "Libra cannot keep this result", str(error))
        case ResultDeleted():
            return _own("result-deleted", 410, "This result was deleted", str(error))
        case InvalidOptions() | InvalidSchedule():
            return _plain(400, str(error))
        case CannotRender():
            return _own("cannot-render", 400, "This Libra has no browser", str(error))
        case ValidationException():
            errors = _errors(error.extra)
            if not errors:  # a parameter is missing, and the detail names it
                return _plain(400, _detail(error))
            return _plain(400, "A parameter has an invalid value; `errors` names it.", errors)
        case HTTPException():
            return _plain(error.status_code, _detail(error))
    return _plain(500, "Libra failed on this request. Its log has the details.")


def below(problem: Problem, base: str) -> Problem:
    """A problem whose explanation is where Libra is: below a path of another site, or at its root."""
    if not problem.type.startswith("/"):
        return problem
    return msgspec.structs.replace(problem, type=base + problem.type)


def _own(
    name: str, status: int, title: str, detail: str, retry_after: float | None = None
) -> Problem:
    seconds = None if retry_after is None else max(1, math.ceil(retry_after))
    return Problem(title, status, f"/docs#{name}", detail, seconds)


def _plain(status: int, detail: str | None, errors: tuple[str, ...] = ()) -> Problem:
    return Problem(HTTPStatus(status).phrase, status, detail=detail, errors=errors)


def _detail(error: HTTPException) -> str | None:
    # Litestar falls back to the status phrase, which the title already contains.
    return None if error.detail == HTTPStatus(error.status_code).phrase else error.detail


def _errors(extra: Any) -> tuple[str, ...]:
    if not isinstance(extra, list):
        return ()
    return tuple(f"{item.get('key', '?')}: {item.get('message', '')}" for item in extra)
