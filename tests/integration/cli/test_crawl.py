"""`libra weigh --crawl`: which pages of a site are found and weighed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libra.testing import pages
from support.command import Command
from support.nursery import Nursery
from support.ports import refusing_port


def links(*addresses: str) -> pages.Page:
    return pages.html("".join(f"<a href='{address}'>on</a>" for address in addresses))


SITE = {
    "/": links("/a", "/b#part", "mailto:x@example.com", "https://other.example/", "/paper.pdf"),
    "/a": links("/", "/a/deep", "/private/x"),
    "/b": links("/a", "c", "/lost", "/data"),
    "/c": links(),
    "/a/deep": links("/a/deeper"),
    "/a/deeper": links(),
    "/data": pages.Page(b"[]", "application/json"),
    "/private/x": links(),
    "/robots.txt": pages.Page(b"User-agent: *\nDisallow: /private/\n", "text/plain"),
    "/old": pages.redirect("/"),
}


@pytest.fixture
async def server() -> AsyncIterator[pages.PageServer]:
    async with pages.PageServer(dict(SITE)) as running:
        yield running


@pytest.fixture
def libra(tmp_path: Path, nursery: Nursery) -> Command:
    return Command(tmp_path, nursery)


async def crawled(
    libra: Command, server: pages.PageServer, start: str = "/", *flags: str, code: int = 0
) -> tuple[list[str], str]:
    """The paths of the pages that were weighed, in their order, and standard error."""
    ended = await libra(
        "weigh", "--method", "static", "--crawl", server.url(start), "--format", "json", *flags
    )
    assert ended.code == code, ended.err
    found = json.loads(ended.out)
    found = found if isinstance(found, list) else [found]
    return [page["url"].removeprefix(server.url("")) for page in found], ended.err


async def test_the_pages_of_a_host_are_weighed_the_nearest_first(
    libra: Command, server: pages.PageServer
) -> None:
    found, told = await crawled(libra, server)
    assert found == ["/", "/a", "/b", "/a/deep", "/c", "/a/deeper"]
    assert f"skipped: {server.url('/lost')}: http: 404 Not Found" in told
    assert "forbids 1 linked page; use --ignore-robots" in told


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--depth", "0"], ["/"]),
        (["--depth", "1"], ["/", "/a", "/b"]),
        (["--limit", "4"], ["/", "/a", "/b", "/a/deep"]),
        (["--limit", "1"], ["/"]),
    ],
)
async def test_a_crawl_goes_as_far_as_it_is_told(
    libra: Command, server: pages.PageServer, flags: list[str], expected: list[str]
) -> None:
    found, told = await crawled(libra, server, "/", *flags)
    assert found == expected
    assert ("leads to more pages than --limit" in told) == ("--limit" in flags)


async def test_what_robots_txt_forbids_is_read_only_when_told_to(
    libra: Command, server: pages.PageServer
) -> None:
    found, told = await crawled(libra, server, "/", "--ignore-robots")
    assert "/private/x" in found
    assert "robots.txt" not in told
    ended = await libra("weigh", "--crawl", server.url("/private/x"))
    assert ended.code == 2
    assert "does not let Libra read" in ended.err


async def test_a_site_in_trouble_is_not_crawled(libra: Command, server: pages.PageServer) -> None:
    server.site["/robots.txt"] = pages.Page(b"", status=503)
    ended = await libra("weigh", "--crawl", server.url())
    assert ended.code == 2
    assert "robots.txt answered 503" in ended.err
    assert "--ignore-robots" in ended.err


async def test_a_redirect_leads_to_the_site_that_is_crawled(
    libra: Command, server: pages.PageServer
) -> None:
    found, _ = await crawled(libra, server, "/old", "--depth", "1")
    assert found == ["/", "/a", "/b"]


async def test_a_first_page_that_is_none_is_an_error(
    libra: Command, server: pages.PageServer
) -> None:
    for page, words in (("/data", "is not an HTML page"), ("/lost", "http: 404")):
        ended = await libra("weigh", "--crawl", server.url(page))
        assert ended.code == 2
        assert words in ended.err


async def test_a_page_that_hangs_up_costs_the_exit_code_and_no_other_page(
    libra: Command, server: pages.PageServer
) -> None:
    with refusing_port() as port:
        server.site["/b"] = pages.redirect(f"http://127.0.0.1:{port}/")
        found, told = await crawled(libra, server, code=3)
    assert found == ["/", "/a", "/a/deep", "/a/deeper", "/b"]
    assert f"skipped: {server.url('/b')}" in told


async def test_several_pages_end_in_one_summary(libra: Command, server: pages.PageServer) -> None:
    ended = await libra("weigh", "--crawl", server.url(), "--quiet", "--max-weight", "1MB")
    assert ended.code == 0
    rows = [line for line in ended.out.splitlines() if "http" in line]
    assert [row.split()[-1].removeprefix(server.url("")) for row in rows] == [
        "/", "/a", "/b", "/a/deep", "/c", "/a/deeper",
    ]  # fmt: skip
