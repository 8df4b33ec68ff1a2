"""A fixture for pytest that weighs the pages of the application under test.

::

    def test_home(weigh):
        assert weigh("/").total.transfer_bytes < 500_000

The application comes from the fixture `libra_app`, from ``--libra-app`` or from ``libra_app`` in the
settings of pytest: ``package.module:name`` of a WSGI or ASGI application, or the address of a running
one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import pytest

if TYPE_CHECKING:
    from libra.report import Report
    from libra.weighing.method_choice import Choice
    from libra.weighing.options import Options

# The first test that uses the fixture imports the weigher: pytest loads this file at every start.

HOW = (
    "Name the application to weigh: define a fixture libra_app that returns it, set"
    " libra_app = package.module:name (or an address) in the settings of pytest, or pass --libra-app."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--libra-app``, and the setting of the same name."""
    words = "the application that the fixture weigh weighs: package.module:name, or an address"
    parser.getgroup("libra").addoption("--libra-app", metavar="APP", help=words)
    parser.addini("libra_app", words)


@pytest.fixture(scope="session")
def libra_app(request: pytest.FixtureRequest) -> Any:
    """The application under test: WSGI, ASGI, or the address of a running one. Tests may override it."""
    named = request.config.getoption("libra_app") or request.config.getini("libra_app")
    if not named:
        pytest.fail(HOW, pytrace=False)
    if named.startswith(("http://", "https://")):
        return named
    from libra.pytest_plugin.serving import NoApplication, application  # noqa: PLC0415 - see above

    try:
        return application(named)
    except NoApplication as error:
        reason = str(error)
    # Outside the handler: else every test would print the exception's history with it.
    pytest.fail(f"{reason}. {HOW}", pytrace=False)


@pytest.fixture(scope="session")
def libra_url(libra_app: Any) -> Iterator[str]:
    """The address of the application; a port of this machine serves it while tests run."""
    if isinstance(libra_app, str):
        yield libra_app
        return
    from libra.pytest_plugin.serving import serve  # noqa: PLC0415 - see above

    with serve(libra_app) as url:
        yield url


@pytest.fixture(scope="session")
def weigh(libra_app: Any, libra_url: str) -> Weigh:
    """Weighs a page of the application under test; see `Weigh`."""
    return Weigh(libra_url, trusted=not isinstance(libra_app, str))


class Weigh:
    """The type of the fixture `weigh`.

    Args:
        base: the address of the application.
        trusted: whether the application is the test's own: then its pages are read in this process.
    """

    def __init__(self, base: str, *, trusted: bool) -> None:
        self.base = base
        self._trusted = trusted

    def __call__(
        self,
        path: str = "/",
        *,
        method: Choice | None = None,
        viewport: str | None = None,
        headers: Mapping[str, str] | None = None,
        options: Options | None = None,
        allow_partial: bool = False,
    ) -> Report:
        """Weigh a page and return its report, in tests with an event loop and without one.

        Args:
            path: of the page, or its whole address.
            method: ``static`` (the default), ``rendered``, or ``auto``: a browser for pages that scripts
                build.
            viewport: such as ``412x823@1.75``.
            headers: for requests to the page's own origin, such as its cookie.
            options: all of these at once, the method too, in place of the other arguments.
            allow_partial: accept a page that was weighed only in part.

        Raises:
            NotWeighed: the page could not be weighed.
            NotWhole: only a part of it was weighed, so it may weigh more.
            InvalidOptions: a header, the viewport or the method is invalid, or there are options and
                another argument.
            InvalidURL: the path is not an address.
        """
        from libra.pytest_plugin.weighing import how, require, weigh_page  # noqa: PLC0415

        __tracebackhide__ = True  # the traceback ends at the line of the test
        chosen, by = how(options, method, viewport, headers)
        url = urljoin(f"{self.base.rstrip('/')}/", path)
        # In a thread: a test that is a coroutine runs a loop in this one.
        with ThreadPoolExecutor(1, thread_name_prefix="libra-weigh") as thread:
            work = weigh_page(url, chosen, by, in_process=self._trusted)
            report = thread.submit(asyncio.run, work).result()
        require(report, whole=not allow_partial)
        return report
