"""Submitting pages over HTTP: one, or many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from functools import partial
from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

from libra.app import (
    CannotRender,
    Full,
    IdempotencyKey,
    InvalidOptions,
    InvalidURL,
    Libra,
)
from libra.report import Report
from libra.web.access.guard import Guard
from libra.web.access.rights import Caller, Right
from libra.web.access.viewer import visitor_of
from libra.web.http.compression import page as html_page
from libra.web.http.idempotency import IdempotencyKeys, require_key
from libra.web.http.negotiation import wants_html
from libra.web.http.openapi_parts import answer, empty, header, problems
from libra.web.http.problems import Problem, RequestRefused, below, problem_of
from libra.web.requests.page_request import (
    BULK_BODY,
    JSON,
    MOST,
    Submission,
    Wanted,
    content_type,
    read_bulk,
    read_fields,
    read_submission,
)
from libra.web.requests.weigh_form import WeighForm
from libra.web.site.renderer import Renderer
from libra.weighing.options import Options

AnyRequest = Request[Any, Any, Any]

SLICE = 50
"""Pages of a bulk submission that are started together: other requests wait for that long."""


class BulkItem(msgspec.Struct, frozen=True):
    """The outcome of one URL: a page, or a problem."""

    url: str
    id: str | None = None
    problem: Problem | None = None


class BulkResult(msgspec.Struct, frozen=True):
    """The outcome of each URL, in the order in which they were sent."""

    accepted: int
    refused: int
    pages: tuple[BulkItem, ...]


def submit_routes(
    libra: Libra, html: Renderer, guard: Guard, keys: IdempotencyKeys
) -> list[HTTPRouteHandler]:
    """The handlers of `POST /pages` and `POST /pages/bulk`."""
    service = _Submissions(libra, guard, keys, html.base)

    @post(
        "/pages",
        status_code=202,
        operation_id="submitPage",
        summary="Weigh a page",
        description="Send JSON, or a form with a field `url`. A browser that sends a form gets a 303. "
        "With an `Idempotency-Key` you can safely send the request again: for 24 hours the same "
        "key and body lead to the same page.",
        response_headers=[header("Location", "The address of the page")],
        responses={
            202: answer(Report, "Accepted; the report as it is now"),
            303: empty("For a form in a browser: to the page"),
            **problems(400, 401, 403, 404, 413, 415, 422, 429, 503),
        },
        tags=["Pages"],
    )
    async def submit(request: AnyRequest) -> Response[bytes]:
        kind = content_type(request)
        from_browser = kind != JSON and wants_html(request.headers.get("accept"))
        asked = WeighForm(await read_fields(request, kind) if from_browser else {})
        if asked.many:
            return await _submit_form(request, asked)
        try:
            submission = await read_submission(request, kind, typed=from_browser)
            page_id, known = await service.submit(request, submission)
        except (InvalidURL, InvalidOptions, CannotRender) as error:
            if not from_browser:
                raise
            wrong = html.invalid(asked.refused(str(error)), visitor_of(request))
            return html_page(request, wrong, status=problem_of(error).status)
        location = f"/pages/{page_id}"
        if from_browser:
            return Response(b"", status_code=303, headers={"Location": location})
        version, body = await libra.report_bytes(page_id)
        headers = {"Location": location, "ETag": f'"{version}"'}
        if known:
            headers["Idempotent-Replayed"] = "true"
        return Response(body, status_code=202, media_type=JSON, headers=headers)

    @post(
        "/pages/bulk",
        status_code=202,
        operation_id="submitPages",
        summary="Weigh many pages",
        description="Send JSON, or a list of URLs, one per line. The response has a page id or a "
        "problem for each. An `Idempotency-Key` covers each URL at its place in the list.",
        responses={
            202: answer(BulkResult, "The result for each URL"),
            **problems(400, 401, 403, 413, 415, 429),
        },
        request_max_body_size=BULK_BODY,
        tags=["Pages"],
    )
    async def submit_many(request: AnyRequest) -> Response[bytes]:
        bulk = await read_bulk(request)
        # A mistake that concerns all of them is reported once and not a thousand times.
        require_key(_key(request))
        bulk.options(libra.options)
        _require_right(request, bulk)
        submissions = [
            Submission(url=url, method=bulk.method, viewport=bulk.viewport, headers=bulk.headers)
            for url in bulk.urls
        ]
        items = await service.submit_all(request, submissions)
        accepted = sum(item.problem is None for item in items)
        result = BulkResult(accepted, len(items) - accepted, tuple(items))
        waits = [item.problem.retry_after for item in items if item.problem is not None]
        headers = {"Retry-After": str(max(wait for wait in waits if wait))} if any(waits) else {}
        return Response(
            msgspec.json.encode(result), status_code=202, media_type=JSON, headers=headers
        )

    async def _submit_form(request: AnyRequest, asked: WeighForm) -> Response[bytes]:
        """Weigh the URLs in the field for many."""
        if len(asked.urls) > MOST:
            wrong = asked.refused(
                f"These are {len(asked.urls):,} URLs: send at most {MOST:,} at a time."
            )
            return html_page(request, html.invalid(wrong, visitor_of(request)), status=400)
        try:
            submissions = asked.submissions()
            # A mistake that concerns all of them is reported once, at its field.
            submissions[0].options(libra.options)
        except InvalidOptions as error:
            wrong = asked.refused(str(error))
            return html_page(request, html.invalid(wrong, visitor_of(request)), status=400)
        items = await service.submit_all(request, submissions)
        refused = [item for item in items if item.problem is not None]
        if not refused:
            return Response(b"", status_code=303, headers={"Location": "/"})
        wrong = asked.refused_in_part(
            len(items) - len(refused),
            [
                (item.url, item.problem.detail or item.problem.title)
                for item in refused
                if item.problem
            ],
        )
        return html_page(request, html.invalid(wrong, visitor_of(request)), status=400)

    return [submit, submit_many]


class _Submissions:
    """The steps of a submission: the client's rate, its key, and then Libra."""

    def __init__(self, libra: Libra, guard: Guard, keys: IdempotencyKeys, base: str) -> None:
        self._libra = libra
        self._guard = guard
        self._keys = keys
        self._base = base

    async def submit(
        self, request: AnyRequest, submission: Submission, number: int | None = None
    ) -> tuple[str, bool]:
        """Submit a page; returns its id, and whether the same key submitted it before."""
        client = _require_right(request, submission)
        key = _key(request)
        options = submission.options(self._libra.options)
        weigh = partial(self._weigh, client, submission.url, options)
        if key is None:
            return await weigh(None), False
        owner = client.key if number is None else f"{client.key} {number}"
        secret = bool(submission.headers)
        return await self._keys.once(owner, key, submission, weigh, secret=secret)

    async def submit_all(
        self, request: AnyRequest, submissions: Sequence[Submission]
    ) -> list[BulkItem]:
        """Submit many pages; returns the outcome of each, in their order."""
        items: list[BulkItem] = []
        for start in range(0, len(submissions), SLICE):
            work = [
                _item(submission.url, self.submit(request, submission, number), self._base)
                for number, submission in enumerate(submissions[start : start + SLICE], start)
            ]
            items += await asyncio.gather(*work)
        return items

    async def _weigh(
        self, client: Caller, url: str, options: Options | None, key: IdempotencyKey | None
    ) -> str:
        self._guard.submit(client)
        return await self._libra.weigh(url, options, key=key)


def _require_right(request: AnyRequest, wanted: Wanted) -> Caller:
    """The sender of a request, if it has the right to it.

    Strangers who may submit (``--public submit``) may not choose request headers: they could send
    requests in Libra's name that are not Libra's.

    Raises:
        RequestRefused: 403.
    """
    client: Caller = request.scope["state"]["client"]
    if wanted.headers and Right.CHANGE not in client.rights:
        raise RequestRefused(
            403, "not-allowed", "Only clients with the role full may choose request headers."
        )
    return client


def _key(request: AnyRequest) -> str | None:
    # Several fields count as one list (RFC 9110, section 5.3), and a list is not a key.
    sent = request.headers.getall("idempotency-key", [])
    return ", ".join(sent) if sent else None


async def _item(url: str, submitting: Awaitable[tuple[str, bool]], base: str) -> BulkItem:
    try:
        page_id, _ = await submitting
    except (InvalidURL, InvalidOptions, CannotRender, Full, RequestRefused) as error:
        return BulkItem(url, problem=below(problem_of(error), base))
    return BulkItem(url, page_id)
