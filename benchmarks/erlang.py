"""Elixir beside Libra: finding it, its scripts, Cowboy, and data in Erlang's own format."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from benchmarks.machine import Lacking, tool

SCRIPTS = Path(__file__).parent / "elixir"

ONE_CORE = "+S 1:1 +SDcpu 1:1 +SDio 1 +A 1 +P 1000000"
"""One scheduler, as Libra has one; the peer is pinned to one core besides."""


def elixir(script: str, *arguments: object, flags: str = ONE_CORE) -> list[str]:
    """The command that runs a script of `benchmarks/elixir`.

    Raises:
        Lacking: if Elixir is not installed.
    """
    command = [tool("elixir"), "--erl", flags, str(SCRIPTS / script)]
    return [*command, *(str(argument) for argument in arguments)]


def cowboy() -> dict[str, str]:
    """The environment in which Erlang finds Cowboy, from the folder that $BENCH_COWBOY names.

    Hex is not asked: the folder holds built checkouts of cowboy, cowlib and ranch
    (`docs/figures.md` has the commands).

    Raises:
        Lacking: if it is not set or a part of it is not built.
    """
    folder = os.environ.get("BENCH_COWBOY", "")
    parts = [Path(folder) / name for name in ("cowboy", "cowlib", "ranch")]
    if not folder or not all((part / "ebin" / f"{part.name}.app").is_file() for part in parts):
        raise Lacking(
            "BENCH_COWBOY does not name a folder with built cowboy, cowlib and ranch "
            "(docs/figures.md says how to make one)"
        )
    return {"ERL_LIBS": folder}


def term(value: object) -> bytes:
    """Plain data in Erlang's external term format, so that a peer needs no JSON library.

    Text becomes a binary, a mapping a map, a sequence a list; see "External Term Format" in the
    manual of erts. Only what a report is made of is known here.
    """
    return b"\x83" + _term(value)


def _term(value: object) -> bytes:
    if value is None or isinstance(value, bool):
        name = {None: b"nil", True: b"true", False: b"false"}[value]
        return struct.pack(">BB", 119, len(name)) + name
    if isinstance(value, int):
        if -(2**31) <= value < 2**31:
            return struct.pack(">Bi", 98, value)
        return struct.pack(">BBB", 110, 8, value < 0) + abs(value).to_bytes(8, "little")
    if isinstance(value, str):
        data = value.encode()
        return struct.pack(">BI", 109, len(data)) + data
    if isinstance(value, dict):
        pairs = b"".join(_term(key) + _term(item) for key, item in value.items())
        return struct.pack(">BI", 116, len(value)) + pairs
    assert isinstance(value, (list, tuple)), value
    return struct.pack(">BI", 108, len(value)) + b"".join(map(_term, value)) + b"\x6a"
