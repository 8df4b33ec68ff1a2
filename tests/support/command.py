"""The command `libra` as a program, in a folder and an environment of its own."""

from __future__ import annotations

import os
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from pathlib import Path

from support.nursery import Nursery, Program


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


class Command:
    """Runs `libra` in an empty folder with a clean environment."""

    def __init__(self, folder: Path, nursery: Nursery) -> None:
        self.folder = folder
        self._nursery = nursery

    async def start(self, *arguments: str, **environment: str) -> Program:
        return await self._nursery.libra(
            *arguments,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=self.folder,
            env=self.environment(**environment),
        )

    async def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> Ended:
        process = await self.start(*arguments, **environment)
        out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        assert b"Traceback" not in err, err.decode()
        return Ended(process.returncode, out.decode(), err.decode())

    @staticmethod
    def environment(**more: str) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("LIBRA_")
            and name not in {"COLUMNS", "NO_COLOR", "FORCE_COLOR", "GITHUB_STEP_SUMMARY"}
        }
        return {**kept, **more}
