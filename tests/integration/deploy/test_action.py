"""The action of GitHub and the component of GitLab: well-formed, and their steps do what they say.

The steps run as scripts on this machine, with what a runner sets; no runner of either ever ran them.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml  # type: ignore[import-untyped]  # its types are no part of it

from libra.cli.weigh import weigh
from libra.testing import pages
from support.command import Command
from support.github_api import TOKEN, GitHub, github_api
from support.nursery import Nursery

ROOT = Path(__file__).parents[3]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
HEAD, COMPONENT = yaml.safe_load_all((ROOT / "templates/weigh.yml").read_text("utf-8"))


@dataclass(frozen=True)
class Step:
    code: int
    out: str


class Runner:
    """A machine of GitHub: an empty folder, its files for a job, and Libra where the action puts it."""

    def __init__(self, folder: Path, github: GitHub, nursery: Nursery) -> None:
        self.folder = folder
        tools = folder / "temp/libra/bin"
        tools.mkdir(parents=True)
        command, self.descriptor = nursery.command()
        (tools / "libra").write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (tools / "libra").chmod(0o755)
        (folder / "event.json").write_text(json.dumps({"pull_request": {"number": 7}}))
        self.environment = {
            **Command.environment(),
            "NURSERY": str(self.descriptor),
            "RUNNER_TEMP": str(folder / "temp"),
            "GITHUB_API_URL": github.url,
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_REPOSITORY": "we/shop",
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        }
        self.environment.pop("GITHUB_TOKEN", None)

    async def __call__(self, name: str, **inputs: str) -> Step:
        """Run a step of the action with these inputs, as the runner's `shell: bash` does."""
        (step,) = [one for one in ACTION["runs"]["steps"] if one["name"] == name]
        given = {key: str(one["default"]) for key, one in ACTION["inputs"].items()}
        given |= {key.replace("_", "-"): value for key, value in inputs.items()}
        script = self.folder / "step.sh"
        script.write_text(step["run"])
        process = await asyncio.create_subprocess_exec(
            *("bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)),
            cwd=self.folder,
            env=self.environment | {k: self._value(v, given) for k, v in step["env"].items()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[self.descriptor],
        )
        out, _ = await process.communicate()
        assert process.returncode is not None
        return Step(process.returncode, out.decode())

    @staticmethod
    def _value(text: str, given: dict[str, str]) -> str:
        text = text.replace("${{ github.action_path }}", str(ROOT))
        return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: given[match[1]], text)

    @property
    def outputs(self) -> dict[str, str]:
        lines = (self.folder / "output").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture
async def server() -> AsyncIterator[pages.PageServer]:
    async with pages.PageServer(pages.simple()) as running:
        yield running


@pytest.fixture
def github() -> Iterator[GitHub]:
    with github_api() as api:
        yield api


@pytest.fixture
def runner(tmp_path: Path, github: GitHub, nursery: Nursery) -> Runner:
    return Runner(tmp_path, github, nursery)


@pytest.mark.parametrize(
    ("schema", "document"),
    [("vendor.github-actions", ACTION), ("vendor.gitlab-ci", HEAD | COMPONENT)],
)
def test_it_is_what_its_schema_wants(schema: str, document: Any, tmp_path: Path) -> None:
    file = tmp_path / "checked.json"
    file.write_text(json.dumps(document))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


def test_every_input_is_used_and_every_variable_is_a_flag() -> None:
    steps = ACTION["runs"]["steps"]
    used = set(re.findall(r"inputs\.([\w-]+)", json.dumps(steps)))
    assert used == set(ACTION["inputs"])
    flags = {parameter.envvar for parameter in weigh.params}
    variables = {name for step in steps for name in step["env"] if name.startswith("LIBRA_")}
    variables |= {name for name in COMPONENT["page weight"]["variables"] if name[:6] == "LIBRA_"}
    assert variables - {"LIBRA_TOKEN"} <= flags
    named = set(re.findall(r"inputs\.([\w-]+)", json.dumps(COMPONENT)))
    assert named == set(HEAD["spec"]["inputs"])


async def test_it_installs_from_its_own_folder(runner: Runner) -> None:
    tools = runner.folder / "tools"
    tools.mkdir()
    # A Python whose environments have a pip that only says what it was asked for.
    (tools / "python").write_text(
        '#!/bin/sh\nmkdir -p "$3/bin"\nprintf \'#!/bin/sh\\necho pip "$@"\\n\' > "$3/bin/pip"\n'
        'chmod +x "$3/bin/pip"\n'
    )
    (tools / "python").chmod(0o755)
    asked = await runner("Install Libra", python=str(tools / "python"))
    assert asked.out.split() == [
        "pip", "install", "--quiet", "--constraint", f"{ROOT}/constraints.txt", str(ROOT),
    ]  # fmt: skip
    asked = await runner("Install Libra", python=str(tools / "python"), method="auto")
    assert asked.out.split()[-1] == f"{ROOT}[render]"


async def test_pages_are_weighed_with_a_summary_and_outputs(
    runner: Runner, server: pages.PageServer
) -> None:
    server.site["/two"] = pages.html("<p>Some text to read.")
    urls = f"{server.url()}\n\n{server.url('/two')}\n"
    step = await runner("Weigh", urls=urls, max_weight="1MB", arguments="--timeout 30s")
    assert step.code == 0, step.out
    outputs = runner.outputs
    assert (outputs["exit-code"], outputs["pages"]) == ("0", "2")
    assert outputs["report"] == str(runner.folder / "temp/libra-weight.json")
    reports = json.loads((runner.folder / "temp/libra-weight.json").read_text())
    total = sum(one["total"]["transfer_bytes"] for one in reports if one["status"] == "weighed")
    assert int(outputs["transfer-bytes"]) == total
    assert "## Page weight" in (runner.folder / "summary.md").read_text()
    assert "::" not in step.out.replace("://", "")


async def test_a_breach_fails_the_step_with_annotations_after_all_is_written(
    runner: Runner, server: pages.PageServer
) -> None:
    rules = "photo.png < 1kB\nfont < 1 request"
    step = await runner("Weigh", urls=server.url(), rules=rules)
    assert step.code == 1
    assert f"::error title=Over budget::{server.url()}: photo.png size is 10.0 kB" in step.out
    assert (runner.outputs["exit-code"], runner.outputs["weighed"]) == ("1", "1")
    assert "Over budget" in (runner.folder / "summary.md").read_text()


async def test_wrong_usage_fails_the_step_and_leaves_no_outputs(runner: Runner) -> None:
    step = await runner("Weigh", max_weight="much", urls="https://example.com")
    assert step.code == 2
    assert runner.outputs == {"exit-code": "2"}
    assert (await runner("Comment")).code == 0


async def test_the_comment_is_written_once_and_updated_in_place(
    runner: Runner, server: pages.PageServer, github: GitHub
) -> None:
    github.comments[7] = {n: f"comment {n}" for n in range(150)}
    await runner("Weigh", urls=server.url())
    for _ in range(2):
        step = await runner("Comment", github_token=TOKEN)
        assert step.code == 0
        assert step.out.startswith("commented: https://github.example/"), step.out
    assert len(github.comments[7]) == 151
    *others, text = github.comments[7].values()
    assert others == [f"comment {n}" for n in range(150)]
    assert text.startswith("<!-- libra: libra -->\n## Page weight")
    await runner("Weigh", urls=server.url(), max_weight="1kB")
    await runner("Comment", github_token=TOKEN)
    assert "over budget" in list(github.comments[7].values())[-1]
    # Another job of the workflow has another one.
    await runner("Comment", github_token=TOKEN, comment_name="blog")
    assert len(github.comments[7]) == 152


async def test_where_it_may_not_comment_it_warns_and_does_not_fail(
    runner: Runner, server: pages.PageServer, github: GitHub
) -> None:
    await runner("Weigh", urls=server.url())
    github.may_write = False
    step = await runner("Comment", github_token=TOKEN)
    assert step.code == 0
    assert "::warning title=No comment::GitHub answered 403" in step.out
    step = await runner("Comment", github_token="")
    assert "there is no token" in step.out
    (runner.folder / "event.json").write_text("{}")
    step = await runner("Comment", github_token=TOKEN)
    assert "this job does not run for a pull request" in step.out


async def test_a_comment_is_no_longer_than_github_takes(
    runner: Runner, github: GitHub, tmp_path: Path
) -> None:
    text = "".join(f"| line {n} |\n" for n in range(9_000))
    (tmp_path / "temp/libra-weight.md").write_text(text)
    await runner("Comment", github_token=TOKEN)
    (said,) = github.comments[7].values()
    assert 60_000 < len(said) < 65_536
    assert "see the summary of the job" in said


async def test_the_component_of_gitlab_weighs_and_reports(
    runner: Runner, server: pages.PageServer
) -> None:
    job = COMPONENT["page weight"]
    given = {
        name: str((one or {}).get("default", "")) for name, one in HEAD["spec"]["inputs"].items()
    }
    given |= {"urls": server.url(), "max-weight": "1kB", "package": "libra"}

    def filled(text: str) -> str:
        return re.sub(r"\$\[\[ inputs\.([\w-]+) \]\]", lambda match: given[match[1]], text)

    tools = Path(runner.environment["RUNNER_TEMP"]) / "libra/bin"
    (tools / "pip").write_text("#!/bin/sh\nexit 0\n")
    (tools / "pip").chmod(0o755)
    process = await asyncio.create_subprocess_exec(
        *("sh", "-e", "-c", "\n".join(map(filled, job["script"]))),
        cwd=runner.folder,
        env={
            **runner.environment,
            "PATH": f"{tools}:{os.environ['PATH']}",
            **{name: filled(value) for name, value in job["variables"].items()},
        },
        stderr=subprocess.DEVNULL,
        pass_fds=[runner.descriptor],
    )
    assert await process.wait() == 1
    suites = ET.parse(runner.folder / job["artifacts"]["reports"]["junit"]).getroot()
    assert suites.get("failures") == "1"
