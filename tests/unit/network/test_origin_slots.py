"""Connections to servers leave files for everything else, and what fails has a name and a reason."""

from __future__ import annotations

import resource
import socket

import pytest

from libra.network.origin_slots import CONNECTIONS, most_connections, name_of_error


@pytest.mark.parametrize(
    ("files", "connections"),
    [(resource.RLIM_INFINITY, CONNECTIONS), (65_536, CONNECTIONS), (1_024, 256), (64, 16), (8, 4)],
)
def test_servers_get_a_quarter_of_the_files(
    files: int, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert most_connections() == connections


def test_a_look_up_that_has_to_wait_too_long_is_not_called_a_name_that_is_not_there() -> None:
    gone = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    assert name_of_error(gone) == "dns: the name does not resolve"
    late = socket.gaierror(socket.EAI_AGAIN, "look-ups of earlier host names take too long")
    assert name_of_error(late) == (
        "dns: the name does not resolve now: look-ups of earlier host names take too long"
    )
