"""Watches over HTTP: make, list, read, run, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Request, Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from libra.app import (
    Behind,
    Full,
    Libra,
    Watch,
    WatchList,
    WatchOrder,
    WatchStatus,
)
from libra.report import Report
from libra.web.access.guard import Guard
from libra.web.access.viewer import visitor_of
from libra.web.http.compression import page as html_page
from libra.web.http.negotiation import etag_matches, newest_seen, wants_html
from libra.web.http.openapi_parts import answer, cursor, empty, header, problems
from libra.web.requests.page_request import JSON
from libra.web.requests.watch_form import WatchForm, as_meant, mistakes_in, of_form
from libra.web.requests.watch_request import WatchRequest, read_watch
from libra.web.routes.watch_answers import (
    FORM_AGAIN,
    client_of,
    form_again,
    history_of,
    json_answer,
    see_other,
)
from libra.web.site.renderer import Renderer
from libra.web.site.watch_view import watch_page, watch_view

AnyRequest = Request[Any, Any, Any]

_FRESH = {"Cache-Control": "no-cache", "Vary": "Accept"}


def watch_routes(libra: Libra, html: Renderer, guard: Guard) -> list[HTTPRouteHandler]:
    """The handlers of `/watches` and the paths below it."""
    desk = _WatchForms(libra, html, guard)

    @post(
        "/watches",
        status_code=201,
        operation_id="makeWatch",
        summary="Watch a URL",
        description="Send JSON, or a form. Libra weighs the page at once and then on its schedule. If "
        "you give a webhook, Libra signs its alerts with the `secret` of this response, shown only "
        "once. A browser that sends a form gets a page with the watch and its secret, a 303 to the "
        "history of the URL if there is no secret, or the form with its errors.",
        response_headers=[header("Location", "The address of the watch")],
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
        description="Newest first, or with `order=broken` those first that need attention. `counts` "
        "is the number of watches of each status, listed or not. `partial` is true until Libra "
        "has read the watches of the database after its start. HTML for a browser, otherwise JSON.",
        responses={200: answer(WatchList, "A page of the list"), **problems(400, 401, 403)},
        tags=["Watches"],
    )
    async def every(
        request: AnyRequest,
        url: Annotated[
            str | None, QueryParameter(description="Only watches of this URL", max_length=4096)
        ] = None,
        tag: Annotated[
            str | None, QueryParameter(description="Only watches with this tag", max_length=40)
        ] = None,
        status: Annotated[
            WatchStatus | None, QueryParameter(description="Only watches of this status")
        ] = None,
        order: Annotated[
            WatchOrder | None,
            QueryParameter(description="`newest` first, or `broken` first as a browser gets it"),
        ] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=1000, description="Maximum number")] = 100,
        after: Annotated[str | None, cursor(ranked=True)] = None,
    ) -> Response[bytes]:
        changes = libra.changes  # read before the list, so that no change is missed
        in_browser = wants_html(request.headers.get("accept"))
        watches = libra.watches(
            limit=limit,
            after=after,
            url=url,
            tag=tag,
            status=status,
            order=order or ("broken" if in_browser else "newest"),
        )
        if not in_browser:
            return json_answer(watches, headers=_FRESH)
        page = watch_page(watches, url=url, tag=tag, status=status, after=after)
        body = html.watches(page, changes=changes, visitor=visitor_of(request))
        return html_page(request, body)

    @get(
        "/watches/{watch_id:str}",
        operation_id="readWatch",
        summary="Read a watch",
        description="HTML for a browser, otherwise JSON; the ETag is the version. Until Libra has read "
        "the watches of the database after its start, the response for one that is not in memory is "
        "503 with Retry-After, never 404.",
        response_headers=[header("ETag", "The version, quoted")],
        responses={
            200: answer(Watch, "The watch as it is now"),
            304: empty("The client's copy is current"),
            **problems(401, 403, 404, 503),
        },
        tags=["Watches"],
    )
    async def read(request: AnyRequest, watch_id: FromPath[str]) -> Response[bytes]:
        changes = libra.changes
        seen, tag = newest_seen(request.headers.get("if-none-match"))
        try:
            watch = await libra.find_watch(watch_id, at_least=seen)
        except Behind:  # the client has a newer version, from another node
            return Response(b"", status_code=304, headers={**_FRESH, "ETag": tag})
        if wants_html(request.headers.get("accept")):
            body = html.watch(watch_view(watch), changes=changes, visitor=visitor_of(request))
            return html_page(request, body)
        headers = {**_FRESH, "ETag": f'"{watch.version}-{watch.backup}"'}
        if etag_matches(request.headers.get("if-none-match"), headers["ETag"]):
            return Response(b"", status_code=304, headers=headers)
        return json_answer(watch, headers=headers)

    @post(
        "/watches/{watch_id:str}/run",
        status_code=202,
        operation_id="runWatch",
        summary="Weigh the page of a watch now",
        description="The schedule does not change. If Libra is weighing the page already, the "
        "response is that weigh-in. Libra starts a quarantined watch again. After a 503, try again.",
        response_headers=[header("Location", "The address of the page")],
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
        summary="Delete a watch",
        description="The reports of the watch stay.",
        responses={204: empty("Gone"), **problems(401, 403, 404, 503)},
        tags=["Watches"],
    )
    async def forget(watch_id: FromPath[str]) -> None:
        await libra.unwatch(watch_id)

    return [make, every, read, run, forget]


class _WatchForms:
    """The steps of a request to watch or weigh: the client's rate, then Libra, then a fitting answer."""

    def __init__(self, libra: Libra, html: Renderer, guard: Guard) -> None:
        self._libra = libra
        self._html = html
        self._guard = guard

    async def make(
        self, request: AnyRequest, sent: WatchRequest | Mapping[str, str]
    ) -> Response[bytes]:
        """Make a watch from JSON, or from the fields of a form."""
        if isinstance(sent, WatchRequest):
            wanted = sent
        elif wants_html(request.headers.get("accept")):
            return await self._make_in_browser(request, sent)
        else:
            wanted = of_form(sent)
        watch = await self._start(request, wanted)
        return json_answer(watch, status=201, headers=_made(watch))

    async def run(self, request: AnyRequest, watch_id: str) -> Response[bytes]:
        """Weigh the page of a watch now."""
        watch = await self._libra.find_watch(watch_id)
        self._guard.submit(client_of(request))
        in_browser = wants_html(request.headers.get("accept"))
        try:
            page_id = await self._libra.watch_now(watch_id)
        except Full:
            if in_browser and watch.status == "quarantined":
                return see_other("/watches")  # the retried watch shows its state there
            raise
        location = f"/pages/{page_id}"
        if in_browser:
            return see_other(location)
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
            watch = await self._start(request, of_form(as_meant(fields)))
        except FORM_AGAIN as error:
            return form_again(self._html, request, WatchForm(fields), error)
        if watch.secret is None:
            return see_other(history_of(watch))
        body = self._html.watch(watch_view(watch), secret=watch.secret, visitor=visitor)
        return html_page(request, body, status=201, headers=_made(watch))

    async def _start(self, request: AnyRequest, wanted: WatchRequest) -> Watch:
        changes = wanted.changes()
        self._guard.submit(client_of(request))
        return await self._libra.make_watch(changes)


def _made(watch: Watch) -> dict[str, str]:
    """The headers of an answer that contains a secret."""
    return {"Location": f"/watches/{watch.id}", "Cache-Control": "no-store", "Vary": "Accept"}
