"""Connections to servers leave files for everything else."""

from __future__ import annotations

import resource

import pytest

from libra.network.origin_slots import CONNECTIONS, most_connections


@pytest.mark.parametrize(
    ("files", "connections"),
    [(resource.RLIM_INFINITY, CONNECTIONS), (65_536, CONNECTIONS), (1_024, 256), (64, 16), (8, 4)],
)
def test_servers_get_a_quarter_of_the_files(
    files: int, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert most_connections() == connections
