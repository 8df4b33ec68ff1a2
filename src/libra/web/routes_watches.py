"""Watches over HTTP: make, list, read, run, delete."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from libra.app import Libra, Watch, WatchList, WatchNotFound
from libra.web.access import Client
from libra.web.guard import Guard
from libra.web.negotiation import etag_matches, wants_html
from libra.web.schema import answer, empty, header, problems
from libra.web.submission import FORM, JSON
from libra.web.watch_request import read_watch
from libra.weighing.report import Report

AnyRequest = Request[Any, Any, Any]

_FRESH = {"Cache-Control": "no-cache"}


def watch_routes(libra: Libra, guard: Guard) -> list[HTTPRouteHandler]:
    """The handlers of `/watches` and what is below it."""

    @post(
        "/watches",
        status_code=201,
        operation_id="makeWatch",
        summary="Watch a URL",
        description="JSON, or a form. The page is weighed at once and then whenever it is due. If a "
        "webhook is given, `secret` of the answer is what its alerts are signed with; it is told "
        "here and never again. A form in a browser is answered with 303 where there is no secret.",
        response_headers=[header("Location", "Where the watch is")],
        responses={
            201: answer(Watch, "Made; the page is being weighed"),
            303: empty("For a form in a browser: to the history of the URL"),
            **problems(400, 401, 403, 409, 413, 415, 429, 503),
        },
        tags=["Watches"],
    )
    async def make(request: AnyRequest) -> Response[bytes]:
        wanted, form = await read_watch(request)
        budgets, most = wanted.budgets(), wanted.most()
        guard.submit(_client(request))
        watch = await libra.watch(
            wanted.url,
            every=wanted.every,
            budgets=budgets,
            max_weight=most,
            jump=wanted.jump,
            webhook=wanted.webhook,
        )
        if form and watch.secret is None and wants_html(request.headers.get("accept")):
            return _see_other(_history_of(watch))
        headers = {"Location": f"/watches/{watch.id}", "Cache-Control": "no-store"}
        return _json(watch, status=201, headers=headers)

    @get(
        "/watches",
        operation_id="listWatches",
        summary="List watches",
        description="Newest first. `partial` is true while those of the database could not be read "
        "since the start.",
        responses={200: answer(WatchList, "A page of the list"), **problems(400, 401, 403)},
        tags=["Watches"],
    )
    async def every(
        url: Annotated[
            str | None, QueryParameter(description="Only watches of this URL", max_length=4096)
        ] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=1000, description="How many at most")] = 100,
        after: Annotated[
            str | None, QueryParameter(description="`next` of the page before", max_length=64)
        ] = None,
    ) -> Response[bytes]:
        return _json(libra.watches(limit=limit, after=after, url=url), headers=_FRESH)

    @get(
        "/watches/{watch_id:str}",
        operation_id="readWatch",
        summary="Read a watch",
        description="The entity tag is the version. While the watches of the database could not be "
        "read since the start, one that is not in memory is 503 with Retry-After and never 404.",
        response_headers=[header("ETag", "The version, quoted")],
        responses={
            200: answer(Watch, "The watch as it is now"),
            304: empty("The copy that the client has is current"),
            **problems(401, 403, 404, 503),
        },
        tags=["Watches"],
    )
    async def read(request: AnyRequest, watch_id: FromPath[str]) -> Response[bytes]:
        watch = libra.watch_of(watch_id)
        headers = {**_FRESH, "ETag": f'"{watch.version}-{watch.backup}"'}
        if etag_matches(request.headers.get("if-none-match"), headers["ETag"]):
            return Response(b"", status_code=304, headers=headers)
        return _json(watch, headers=headers)

    @post(
        "/watches/{watch_id:str}/run",
        status_code=202,
        operation_id="runWatch",
        summary="Weigh the page of a watch now",
        description="Whenever it is due, which does not change. If the page is being weighed already, "
        "that is the one. A quarantined watch gets another chance, and 503 says to ask again.",
        response_headers=[header("Location", "Where the page is")],
        responses={
            202: answer(Report, "Accepted; the report as it is now"),
            303: empty("For a form in a browser: to the page"),
            **problems(401, 403, 404, 429, 503),
        },
        tags=["Watches"],
    )
    async def run(request: AnyRequest, watch_id: FromPath[str]) -> Response[bytes]:
        libra.watch_of(watch_id)
        guard.submit(_client(request))
        page_id = await libra.watch_now(watch_id)
        location = f"/pages/{page_id}"
        if _is_form(request) and wants_html(request.headers.get("accept")):
            return _see_other(location)
        version, body = await libra.report_bytes(page_id)
        headers = {"Location": location, "ETag": f'"{version}"'}
        return Response(body, status_code=202, media_type=JSON, headers=headers)

    @delete(
        "/watches/{watch_id:str}",
        operation_id="deleteWatch",
        summary="Watch a URL no longer",
        description="What was weighed for the watch stays.",
        responses={204: empty("Gone"), **problems(401, 403, 404, 503)},
        tags=["Watches"],
    )
    async def forget(watch_id: FromPath[str]) -> None:
        await libra.unwatch(watch_id)

    @post("/watches/{watch_id:str}/delete", include_in_schema=False)
    async def forget_by_form(watch_id: FromPath[str]) -> Response[bytes]:
        location = "/"
        with suppress(WatchNotFound):  # somebody else was faster, and it is gone as was asked for
            location = _history_of(libra.watch_of(watch_id))
            await libra.unwatch(watch_id)
        return _see_other(location)

    return [make, every, read, run, forget, forget_by_form]


def _client(request: AnyRequest) -> Client:
    client: Client = request.scope["state"]["client"]
    return client


def _is_form(request: AnyRequest) -> bool:
    return request.headers.get("content-type", "").startswith(FORM)


def _history_of(watch: Watch) -> str:
    return f"/history?url={quote(watch.url, safe='')}"


def _see_other(location: str) -> Response[bytes]:
    return Response(b"", status_code=303, headers={"Location": location})


def _json(value: object, *, status: int = 200, headers: dict[str, str]) -> Response[bytes]:
    body = msgspec.json.encode(value)
    return Response(body, status_code=status, media_type=JSON, headers=headers)
