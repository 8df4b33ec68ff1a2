"""Existing watches over HTTP: change, pause, resume, test; and the forms for that."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from litestar import Request, Response, get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from libra.app import Libra, Watch, WatchChanges, WatchNotFound
from libra.web.access.guard import Guard
from libra.web.access.viewer import visitor_of
from libra.web.http.compression import page as html_page
from libra.web.http.negotiation import wants_html
from libra.web.http.openapi_parts import answer, empty, problems
from libra.web.requests.page_request import form_field, form_fields
from libra.web.requests.watch_form import WatchForm, as_meant, fields_of, mistakes_in, patch_of_form
from libra.web.requests.watch_request import read_patch
from libra.web.routes.watch_answers import (
    FORM_AGAIN,
    client_of,
    form_again,
    history_of,
    json_answer,
    see_other,
)
from libra.web.site.renderer import Renderer
from libra.web.site.watch_view import watch_view

AnyRequest = Request[Any, Any, Any]


def watch_change_routes(libra: Libra, html: Renderer, guard: Guard) -> list[HTTPRouteHandler]:
    """The handlers that change a watch."""

    @patch(
        "/watches/{watch_id:str}",
        operation_id="changeWatch",
        summary="Change a watch",
        description="Send the fields to change as JSON; the others stay as they are. `paused` stops or "
        "resumes the schedule. If the page is now weighed or judged differently, Libra weighs it again "
        "at once. A webhook at another host gets another `secret`, shown only in this response. "
        "Headers that this change does not name do not follow a page or a webhook to another host.",
        responses={
            200: answer(Watch, "The watch as it is now"),
            **problems(400, 401, 403, 404, 413, 415, 422, 429, 503),
        },
        tags=["Watches"],
    )
    async def change(request: AnyRequest, watch_id: FromPath[str]) -> Response[bytes]:
        wanted = await read_patch(request)
        guard.submit(client_of(request))  # the page may be weighed anew
        watch = await libra.change_watch(watch_id, wanted.changes())
        return json_answer(watch, headers={"Cache-Control": "no-store"})

    @get("/watches/{watch_id:str}/edit", include_in_schema=False)
    async def edit(request: AnyRequest, watch_id: FromPath[str]) -> Response[bytes]:
        watch = await libra.find_watch(watch_id)
        form = WatchForm(fields_of(watch), watch=watch)
        return html_page(request, html.not_watched(form, visitor=visitor_of(request)))

    @post("/watches/{watch_id:str}/edit", include_in_schema=False)
    async def change_by_form(request: AnyRequest, watch_id: FromPath[str]) -> Response[bytes]:
        return await _change(libra, html, guard, request, watch_id)

    @post("/watches/{watch_id:str}/pause", include_in_schema=False)
    async def pause(watch_id: FromPath[str]) -> Response[bytes]:
        await libra.change_watch(watch_id, WatchChanges(paused=True))
        return see_other(f"/watches/{watch_id}")

    @post("/watches/{watch_id:str}/resume", include_in_schema=False)
    async def resume(watch_id: FromPath[str]) -> Response[bytes]:
        await libra.change_watch(watch_id, WatchChanges(paused=False))
        return see_other(f"/watches/{watch_id}")

    @post(
        "/watches/{watch_id:str}/test",
        status_code=202,
        operation_id="testWatch",
        summary="Send a test alert",
        description="Libra sends a test alert to each receiver of the watch at once, and does not "
        "retry. `deliveries` has the outcome as soon as it is known.",
        responses={
            202: answer(Watch, "The alert is on its way"),
            303: empty("For a form in a browser: to the watch"),
            **problems(400, 401, 403, 404, 429, 503),
        },
        tags=["Watches"],
    )
    async def test(request: AnyRequest, watch_id: FromPath[str]) -> Response[bytes]:
        guard.submit(client_of(request))
        watch = await libra.test_alert(watch_id)
        if wants_html(request.headers.get("accept")):
            return see_other(f"/watches/{watch_id}#alerts")
        return json_answer(watch, status=202, headers={"Cache-Control": "no-store"})

    @post("/watches/{watch_id:str}/delete", include_in_schema=False)
    async def forget_by_form(request: AnyRequest, watch_id: FromPath[str]) -> Response[bytes]:
        location = "/watches"
        with suppress(WatchNotFound):  # somebody else was faster: the watch is gone, as requested
            if form_field(await request.body(), "back") == "history":
                location = history_of(await libra.find_watch(watch_id))
            await libra.unwatch(watch_id)
        return see_other(location)

    return [change, test, edit, change_by_form, pause, resume, forget_by_form]


async def _change(
    libra: Libra, html: Renderer, guard: Guard, request: AnyRequest, watch_id: str
) -> Response[bytes]:
    """Change a watch as the form says, or show the form again with its mistakes."""
    fields = form_fields(await request.body())
    watch, visitor = (await libra.find_watch(watch_id)), visitor_of(request)
    form = WatchForm(fields, mistakes_in(fields), watch=watch)
    if form.mistakes:
        return html_page(request, html.not_watched(form, visitor=visitor), status=400)
    try:
        guard.submit(client_of(request))
        changed = await libra.change_watch(watch_id, patch_of_form(as_meant(fields)).changes())
    except FORM_AGAIN as error:
        return form_again(html, request, WatchForm(fields, watch=watch), error)
    if changed.secret is None:
        return see_other(f"/watches/{watch_id}")
    body = html.watch(watch_view(changed), secret=changed.secret, visitor=visitor)
    return html_page(request, body, headers={"Cache-Control": "no-store"})
