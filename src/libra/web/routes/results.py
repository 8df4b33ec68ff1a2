"""Results of CI over HTTP: stored under a project, compared with a branch, checked against a budget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from libra.app import Libra
from libra.budgets.lighthouse import Check, check, growth_of
from libra.formats.comparison import why_growth_is_unproven
from libra.report import Build, Report, encode
from libra.web.access.guard import Guard
from libra.web.access.rights import Caller
from libra.web.http.openapi_parts import answer, header, problems
from libra.web.http.problems import RequestRefused
from libra.web.requests.page_request import JSON, content_type, decode_body
from libra.web.requests.project_budgets import ProjectBudgets

AnyRequest = Request[Any, Any, Any]

RESULT_BODY = 4_000_000
"""Bytes of a request: a report of some ten thousand assets."""

BRANCH = r"^[^\s:]{1,250}$"
"""The form of a branch name; no git branch contains a colon."""

INLINE = 250_000
"""Largest request that is decoded on the event loop, in bytes."""


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The result that a CI job sends.

    Attributes:
        branch: the branch that was built.
        commit: the commit that was built.
        path: path and query of the page; results are compared by it.
        report: of a weighed page, as `libra weigh --format json` writes it.
        base: the branch whose newest result it is compared with.
    """

    branch: str
    commit: str
    path: str
    report: Report
    base: Annotated[str, msgspec.Meta(pattern=BRANCH)] | None = None


class KeptResult(msgspec.Struct, frozen=True):
    """What the server did with a result.

    Attributes:
        id: of its page here.
        known: whether the result had been sent before.
        baseline: the newest report of its page on the base, if there is one.
        baseline_known: whether all results were searched. While the database is away, there may be a
            baseline, or a newer one.
        checks: of the project's budget on the server.
        unjudged: why the growth that the budget limits could not be judged; null if it was.
    """

    id: str
    known: bool
    baseline: Report | None
    baseline_known: bool
    checks: tuple[Check, ...]
    unjudged: str | None = None


def result_routes(
    libra: Libra, guard: Guard, budgets: Callable[[], ProjectBudgets]
) -> list[HTTPRouteHandler]:
    """The handler of `POST /projects/{project}/results`."""

    @post(
        "/projects/{project:str}/results",
        status_code=200,
        operation_id="keepResult",
        summary="Send a CI result",
        description="Send the report of a page that a CI job has weighed, as JSON. Libra keeps it as a "
        "page with `build` in its report. It compares the page with the newest result of the same "
        "project and path on the branch `base`; the hosts may differ. The same result sent again is "
        "the same page, and a deleted result stays deleted. A token with the role `push` may do only "
        "this, for its project.",
        response_headers=[header("Location", "The address of the page")],
        responses={
            200: answer(KeptResult, "Kept, compared and judged"),
            **problems(400, 401, 403, 404, 410, 413, 415, 429, 503),
        },
        request_max_body_size=RESULT_BODY,
        tags=["Results of CI"],
    )
    async def keep(request: AnyRequest, project: FromPath[str]) -> Response[bytes]:
        client: Caller = request.scope["state"]["client"]
        if not client.may_push(project):
            raise RequestRefused(
                403,
                "not-allowed",
                f"The token {client.token} is only for the project {client.project}.",
            )
        content_type(request, taken=(JSON,))
        body = await request.body()
        if len(body) > INLINE:
            sent = await asyncio.to_thread(decode_body, body, Result)
        else:
            sent = decode_body(body, Result)
        guard.submit(client)
        build = Build(project, sent.branch, sent.commit, sent.path)
        page_id, is_new = await libra.keep_result(sent.report, build)
        baseline, known = (None, True)
        if sent.base is not None:
            baseline, known = await libra.baseline(page_id, sent.base)
        kept = budgets().of(project)
        checks, unjudged = check(sent.report, kept), None
        grown = growth_of(baseline, sent.report, kept) if baseline is not None else []
        if baseline is not None and grown:
            unjudged = why_growth_is_unproven(baseline, sent.report, grown)
        if unjudged is None:
            checks += grown
        return Response(
            _encoded(KeptResult(page_id, not is_new, baseline, known, tuple(checks), unjudged)),
            media_type=JSON,
            headers={"Location": f"/pages/{page_id}"},
        )

    return [keep]


def _encoded(result: KeptResult) -> bytes:
    # Encoded like all other reports; the report may be large.
    if result.baseline is None:
        return msgspec.json.encode(result)
    fields = msgspec.structs.asdict(result)
    return msgspec.json.encode(fields | {"baseline": msgspec.Raw(encode(result.baseline))})
