"""Temporary folders that are removed after use, or at the latest at the program's next start.

The program that creates a folder holds a lock on it. The system releases the lock when the program ends,
however it ends. So the next start knows which folders are abandoned.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import signal
import tempfile
from pathlib import Path

log = logging.getLogger(__name__)

PREFIX = "libra-browser-"


class BrowserFolder:
    """A new temporary folder, with a browser's `profile` and a folder for `temporary` files."""

    def __init__(self) -> None:
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
            self._lock = _lock(self.path)
            if self._lock is not None:
                break  # otherwise another starting program has removed it as abandoned
        self.profile = self.path / "profile"
        self.temporary = self.path / "tmp"
        self.profile.mkdir()
        self.temporary.mkdir()

    def remove(self) -> bool:
        """Remove it with its content. Returns whether it is gone: a process may still be writing."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self.path.exists():
            return False
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        return True


def sweep() -> int:
    """Remove the folders of ended programs and kill their users. Returns how many it removed."""
    removed = 0
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            if path.is_symlink() or path.stat().st_uid != os.geteuid():
                continue
        except OSError:
            continue
        lock = _lock(path)
        if lock is None:
            continue  # in use
        end_users(path)
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)
        removed += not path.exists()
    if removed:
        log.info("removed %d temporary folders left behind by an earlier run of Libra", removed)
    return removed


def end_users(path: Path) -> None:
    """Kill the browsers that were started with a folder, where the system lists them."""
    wanted = os.fsencode(f"--user-data-dir={path}/")
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)


def _lock(path: Path) -> int | None:
    """Lock an existing folder; None if another program holds the lock or it is not a folder."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.exists():
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None
