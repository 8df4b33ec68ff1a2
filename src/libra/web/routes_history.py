"""Looking back: the weigh-ins of a URL, and two reports side by side."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from libra.app import Libra
from libra.web.compression import compress, compressed_page, page
from libra.web.html import Renderer
from libra.web.looking_back import compare_view, history_view, one_before
from libra.web.making import Making
from libra.web.pulse import Pulse
from libra.web.visitor import visitor_of
from libra.web.watching import watches_of
from libra.weighing.report import decode, decode_summary
from libra.weighing.urls import parse_url

AnyRequest = Request[Any, Any, Any]

Id = Annotated[str, QueryParameter(max_length=64)]


def history_routes(
    libra: Libra, html: Renderer, pulse: Pulse, making: Making
) -> list[HTTPRouteHandler]:
    """The handlers of `/history` and `/compare`."""

    @get("/history", include_in_schema=False)
    async def history(
        request: AnyRequest, url: Annotated[str, QueryParameter(max_length=4096)]
    ) -> Response[bytes]:
        changes = pulse.changes
        visitor = visitor_of(request)
        view = history_view(url, await libra.history(url))
        watches = watches_of(libra, parse_url(url), visitor)
        body = html.history(view, watches=watches, changes=changes, visitor=visitor)
        return page(request, body)

    @get("/compare", include_in_schema=False)
    async def compare(
        request: AnyRequest, b: Id, a: Id = "", choose: Annotated[str, QueryParameter()] = ""
    ) -> Response[bytes]:
        visitor = visitor_of(request)
        version, data = await libra.report_bytes(b)
        if not a:
            after = decode_summary(data)
            weigh_ins = (await libra.history(after.url)).pages
            before = one_before(after, weigh_ins)
            if choose or before is None:
                known = {one.id: one for one in (*weigh_ins, *(await libra.recent()).pages)}
                others = [one for one in known.values() if one.status == "weighed" and one.id != b]
                return page(request, html.choose(after, others, visitor=visitor))
            a = before.id
        version_before, before_data = await libra.report_bytes(a)
        accepted = request.headers.get("accept-encoding")

        def make() -> tuple[bytes, dict[str, str]]:
            view = compare_view(decode(before_data), decode(data))
            return compress(html.compare(view, visitor=visitor), accepted)

        key = ("compare", a, version_before, b, version, str(visitor), accepted)
        return compressed_page(*await making.make(key, len(before_data) + len(data), make))

    return [history, compare]
