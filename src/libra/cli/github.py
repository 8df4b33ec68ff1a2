"""`libra github`: the steps of the action at the root of the repository beside weighing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from libra.cli.asking import NoAnswer, ServerAnswer, ask
from libra.cli.inputs import read_reports, route_to_the_web
from libra.decoding import Undecodable, decode_json, decode_json_as
from libra.formats.sentences import outcome
from libra.wording import plain

LONGEST = 65_000
"""Longest comment, in characters; GitHub accepts 65,536."""

PAGES = 30
"""Pages of 100 comments that are searched for an earlier one."""

PATIENCE = 30.0
MOST = 20_000_000

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class CannotComment(Exception):
    """No comment can be written; the message says why."""


class PullRequest(NamedTuple):
    """A pull request, and the token to comment on it.

    Attributes:
        api: the address of GitHub's API.
        repository: ``owner/name``.
        number: of the pull request.
        token: which may write comments there.
    """

    api: str
    repository: str
    number: int
    token: str


@click.group(short_help="Report results to GitHub.")
def github() -> None:
    """Report results of `libra weigh` to GitHub, for the action of this repository."""


@github.command(short_help="Write the outputs of a step.")
@click.argument("file", type=_FILE)
@click.option("--to", type=click.Path(path_type=Path), envvar="GITHUB_OUTPUT", required=True)
def outputs(file: Path, to: Path) -> None:
    """Append the results in FILE, written by `--format json`, to GITHUB_OUTPUT."""
    reports = read_reports(file)
    weighed = [report for report in reports if not outcome(report)]
    found = {
        "report": str(file),
        "pages": len(reports),
        "weighed": len(weighed),
        "transfer-bytes": sum(report.total.transfer_bytes for report in weighed),
        "requests": sum(report.total.requests for report in weighed),
    }
    with to.open("a", encoding="utf-8") as stream:
        stream.writelines(f"{name}={value}\n" for name, value in found.items())


@github.command(short_help="Comment on a pull request.")
@click.argument("file", type=_FILE)
@click.option(
    "--name",
    default="libra",
    show_default=True,
    help="Name of the comment; give each job of a workflow its own to keep several comments.",
)
def comment(file: Path, name: str) -> None:
    """Comment on the pull request with the Markdown in FILE; replaces the earlier comment.

    The token comes from GITHUB_TOKEN, the rest from the variables that GitHub sets for its jobs. If the
    job may not comment, as for a change from a fork, the command only warns.
    """
    try:
        change = _change()
        text = _body(file.read_text("utf-8"), name)
        said = _say(change, text, _marker(name))
    except (CannotComment, NoAnswer) as error:
        click.echo(f"::warning title=No comment::{plain(str(error))}")
        return
    click.echo(f"commented: {said}")


def _change() -> PullRequest:
    """The pull request that this job runs for.

    Raises:
        CannotComment: it runs for no pull request, or has no token.
    """
    environ = os.environ
    try:
        event = decode_json(Path(environ["GITHUB_EVENT_PATH"]).read_bytes())
        number = int(event["pull_request"]["number"])
    except (KeyError, TypeError, ValueError, OSError, Undecodable):
        raise CannotComment("this job does not run for a pull request") from None
    repository = environ.get("GITHUB_REPOSITORY", "")
    if _REPOSITORY.fullmatch(repository) is None:
        raise CannotComment("GITHUB_REPOSITORY does not name a repository")
    token = environ.get("GITHUB_TOKEN", "")
    if not token:
        raise CannotComment("there is no token: set the input `github-token` of the action")
    api = environ.get("GITHUB_API_URL") or "https://api.github.com"
    return PullRequest(api.rstrip("/"), repository, number, token)


def _body(markdown: str, name: str) -> str:
    if len(markdown) > LONGEST:
        whole = markdown[:LONGEST].rpartition("\n")[0]
        markdown = f"{whole}\n\nThe rest does not fit into a comment: see the summary of the job.\n"
    return f"{_marker(name)}\n{markdown}"


def _marker(name: str) -> str:
    # It is invisible. A page's title cannot look like it, because its angle brackets are escaped.
    return f"<!-- libra: {re.sub(r'[^A-Za-z0-9 ._-]', '', name)} -->"


def _say(change: PullRequest, text: str, marker: str) -> str:
    """Change the comment that begins with this marker, or write a new one; returns its address."""
    path = f"/repos/{change.repository}/issues"
    earlier = next((one for one in _comments(change) if one["body"].startswith(marker)), None)
    if earlier is None:
        answer = _ask(change, "POST", f"{path}/{change.number}/comments", {"body": text})
    else:
        answer = _ask(change, "PATCH", f"{path}/comments/{earlier['id']}", {"body": text})
    return plain(str(_decoded(answer).get("html_url", "")))


def _comments(change: PullRequest) -> Iterator[dict[str, Any]]:
    for page in range(1, PAGES + 1):
        query = f"?per_page=100&page={page}"
        path = f"/repos/{change.repository}/issues/{change.number}/comments{query}"
        answer = _ask(change, "GET", path)
        try:
            found = decode_json_as(answer.body, list[dict[str, Any]])
        except Undecodable as error:
            raise CannotComment(f"GitHub's response cannot be read: {error}") from None
        yield from (one for one in found if isinstance(one.get("body"), str) and "id" in one)
        if len(found) < 100:
            return


def _ask(change: PullRequest, method: str, path: str, body: object = None) -> ServerAnswer:
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {change.token}",
        "User-Agent": "libra",
        "X-GitHub-Api-Version": "2022-11-28",
        **({} if body is None else {"Content-Type": "application/json"}),
    }
    data = None if body is None else msgspec.json.encode(body)
    answer = ask(
        method,
        change.api + path,
        headers=headers,
        body=data,
        seconds=PATIENCE,
        most=MOST,
        route=route_to_the_web(None, insecure=False, proxy=None, no_proxy=None),
    )
    if answer.status >= 300:
        told = _decoded(answer).get("message", "")
        raise CannotComment(
            f"GitHub answered {answer.status} {told}. The job needs `permissions: pull-requests: "
            "write`, which changes from forks do not get."
        )
    return answer


def _decoded(answer: ServerAnswer) -> dict[str, Any]:
    try:
        return decode_json_as(answer.body, dict[str, Any])
    except Undecodable:
        return {}


_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
