"""What `libra weigh` says, and how it ends, when a weight is not that of the whole page."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from libra.testing import pages
from support.command import Command
from support.nursery import Nursery
from support.ports import refusing_port

SHELL = "<div id=root></div><script src=/app.js></script>"
"""A page that scripts build."""


@pytest.fixture
async def server() -> AsyncIterator[pages.PageServer]:
    site = {
        "/": pages.html("<p>Enough to read, and a picture.<img src=/a.png>"),
        "/a.png": pages.Page(b"x" * 1000, "image/png"),
        "/shell": pages.html(SHELL),
        "/app.js": pages.Page(
            b"document.body.append(Object.assign(new Image(), {src: '/a.png'}))", "text/javascript"
        ),
        "/missing": pages.html("<p>Something to read.<img src=/nowhere.png>"),
        "/document": pages.Page(b"%PDF-1.7 ...", "application/pdf"),
        "/account": pages.redirect("/login?next=/account"),
        "/login?next=/account": pages.html("<p>Who are you?<form><input type=password></form>"),
        "/moved": pages.redirect("/"),
    }
    with refusing_port() as port:
        lost = f"http://127.0.0.1:{port}/lost.png"
        site["/part"] = pages.html(f"<p>Something to read.<img src={lost}>")
        async with pages.PageServer(site) as running:
            yield running


@pytest.fixture
def libra(tmp_path: Path, nursery: Nursery) -> Command:
    return Command(tmp_path, nursery)


@pytest.mark.parametrize(
    ("page", "flags", "code"),
    [
        ("/", ["--max-weight", "1MB"], 0),
        ("/missing", ["--max-weight", "1MB"], 0),
        ("/part", [], 0),
        ("/part", ["--max-weight", "1MB"], 4),
        ("/part", ["--max-weight", "1MB", "--allow-partial"], 0),
        ("/part", ["--max-weight", "1B"], 1),
        ("/shell", [], 0),
        ("/shell", ["--max-weight", "1MB"], 4),
        ("/shell", ["--max-weight", "1MB", "--allow-partial"], 0),
        ("/document", ["--max-weight", "1MB"], 0),
        ("/account", ["--max-weight", "1MB"], 0),
    ],
)
async def test_a_budget_that_holds_for_a_part_only_ends_with_4(
    libra: Command, server: pages.PageServer, page: str, flags: list[str], code: int
) -> None:
    ended = await libra("weigh", "--method", "static", server.url(page), *flags)
    assert ended.code == code
    assert ("--allow-partial accepts that" in ended.err) == (code == 4)


async def test_of_several_codes_the_worst_counts(libra: Command, server: pages.PageServer) -> None:
    flags = ["--method", "static", "--max-weight", "500B", server.url("/part")]
    assert (await libra("weigh", *flags)).code == 4
    assert (await libra("weigh", *flags, server.url("/"))).code == 1
    assert (await libra("weigh", *flags, server.url("/"), server.url("/gone"))).code == 3
    assert (await libra("weigh", *flags, server.url("/gone"), "--viewport", "x")).code == 2


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("/part", "partial: 1 failed request"),
        ("/shell", "built by scripts"),
        ("/document", "application/pdf, not an HTML page"),
        ("/account", "login page"),
    ],
)
async def test_every_format_says_what_a_weight_is_not(
    libra: Command, server: pages.PageServer, page: str, words: str
) -> None:
    weigh = ("weigh", "--method", "static", server.url(page), "--summary", "summary.md")
    assert words in (await libra(*weigh)).out
    for form in ("csv", "har", "json"):
        assert words in (await libra(*weigh, "--format", form)).err
    for form in ("junit", "markdown"):
        assert words in (await libra(*weigh, "--format", form)).out
    assert words in (libra.folder / "summary.md").read_text()


@pytest.mark.parametrize("page", ["/", "/missing", "/moved"])
async def test_of_a_whole_page_nothing_of_the_kind_is_said(
    libra: Command, server: pages.PageServer, page: str
) -> None:
    ended = await libra("weigh", "--method", "static", server.url(page), "--format", "json")
    report = json.loads(ended.out)
    assert report["score"]["bound"] == "exact"
    assert report["score"]["verdict"] == "A for effort."
    assert not {finding["code"] for finding in report["findings"]} & {"not-html", "login-page"}
    assert "(" not in ended.err


@pytest.mark.parametrize("page", ["/part", "/shell"])
async def test_the_score_of_a_part_is_a_bound_and_no_verdict(
    libra: Command, server: pages.PageServer, page: str
) -> None:
    weigh = ("weigh", "--method", "static", server.url(page))
    score = json.loads((await libra(*weigh, "--format", "json")).out)["score"]
    assert (score["bound"], score["verdict"]) == ("at_most", None)
    for form in ("table", "markdown"):
        shown = (await libra(*weigh, "--format", form)).out
        assert "at most 100" in shown
        assert "A for effort." not in shown


async def test_junit_has_an_error_where_a_budget_holds_for_a_part(
    libra: Command, server: pages.PageServer
) -> None:
    weigh = ("weigh", "--method", "static", server.url("/part"), "--format", "junit")
    judged = ET.fromstring((await libra(*weigh, "--max-weight", "1MB")).out)
    (error,) = judged.iter("error")
    assert error.get("type") == "not-whole"
    assert (judged.get("errors"), judged.get("failures")) == ("1", "0")
    for flags in ([], ["--max-weight", "1MB", "--allow-partial"], ["--max-weight", "1"]):
        calm = ET.fromstring((await libra(*weigh, *flags)).out)
        assert [e.get("type") for e in calm.iter("error")] == (
            ["not-whole"] if "1" in flags else []
        )


async def test_suggestions_are_told_with_what_they_save(
    libra: Command, server: pages.PageServer
) -> None:
    server.site["/text"] = pages.html("<p>" + "Read this. " * 2_000)
    for form, saving in (
        ("table", r"^ +2\d\.\d kB  One text file is sent uncompressed"),
        ("markdown", r"^\| 2\d\.\d kB \| One text file is sent uncompressed"),
        ("junit", r"suggestion: One text file is sent uncompressed .*\(saves 2\d\.\d kB\)"),
    ):
        shown = (await libra("weigh", server.url("/text"), "--format", form)).out
        assert re.search(saving, shown, re.MULTILINE)


async def test_a_page_that_scripts_build_is_weighed_in_a_browser_if_that_is_left_to_libra(
    libra: Command, server: pages.PageServer, chromium: str
) -> None:
    weigh = ("weigh", "--format", "json", "--method", "auto", "--browser", chromium)
    ended = await libra(*weigh, server.url("/"), server.url("/shell"), "--max-weight", "1MB")
    ordinary, built = json.loads(ended.out)
    assert ended.code == 0
    assert (ordinary["method"], built["method"]) == ("static", "rendered")
    assert "content of its own" in ordinary["chosen"]
    assert "scripts build" in built["chosen"]
    assert server.url("/a.png") in {asset["url"] for asset in built["assets"]}
    assert built["complete"]


async def test_without_a_browser_it_stays_as_it_is_and_says_why(
    libra: Command, server: pages.PageServer
) -> None:
    weigh = ("weigh", "--method", "auto", "--browser", "/nowhere/chromium", server.url("/shell"))
    ended = await libra(*weigh, "--max-weight", "1MB")
    assert ended.code == 4
    assert "because none is available" in ended.out


async def test_a_sitemap_of_which_a_part_is_gone_costs_that_part(
    libra: Command, server: pages.PageServer
) -> None:
    def listing(root: str, item: str, *paths: str) -> pages.Page:
        items = "".join(f"<{item}><loc>{server.url(path)}</loc></{item}>" for path in paths)
        return pages.Page(f"\n<{root}>{items}</{root}>".encode(), "text/xml")

    server.site["/index.xml"] = listing("sitemapindex", "sitemap", "/gone.xml", "/one.xml")
    server.site["/one.xml"] = listing("urlset", "url", "/", "/missing")
    weigh = ("weigh", "--format", "csv", "--header", "X-Key: secret", "--sitemap")
    ended = await libra(*weigh, server.url("/index.xml"))
    assert ended.code == 3
    assert "gone.xml answered 404. Its pages are not weighed." in ended.err
    assert {r.path for r in server.requests} >= {"/", "/missing"}
    assert all(r.headers.get("x-key") == "secret" for r in server.requests)
    async with pages.PageServer({"/one.xml": server.site["/one.xml"]}) as elsewhere:
        server.site["/index.xml"] = pages.redirect(elsewhere.url("/one.xml"))
        assert (await libra(*weigh, server.url("/index.xml"))).code == 0
        assert [r.headers.get("x-key") for r in elsewhere.requests] == [None]


@pytest.mark.parametrize("listing", ["gone child", "unfit entry", "unfit child", "unfit line"])
async def test_no_output_is_silent_about_the_pages_that_a_sitemap_lost(
    libra: Command, server: pages.PageServer, listing: str
) -> None:
    home, child = server.url("/"), server.url("/one.xml")
    entries = f"<url><loc>{home}</loc></url>"
    if listing == "unfit entry":
        entries += "<url><loc>ftp://x/</loc></url>"
    other = {"gone child": server.url("/gone.xml"), "unfit child": "ftp://x/"}.get(listing, child)
    index = f"<sitemap><loc>{other}</loc></sitemap><sitemap><loc>{child}</loc></sitemap>"
    server.site["/one.xml"] = pages.Page(f"<urlset>{entries}</urlset>".encode(), "text/xml")
    server.site["/map"] = pages.Page(f"<sitemapindex>{index}</sitemapindex>".encode(), "text/xml")
    if listing == "unfit line":
        server.site["/map"] = pages.Page(f"{home}\nftp://x/\n".encode(), "text/plain")
    lost = {"gone child": other, "unfit entry": child}.get(listing, server.url("/map"))
    weigh = ("weigh", "--sitemap", server.url("/map"), "--max-weight", "1MB", "--allow-partial")
    for form in ("json", "csv", "har", "junit", "markdown", "table"):
        ended = await libra(
            *weigh, "--format", form, "--summary", f"{form}.md", "--annotate", "--output", "out"
        )
        assert ended.code == 3
        told = (libra.folder / "out").read_text()
        assert lost in told
        assert "unreadable: " in told or "bad-url: " in told
        assert f"::error title=Could not be weighed::{lost}: " in ended.err
        assert "could not be weighed" in (libra.folder / f"{form}.md").read_text()
        if form == "junit":
            assert ET.fromstring(told).get("errors") == "1"


async def test_a_page_may_grow_so_much_and_no_more(
    libra: Command, server: pages.PageServer
) -> None:
    server.site["/a.png"] = pages.Page(b"x" * 1000, "image/png")
    await libra("weigh", server.url("/"), "--format", "json", "--output", "before.json")
    server.site["/a.png"] = pages.Page(b"x" * 1100, "image/png")
    weigh = ("weigh", server.url("/"), "--compare", "before.json", "--format", "junit")
    for growth, code in (("100B", 0), ("99", 1), ("15%", 0), ("1%", 1), ("0", 1)):
        assert (await libra(*weigh, "--max-growth", growth)).code == code
    over = await libra(*weigh, "--max-growth", "20B")
    assert "growth is 100 B, 80 B over its budget of 20 B" in over.err
    assert (await libra("weigh", server.url("/"), "--max-growth", "5%")).code == 2
    assert (await libra(*weigh, "--max-growth", "much")).code == 2
    (libra.folder / "budget.json").write_text('[{"maxGrowth": "20B"}]')
    over = await libra(*weigh, "--budget", "budget.json", "--max-growth", "100B")
    assert "growth is 100 B, 80 B over its budget of 20 B" in over.err
    alone = await libra("weigh", server.url("/"), "--budget", "budget.json")
    assert alone.code == 0
    assert "not judged: maxGrowth" in alone.err


async def test_a_growth_that_cannot_be_judged_is_not_green(
    libra: Command, server: pages.PageServer
) -> None:
    await libra("weigh", server.url("/"), "--format", "json", "--output", "before.json")
    weigh = ("weigh", server.url("/"), "--compare", "before.json", "--viewport", "800x600")
    assert (await libra(*weigh)).code == 0
    ended = await libra(*weigh, "--max-growth", "5%")
    assert ended.code == 4
    assert "not compared: " in ended.err
    assert "not judged: the growth of" in ended.err
    assert (await libra(*weigh, "--max-growth", "5%", "--allow-partial")).code == 0
    (libra.folder / "budget.json").write_text('[{"path": "/other", "maxGrowth": "5%"}]')
    assert (await libra(*weigh, "--budget", "budget.json")).code == 0
    (libra.folder / "budget.json").write_text('[{"maxGrowth": "5%"}]')
    assert (await libra(*weigh, "--budget", "budget.json")).code == 4
    server.site["/new"] = pages.html("<p>Some text to read, as there was none before.")
    added = (server.url("/"), server.url("/new"))
    ended = await libra("weigh", *added, "--compare", "before.json", "--max-growth", "5%")
    assert ended.code == 0
    assert f"nothing to compare with: {added[1]}: before.json has no result of it" in ended.err
    assert ended.err.count("nothing to compare with") == 1


async def test_a_page_does_not_grow_from_the_error_page_of_its_server(
    libra: Command, server: pages.PageServer
) -> None:
    home, server.site["/"] = server.site["/"], pages.Page(b"x" * 9000, status=500)
    await libra("weigh", server.url("/"), "--format", "json", "--output", "before.json")
    server.site["/"] = home
    weigh = ("weigh", server.url("/"), "--compare", "before.json", "--format", "markdown")
    ended = await libra(*weigh, "--max-growth", "5%")
    assert ended.code == 4
    assert "the earlier result has no weight, because that page could not be weighed" in ended.err
    assert "What changed" not in ended.out


async def test_a_growth_over_a_part_of_the_earlier_page_is_not_proven(
    libra: Command, server: pages.PageServer
) -> None:
    server.site["/other"] = server.site["/part"]
    await libra("weigh", server.url("/other"), "--format", "json", "--output", "before.json")
    server.site["/other"] = server.site["/"]
    weigh = ("weigh", server.url("/other"), "--compare", "before.json", "--format", "junit")
    ended = await libra(*weigh, "--max-growth", "5%")
    assert ended.code == 4
    assert "because only a part of the earlier page was weighed" in ended.err
    assert "over budget" not in ended.err
    assert 'type="not-judged"' in ended.out
    assert (await libra(*weigh, "--max-growth", "5%", "--allow-partial")).code == 0
    # The earlier page weighed at least what is known of it: no more than this has been added.
    assert (await libra(*weigh, "--max-growth", "1MB")).code == 0


async def test_a_page_that_scripts_no_longer_build_has_not_grown_for_certain(
    libra: Command, server: pages.PageServer
) -> None:
    server.site["/other"] = server.site["/shell"]
    static = ("weigh", "--method", "static", server.url("/other"), "--format", "json")
    await libra(*static, "--output", "before.json")
    server.site["/app.js"] = pages.Page(b"x" * 5000, "text/javascript")
    growth = (*static, "--compare", "before.json", "--max-growth", "5%", "--allow-partial")
    assert (await libra(*growth)).code == 1  # what was weighed of both is the same part
    server.site["/other"] = server.site["/"]
    ended = await libra(*growth[:-1])
    assert ended.code == 4
    assert "because scripts built the earlier page" in ended.err


async def test_a_budget_for_paths_that_no_page_has_is_told(
    libra: Command, server: pages.PageServer
) -> None:
    limit = '"resourceSizes": [{"resourceType": "total", "budget": 0}]'
    weigh = ("weigh", server.url("/missing"), "--budget", "budget.json")
    for path, code in (("/mising", 0), ("/missing", 1)):
        budgets = f'[{{"path": "/shop", {limit}}}, {{"path": "{path}", {limit}}}]'
        (libra.folder / "budget.json").write_text(budgets)
        ended = await libra(*weigh)
        assert ended.code == code
        idle = "/shop" if code else "/shop and /mising"
        assert f"matches nothing: the budget for {idle}: no page has such a path" in ended.err
    (libra.folder / "budget.json").write_text(f'[{{"path": "/", {limit}}}]')
    assert "matches nothing" not in (await libra(*weigh)).err


async def test_quiet_prints_the_summary_of_all_pages_and_what_is_wrong(
    libra: Command, server: pages.PageServer
) -> None:
    ended = await libra(
        "weigh", server.url("/"), server.url("/missing"), "--quiet", "--max-weight", "500B"
    )
    assert ended.code == 1
    assert ended.out.split()[:5] == ["Transfer", "Requests", "Score", "Result", "Page"]
    assert len(ended.out.strip().splitlines()) == 3
    # The rows have the weights: only what is wrong is said beside them.
    assert all(line.startswith("over budget: ") for line in ended.err.splitlines()), ended.err


async def test_the_scheme_and_the_window_need_not_be_written_out(
    libra: Command, server: pages.PageServer
) -> None:
    typed = server.url("/").removeprefix("http://")
    ended = await libra("weigh", typed, "--preset", "mobile", "--format", "json")
    report = json.loads(ended.out)
    assert (report["url"], report["viewport"]) == (server.url("/"), "412x823@1.75")


async def test_of_a_device_and_a_window_what_is_typed_counts_and_both_are_refused(
    libra: Command, server: pages.PageServer
) -> None:
    weigh = ("weigh", server.url("/"), "--format", "json")
    window = await libra(*weigh, "--viewport", "800x600", LIBRA_PRESET="mobile")
    assert json.loads(window.out)["viewport"] == "800x600@1"
    device = await libra(*weigh, "--preset", "mobile", LIBRA_VIEWPORT="800x600")
    assert json.loads(device.out)["viewport"] == "412x823@1.75"
    both = await libra(*weigh, "--preset", "mobile", "--viewport", "800x600")
    assert both.code == 2
    assert "use only one of them" in both.err
