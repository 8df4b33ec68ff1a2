"""The start page: the list of URLs, and the list of single weigh-ins."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.exceptions import ValidationException
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from libra.app import Libra, read_place
from libra.web.access.viewer import Viewer, visitor_of
from libra.web.http.compression import page
from libra.web.http.openapi_parts import is_cursor
from libra.web.site.live_updates import LiveUpdates
from libra.web.site.renderer import Renderer
from libra.web.site.url_list_view import OF_WATCHES, Lists, Search, read_sort, read_state

AnyRequest = Request[Any, Any, Any]

RECENT = 20
"""Weigh-ins on one page of their list."""

URLS = 50
"""URLs on one page of their list."""


def home_routes(libra: Libra, html: Renderer, pulse: LiveUpdates) -> list[HTTPRouteHandler]:
    """The handler of `/`."""

    @get("/", include_in_schema=False)
    async def home(
        request: AnyRequest,
        url: Annotated[str, QueryParameter(max_length=4096)] = "",
        host: Annotated[str, QueryParameter(max_length=300)] = "",
        text: Annotated[str, QueryParameter(max_length=300)] = "",
        after: Annotated[str, QueryParameter(max_length=16_000)] = "",
        view: Annotated[str, QueryParameter(max_length=20)] = "",
        sort: Annotated[str, QueryParameter(max_length=20)] = "",
        state_: Annotated[str, QueryParameter(name="state", max_length=20)] = "",
        tag: Annotated[str, QueryParameter(max_length=100)] = "",
    ) -> Response[bytes]:
        visitor = visitor_of(request)
        state = read_state(state_)
        if state in OF_WATCHES and not visitor.observes:
            state = ""
        search = Search(
            url.strip(),
            host.strip().lower(),
            text.strip(),
            after,
            "weigh-ins" if view == "weigh-ins" else "",
            read_sort(sort),
            state,
            tag.strip() if visitor.observes else "",
        )
        # Read before the list, so that a viewer with this number misses no change.
        changes = pulse.changes
        known = is_cursor(after) if search.weigh_ins else read_place(after, search.sort) is not None
        if after and not known:
            wrong = {
                "key": "after",
                "message": "it takes the `next` of the previous page of the list",
            }
            raise ValidationException(extra=[wrong])
        if search.weigh_ins:
            lists = await _weigh_ins(libra, search)
        else:
            lists = await _urls(libra, search, visitor)
        return page(request, html.home(lists, search, changes=changes, visitor=visitor))

    return [home]


async def _weigh_ins(libra: Libra, search: Search) -> Lists:
    pages = await libra.recent(
        limit=RECENT,
        after=search.after or None,
        url=search.url or None,
        host=search.host or None,
        text=search.text or None,
        status="failed" if search.state == "failed" else None,
    )
    return Lists.of_pages(pages)


async def _urls(libra: Libra, search: Search, visitor: Viewer) -> Lists:
    # Watches show who is alerted: not everybody may see them.
    watched = libra.watched() if visitor.observes else {}
    only: set[str] | None = None
    if search.tag or search.state in OF_WATCHES:
        only = {
            url
            for url, status in libra.watched(tag=search.tag or None).items()
            if search.state in ("watched", "failed", "", status)
        }
    urls = await libra.urls(
        limit=URLS,
        after=search.after or None,
        sort=search.sort,
        host=search.host or None,
        text=search.text or None,
        status="failed" if search.state == "failed" else None,
        only=only,
    )
    tags = libra.tags() if visitor.observes else ()
    return Lists.of_urls(urls, watched, tags=tags, grouped=search.grouped)
