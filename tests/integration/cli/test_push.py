"""`libra weigh --server` and `libra push`: results are kept, compared and judged elsewhere."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from libra.settings import Settings
from libra.testing import pages
from support.command import Command
from support.nursery import Nursery
from support.ports import refusing_port
from support.service import Service, running

SECRET = "a-secret-of-some-length"
BUILD = ["--project", "shop", "--branch", "feature", "--commit", "b1"]
MAIN = ["--project", "shop", "--branch", "main", "--commit", "a1"]


@pytest.fixture
async def service(settings: Settings, tmp_path: Path) -> AsyncIterator[Service]:
    budgets = tmp_path / "budgets"
    budgets.mkdir()
    limit = [{"path": "/heavy", "resourceSizes": [{"resourceType": "total", "budget": 8}]}]
    (budgets / "shop.json").write_text(json.dumps(limit))
    token = (f"ci:push@shop:{SECRET}",)
    changed = msgspec.structs.replace(settings, token=token, project_budgets=budgets)
    async with running(changed) as up:
        yield up


@pytest.fixture
async def preview() -> AsyncIterator[pages.PageServer]:
    site = {
        "/": pages.html("<p>Some text to read.<img src=/a.png>"),
        "/heavy": pages.html("<p>Some text to read.<img src=/a.png>"),
        "/a.png": pages.image(9_000),
    }
    async with pages.PageServer(site) as up:
        yield up


@pytest.fixture
def libra(tmp_path: Path, nursery: Nursery) -> Command:
    folder = tmp_path / "run"
    folder.mkdir()
    return Command(folder, nursery)


def address(service: Service) -> str:
    host, port = service.server.address
    return f"http://{host}:{port}"


async def test_a_preview_is_compared_with_the_newest_of_the_base(
    libra: Command, service: Service, preview: pages.PageServer
) -> None:
    flags = ["--server", address(service), "--max-growth", "1kB"]
    first = await libra("weigh", preview.url(), *flags, *MAIN, LIBRA_TOKEN=SECRET)
    assert first.code == 0, first.err
    assert "kept: 1 result" in first.err
    assert "main has no result of it yet" in first.err
    preview.site["/a.png"] = pages.image(11_000)
    second = await libra("weigh", preview.url(), *flags, *BUILD, LIBRA_TOKEN=SECRET)
    assert second.code == 1
    assert "growth is 2.0 kB, 1.0 kB over its budget of 1.0 kB" in second.out
    assert "+2.0 kB  changed" in second.out


async def test_the_budget_of_the_server_is_obeyed(
    libra: Command, service: Service, preview: pages.PageServer
) -> None:
    where = ["--server", address(service), "--format", "junit", "--output", "weight.xml"]
    ended = await libra("weigh", preview.url("/heavy"), *where, *BUILD, LIBRA_TOKEN=SECRET)
    assert ended.code == 1
    assert "over budget" in ended.err
    assert 'type="over-budget"' in (libra.folder / "weight.xml").read_text()


async def test_what_the_server_refuses_is_an_error_after_the_result_is_written(
    libra: Command, service: Service, preview: pages.PageServer
) -> None:
    where = ["--server", address(service), "--format", "json", "--output", "weight.json"]
    other = ["--project", "other", "--branch", "main", "--commit", "a1"]
    for flags, secret, says in (
        (other, SECRET, "is only for the project shop"),
        (BUILD, "wrong-secret-of-some-length", "LIBRA_TOKEN"),
    ):
        ended = await libra("weigh", preview.url(), *where, *flags, LIBRA_TOKEN=secret)
        assert ended.code == 2
        assert says in ended.err
        assert json.loads((libra.folder / "weight.json").read_text())["status"] == "weighed"


@pytest.mark.parametrize(
    ("flags", "code"),
    [([], 4), (["--allow-partial"], 0), (["--max-weight", "1kB"], 1)],
)
async def test_without_the_server_the_budgets_at_hand_are_judged_and_it_is_said(
    libra: Command, preview: pages.PageServer, flags: list[str], code: int
) -> None:
    with refusing_port() as port:
        where = ["--server", f"http://127.0.0.1:{port}", *BUILD]
        ended = await libra("weigh", preview.url(), *where, *flags)
    assert ended.code == code
    assert "not judged: the server is unavailable (Connection refused)" in ended.err
    assert ("--allow-partial accepts that" in ended.err) == ("--allow-partial" not in flags)
    assert "can send results later only from a file that --format json" in ended.err


@pytest.mark.parametrize("allowed", [[], ["--allow-partial"]])
async def test_nobody_who_reads_the_result_takes_a_server_that_is_away_for_green(
    libra: Command, preview: pages.PageServer, allowed: list[str]
) -> None:
    with refusing_port() as port:
        where = ["--server", f"http://127.0.0.1:{port}", *BUILD, *allowed]
        more = ["--format", "junit", "--summary", "weight.md", "--annotate"]
        ended = await libra("weigh", preview.url(), *where, *more)
    suite = ET.fromstring(ended.out).findall("testsuite")[-1]
    assert suite.get("errors" if not allowed else "skipped") == "1"
    assert "the server is unavailable" in ended.out
    assert "⚠️ Not judged: the server is unavailable" in (libra.folder / "weight.md").read_text(
        "utf-8"
    )
    assert "::warning title=Not judged::the server is unavailable" in ended.err


async def test_one_result_that_is_not_taken_does_not_keep_the_others_from_being_sent(
    libra: Command, service: Service, preview: pages.PageServer
) -> None:
    long = preview.url("/?" + "a" * 1100)
    preview.site["/?" + "a" * 1100] = preview.site["/"]
    where = ["--server", address(service), *BUILD]
    out = ["--format", "json", "--output", "weight.json"]
    ended = await libra("weigh", long, preview.url(), *where, *out, LIBRA_TOKEN=SECRET)
    assert ended.code == 2
    assert "kept: 1 result" in ended.err
    assert "at most 1,024 characters" in ended.err
    assert len(json.loads((libra.folder / "weight.json").read_text())) == 2
    sent = await libra("push", "weight.json", "--server", address(service), LIBRA_TOKEN=SECRET)
    assert (sent.code, sent.err.count("not kept: ")) == (2, 1)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--project", "sh/op", "--branch", "b", "--commit", "c"], "a project's name is"),
        (["--project", "shop", "--branch", "a b", "--commit", "c"], "a branch is"),
        (["--project", "shop", "--branch", "b", "--commit", "c!"], "a commit is"),
        ([*BUILD, "--base", "a b"], "--base 'a b': a branch is"),
    ],
)
async def test_what_can_be_no_build_is_found_before_anything_is_fetched(
    libra: Command, preview: pages.PageServer, flags: list[str], says: str
) -> None:
    with refusing_port() as port:
        ended = await libra("weigh", preview.url(), "--server", f"http://127.0.0.1:{port}", *flags)
    assert ended.code == 2
    assert says in ended.err
    assert preview.requests == []


async def test_what_was_written_while_the_server_was_away_is_sent_later_and_once(
    libra: Command, service: Service, preview: pages.PageServer
) -> None:
    out = ["--format", "json", "--output", "weight.json"]
    urls = [preview.url(), preview.url("/heavy")]
    with refusing_port() as port:
        away = f"http://127.0.0.1:{port}"
        ended = await libra("weigh", *urls, "--server", away, *BUILD, *out)
        assert ended.code == 4
        assert f"`libra push {out[-1]}` sends the missing results" in ended.err
        sent = await libra("push", "weight.json", "--server", away)
        assert sent.code == 4
        assert "Send weight.json again once it is back" in sent.err
        assert "--allow-partial" not in sent.err
    (libra.folder / "empty.json").write_text("[]")
    sent = await libra("push", "empty.json", "--server", away)
    assert (sent.code, sent.err) == (0, "empty.json has no results to send.\n")
    for _ in range(2):
        sent = await libra("push", "weight.json", "--server", address(service), LIBRA_TOKEN=SECRET)
        assert sent.code == 1
        assert "kept: 2 results" in sent.err
        assert "over budget" in sent.err
    pages = (await service.libra.recent()).pages
    assert len(pages) == 2
    (light,) = (page for page in pages if not page.url.endswith("/heavy"))
    await service.libra.forget(light.id)
    sent = await libra("push", "weight.json", "--server", address(service), LIBRA_TOKEN=SECRET)
    assert sent.code == 2
    assert f"not kept: {light.url}: this result was deleted" in sent.err
    assert "kept: 1 result" in sent.err
    assert len((await service.libra.recent()).pages) == 1


async def test_a_page_that_could_not_be_weighed_is_left_out_and_is_no_success(
    libra: Command, service: Service, preview: pages.PageServer
) -> None:
    out = ["--format", "json", "--output", "weight.json"]
    urls = [preview.url(), preview.url("/heavy"), preview.url("/lost")]
    assert (await libra("weigh", *urls, *BUILD, *out)).code == 3
    sent = await libra("push", "weight.json", "--server", address(service), LIBRA_TOKEN=SECRET)
    assert sent.code == 3
    assert f"left out: {preview.url('/lost')}: " in sent.err
    assert "kept: 2 results" in sent.err


async def test_a_server_in_the_environment_is_for_watches_where_there_is_no_project(
    libra: Command, preview: pages.PageServer
) -> None:
    with refusing_port() as port:
        server = f"http://127.0.0.1:{port}"
        ended = await libra("weigh", preview.url(), LIBRA_SERVER=server)
        assert (ended.code, ended.err) == (0, "")
        ended = await libra("weigh", preview.url(), "--server", server)
    assert ended.code == 2
    assert "--server needs --project" in ended.err


async def test_a_file_without_a_build_needs_the_flags(
    libra: Command, service: Service, preview: pages.PageServer
) -> None:
    await libra("weigh", preview.url(), "--format", "json", "--output", "weight.json")
    where = ["push", "weight.json", "--server", address(service)]
    without = await libra(*where, LIBRA_TOKEN=SECRET, GITHUB_REF_NAME="", GITHUB_SHA="")
    assert without.code == 2
    assert "has no build" in without.err
    assert (await libra(*where, *BUILD, LIBRA_TOKEN=SECRET)).code == 0


async def test_branch_and_commit_are_those_of_the_ci(
    libra: Command, service: Service, preview: pages.PageServer
) -> None:
    where = ["--server", address(service), "--project", "shop"]
    github = {"GITHUB_HEAD_REF": "topic", "GITHUB_REF_NAME": "7/merge", "GITHUB_SHA": "c3"}
    ended = await libra("weigh", preview.url(), *where, LIBRA_TOKEN=SECRET, **github)
    assert ended.code == 0, ended.err
    (page,) = (await service.libra.recent()).pages
    assert page.build is not None
    assert (page.build.branch, page.build.commit, page.build.path) == ("topic", "c3", "/")
    nowhere = dict.fromkeys(("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "GITHUB_SHA"), "")
    ended = await libra("weigh", preview.url(), *where, **nowhere)
    assert ended.code == 2
    assert "--project needs --branch" in ended.err
