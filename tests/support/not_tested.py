"""A plugin of pytest: no test is left out without being told.

Whatever skips a test or a module, a line at the end says what was not tested and what to do about it.
With ``LIBRA_REQUIRE_ALL=1``, as in CI, each skip is a failure instead.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest

from support.needs import missing

_MODULES = pytest.StashKey[set[str]]()
"""Of modules that were skipped as a whole: where, and why."""


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known, and a place for what is skipped as a whole."""
    config.addinivalue_line("markers", "needs(*names): what it needs that may be missing")
    config.stash[_MODULES] = set()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what cannot be tested here, before any of its fixtures begins."""
    for mark in item.iter_markers("needs"):
        for reason in filter(None, map(missing, mark.args)):
            pytest.skip(reason)


# Around all other plugins, so that this sees what they have made of it.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything is to be tested, a test that is skipped has failed."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and _all_is_required():
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same of a module that is skipped as a whole."""
    report = yield
    if report.skipped:
        collector.config.stash[_MODULES].add(f"{report.nodeid}: {_reason(report)}")
        if _all_is_required():
            _fail(report)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let the process that prints the summary know what this one could not collect."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        modules = session.config.stash[_MODULES]
        output["not_collected"] = sorted(modules)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A process of pytest-xdist has ended: every one of them has collected everything."""
    output = getattr(node, "workeroutput", {})
    node.config.stash[_MODULES].update(output.get("not_collected", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each thing that is missing."""
    skipped = terminalreporter.stats.get("skipped", ())
    reasons = Counter(_reason(report) for report in skipped if report.when != "collect")
    for reason, number in sorted(reasons.items()):
        what, colon, remedy = reason.partition(": ")
        tests = "1 test" if number == 1 else f"{number} tests"
        _say(terminalreporter, f"{what} ({tests}){colon}{remedy}")
    if not _all_is_required():
        modules = terminalreporter.config.stash[_MODULES]
        for module in sorted(modules):
            _say(terminalreporter, f"all of {module}")


def _say(terminalreporter: pytest.TerminalReporter, words: str) -> None:
    terminalreporter.write_line(f"NOT TESTED: {words}", yellow=True, bold=True)


def _all_is_required() -> bool:
    return os.environ.get("LIBRA_REQUIRE_ALL") == "1"


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = _reason(report)
    report.outcome = "failed"
    report.longrepr = f"NOT TESTED, and here everything has to be: {reason}"


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    place = report.longrepr
    said = place[2] if isinstance(place, tuple) else str(place)
    return said.removeprefix("Skipped: ")
