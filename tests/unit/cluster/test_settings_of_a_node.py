"""Settings that make a Libra a node of a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from libra.settings import Settings, SettingsError

NATS = "nats://a:4222,nats://b:4222"
POSTGRES = "postgresql://libra@db/libra"


def load(**flags: Any) -> Settings:
    return Settings.load(flags, environ={}, file=None)


@pytest.fixture(autouse=True)
def _without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_servers_are_written_with_commas() -> None:
    settings = load(cluster=NATS, database=POSTGRES, cluster_bytes="20GB")
    assert settings.cluster == ("nats://a:4222", "nats://b:4222")
    assert (settings.role, settings.cluster_replicas, settings.cluster_shards) == ("all", 3, 3)
    assert settings.cluster_bytes == 20_000_000_000


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"role": "web"}, "needs a cluster"),
        ({"cluster": NATS}, "PostgreSQL"),
        ({"cluster": NATS, "database": "sqlite:////tmp/a.db"}, "PostgreSQL"),
        ({"cluster": "a:4222", "database": POSTGRES}, "nats://a:4222"),
        ({"cluster": NATS, "database": POSTGRES, "role": "boss"}, "all, web or inspector"),
        ({"cluster": NATS, "database": POSTGRES, "node": "a.b"}, "letters, digits and hyphens"),
        ({"cluster": NATS, "database": POSTGRES, "cluster_replicas": 2}, "1, 3 or 5"),
        ({"cluster": NATS, "database": POSTGRES, "cluster_shards": 0}, "from 1 to 64"),
    ],
)
def test_what_cannot_work_is_refused_at_the_start(flags: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load(**flags)
