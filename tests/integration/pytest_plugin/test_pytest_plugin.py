"""The fixture `weigh`, in test suites of others: against WSGI, ASGI and an address."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from libra.pytest_plugin.serving import NoApplication, application, serve
from libra.pytest_plugin.weighing import how
from libra.testing import pages
from libra.weighing.options import Options
from support.ports import refusing_port

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs/how-to/test-with-pytest.md").read_text("utf-8")

WSGI = """
PAGES = {
    "/": b"<!doctype html><title>Home</title><p>Some text to read.<img src=/photo.png>",
    "/photo.png": b"x" * 9000,
    "/part": b"<!doctype html><p>Some text to read.<img src=http://127.0.0.1:%(port)d/lost.png>",
    "/shell": b"<!doctype html><div id=root></div><script src=/photo.png></script>",
    "/favicon.ico": b"",
}

def app(environ, start_response):
    body = PAGES.get(environ["PATH_INFO"])
    kind = "image/png" if environ["PATH_INFO"].endswith("png") else "text/html"
    start_response("404 Not Found" if body is None else "200 OK", [("Content-Type", kind)])
    return [body or b"", environ.get("HTTP_X_WHO", "").encode()]
"""

ASGI = """
from contextlib import asynccontextmanager

started = []

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            started.append(message["type"])
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": b"<!doctype html><p>" + b"x" * 2000})
"""

TESTS = """
import pytest
from libra import NotWeighed, NotWhole, check_budget

def test_home(weigh):
    report = weigh("/")
    assert report.title == "Home"
    assert report.total.transfer_bytes < 10_000
    assert not any(check.over for check in check_budget(report, rules=["photo.png < 9kB"]))

def test_it_is_weighed_as_told(weigh):
    assert weigh("/", viewport="412x823@1.75").viewport == "412x823@1.75"
    bare, named = weigh("/"), weigh("/", headers={"X-Who": "x" * 50})
    assert named.body.resource_bytes == bare.body.resource_bytes + 50

@pytest.mark.asyncio
async def test_in_a_coroutine(weigh):
    assert weigh("/").total.requests == 3

def test_a_part_proves_nothing(weigh):
    for page in ("/part", "/shell"):
        with pytest.raises(NotWhole, match="allow_partial"):
            weigh(page)
        assert weigh(page, allow_partial=True).status == "weighed"

def test_no_page_proves_nothing(weigh):
    with pytest.raises(NotWeighed, match="404"):
        weigh("/nothing")

def test_too_heavy(weigh):
    assert weigh("/").total.transfer_bytes < 5_000
