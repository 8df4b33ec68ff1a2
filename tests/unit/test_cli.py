"""What the command says to wrong usage, before anything is fetched, and how it explains itself."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from libra.cli import libra
from libra.credentials.tokens import AccessToken
from libra.settings import SHARED_KEYS, WEIGH_KEYS, Settings

PAGE = "https://example.com/"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("LIBRA_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(libra, arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["weigh"], "Say what to weigh, for instance: libra weigh https://example.com"),
        (["weigh", ""], "The URL is empty"),
        (["weigh", "example"], "Write it as https://example"),
        (["weigh", "ftp://example.com/"], "only http and https"),
        (["weigh", "http://user:pass@example.com/"], "user name or password"),
        (["weigh", "http://example.com:70000/"], "70000"),
        (["weigh", PAGE, "--format", "yaml"], "'yaml' is not one of 'table', 'json'"),
        (["weigh", PAGE, "--max-weight", "heavy"], "write 500kB, 1.5MB"),
        (["weigh", PAGE, "--timeout", "soon"], "write 90, 500ms, 60s"),
        (["weigh", PAGE, "--timeout", "0"], "must be more than 0"),
        (["weigh", PAGE, "--viewport", "wide"], "is not of the form 1350x940"),
        (["weigh", PAGE, "--header", "X-Token"], "write 'Name: value'"),
        (["weigh", PAGE, "--header", "Host: a"], "is set by Libra itself"),
        (["weigh", PAGE, "--header", "X: a\r\nY: b"], "control characters"),
        (["weigh", PAGE, "--concurrency", "0"], "0 is not in the range x>=1"),
        (["weigh", PAGE, "--budget", "none.json"], "'none.json' does not exist"),
        (["weigh", PAGE, "--compare", "none.json"], "'none.json' does not exist"),
        (["weigh", PAGE, "--output", "no/where.json"], "there is no folder no"),
        (["weigh", PAGE, "--sitemap", "nowhere"], "has no scheme"),
        (["weigh", "--urls", "none.txt"], "'none.txt' does not exist"),
        (["serve", "--port", "70000"], "port is 70000: it must be from 0 to 65535"),
        (["serve", "--ttl", "for ever"], "'for ever' is not a duration"),
        (["serve", "--restore", "perhaps"], "restore"),
        (["serve", "--allow", "here"], "allow takes networks such as 10.0.0.0/8"),
        (["serve", "--database", "mysql://h"], "sqlite:///path or postgresql://"),
        (["db", "prune"], "Missing option '--older-than'"),
        (["history", "nowhere"], "has no scheme"),
        (["--config", "none.toml", "weigh", PAGE], "there is no file none.toml"),
        (["weigh", PAGE, "--proxy", "ftp://proxy.example"], "write it as http://"),
        (["weigh", PAGE, "--ca", __file__], "holds no certificate in PEM form"),
        (["weigh", PAGE, "--ca", "none.pem"], "none.pem"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_to_do(arguments: list[str], message: str) -> None:
    result = _run(*arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_a_budget_file_with_a_mistake_is_refused_with_the_place() -> None:
    Path("budget.json").write_text('[{"resourceSizes": [{"resourceType": "img", "budget": 1}]}]')
    result = _run("weigh", PAGE, "--budget", "budget.json")
    assert result.exit_code == 2
    assert (
        "budget.json: [0].resourceSizes[0].resourceType is 'img'; it must be one of"
        in result.output
    )


def test_a_report_to_compare_with_that_is_none_is_refused() -> None:
    Path("old.json").write_text('{"no": "report"}')
    result = _run("weigh", PAGE, "--compare", "old.json")
    assert result.exit_code == 2
    assert "old.json is not a report" in result.output


def test_a_list_of_pages_is_refused_with_the_line_that_is_wrong() -> None:
    Path("urls.txt").write_text(f"{PAGE}\n\nnowhere\n")
    result = _run("weigh", "--urls", "urls.txt")
    assert result.exit_code == 2
    assert "urls.txt, line 3: 'nowhere' has no scheme" in result.output


def test_a_list_without_pages_is_refused() -> None:
    Path("urls.txt").write_text("# nothing\n")
    assert "has no addresses" in _run("weigh", "--urls", "urls.txt").output


def test_a_settings_file_with_a_mistake_is_named() -> None:
    Path("libra.toml").write_text("port =")
    result = _run("weigh", PAGE)
    assert result.exit_code == 2
    assert "libra.toml is not TOML" in result.output


def test_every_flag_of_weigh_is_a_variable_and_a_key_of_the_file() -> None:
    for parameter in libra.commands["weigh"].params:
        if isinstance(parameter, click.Option):
            name = parameter.opts[0].removeprefix("--").replace("-", "_")
            assert parameter.envvar == f"LIBRA_{name.upper()}"
            assert name in WEIGH_KEYS | SHARED_KEYS


def test_every_setting_is_a_flag_of_serve() -> None:
    flags = {parameter.name for parameter in libra.commands["serve"].params}
    tables = {"alerts"}  # of the file: no flag could say them
    assert flags | tables == set(Settings.__struct_fields__)


@pytest.mark.parametrize(
    "command", [[], ["weigh"], ["serve"], ["db"], ["db", "prune"], ["history"]]
)
def test_each_command_explains_itself(command: list[str]) -> None:
    result = _run(*command, "--help")
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")


def test_a_new_token_is_shown_once_with_the_line_that_lets_it_in() -> None:
    result = _run("token", "new", "ci", "--role", "full")
    assert result.exit_code == 0
    secret = result.stdout.strip()
    line = result.stderr.splitlines()[-1]
    assert line.startswith("ci:full:sha256:")
    assert AccessToken.parse(f"ci:full:{secret}") == AccessToken.parse(line)
    assert secret not in result.stderr


def test_a_token_needs_a_name_that_can_be_written_down() -> None:
    result = _run("token", "new", "two words")
    assert result.exit_code == 2
    assert "1 to 64 letters" in result.output


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--role", "push"], "--role push needs --project"),
        (["--role", "full", "--project", "shop"], "--project is for --role push"),
        (["--project", "shop"], "--project is for --role push"),
        (["--role", "push", "--project", "a b"], "a project's name is 1 to 64"),
    ],
)
def test_a_token_that_pushes_and_no_other_has_a_project(flags: list[str], says: str) -> None:
    result = _run("token", "new", "ci", *flags)
    assert result.exit_code == 2
    assert says in result.output
    assert result.stdout == ""


def test_the_version_is_told() -> None:
    assert _run("--version").output.startswith("libra ")


def test_every_flag_is_in_the_reference() -> None:
    reference = (Path(__file__).parents[2] / "docs/reference/command.md").read_text()
    group = libra.commands["db"]
    assert isinstance(group, click.Group)
    for command in (*libra.commands.values(), *group.commands.values()):
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.opts[0] in reference, f"{command.name} {parameter.opts[0]}"
