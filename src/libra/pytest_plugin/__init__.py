"""A fixture for pytest: what do the pages of the application under test weigh?

::

    def test_home(weigh):
        assert weigh("/").total.transfer_bytes < 500_000

The application is that of the fixture `libra_app`, of ``--libra-app`` or of ``libra_app`` in the
settings of pytest: ``package.module:name`` of a WSGI or ASGI application, or an address where one runs.
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

# What weighs is imported by the first test that asks for it: pytest loads this at every start.

HOW = (
    "Say which application is to be weighed: define a fixture libra_app that returns it, or set"
    " libra_app = package.module:name (or an address) in the settings of pytest, or give --libra-app."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--libra-app``, and the setting of the same name."""
    words = "the application that the fixture weigh weighs: package.module:name, or an address"
    parser.getgroup("libra").addoption("--libra-app", metavar="APP", help=words)
    parser.addini("libra_app", words)


@pytest.fixture(scope="session")
def libra_app(request: pytest.FixtureRequest) -> Any:
    """The application under test: WSGI, ASGI, or the address of one that runs. Made to be replaced."""
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
    # Not within the handler: how it came about would be printed with it, once for each test.
    pytest.fail(f"{reason}. {HOW}", pytrace=False)


@pytest.fixture(scope="session")
def libra_url(libra_app: Any) -> Iterator[str]:
    """Where the application answers; it is served on a port of this machine while tests run."""
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
    """What the fixture `weigh` is.

    Args:
        base: where the application answers.
        trusted: whether it is the test's own: then its pages are read in this program.
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
        """Weigh a page and return its report, in tests with an event loop as in those without.

        Args:
            path: of the page, or its whole address.
            method: ``static``, which it is if nothing is said, ``rendered``, or ``auto``: a browser for
                pages that scripts build.
            viewport: such as ``412x823@1.75``.
            headers: for requests to the page's own origin, such as its cookie.
            options: all of that at once, the method too, in place of the other arguments.
            allow_partial: take a part of a page for the page.

        Raises:
            NotWeighed: the page could not be weighed.
            NotWhole: only a part of it was, so that it may weigh more.
            InvalidOptions: a header, the viewport or the method is none, or options are beside one.
            InvalidURL: that is no address.
        """
        from libra.pytest_plugin.weighing import how, require, weigh_page  # noqa: PLC0415

        __tracebackhide__ = True  # a failure is about the line of the test
        chosen, by = how(options, method, viewport, headers)
        url = urljoin(f"{self.base.rstrip('/')}/", path)
        # On a thread: in a test that is a coroutine, a loop runs on this one.
        with ThreadPoolExecutor(1, thread_name_prefix="libra-weigh") as thread:
            work = weigh_page(url, chosen, by, in_process=self._trusted)
            report = thread.submit(asyncio.run, work).result()
        require(report, whole=not allow_partial)
        return report