"""


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    return pytester.runpytest_inprocess(
        "-p", "libra.pytest_plugin", "-p", "no:cacheprovider", *arguments
    )


def test_it_is_found_by_itself_where_libra_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"libra.pytest_plugin": "libra.pytest_plugin"}
    assert "pytest" in project["optional-dependencies"]


def test_a_wsgi_application_is_weighed_and_what_proves_nothing_fails(
    pytester: pytest.Pytester,
) -> None:
    with refusing_port() as port:
        pytester.makepyfile(shop=WSGI % {"port": port}, test_weight=TESTS)
        result = run(pytester, "--libra-app", "shop:app")
    result.assert_outcomes(passed=5, failed=1)
    result.stdout.fnmatch_lines(["FAILED test_weight.py::test_too_heavy*"])


def test_what_cannot_be_meant_fails_and_options_say_all_of_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        shop=WSGI % {"port": 9},
        test_weight="""
        import pytest
        from libra import InvalidOptions, Options

        def test_no_method(weigh):
            with pytest.raises(InvalidOptions, match="static, rendered or auto"):
                weigh("/", method="magic")

        def test_two_voices(weigh):
            for more in ({"method": "static"}, {"viewport": "800x600"}, {"headers": {"A": "b"}}):
                with pytest.raises(InvalidOptions, match="options cannot be combined"):
                    weigh("/", options=Options(), **more)

        def test_options(weigh):
            report = weigh("/", options=Options(viewport="800x600"))
            assert (report.viewport, report.method) == ("800x600@1", "static")
        """,
    )
    run(pytester, "--libra-app", "shop:app").assert_outcomes(passed=3)


def test_the_method_of_options_counts() -> None:
    for options, method in (
        (Options(method="rendered"), "rendered"),
        (Options(auto=True), "auto"),
        (Options(), "static"),
    ):
        assert how(options, None, None, None) == (options, method)


def test_a_failure_shows_the_line_of_the_test_and_nothing_of_the_plugin(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        shop=WSGI % {"port": 9},
        test_weight="""
        def test_gone(weigh):
            weigh("/nothing")
        """,
    )
    shown = run(pytester, "--libra-app", "shop:app", "--tb=short").stdout.str()
    assert 'weigh("/nothing")' in shown
    assert "pytest_plugin" not in shown
    shown = run(pytester, "--libra-app", "ftp://shop.example").stdout.str()
    assert "nor an address with http:// or https://" in shown
    assert "During handling" not in shown


def test_an_asgi_application_is_started_weighed_and_stopped(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        site=ASGI,
        conftest="""
        import pytest
        import site_under_test

        @pytest.fixture(scope="session")
        def libra_app():
            return site_under_test.app

        def pytest_unconfigure():
            print("lifespan:", *site_under_test.started)
        """,
        test_weight="""
        def test_home(weigh):
            assert weigh().body.transfer_bytes == 2018
        """,
    )
    (pytester.path / "site.py").rename(pytester.path / "site_under_test.py")
    result = run(pytester, "-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["lifespan: lifespan.startup lifespan.shutdown"])


async def test_an_address_is_weighed_as_it_is(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_weight="""
        def test_home(weigh):
            assert weigh("/").title == "Elsewhere"
        """
    )
    site = {"/": pages.html("<p>Some text to read", title="Elsewhere")}
    async with pages.PageServer(site) as server:
        process = await pytester_in_a_process(pytester, server.url())
    assert process == 0


async def pytester_in_a_process(pytester: pytest.Pytester, url: str) -> int:
    """Beside the loop that serves the page."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", "-q", "-p", "libra.pytest_plugin", "-p", "no:cacheprovider",
        "--libra-app", url, cwd=pytester.path, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    return await process.wait()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("shop", "'shop' has no colon: write package.module:name"),
        ("no_such:app", "No module named 'no_such'"),
        ("json:nothing", "has no attribute 'nothing'"),
    ],
)
def test_what_is_no_application_is_told(name: str, says: str) -> None:
    with pytest.raises(NoApplication, match=re.escape(says)):
        application(name)
    assert application("json:decoder.JSONDecoder") is json.JSONDecoder


def test_an_application_that_does_not_start_is_told() -> None:
    async def failing(_scope: object, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "not today"})

    with pytest.raises(NoApplication, match="did not start"), serve(failing):
        pass
    with pytest.raises(NoApplication, match="it is not callable"), serve(1):
        pass


def test_without_an_application_it_is_told_what_to_write(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_weight="def test_home(weigh):\n    weigh('/')\n")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*Name the application to weigh*"])


def test_the_guides_examples_run(pytester: pytest.Pytester) -> None:
    """The application, the settings and the tests of the how-to, together."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    python = [code for language, code in blocks if language == "python"]
    tests = [code for code in python if "def test_" in code]
    fixtures = [code for code in python if "def libra_app" in code]
    assert len(tests) >= 2
    assert fixtures
    pytester.makepyfile(
        shop=WSGI % {"port": 9},
        conftest="\n".join(fixtures),
        test_guide="\n".join(tests),
    )
    (budget,) = [code for language, code in blocks if language == "json"]
    (pytester.path / "budget.json").write_text(budget)
    result = run(pytester)
    result.assert_outcomes(passed="\n".join(tests).count("def test_"))
