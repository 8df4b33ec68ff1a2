"""Errors as people and programs can use them: problem details (RFC 9457), or a page."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from libra.app import (
    CannotRender,
    Full,
    InvalidSchedule,
    NotConverted,
    PageNotFound,
    PageUnknown,
    TooManyWatches,
    WatchNotFound,
    WatchUnknown,
)
from libra.web.html import Renderer
from libra.web.negotiation import wants_html
from libra.weighing.options import InvalidOptions
from libra.weighing.urls import InvalidURL

PROBLEM_JSON = "application/problem+json"

logger = logging.getLogger(__name__)


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong (RFC 9457).

    ``type`` is ``about:blank`` where the status says it all, else an address on this server that
    explains it; programs tell problems apart by it. ``retry_after`` is in seconds and equals the
    header of that name. ``errors`` names each parameter that was refused.
    """

    title: str
    status: int
    type: str = "about:blank"
    detail: str | None = None
    retry_after: int | None = None
    errors: tuple[str, ...] = ()


TYPES = {
    "page-not-found": "There is no such page, neither in memory nor in the database.",
    "page-unknown": "The page is not in memory and the database cannot be asked: it may exist.",
    "watch-not-found": "There is no such watch.",
    "watch-unknown": "The watches of the database are still to be read: it may exist.",
    "too-many-watches": "There are as many watches as there may be: delete one that nobody needs.",
    "full": "As many pages as fit are in memory and none may leave yet.",
    "invalid-url": "The URL cannot be weighed; the detail says what is wrong and what to do.",
    "cannot-render": "The method is `rendered`, and this Libra has no browser.",
    "token-needed": "Send a token as `Authorization: Bearer SECRET`, or log in at `/login`.",
    "not-allowed": "The token that was sent is known and may not do this.",
    "too-many-requests": "The client has used up its rate; `Retry-After` says when there is more.",
    "busy": "Too many wait for what is made of large reports, or follow pages: see the detail.",
    "not-converted": "What made the report into this format took too much, or died: see the detail.",
    "other-site": "A browser sent this on behalf of a page of another site.",
    "wrong-host": "The service does not go by the name that it was asked by; see `--allowed-host`.",
    "idempotency-key-reused": "The `Idempotency-Key` was sent before with another body.",
}
"""The problems that are Libra's own, each explained in `/docs`."""


class Refused(Exception):
    """A request that is not answered, and why; raised by whoever finds out.

    Args:
        status: of HTTP.
        name: one of `TYPES`; None where the status says it all.
        detail: a sentence for people.
        retry_after: seconds after which it is worth while to try again.
        headers: further ones of the answer.
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


def problem_of(error: Exception) -> Problem:  # noqa: C901, PLR0911 - a table
    """The problem that an exception stands for; 500 for whatever nobody foresaw."""
    match error:
        case Refused(problem=problem):
            return problem
        case PageNotFound():
            detail = " ".join(filter(None, ("There is no page of this id.", error.lost)))
            return _own("page-not-found", 404, "No such page", detail)
        case PageUnknown():
            return _own(
                "page-unknown",
                503,
                "Cannot tell now",
                "The page is not in memory and the database cannot be asked now. It may exist.",
                error.retry_after,
            )
        case WatchNotFound():
            detail = " ".join(filter(None, ("There is no watch of this id.", error.lost)))
            return _own("watch-not-found", 404, "No such watch", detail)
        case WatchUnknown():
            return _own("watch-unknown", 503, "Cannot tell now", str(error), error.retry_after)
        case TooManyWatches():
            return _own("too-many-watches", 409, "Too many watches", str(error))
        case Full():
            return _own("full", 503, "Full", str(error), error.retry_after)
        case NotConverted():
            detail = f"The report could not be made into this format. {error}. Read it as JSON."
            return _own("not-converted", 503, "Not converted", detail, error.retry_after)
        case InvalidURL():
            return _own("invalid-url", 400, "Not a URL that can be weighed", str(error))
        case InvalidOptions() | InvalidSchedule():
            return _plain(400, str(error))
        case CannotRender():
            return _own("cannot-render", 400, "Pages cannot be rendered here", str(error))
        case ValidationException():
            return _plain(400, "A parameter has a value that is not taken.", _errors(error.extra))
        case HTTPException():
            return _plain(error.status_code, _detail(error))
    return _plain(500, "Something went wrong here. It has been logged.")


def response_to(
    error: Exception, request: Request[Any, Any, Any], html: Renderer
) -> Response[bytes]:
    """The answer to a request that ended in an exception."""
    if isinstance(error, HTTPException) and request.scope.get("state", {}).get("gone"):
        # Whoever reads the body of a client that has left it half sent takes that for our fault.
        error = HTTPException(status_code=400, detail="The client went away.")
    problem = problem_of(error)
    if problem.status >= 500 and not isinstance(
        error, (PageUnknown, WatchUnknown, Full, NotConverted, Refused)
    ):
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    headers = dict(getattr(error, "headers", None) or {})
    body, media_type, more = rendered(problem, request.headers.get("accept"), html)
    return Response(body, status_code=problem.status, media_type=media_type, headers=headers | more)


def rendered(
    problem: Problem, accept: str | None, html: Renderer
) -> tuple[bytes, str, dict[str, str]]:
    """The body of a problem, its type and the headers that go with it, as the client likes it."""
    headers = {"Vary": "Accept"}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    if wants_html(accept):
        page = html.problem(problem.status, problem.title, problem.detail)
        return page, "text/html", headers
    return msgspec.json.encode(problem), PROBLEM_JSON, headers


def _own(
    name: str, status: int, title: str, detail: str, retry_after: float | None = None
) -> Problem:
    seconds = None if retry_after is None else max(1, math.ceil(retry_after))
    return Problem(title, status, f"/docs#{name}", detail, seconds)


def _plain(status: int, detail: str | None, errors: tuple[str, ...] = ()) -> Problem:
    return Problem(HTTPStatus(status).phrase, status, detail=detail, errors=errors)


def _detail(error: HTTPException) -> str | None:
    # Litestar falls back to the status phrase, which the title says already.
    return None if error.detail == HTTPStatus(error.status_code).phrase else error.detail


def _errors(extra: Any) -> tuple[str, ...]:
    if not isinstance(extra, list):
        return ()
    return tuple(f"{item.get('key', '?')}: {item.get('message', '')}" for item in extra)
