"""What a node keeps of the access that the cluster shares."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from libra.cluster.engine.answers import Message
from libra.cluster.engine.pulling import PulledMessage
from libra.cluster.node.access import SESSION, TOKENS, NodeAccess
from libra.credentials.tokens import AccessToken, new_token
from libra.neighbours import Neighbours


def started_in(folder: Path) -> NodeAccess:
    context = SimpleNamespace(availability=SimpleNamespace(neighbours=Neighbours()))
    return NodeAccess(cast("Any", SimpleNamespace(context=context)), folder)


def tokens_of(access: NodeAccess) -> tuple[AccessToken, ...]:
    return access._neighbours.access.tokens


def given(subject: str, data: bytes) -> PulledMessage:
    reply = "$JS.ACK.libra-access.access.1.7.1.0.0"
    return PulledMessage(cast("Any", None), Message(subject, data, {}, reply))


@pytest.mark.parametrize("subject", [TOKENS, SESSION])
def test_a_full_disk_costs_a_node_none_of_the_access_that_it_kept(
    subject: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (_, first), (_, second) = new_token("anna", "full"), new_token("berta", "full")
    now = started_in(tmp_path)
    now._heard(given(TOKENS, str(first).encode()))
    now._heard(given(SESSION, b"1" * 32))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(before) == 2

    def full(path: Path, _: bytes) -> int:
        path.open("wb").close()
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        now._heard(given(subject, str(second).encode() if subject == TOKENS else b"2" * 32))
    assert "No space left on device" in caplog.text
    assert tokens_of(now) == ((second,) if subject == TOKENS else (first,))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert tokens_of(started_in(tmp_path)) == (first,)


def test_tokens_that_cannot_be_read_are_named_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cluster.tokens").write_text("no token\n")
    assert tokens_of(started_in(tmp_path)) == ()
    assert "cluster.tokens cannot be read" in caplog.text
