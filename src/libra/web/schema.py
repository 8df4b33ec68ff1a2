"""Short names for what the routes say of themselves in the OpenAPI document."""

from __future__ import annotations

from litestar.datastructures import ResponseHeader
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter

from libra.web.problems import PROBLEM_JSON, Problem

PROBLEMS = {
    400: "The request cannot be meant",
    401: "There is no token, or one that is not known",
    403: "Sent by a page of another site, or with a token that does not suffice",
    404: "There is no such page, or watch",
    409: "There are as many watches as there may be",
    413: "The body is too large",
    415: "The body is of a type that is not taken",
    421: "The service does not go by that name",
    422: "The Idempotency-Key was sent before with another body",
    429: "The client has used up its rate; Retry-After says when there is more",
    503: "Not now; Retry-After says when",
}
"""What each status of a problem means, whatever the route."""


def cursor() -> QueryParameter:
    """The parameter ``after`` of a list. What is no cursor of ours is refused and not guessed at."""
    return QueryParameter(description="`next` of the page before", pattern=_ID)


_ID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


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
