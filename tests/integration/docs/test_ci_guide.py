"""The how-to for CI does what it says: its blocks are run, on pages of a server of the test's own."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml  # type: ignore[import-untyped]  # its types are no part of it

from libra.formats.report_json import from_json
from libra.testing import pages
from support.needs import needs
from support.nursery import Nursery
from support.ports import ReservedPort

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs/how-to/ci.md").read_text("utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w*)\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


def block(*words: str, language: str = "") -> str:
    """The one block of the guide that has all of these words."""
    (found,) = [
        code for name, code in BLOCKS if name == language and all(word in code for word in words)
    ]
    return found


def first(word: str) -> str:
    """The first block for the shell with a word: the simplest."""
    return next(code for name, code in BLOCKS if not name and word in code)


class Runner:
    """A machine of a CI service: an empty folder with the repository's files, and a shell."""

    def __init__(self, folder: Path, server: pages.PageServer, nursery: Nursery) -> None:
        self.folder = folder
        self.server = server
        tools = folder / "tools"
        tools.mkdir()
        command, self._nursery = nursery.command()
        for name, does in (("libra", f'exec {command} "$@"'), ("pip", "exit 0")):
            (tools / name).write_text(f"#!/bin/sh\n{does}\n")
            (tools / name).chmod(0o755)
        (folder / "budget.json").write_text(block("resourceSizes", language="json"))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LIBRA_")}
        path = f"{tools}:{os.environ['PATH']}"
        self.environment = {**kept, "PATH": path, "NURSERY": str(self._nursery)}

    async def __call__(self, script: str, **environment: str) -> int:
        """The exit code of a script, which ends at the first command that fails, as in CI."""
        for address in ("https://preview.example.com", "https://example.com"):
            script = script.replace(address, self.server.url().rstrip("/"))
        process = await asyncio.create_subprocess_exec(
            *("sh", "-e", "-c", script),
            cwd=self.folder,
            env={**self.environment, **environment},
            pass_fds=[self._nursery],
        )
        return await process.wait()


@pytest.fixture
async def server() -> AsyncIterator[pages.PageServer]:
    async with pages.PageServer(pages.simple()) as running:
        yield running


@pytest.fixture
def run(tmp_path: Path, server: pages.PageServer, nursery: Nursery) -> Runner:
    return Runner(tmp_path, server, nursery)


HEAVY = pages.script("x" * 2_000_000)


@pytest.mark.parametrize("flag", ["--max-weight", "--budget"])
async def test_the_shortest_checks_pass_and_fail_with_the_page(run: Runner, flag: str) -> None:
    script = first(flag)
    assert await run(script) == 0
    run.server.site["/app.js"] = HEAVY
    assert await run(script) == 1
    run.server.site.pop("/")
    assert await run(script) == 3


def test_the_workflow_for_github_and_the_component_for_gitlab_have_the_inputs_that_there_are() -> (
    None
):
    """What the action and the component do with them is tried with them (test_action.py)."""
    job = yaml.safe_load(block("pull_request", language="yaml"))
    (use,) = [step for step in job["jobs"]["weigh"]["steps"] if "with" in step]
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    assert set(use["with"]) <= set(action["inputs"])
    assert all(f"`{name}`" in GUIDE for name in (*action["inputs"], *action["outputs"]))
    assert job["permissions"]["pull-requests"] == "write"
    (included,) = yaml.safe_load(block("component", language="yaml"))["include"]
    head, _ = yaml.safe_load_all((ROOT / "templates/weigh.yml").read_text("utf-8"))
    assert set(included["inputs"]) <= set(head["spec"]["inputs"])
    assert all(
        f"`{name}`" in GUIDE or name in included["inputs"] for name in head["spec"]["inputs"]
    )


async def test_a_step_of_ones_own_for_github_judges_and_writes_the_summary(run: Runner) -> None:
    (line,) = re.findall(r"`libra weigh … (--summary [^`]*)`", GUIDE)
    script = f"libra weigh https://example.com --max-weight 1MB {line} 2> told.txt"
    summary = run.folder / "summary.md"
    assert await run(script, GITHUB_STEP_SUMMARY=str(summary)) == 0
    run.server.site["/app.js"] = HEAVY
    assert await run(script, GITHUB_STEP_SUMMARY=str(summary)) == 1
    text = summary.read_text()
    assert text.index("✅ within budget") < text.index("### Over budget")
    assert "::error title=Over budget::" in (run.folder / "told.txt").read_text()


async def test_the_script_for_gitlab_leaves_a_junit_report_also_when_it_fails(run: Runner) -> None:
    job = yaml.safe_load(block("junit", language="yaml"))["page weight"]
    run.server.site["/app.js"] = HEAVY
    assert await run("\n".join(job["script"]), PREVIEW_URL=run.server.url()) == 1
    root = ET.parse(run.folder / job["artifacts"]["reports"]["junit"]).getroot()
    assert int(root.get("failures", "0")) >= 1


async def test_a_change_is_compared_with_what_is_live(run: Runner) -> None:
    live, preview = block("--compare live.json").strip().splitlines()
    assert await run(live) == 0
    (before,) = from_json((run.folder / "live.json").read_bytes())
    run.server.site["/photo.png"] = pages.image(12_001)
    assert await run(f"{preview} > told.txt") == 0
    assert "1 changed" in (run.folder / "told.txt").read_text()
    assert before.total.requests


@needs("curl")
async def test_a_site_that_the_job_serves_itself_is_weighed(run: Runner) -> None:
    (run.folder / "dist").mkdir()
    (run.folder / "dist/index.html").write_text("<title>Own</title>")
    with ReservedPort() as port:
        script = block("http.server").replace("8080", str(port))
        assert await run(f"trap 'kill $!' EXIT\n{script}") == 0


async def test_credentials_come_from_the_environment(run: Runner) -> None:
    assert await run(block("LIBRA_HEADER"), PREVIEW_TOKEN="dTpw") == 0
    assert run.server.requests[0].headers["authorization"] == "Basic dTpw"


async def test_many_pages_come_from_a_list_and_a_sitemap(run: Runner) -> None:
    (run.folder / "pages.txt").write_text(f"# ours\n{run.server.url()}\n")
    place = f"<urlset><url><loc>{run.server.url()}</loc></url></urlset>"
    run.server.site["/sitemap.xml"] = pages.Page(place.encode(), "text/xml")
    assert await run(first("--sitemap")) == 0


async def test_a_breach_can_be_let_pass_and_a_failure_cannot(run: Runner) -> None:
    (run.folder / "pages.txt").write_text(run.server.url())
    run.server.site["/app.js"] = HEAVY
    script = first("test $?")
    assert await run(script) == 0
    run.server.site.pop("/")
    assert await run(script) != 0


async def test_settings_in_the_repository_hold(run: Runner) -> None:
    (run.folder / "libra.toml").write_text(block("concurrency", language="toml"))
    run.server.site["/app.js"] = HEAVY
    assert await run(f"libra weigh {run.server.url()}") == 1
    assert run.server.requests[0].headers["user-agent"] == "example.com page weight check"
