"""The examples of docs/processes.md and of the modules run as they stand."""

import ast
import inspect
import re
import textwrap
from pathlib import Path

import pytest

from libra.otp._process import genserver

DOCS = Path(__file__).parent.parent.parent / "docs" / "processes.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", DOCS.read_text("utf-8"), re.DOTALL | re.MULTILINE)


async def run(source: str) -> None:
    code = compile(source, "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    done = eval(code, {"__name__": "example"})  # the project's own documentation
    if inspect.isawaitable(done):
        await done


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
async def test_the_examples_of_the_documentation_run(number: int) -> None:
    await run(EXAMPLES[number])


async def test_the_smallest_example_of_a_gen_server_runs() -> None:
    text = genserver.__doc__ or ""
    (example,) = re.findall(
        r"^    class Counter.*?counter.stop\(\)$", text, re.DOTALL | re.MULTILINE
    )
    await run("from libra.otp import GenServer, Reply, Runtime\n\n" + textwrap.dedent(example))
