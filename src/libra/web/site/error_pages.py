"""The answer to a request that ended in an exception: problem details, or a page for people."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from libra.app import (
    EngineUnavailable,
    Full,
    NotConverted,
    PageUnknown,
    PageUnreadable,
    WatchUnknown,
)
from libra.web.http.negotiation import wants_html
from libra.web.http.problems import PROBLEM_JSON, Problem, RequestRefused, below, problem_of
from libra.web.site.renderer import Renderer

logger = logging.getLogger(__name__)

_EXPECTED = (
    PageUnknown,
    PageUnreadable,
    WatchUnknown,
    Full,
    EngineUnavailable,
    NotConverted,
    RequestRefused,
)


def response_to(
    error: Exception, request: Request[Any, Any, Any], html: Renderer
) -> Response[bytes]:
    """The answer to a request that ended in an exception."""
    if isinstance(error, HTTPException) and request.scope.get("state", {}).get("gone"):
        # Reading the body of a client that left half-way raises an error that looks like a server fault.
        error = HTTPException(status_code=400, detail="The client closed the connection.")
    problem = problem_of(error)
    if problem.status >= 500 and not isinstance(error, _EXPECTED):
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    headers = dict(getattr(error, "headers", None) or {})
    body, media_type, more = rendered(problem, request.headers.get("accept"), html)
    return Response(body, status_code=problem.status, media_type=media_type, headers=headers | more)


def rendered(
    problem: Problem, accept: str | None, html: Renderer
) -> tuple[bytes, str, dict[str, str]]:
    """The body of a problem, its type and its headers, in the format that the client prefers."""
    headers = {"Vary": "Accept"}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    if wants_html(accept):
        page = html.problem(problem.status, problem.title, problem.detail, problem.errors)
        return page, "text/html", headers
    return msgspec.json.encode(below(problem, html.base)), PROBLEM_JSON, headers
