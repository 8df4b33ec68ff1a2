"""Short helpers for the routes' entries in the OpenAPI document."""

from __future__ import annotations

import re

from litestar.datastructures import ResponseHeader
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter

from libra.web.http.problems import PROBLEM_JSON, Problem

PROBLEMS = {
    400: "The request is invalid",
    401: "The token is missing or unknown",
    403: "A page of another site sent this, or the token may not do it",
    404: "No such page or watch",
    409: "The limit of watches is reached",
    410: "The result was deleted and stays deleted",
    413: "The body is too large",
    415: "The media type of the body is not supported",
    421: "The service does not answer to that host name",
    422: "The Idempotency-Key was used before with another body",
    429: "The client sent too many requests; Retry-After says when to try again",
    503: "Temporarily unavailable; Retry-After says when to try again",
}
"""The meaning of each status of a problem, on any route."""


def cursor(*, ranked: bool = False) -> QueryParameter:
    """The parameter ``after`` of a list. A text that is not a cursor of Libra is refused.

    Args:
        ranked: whether the list has other orders than that of the ids, too.
    """
    pattern = _ID.replace("^", "^([0-9][.])?") if ranked else _ID
    return QueryParameter(description="`next` of the previous page of the list", pattern=pattern)


_ID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


def is_cursor(text: str) -> bool:
    """Whether a text can be the cursor of a list of pages."""
    return re.fullmatch(_ID, text) is not None


def answer(body: type, description: str, media_type: str = "application/json") -> ResponseSpec:
    """An answer with a body of this type."""
    return ResponseSpec(
        body, description=description, media_type=media_type, generate_examples=False
    )


def empty(description: str) -> ResponseSpec:
    """An answer without a body."""
    return ResponseSpec(None, description=description)


def header(name: str, description: str) -> ResponseHeader:
    """A header that the handler sets itself."""
    return ResponseHeader(name=name, description=description, documentation_only=True)


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """The problems that a route may answer with."""
    return {status: answer(Problem, PROBLEMS[status], PROBLEM_JSON) for status in statuses}
