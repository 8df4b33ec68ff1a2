"""Watches over HTTP: make, list, read, run, delete."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from libra.app import Full, Libra, TooManyWatches, Watch, WatchList, WatchNotFound
from libra.web.access import Client
from libra.web.compression import page as html_page
from libra.web.guard import Guard
from libra.web.html import Renderer
from libra.web.negotiation import etag_matches, wants_html
from libra.web.problems import Refused, problem_of
from libra.web.schema import answer, cursor, empty, header, problems
from libra.web.submission import JSON, form_field
from libra.web.visitor import visitor_of
from libra.web.watch_request import WatchForm, WatchRequest, mistakes_in, of_form, read_watch
from libra.web.watching import WatchPage, watch_view, watch_views
from libra.weighing.report import Report

AnyRequest = Request[Any, Any, Any]

_FRESH = {"Cache-Control": "no-cache", "Vary": "Accept"}


def watch_routes(libra: Libra, html: Renderer, guard: Guard) -> list[HTTPRouteHandler]:
    """The handlers of `/watches` and what is below it."""
    desk = _Desk(libra, html, guard)

    @post(
        "/watches",
        status_code=201,
        operation_id="makeWatch",
        summary="Watch a URL",
        description="JSON, or a form. The page is weighed at once and then whenever it is due. If a "
        "webhook is given, `secret` of the answer is what its alerts are signed with; it is told "
        "here and never again. A form in a browser is answered with a page: that of the watch and its "
        "secret, by 303 the history of the URL where there is none, or the form and what is wrong.",
        response_headers=[header("Location", "Where the watch is")],
        responses={
            201: answer(Watch, "Made; the page is being weighed"),
            303: empty("For a form in a browser: to the history of the URL"),
            **problems(400, 401, 403, 409, 413, 415, 429, 503),
        },
        tags=["Watches"],
    )
    async def make(request: AnyRequest) -> Response[bytes]:
        return await desk.make(request, await read_watch(request))

    @get(
        "/watches",
        operation_id="listWatches",
        summary="List watches",
        description="Newest first. `partial` is true while those of the database could not be read "
        "since the start. HTML for a browser, else JSON.",
        responses={200: answer(WatchList, "A page of the list"), **problems(400, 401, 403)},
        tags=["Watches"],
    )
    async def every(
        request: AnyRequest,
        url: Annotated[
            str | None, QueryParameter(description="Only watches of this URL", max_length=4096)
        ] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=1000, description="How many at most")] = 100,
        after: Annotated[str | None, cursor()] = None,
    ) -> Response[bytes]:
        changes = libra.changes  # before the list is read, so that no change is missed
        watches = libra.watches(limit=limit, after=after, url=url)
        if not wants_html(request.headers.get("accept")):
            return _json(watches, headers=_FRESH)
        views = watch_views(watches.watches)
        page = WatchPage(views, url or "", after or "", watches.next, watches.partial)
        body = html.watches(page, changes=changes, visitor=visitor_of(request))
        return html_page(request, body)

    @get(
        "/watches/{watch_id:str}",
        operation_id="readWatch",
        summary="Read a watch",
        description="HTML for a browser, else JSON, whose entity tag is the version. While the watches "
        "of the database could not be read since the start, one that is not in memory is 503 with "
        "Retry-After and never 404.",
        response_headers=[header("ETag", "The version, quoted")],
        responses={
            200: answer(Watch, "The watch as it is now"),
            304: empty("The copy that the client has is current"),
            **problems(401, 403, 404, 503),
        },
        tags=["Watches"],
    )
    async def read(request: AnyRequest, watch_id: FromPath[str]) -> Response[bytes]:
        changes = libra.changes
        watch = libra.watch_of(watch_id)
        if wants_html(request.headers.get("accept")):
            body = html.watch(watch_view(watch), changes=changes, visitor=visitor_of(request))
            return html_page(request, body)
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
        return await desk.run(request, watch_id)

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
    async def forget_by_form(request: AnyRequest, watch_id: FromPath[str]) -> Response[bytes]:
        location = "/watches"
        with suppress(WatchNotFound):  # somebody else was faster, and it is gone as was asked for
            if form_field(await request.body(), "back") == "history":
                location = _history_of(libra.watch_of(watch_id))
            await libra.unwatch(watch_id)
        return _see_other(location)

    return [make, every, read, run, forget, forget_by_form]


class _Desk:
    """Where pages are watched and weighed: the client's rate, then Libra, then an answer that fits."""

    def __init__(self, libra: Libra, html: Renderer, guard: Guard) -> None:
        self._libra = libra
        self._html = html
        self._guard = guard

    async def make(
        self, request: AnyRequest, sent: WatchRequest | Mapping[str, str]
    ) -> Response[bytes]:
        """Make a watch of JSON, or of the fields of a form."""
        if isinstance(sent, WatchRequest):
            wanted = sent
        elif wants_html(request.headers.get("accept")):
            return await self._make_in_browser(request, sent)
        else:
            wanted = of_form(sent)
        watch = await self._start(request, wanted)
        return _json(watch, status=201, headers=_made(watch))

    async def run(self, request: AnyRequest, watch_id: str) -> Response[bytes]:
        """Have the page of a watch weighed now."""
        watch = self._libra.watch_of(watch_id)
        self._guard.submit(_client(request))
        in_browser = wants_html(request.headers.get("accept"))
        try:
            page_id = await self._libra.watch_now(watch_id)
        except Full:
            if in_browser and watch.status == "quarantined":
                return _see_other("/watches")  # it has got its chance, and shows there what it does
            raise
        location = f"/pages/{page_id}"
        if in_browser:
            return _see_other(location)
        version, body = await self._libra.report_bytes(page_id)
        headers = {"Location": location, "ETag": f'"{version}"'}
        return Response(body, status_code=202, media_type=JSON, headers=headers)

    async def _make_in_browser(
        self, request: AnyRequest, fields: Mapping[str, str]
    ) -> Response[bytes]:
        visitor, form = visitor_of(request), WatchForm(fields, mistakes_in(fields))
        if form.mistakes:
            return html_page(request, self._html.not_watched(form, visitor=visitor), status=400)
        try:
            watch = await self._start(request, of_form(fields))
        except (TooManyWatches, Full, Refused) as error:
            # What was written is not lost, and can be sent again later.
            problem = problem_of(error)
            body = self._html.not_watched(
                WatchForm(fields, refusal=problem.detail), visitor=visitor
            )
            wait = {"Retry-After": str(problem.retry_after)} if problem.retry_after else {}
            return html_page(request, body, status=problem.status, headers=wait)
        if watch.secret is None:
            return _see_other(_history_of(watch))
        body = self._html.watch(watch_view(watch), secret=watch.secret, visitor=visitor)
        return html_page(request, body, status=201, headers=_made(watch))

    async def _start(self, request: AnyRequest, wanted: WatchRequest) -> Watch:
        budgets, most = wanted.budgets(), wanted.most()
        self._guard.submit(_client(request))
        return await self._libra.watch(
            wanted.url,
            every=wanted.every,
            budgets=budgets,
            max_weight=most,
            jump=wanted.jump,
            webhook=wanted.webhook,
            webhook_headers=wanted.webhook_headers,
        )


def _client(request: AnyRequest) -> Client:
    client: Client = request.scope["state"]["client"]
    return client


def _made(watch: Watch) -> dict[str, str]:
    """The headers of an answer with a secret in it."""
    return {"Location": f"/watches/{watch.id}", "Cache-Control": "no-store", "Vary": "Accept"}


def _history_of(watch: Watch) -> str:
    return f"/history?url={quote(watch.url, safe='')}"


def _see_other(location: str) -> Response[bytes]:
    return Response(b"", status_code=303, headers={"Location": location})


def _json(value: object, *, status: int = 200, headers: dict[str, str]) -> Response[bytes]:
    body = msgspec.json.encode(value)
    return Response(body, status_code=status, media_type=JSON, headers=headers)
