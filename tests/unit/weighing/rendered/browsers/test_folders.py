"""Temporary folders go when their program has gone, and no sooner."""

from __future__ import annotations

from pathlib import Path

import pytest

from libra.weighing.rendered.browsers.folders import PREFIX, BrowserFolder, sweep


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_in_use_stays_and_goes_with_all_that_is_in_it_when_it_is_removed() -> None:
    made = BrowserFolder()
    (made.profile / "deep").mkdir()
    (made.profile / "deep" / "file").write_text("x")
    assert sweep() == 0
    assert made.profile.is_dir()
    assert made.temporary.is_dir()
    assert made.remove()
    assert not made.path.exists()


def test_a_folder_that_nobody_holds_is_removed_at_the_next_start(folder: Path) -> None:
    left = folder / f"{PREFIX}left"
    (left / "profile" / "Default").mkdir(parents=True)
    (left / "profile" / "Default" / "Cookies").write_bytes(b"x")
    held = BrowserFolder()
    assert sweep() == 1
    assert not left.exists()
    assert held.path.exists()
    held.remove()


def test_what_is_not_a_folder_of_ours_stays(folder: Path) -> None:
    (folder / "other").mkdir()
    (folder / f"{PREFIX}link").symlink_to(folder / "other")
    (folder / f"{PREFIX}file").write_text("x")
    assert sweep() == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["other", f"{PREFIX}link", f"{PREFIX}file"]
    )
