"""A run of the tests says what it leaves out, and where everything is required it fails by name."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from support.needs import NEEDS, needs

TESTS = Path(__file__).parents[1]

SKIPS = {
    "a mark": "@needs('nothing')\ndef test(): ...",
    "skipif": "@pytest.mark.skipif(True, reason='nothing is missing: install it')\ndef test(): ...",
    "a call": "def test():\n    pytest.skip('nothing is missing: install it')",
    "a fixture": ("@pytest.fixture\ndef thing():\n    require('nothing')\n\ndef test(thing): ..."),
    "no parameters": "@pytest.mark.parametrize('one', [])\ndef test(one): ...",
    "a module": "pytest.skip('nothing is missing: install it', allow_module_level=True)",
    "an import": "pytest.importorskip('libra.nothing')\ndef test(): ...",
}
START = """
import pytest
from support.needs import NEEDS, Need, needs, require
NEEDS['nothing'] = Need(lambda: False, 'install it')
"""


async def run(folder: Path, *flags: str, **environment: str) -> tuple[int, str]:
    """A run of pytest with these plugins and no others, which take long to load."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-p", "support.not_tested", "-p", "no:cacheprovider"),
        *("--rootdir", str(folder), "-c", os.devnull, *flags, str(folder)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "LIBRA_REQUIRE_ALL": "",
            "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path]),
            **environment,
        },
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_every_skip_is_a_failure_where_everything_is_required(tmp_path: Path) -> None:
    for how, text in SKIPS.items():
        (tmp_path / f"test_{how.replace(' ', '_')}.py").write_text(START + text)
    code, said = await run(tmp_path, "--continue-on-collection-errors", LIBRA_REQUIRE_ALL="1")
    assert code not in (0, 5), said
    assert said.count("NOT TESTED, and here everything has to be: ") == len(SKIPS), said
    assert " skipped" not in said


@pytest.mark.parametrize("flags", [(), ("-p", "xdist", "-n", "2")], ids=["alone", "side by side"])
async def test_elsewhere_a_line_says_what_is_missing(
    flags: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "test_three.py").write_text(
        START + "@pytest.mark.parametrize('n', range(3))\n@needs('nothing')\ndef test(n): ..."
    )
    (tmp_path / "test_other.py").write_text(START + "def test():\n    pytest.skip('no reason')")
    (tmp_path / "test_module.py").write_text(START + SKIPS["a module"])
    (tmp_path / "test_passes.py").write_text("def test(): ...")
    code, said = await run(tmp_path, *flags)
    assert code == 0, said
    lines = [line for line in said.splitlines() if line.startswith("NOT TESTED")]
    assert lines == [
        "NOT TESTED: no reason (1 test)",
        "NOT TESTED: nothing is missing (3 tests): install it",
        "NOT TESTED: all of test_module.py: nothing is missing: install it",
    ]


async def test_what_is_expected_to_fail_is_not_left_out(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        START + "@pytest.mark.xfail(strict=True)\ndef test():\n    assert False"
    )
    code, said = await run(tmp_path, LIBRA_REQUIRE_ALL="1")
    assert code == 0, said
    assert "NOT TESTED" not in said


def test_a_need_that_nobody_knows_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        needs("nothing that there is")
    assert "nothing" not in NEEDS
