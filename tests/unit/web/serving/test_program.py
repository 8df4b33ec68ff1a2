"""The program behind `libra serve`."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from libra.observability import logs
from libra.settings import Settings
from libra.web.serving.program import Program


async def test_settings_on_a_disk_that_fails_are_refused_as_invalid_ones_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def again() -> Settings:
        raise OSError(5, "Input/output error", "tokens")

    settings = Settings(data_dir=tmp_path)
    outlet = logs.Outlet(io.StringIO(), "text")
    program = Program(settings, again, [], outlet)
    await program.reload()
    outlet.close()
    assert program.settings is settings
    assert "the old ones stay in force: [Errno 5] Input/output error" in caplog.text
