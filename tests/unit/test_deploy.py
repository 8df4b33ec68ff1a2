"""What is shipped for running Libra: it is well-formed, and names only what there is."""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
import yaml  # type: ignore[import-untyped]  # its types are no part of it

from libra.cli import libra
from libra.observability.health import Health, LoopLag, NodeHealth
from libra.settings import Settings
from libra.web.requests.page_request import BULK_BODY
from libra.web.serving.fast_path import BODY_SECONDS
from libra.web.serving.server import KEEP_ALIVE
from libra.web.telemetry.metrics import RequestCounts, exposition

DEPLOY = Path(__file__).parents[2] / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())

TEXTS = {str(path.relative_to(DEPLOY)): path.read_text("utf-8") for path in FILES}


def metrics() -> set[str]:
    """Every name that a query may use."""
    lag = LoopLag(0, 0, 0)
    node = NodeHealth("web-1", "web", "1", 0, 0, 0.0, 0.0, 0, 0, 0)
    health = Health("ok", True, "1", datetime.now(UTC), {}, {}, 0, None, 0, lag, nodes=(node,))
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


@pytest.mark.parametrize("name", ["compose.yaml", "compose.cluster.yaml"])
def test_compose_has_each_file_that_it_mounts_and_each_secret_that_it_uses(name: str) -> None:
    folder = DEPLOY / "docker"
    compose = yaml.safe_load(TEXTS[f"docker/{name}"])
    for part, service in compose["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (folder / source).resolve().exists(), (part, source)
            else:
                assert source in compose["volumes"], (part, source)
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
        assert set(service.get("depends_on", [])) <= set(compose["services"]), part
    build = next(s["build"] for s in compose["services"].values() if "build" in s)
    assert ((folder / build["context"]).resolve() / build["dockerfile"]).is_file()
    # Published on loopback alone: whatever else the machine's firewall lets through.
    for service in compose["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_a_cluster_of_compose_has_the_nodes_that_its_engine_and_its_nginx_are_told_of() -> None:
    services = yaml.safe_load(TEXTS["docker/compose.cluster.yaml"])["services"]
    roles: dict[str, list[str]] = {}
    for name, service in services.items():
        told = service.get("environment", {})
        if "LIBRA_ROLE" in told:
            assert told["LIBRA_NODE"] == name
            roles.setdefault(told["LIBRA_ROLE"], []).append(name)
            servers = re.findall(r"nats://([a-z0-9]+):4222", told["LIBRA_CLUSTER"])
            assert [services[server]["environment"]["NATS_NAME"] for server in servers] == servers
    assert {role: len(names) for role, names in roles.items()} == {"web": 2, "inspector": 5}
    asked = re.findall(r"server (\S+):8000", TEXTS["nginx/compose-cluster.conf"])
    assert asked == roles["web"]
    routes = re.findall(r"nats://([a-z0-9]+):6222", TEXTS["nats/compose.conf"])
    assert routes == [name for name in services if name.startswith("nats")]


def test_every_nats_server_that_is_shipped_syncs_before_it_says_that_it_has_something() -> None:
    for name in ("nats/nats.conf", "nats/compose.conf"):
        assert re.search(r"^  sync_interval: always$", TEXTS[name], re.MULTILINE)
        assert "max_payload: 8MB" in TEXTS[name]


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


@pytest.mark.parametrize("name", [name for name in TEXTS if name.startswith("nginx/")])
def test_nginx_lets_through_what_libra_takes(name: str) -> None:
    text = TEXTS[name]
    code = re.sub(r"#.*", "", text)
    assert code.count("{") == code.count("}")
    for statement in re.split(r"[{}]", code):
        for line in filter(None, map(str.strip, statement.split(";"))):
            assert "\n" not in line or line.split("\n")[-1].strip(), line
    assert "client_max_body_size 4m" in text
    assert BULK_BODY <= 4 * 1024 * 1024
    assert KEEP_ALIVE > 60  # nginx's own, for connections to what is behind it
    assert BODY_SECONDS >= 60
