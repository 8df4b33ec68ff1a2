"""The answers of the routes for watches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response

from libra.app import CannotRender, Full, InvalidOptions, InvalidURL, TooManyWatches, Watch
from libra.web.access.rights import Caller
from libra.web.access.viewer import visitor_of
from libra.web.http.compression import page as html_page
from libra.web.http.problems import RequestRefused, problem_of
from libra.web.requests.page_request import JSON
from libra.web.requests.watch_form import WatchForm
from libra.web.site.renderer import Renderer

AnyRequest = Request[Any, Any, Any]

FORM_AGAIN = (TooManyWatches, Full, RequestRefused, CannotRender, InvalidOptions, InvalidURL)
"""Errors that are shown beside the form, with the user's input."""


def form_again(
    html: Renderer, request: AnyRequest, form: WatchForm, error: Exception
) -> Response[bytes]:
    """The form with the reason why it failed; it keeps the user's input."""
    problem = problem_of(error)
    form = replace(form, refusal=problem.detail)
    wait = {"Retry-After": str(problem.retry_after)} if problem.retry_after else {}
    body = html.not_watched(form, visitor=visitor_of(request))
    return html_page(request, body, status=problem.status, headers=wait)


def client_of(request: AnyRequest) -> Caller:
    """The client of a request."""
    client: Caller = request.scope["state"]["client"]
    return client


def history_of(watch: Watch) -> str:
    """The address of the weigh-ins of a watched URL."""
    return f"/history?url={quote(watch.url, safe='')}"


def see_other(location: str) -> Response[bytes]:
    """The answer to a form: a redirect to the page to show next."""
    return Response(b"", status_code=303, headers={"Location": location})


def json_answer(value: object, *, status: int = 200, headers: dict[str, str]) -> Response[bytes]:
    """A value as JSON."""
    body = msgspec.json.encode(value)
    return Response(body, status_code=status, media_type=JSON, headers=headers)
