"""Submitting pages over HTTP: one, or many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
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
from libra.web.access import Client
from libra.web.compression import page as html_page
from libra.web.guard import Guard
from libra.web.html import Renderer
from libra.web.idempotency import Keys, require_key
from libra.web.negotiation import wants_html
from libra.web.problems import Problem, Refused, problem_of
from libra.web.schema import answer, empty, header, problems
from libra.web.submission import (
    BULK_BODY,
    JSON,
    Submission,
    content_type,
    read_bulk,
    read_submission,
)
from libra.weighing.options import Options
from libra.weighing.report import Report

AnyRequest = Request[Any, Any, Any]

SLICE = 50
"""Pages of a bulk submission that are started together: what that takes, others wait for."""


class BulkItem(msgspec.Struct, frozen=True):
    """What became of one URL: a page, or a problem."""

    url: str
    id: str | None = None
    problem: Problem | None = None


class BulkResult(msgspec.Struct, frozen=True):
    """What became of each URL, in the order in which they were sent."""

    accepted: int
    refused: int
    pages: tuple[BulkItem, ...]


def submit_routes(libra: Libra, html: Renderer, guard: Guard, keys: Keys) -> list[HTTPRouteHandler]:
    """The handlers of `POST /pages` and `POST /pages/bulk`."""
    desk = _Desk(libra, guard, keys)

    @post(
        "/pages",
        status_code=202,
        operation_id="submitPage",
        summary="Weigh a page",
        description="JSON, or a form with a field `url`. A form in a browser is answered with 303. "
        "With an `Idempotency-Key` it can be sent again safely: the same key and body lead to the "
        "same page for 24 hours.",
        response_headers=[header("Location", "Where the page is")],
        responses={
            202: answer(Report, "Accepted; the report as it is now"),
            303: empty("For a form in a browser: to the page"),
            **problems(400, 401, 403, 404, 413, 415, 422, 429, 503),
        },
        tags=["Pages"],
    )
    async def submit(request: AnyRequest) -> Response[bytes]:
        kind = content_type(request)
        submission = await read_submission(request, kind)
        from_browser = kind != JSON and wants_html(request.headers.get("accept"))
        try:
            page_id, known = await desk.submit(request, submission)
        except InvalidURL as error:
            if not from_browser:
                raise
            return html_page(request, html.invalid(submission.url, str(error)), status=400)
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
        description="JSON, or a list of URLs, one on each line. Each is answered for by itself, with "
        "the page's id or a problem. An `Idempotency-Key` holds for each URL and its place.",
        responses={
            202: answer(BulkResult, "What became of each URL"),
            **problems(400, 401, 403, 413, 415, 429),
        },
        request_max_body_size=BULK_BODY,
        tags=["Pages"],
    )
    async def submit_many(request: AnyRequest) -> Response[bytes]:
        bulk = await read_bulk(request)
        # What is wrong with all of them is said once and not a thousand times.
        require_key(_key(request))
        bulk.options(libra.options)
        submissions = [
            Submission(url=url, method=bulk.method, viewport=bulk.viewport) for url in bulk.urls
        ]
        items: list[BulkItem] = []
        for start in range(0, len(submissions), SLICE):
            work = [
                _item(submission.url, desk.submit(request, submission, number))
                for number, submission in enumerate(submissions[start : start + SLICE], start)
            ]
            items += await asyncio.gather(*work)
        accepted = sum(item.problem is None for item in items)
        result = BulkResult(accepted, len(items) - accepted, tuple(items))
        waits = [item.problem.retry_after for item in items if item.problem is not None]
        headers = {"Retry-After": str(max(wait for wait in waits if wait))} if any(waits) else {}
        return Response(
            msgspec.json.encode(result), status_code=202, media_type=JSON, headers=headers
        )

    return [submit, submit_many]


class _Desk:
    """Where submissions go through: the client's rate, its key, and then Libra."""

    def __init__(self, libra: Libra, guard: Guard, keys: Keys) -> None:
        self._libra = libra
        self._guard = guard
        self._keys = keys

    async def submit(
        self, request: AnyRequest, submission: Submission, number: int | None = None
    ) -> tuple[str, bool]:
        """The id of the page, and whether it was submitted before by the same key."""
        client: Client = request.scope["state"]["client"]
        key = _key(request)
        options = submission.options(self._libra.options)
        weigh = partial(self._weigh, client, submission.url, options)
        if key is None:
            return await weigh(None), False
        owner = client.key if number is None else f"{client.key} {number}"
        return await self._keys.once(owner, key, submission, weigh)

    async def _weigh(
        self, client: Client, url: str, options: Options | None, key: IdempotencyKey | None
    ) -> str:
        self._guard.submit(client)
        return await self._libra.weigh(url, options, key=key)


def _key(request: AnyRequest) -> str | None:
    # Several fields are one that is a list (RFC 9110, section 5.3), and a list is no key.
    sent = request.headers.getall("idempotency-key", [])
    return ", ".join(sent) if sent else None


async def _item(url: str, submitting: Awaitable[tuple[str, bool]]) -> BulkItem:
    try:
        page_id, _ = await submitting
    except (InvalidURL, InvalidOptions, CannotRender, Full, Refused) as error:
        return BulkItem(url, problem=problem_of(error))
    return BulkItem(url, page_id)
