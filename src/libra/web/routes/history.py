"""History: the weigh-ins of a URL, and two reports side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.exceptions import ClientException
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from libra.app import Libra
from libra.formats.converting import COMPARISON, arrange_comparison, read_comparison
from libra.formats.history_csv import to_history_csv
from libra.formats.views.compare_view import CompareView
from libra.report import Summary, decode, decode_summary
from libra.urls import as_typed, parse_url
from libra.web.access.viewer import Viewer, visitor_of
from libra.web.http.compression import compress, compressed_page, page
from libra.web.http.large_answers import LARGE, Making
from libra.web.http.openapi_parts import cursor
from libra.web.routes.site import see_other
from libra.web.site.history_view import Range, history_view, one_before, read_range, start_of
from libra.web.site.live_updates import LiveUpdates
from libra.web.site.renderer import Renderer
from libra.web.site.watch_view import budget_of, watches_of

AnyRequest = Request[Any, Any, Any]

Id = Annotated[str, QueryParameter(max_length=64)]
Url = Annotated[str, QueryParameter(max_length=4096)]

CSV_ROWS = 10_000
"""Weigh-ins in one download; a client gets older ones from the API."""


def history_routes(
    libra: Libra, html: Renderer, pulse: LiveUpdates, making: Making
) -> list[HTTPRouteHandler]:
    """The handlers of `/history` and `/compare`."""

    @get("/history", include_in_schema=False)
    async def history(
        request: AnyRequest,
        url: Url = "",
        range_: Annotated[str, QueryParameter(name="range", max_length=10)] = "",
        after: Annotated[str | None, cursor()] = None,
    ) -> Response[bytes]:
        if not url.strip():
            return see_other("/")
        url = parse_url(as_typed(url))
        changes = pulse.changes
        visitor = visitor_of(request)
        now, within = datetime.now(UTC), _range(range_)
        since = start_of(within, now)
        pages = await libra.recent(url=url, limit=100, since=since, after=after)
        timeline = await libra.timeline(url, since=since, until=now)
        watches = watches_of(libra, url, visitor)
        view = history_view(
            url,
            pages,
            timeline,
            within=within,
            since=since,
            until=now if since else None,
            budget=budget_of(watches),
            after=after or "",
        )
        body = html.history(view, watches=watches, changes=changes, visitor=visitor)
        return page(request, body)

    @get("/history.csv", include_in_schema=False)
    async def history_csv(
        url: Url, range_: Annotated[str, QueryParameter(name="range", max_length=10)] = ""
    ) -> Response[bytes]:
        return await _csv(libra, parse_url(url), start_of(_range(range_), datetime.now(UTC)))

    @get("/compare", include_in_schema=False)
    async def compare(
        request: AnyRequest,
        b: Id = "",
        a: Id = "",
        choose: Annotated[str, QueryParameter(max_length=10)] = "",
        text: Annotated[str, QueryParameter(max_length=300)] = "",
    ) -> Response[bytes]:
        if not b:
            return see_other("/?view=weigh-ins")
        visitor = visitor_of(request)
        version, data = await libra.report_bytes(b)
        if not a:
            after = decode_summary(data)
            weigh_ins = (await libra.history(after.url)).pages
            before = one_before(after, weigh_ins)
            if choose or before is None:
                return page(request, await _choice(libra, html, after, weigh_ins, text, visitor))
            a = before.id
        version_before, before_data = await libra.report_bytes(a)
        accepted = request.headers.get("accept-encoding")

        def render(view: CompareView) -> tuple[bytes, dict[str, str]]:
            return compress(html.compare(view, visitor=visitor), accepted)

        async def arrange_and_render() -> tuple[bytes, dict[str, str]]:
            view = read_comparison(await libra.convert(before_data, data, form=COMPARISON))
            return await asyncio.to_thread(render, view)

        if len(before_data) + len(data) <= LARGE:
            return compressed_page(*render(arrange_comparison(decode(before_data), decode(data))))
        key = ("compare", a, version_before, b, version, str(visitor), accepted)
        return compressed_page(*await making.share(key, arrange_and_render))

    return [history, history_csv, compare]


def _range(text: str) -> Range:
    try:
        return read_range(text)
    except ValueError as error:
        raise ClientException(str(error)) from None


async def _choice(
    libra: Libra,
    html: Renderer,
    after: Summary,
    weigh_ins: Sequence[Summary],
    text: str,
    visitor: Viewer,
) -> bytes:
    """Pages to compare a page with: its earlier weigh-ins, or those that contain a text."""
    text = text.strip()
    found = await libra.recent(text=text or None, limit=100 if text else 20)
    known = {one.id: one for one in (*(() if text else weigh_ins), *found.pages)}
    others = [one for one in known.values() if one.status == "weighed" and one.id != after.id]
    return html.choose(after, others, text=text, partial=found.partial, visitor=visitor)


async def _csv(libra: Libra, url: str, since: datetime | None) -> Response[bytes]:
    found: list[Summary] = []
    after, partial = None, False
    while len(found) < CSV_ROWS:
        some = await libra.recent(limit=1_000, url=url, since=since, after=after)
        found += some.pages
        after, partial = some.next, partial or some.partial
        if after is None:
            break
    body = await asyncio.to_thread(lambda: to_history_csv(found).encode())
    name = "history-in-memory.csv" if partial else "history.csv"
    headers = {
        "Cache-Control": "no-cache",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Response(body, media_type="text/csv", headers=headers)
