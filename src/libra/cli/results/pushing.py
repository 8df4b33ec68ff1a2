"""Sends results to a Libra that keeps them, and reads its baselines and checks."""

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
"""Longest silence of the server, in seconds."""

TRIES: Final = 3
PAUSES: Final = (0.5, 1.5)
"""Seconds before the second try, and the third."""

LONGEST: Final = 10.0
"""Longest pause between two tries that the server may ask for, in seconds."""

MOST: Final = 20_000_000
"""Largest answer in bytes; it contains a report."""

_OF_ONE: Final = frozenset({400, 413})
"""Statuses that concern one result only: the server may accept another."""

_LATER: Final = frozenset({429, 500, 502, 503, 504})
"""Statuses that may change in a moment."""

_BRANCH: Final = ("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME")
_COMMIT: Final = ("GITHUB_SHA", "CI_COMMIT_SHA")
"""Variables in which GitHub and GitLab give the commit that they build."""


class ResultRefused(click.ClickException):
    """The server refuses results for good: the token, the project or the result is wrong."""

    exit_code = 2


class _OneRefused(Exception):
    """The server refuses one result because of its contents; the message says why."""


class _DeletedThere(Exception):
    """The server had this result and somebody deleted it there; other results are not affected."""


class BuildSource(NamedTuple):
    """The build that the pages of a run belong to."""

    project: str
    branch: str
    commit: str

    def build_of(self, report: Report) -> Build:
        """The build of one page."""
        parts = urlsplit(report.url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Build(self.project, self.branch, self.commit, path)


class ResultServer(NamedTuple):
    """A server for results.

    Attributes:
        address: ``http://host[:port]``.
        token: a secret, or the ``NAME:ROLE:SECRET`` of the service.
        base: the branch whose newest results are the baselines.
        route: certificates and proxies.
    """

    address: str
    token: str | None = None
    base: str | None = "main"
    route: Route = DIRECTLY


class KeptByServer(msgspec.Struct, frozen=True):
    """The answer of the server; see `libra.web.routes.results`."""

    id: str
    known: bool
    baseline: Report | None
    baseline_known: bool
    checks: tuple[Check, ...]
    unjudged: str | None = None


class Pushed(msgspec.Struct, frozen=True):
    """The outcome of sending the results of a run.

    Attributes:
        pairs: baselines, each with the page to compare with it.
        checks: of the budgets on the server.
        kept: how many results the server has.
        away: why the server was not asked to the end, if it was not.
        unsure: the pages whose baseline the server could not look for.
        new: the pages without a baseline on the server.
        deleted: the pages whose result was sent before and deleted there since.
        unfit: the pages whose result the server refused because of its contents, and why.
        refused: why the server refuses all results, if it does; then it was not asked to the end.
        ungrown: the pages whose growth the server could not judge by its budget, and why.
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
    ungrown: tuple[tuple[str, str], ...] = ()

    @property
    def unjudged(self) -> str | None:
        """Why it is unknown whether all results are good; None if it is known."""
        if self.away is not None:
            reason = plain(self.away)
            return f"the server is unavailable ({reason}), so only the local budgets were judged"
        if self.unsure:
            return "the server could not look up the results to compare the pages with"
        return None


def source_of(project: str | None, branch: str | None, commit: str | None) -> BuildSource | None:
    """The build in the flags, else that of GitHub or GitLab; None without a project.

    Raises:
        click.UsageError: a part is missing or invalid.
    """
    if project is None:
        return None
    branch = branch or _first(_BRANCH, os.environ)
    commit = commit or _first(_COMMIT, os.environ)
    for name, found in (("--branch", branch), ("--commit", commit)):
        if not found:
            raise click.UsageError(
                f"--project needs {name}; only GitHub and GitLab set it automatically."
            )
    source = BuildSource(project, branch or "", commit or "")
    problem = Build(*source, path="/").problem()
    if problem is not None:
        raise click.UsageError(
            f"--project {project!r} --branch {branch!r} --commit {commit!r}: {problem}."
        )
    return source


def require_branch(base: str) -> None:
    """Return only if this is the name of a branch.

    Raises:
        click.UsageError: it is not.
    """
    problem = Build("any", base, "any", "/").problem()
    if problem is not None:
        raise click.UsageError(f"--base {base!r}: {problem}.")


def _first(names: Iterable[str], environ: Mapping[str, str]) -> str | None:
    return next((found for name in names if (found := environ.get(name))), None)


def push(reports: Sequence[Report], server: ResultServer) -> Pushed:
    """Send each page that was weighed, and collect the answers.

    After the first missing answer, this sends nothing more: the run must end, and `libra push` can send
    the same file later. A refused result raises nothing, because the weighing must not be lost.
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
        tuple((r.url, plain(kept.unjudged)) for r, kept in answers if kept.unjudged is not None),
    )


def _push(report: Report, server: ResultServer) -> KeptByServer:
    build = report.build
    if build is None:
        raise ResultRefused(
            f"{plain(report.url)} has no build: give --project, --branch and --commit."
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
        raise ResultRefused(f"{server.address} refuses {plain(report.url)}: {_reason(answer)}")
    try:
        return decode_json_as(answer.body, KeptByServer)
    except Undecodable as error:
        raise NoAnswer(f"{server.address} is not a Libra that keeps results: {error}") from None


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
    """The first final answer of a few tries; the server keeps a repeated result once."""
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
        return f"it answered {answer.status}"
    detail = problem.get("detail") or problem.get("title") or f"it answered {answer.status}"
    needed = " Put its secret into LIBRA_TOKEN." if answer.status == 401 else ""
    return f"{plain(str(detail))}{needed}"
