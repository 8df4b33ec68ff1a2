"""What is shipped for running Libra: it is well-formed, and names only what there is."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
import yaml  # type: ignore[import-untyped]  # its types are no part of it

from libra.cli import libra
from libra.health import Health, LoopLag
from libra.settings import Settings
from libra.web.metrics import RequestCounts, exposition
from libra.web.protocol import BODY_SECONDS
from libra.web.server import KEEP_ALIVE
from libra.web.submission import BULK_BODY
from support.needs import needs

DEPLOY = Path(__file__).parents[2] / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())

TEXTS = {str(path.relative_to(DEPLOY)): path.read_text("utf-8") for path in FILES}


def metrics() -> set[str]:
    """Every name that a query may use."""
    lag = LoopLag(0, 0, 0)
    health = Health("ok", True, "1", datetime.now(UTC), {}, {}, 0, None, 0, lag)
    text = exposition(health, RequestCounts())
    found = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    histograms = set(re.findall(r"^# TYPE (\S+) histogram", text, re.MULTILINE))
    return found | {f"{name}_bucket" for name in histograms} | {"up"}


def queries(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "expr":
                yield inner
            else:
                yield from queries(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from queries(inner)


def named(query: str) -> set[str]:
    """The metrics that a query names; what is left of it are functions, labels and values."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]|\b(by|without) \([^)]*\)', "", query)
    return {word for word in re.findall(r"\b[a-z_]+\b(?! *\()", bare) if word not in ("and", "or")}


@pytest.mark.parametrize("name", [name for name in TEXTS if name.endswith((".yaml", ".yml"))])
def test_it_is_yaml(name: str) -> None:
    assert isinstance(yaml.safe_load(TEXTS[name]), dict)


def test_the_dashboard_asks_only_for_metrics_that_there_are() -> None:
    dashboard = json.loads(TEXTS["grafana/libra.json"])
    asked = [query for query in queries(dashboard) if query]
    assert len(asked) > 20
    for query in asked:
        assert named(query) <= metrics(), query
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    squares = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(squares)) == len(squares), "panels lie upon one another"
    assert max(x for x, _ in squares) == 23


def test_the_alerts_ask_only_for_metrics_that_there_are() -> None:
    alerts = yaml.safe_load(TEXTS["prometheus/alerts.yml"])
    rules = alerts["groups"][0]["rules"]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert named(rule["expr"]) <= metrics(), rule["alert"]
        assert rule["annotations"]["summary"]


@pytest.mark.parametrize("name", TEXTS)
def test_every_variable_of_ours_is_a_setting(name: str) -> None:
    known = {f"LIBRA_{field.upper()}" for field in Settings.__struct_fields__}
    assert set(re.findall(r"\bLIBRA_[A-Z_]+", TEXTS[name])) <= known


@pytest.mark.parametrize("name", TEXTS)
def test_every_flag_of_ours_is_one(name: str) -> None:
    flags = {"--config", "--role"} | {
        option
        for command in libra.commands.values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    for line in TEXTS[name].splitlines():
        if re.search(r"\blibra (--config \S+ )?(serve|token)\b", line):
            command = line[line.index("libra ") :]
            assert set(re.findall(r"(?<!\S)--[a-z-]+", command)) <= flags, line


def test_the_unit_is_one_and_gives_the_end_enough_time() -> None:
    unit = configparser.RawConfigParser(strict=False, delimiters=("=",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # names have capitals
    unit.read_string(TEXTS["systemd/libra.service"])
    service = unit["Service"]
    assert service["Type"] == "notify"
    assert service["ExecStart"].startswith("/opt/libra/bin/libra ")
    assert int(service["TimeoutStopSec"]) > Settings().shutdown_grace + 10 + 5


@needs("systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    """A line that systemd does not know is ignored when it starts, and its protection missing."""
    unit = tmp_path / "libra.service"
    text, times = re.subn(
        r"(?m)^ExecStart=.*", "ExecStart=/bin/true", TEXTS["systemd/libra.service"]
    )
    assert times == 1
    unit.write_text(text)
    said = subprocess.run(
        ["systemd-analyze", "--man=no", "verify", str(unit)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    # Of other units of this machine it may have something to say.
    wrong = [line for line in (said.stdout + said.stderr).splitlines() if "libra.service" in line]
    assert not wrong


def test_compose_has_each_file_that_it_mounts_and_each_secret_that_it_uses() -> None:
    folder = DEPLOY / "docker"
    compose = yaml.safe_load(TEXTS["docker/compose.yaml"])
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (folder / source).resolve().exists(), (name, source)
            else:
                assert source in compose["volumes"], (name, source)
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
    build = compose["services"]["libra"]["build"]
    assert ((folder / build["context"]).resolve() / build["dockerfile"]).is_file()
    # Published on loopback alone: whatever else the machine's firewall lets through.
    for service in compose["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_image_copies_what_there_is_and_runs_as_somebody_else_than_root() -> None:
    lines = TEXTS["docker/Dockerfile"].replace("\\\n", " ").splitlines()
    steps = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL"}
    assert {word for word, _ in steps} <= known | {"HEALTHCHECK", "ENTRYPOINT", "CMD"}
    ignored = TEXTS["docker/Dockerfile.dockerignore"]
    for word, rest in steps:
        if word == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (DEPLOY.parent / source).exists(), source
                assert f"!{source}" in ignored, source
    assert ["USER", "libra"] in steps


def test_nginx_lets_through_what_libra_takes() -> None:
    text = TEXTS["nginx/libra.conf"]
    code = re.sub(r"#.*", "", text)
    assert code.count("{") == code.count("}")
    for statement in re.split(r"[{}]", code):
        for line in filter(None, map(str.strip, statement.split(";"))):
            assert "\n" not in line or line.split("\n")[-1].strip(), line
    assert "client_max_body_size 4m" in text
    assert BULK_BODY <= 4 * 1024 * 1024
    assert KEEP_ALIVE > 60  # nginx's own, for connections to what is behind it
    assert BODY_SECONDS >= 60
