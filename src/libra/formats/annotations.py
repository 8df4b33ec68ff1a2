"""Failures as GitHub's workflow commands: GitHub shows them at the job and at the change.

See "Workflow commands for GitHub Actions" in its documentation; Gitea and Forgejo read them, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from libra.budgets.lighthouse import Check
from libra.formats.sentences import outcome, remarks
from libra.report import Report
from libra.wording import plain


def to_annotations(
    reports: Sequence[Report], checks: Sequence[Check], unjudged: str | None = None
) -> str:
    """An error for each page that could not be weighed and each breach, a warning for each doubt.

    If not everything could be judged, one more warning says why.
    """
    return "".join(f"{line}\n" for line in _lines(reports, checks, unjudged))


def _lines(
    reports: Sequence[Report], checks: Sequence[Check], unjudged: str | None
) -> Iterator[str]:
    if unjudged is not None:
        yield _command("warning", "Not judged", unjudged)
    for report in reports:
        url, problem = plain(report.url), outcome(report)
        if problem:
            yield _command("error", "Could not be weighed", f"{url}: {problem}")
        for check in checks:
            if check.over and check.page == report.url:
                yield _command("error", "Over budget", f"{url}: {check.sentence()}")
        for remark in remarks(report):
            yield _command("warning", remark.short.capitalize(), f"{url}: {remark.text}")


def _command(kind: str, title: str, message: str) -> str:
    name = _escape(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={name}::{_escape(message)}"


def _escape(text: str) -> str:
    # Characters that would end the line and begin a command that a page has written.
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
