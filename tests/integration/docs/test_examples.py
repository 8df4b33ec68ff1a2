"""The examples in Python that people copy run as they stand, but for the address of the page.

Those of the processes, of testing, of pytest and of signatures are run where these things are tested.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

import libra
from libra import Libra, Settings, judging
from support.site import PAGE, WebSite

ROOT = Path(__file__).parents[3]
ALLOWED = 'Path("my-libra"), allow=("127.0.0.0/8",)'


def examples(page: str) -> list[str]:
    text = (ROOT / page).read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def for_the_site(code: str, site: WebSite) -> str:
    """The same for a page of this machine, which a service is allowed to fetch."""
    code = code.replace("https://example.com", site.url("/").rstrip("/"))
    return code.replace('Path("my-libra")', ALLOWED)


async def run(code: str, **names: Any) -> dict[str, Any]:
    """Run an example that may await; returns the names that it has made."""
    space = {"__name__": "example", **names}
    made = eval(compile(code, "example", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), space)
    if inspect.isawaitable(made):
        await made
    return space


async def test_the_program_of_the_tutorial_weighs_a_page(
    site: WebSite,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = examples("docs/tutorial.md")
    await asyncio.to_thread(exec, for_the_site(code, site), {"__name__": "__main__"})
    *_, last = capsys.readouterr().out.splitlines()
    assert last.startswith("weighed 6 ")
    assert (tmp_path / "my-libra").is_dir()


async def test_the_watch_of_the_guide_is_made(site: WebSite, settings: Settings) -> None:
    code, change, _ = examples("docs/how-to/watch-and-alert.md")
    async with Libra.open(settings) as running:
        made = await run(
            for_the_site(code, site).replace("https://…", site.url("/hook")), libra=running
        )
        assert made["watch"].terms.max_weight == 500_000
        await run(change, **made | {"libra": running, "WatchChanges": libra.WatchChanges})
        assert running.watch_of(made["watch"].id).every == "30m"


async def test_the_lines_of_the_package_weigh_a_page(
    site: WebSite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = re.findall(r"\n\n((?:    .*\n|\n)+)", libra.__doc__ or "")
    opened = Libra.open
    monkeypatch.setattr(Libra, "open", lambda: opened(settings))
    made = await run(for_the_site(textwrap.dedent(code), site))
    assert made["report"].body.resource_bytes == len(PAGE)
    assert made["page_id"]


async def test_the_lines_about_budgets_judge_a_page(
    site: WebSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "budget.json").write_text('[{"rules": ["script.js < 1B"]}]')
    (code,) = re.findall(r"::\n\n((?:    .*\n|\n)+)", judging.__doc__ or "")
    with pytest.raises(AssertionError, match=r"script\.js size is .* over its budget"):
        await asyncio.to_thread(exec, for_the_site(textwrap.dedent(code), site), {})
