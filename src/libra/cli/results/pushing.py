"""Sends results to a Libra that keeps them, and hears what they are compared with and judged by."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit

import click
import msgspec

from libra.budgets.lighthouse import Check
from libra.cli.asking import NoAnswer, ServerAnswer, ask
from libra.cli.inputs import DIRECTLY, Route
from libra.decoding import Undecodable, decode_json_as
from libra.formats.sentences import outcome
from libra.report import Build, Report, encode
from libra.wording import plain

PATIENCE: Final = 30.0
"""Seconds between two signs of life of the server."""

TRIES: Final = 3
PAUSES: Final = (0.5, 1.5)
"""Seconds before the second try, and the third."""

LONGEST: Final = 10.0
"""Seconds that the server may ask to be left alone between two tries."""

MOST: Final = 20_000_000
"""Bytes of an answer, which has a report in it."""

_OF_ONE: Final = frozenset({400, 413})
"""What is about one result: another may be taken."""

_LATER: Final = frozenset({429, 500, 502, 503, 504})
"""What may be another answer in a moment."""

_BRANCH: Final = ("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME")
_COMMIT: Final = ("GITHUB_SHA", "CI_COMMIT_SHA")
"""Where GitHub and GitLab say what they build."""


class ResultRefused(click.ClickException):
    """The server does not take a result, and will not: the token, the project or the result is wrong."""

    exit_code = 2


class _OneRefused(Exception):
    """The server does not take a result for what it is; the message says why."""


class _DeletedThere(Exception):
    """The server had this very result and somebody deleted it there: a fact about it alone."""


class BuildSource(NamedTuple):
    """Which build the pages of a run belong to."""

    project: str
    branch: str
    commit: str

    def build_of(self, report: Report) -> Build:
        """That of one page."""
        parts = urlsplit(report.url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Build(self.project, self.branch, self.commit, path)


class ResultServer(NamedTuple):
    """Where results are sent to.

    Attributes:
        address: ``http://host[:port]``.
        token: a secret, or the ``NAME:ROLE:SECRET`` of the service.
        base: the branch whose newest results are what these are compared with.
        route: certificates and proxies.
    """

    address: str
    token: str | None = None
    base: str | None = "main"
    route: Route = DIRECTLY


class KeptByServer(msgspec.Struct, frozen=True):
    """What the server answers; see `libra.web.routes.results`."""

    id: str
    known: bool
    baseline: Report | None
    baseline_known: bool
    checks: tuple[Check, ...]


class Pushed(msgspec.Struct, frozen=True):
    """What came of sending the results of a run.

    Attributes:
        pairs: baselines, each with the page that is compared with it.
        checks: of the budgets that the server keeps.
        kept: how many the server has.
        away: why it was not asked to the end, if it was not.
        unsure: the pages whose baseline it could not look for.
        new: the pages that it has no baseline of.
        deleted: the pages whose result was deleted there since it was sent before.
        unfit: the pages whose result it does not take for what it is, and why.
        refused: why it takes none, if it does not; then it was not asked to the end.
    """

    pairs: tuple[tuple[Report, Report], ...] = ()
    checks: tuple[Check, ...] = ()
    kept: int = 0
    away: str | None = None
    unsure: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    unfit: tuple[tuple[str, str], ...] = ()
    refused: str | None = None

    @property
    def unjudged(self) -> str | None:
        """Why nobody can say whether the results are all right; None if that can be said."""
        if self.away is not None:
            reason = plain(self.away)
            return f"the server is away ({reason}), so that only the budgets at hand were judged"
        if self.unsure:
            return "the server could not look for what the pages are to be compared with"
        return None


def source_of(project: str | None, branch: str | None, commit: str | None) -> BuildSource | None:
    """What the flags say, and else what GitHub or GitLab do; None without a project.

    Raises:
        click.UsageError: a part is missing, or cannot be what it is called.
    """
    if project is None:
        return None
    branch = branch or _first(_BRANCH, os.environ)
    commit = commit or _first(_COMMIT, os.environ)
    for name, found in (("--branch", branch), ("--commit", commit)):
        if not found:
            raise click.UsageError(
                f"--project needs {name}: GitHub and GitLab set it, elsewhere say it."
            )
    source = BuildSource(project, branch or "", commit or "")
    problem = Build(*source, path="/").problem()
    if problem is not None:
        raise click.UsageError(
            f"--project {project!r} --branch {branch!r} --commit {commit!r}: {problem}."
        )
    return source


def require_branch(base: str) -> None:
    """Return only for the name of a branch.

    Raises:
        click.UsageError: it is none.
    """
    problem = Build("any", base, "any", "/").problem()
    if problem is not None:
        raise click.UsageError(f"--base {base!r}: {problem}.")


def _first(names: Iterable[str], environ: Mapping[str, str]) -> str | None:
    return next((found for name in names if (found := environ.get(name))), None)


def push(reports: Sequence[Report], server: ResultServer) -> Pushed:
    """Send each page that was weighed, and hear of it.

    A server that gives no answer is asked no more: the run must end, and `libra push` can send the
    same file later. Nothing is raised for one that does not take a result: weighing was some work.
    """
    answers: list[tuple[Report, KeptByServer]] = []
    away: str | None = None
    refused: str | None = None
    deleted: list[str] = []
    unfit: list[tuple[str, str]] = []
    for report in reports:
        if outcome(report):
            continue
        try:
            answers.append((report, _push(report, server)))
        except NoAnswer as error:
            away = str(error)
            break
        except ResultRefused as error:
            refused = error.message
            break
        except _DeletedThere:
            deleted.append(report.url)
        except _OneRefused as error:
            unfit.append((report.url, str(error)))
    return Pushed(
        tuple((kept.baseline, report) for report, kept in answers if kept.baseline is not None),
        tuple(check for _, kept in answers for check in kept.checks),
        len(answers),
        away,
        tuple(r.url for r, kept in answers if kept.baseline is None and not kept.baseline_known),
        tuple(r.url for r, kept in answers if kept.baseline is None and kept.baseline_known),
        tuple(deleted),
        tuple(unfit),
        refused,
    )


def _push(report: Report, server: ResultServer) -> KeptByServer:
    build = report.build
    if build is None:
        raise ResultRefused(
            f"{plain(report.url)} has no build: say --project, --branch and --commit."
        )
    url = f"{server.address}/projects/{quote(build.project, safe='')}/results"
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "User-Agent": "libra",
    }
    if server.token:
        headers["Authorization"] = f"Bearer {server.token.strip().rpartition(':')[2]}"
    body = _body(report, build, server.base)
    answer = _ask(url, headers, body, server.route)
    if answer.status == HTTPStatus.GONE:
        raise _DeletedThere
    if answer.status in _OF_ONE:
        raise _OneRefused(_reason(answer))
    if answer.status != 200:
        raise ResultRefused(
            f"{server.address} does not take {plain(report.url)}: {_reason(answer)}"
        )
    try:
        return decode_json_as(answer.body, KeptByServer)
    except Undecodable as error:
        raise NoAnswer(f"{server.address} is no Libra that keeps results: {error}") from None


def _body(report: Report, build: Build, base: str | None) -> bytes:
    sent: dict[str, Any] = {
        "branch": build.branch,
        "commit": build.commit,
        "path": build.path,
        "base": base,
        "report": msgspec.Raw(encode(report)),
    }
    return msgspec.json.encode(sent)


def _ask(url: str, headers: Mapping[str, str], body: bytes, route: Route) -> ServerAnswer:
    """The answer to one of a few tries; sending a result again is the same result."""
    for tried in range(1, TRIES + 1):
        pause = PAUSES[min(tried, len(PAUSES)) - 1]
        try:
            answer = ask(
                "POST", url, headers=headers, body=body, seconds=PATIENCE, most=MOST, route=route
            )
        except NoAnswer:
            if tried == TRIES:
                raise
        else:
            if answer.status not in _LATER:
                return answer
            if tried == TRIES:
                raise NoAnswer(_reason(answer))
            asked = answer.headers.get("retry-after", "")
            pause = min(LONGEST, max(pause, float(asked) if asked.isdecimal() else 0.0))
        time.sleep(pause)
    raise AssertionError("unreachable")


def _reason(answer: ServerAnswer) -> str:
    try:
        problem = decode_json_as(answer.body, dict[str, Any])
    except Undecodable:
        return f"it answers {answer.status}"
    detail = problem.get("detail") or problem.get("title") or f"it answers {answer.status}"
    needed = " Put its secret into LIBRA_TOKEN." if answer.status == 401 else ""
    return f"{plain(str(detail))}{needed}"
