"""The folder of a journal: claimed by one program, and looked at whether it is still the same one."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from pathlib import Path

log = logging.getLogger("libra.journal")


class JournalInUse(Exception):
    """Another Libra works on this data directory."""


class JournalGone(OSError):
    """The folder of the journal, or a file in it, is not what it was: nothing in it can be relied on."""


class JournalFolder:
    """A folder that one program uses at a time.

    Args:
        path: where it is; it is made if it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def claim(self) -> None:
        """Claim the folder for this program; the claim ends with `release` or with the process.

        Raises:
            JournalInUse: another program has it.
            OSError: the folder cannot be made or opened.
        """
        if self._lock is not None:
            return
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The folder itself is locked, which works on a disk that cannot be written, too.
        lock = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise JournalInUse(
                f"another Libra works on {self.path.parent}: stop it, or give this one "
                "a data directory of its own (--data-dir)"
            ) from None
        self._lock = lock

    def check(self) -> None:
        """Make sure that what is claimed is still what the path leads to.

        Raises:
            JournalGone: it is not.
            OSError: that cannot be found out.
        """
        if self._lock is None:
            return
        try:
            now = self.path.stat()
        except FileNotFoundError:
            raise JournalGone(f"the folder {self.path} has gone") from None
        if not os.path.samestat(os.fstat(self._lock), now):
            raise JournalGone(f"the folder {self.path} is another one than before")

    def release(self) -> None:
        """Let others have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class Reserve:
    """A little of the disk that is kept to oneself for the day on which it is full.

    Args:
        path: the file that takes it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, size: int) -> None:
        """Have so many bytes, if the disk has several times as much."""
        try:
            if self._path.exists() and self._path.stat().st_size == size:
                return
            if shutil.disk_usage(self._path.parent).free > 4 * size:
                self._path.write_bytes(bytes(size))
        except OSError as error:
            log.debug("there is no room for a reserve: %s", error)
            self.release()

    def release(self) -> bool:
        """Let others have it; False if there is none."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True


def write_all(file: int, data: bytes) -> None:
    """Write all of it, however little the system takes at a time.

    Raises:
        OSError: part of it may be written.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def sync_folder(path: Path) -> None:
    """Have the names in a folder survive a power cut.

    Raises:
        OSError: they may not.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# macOS has no fdatasync.
sync_file = getattr(os, "fdatasync", os.fsync)
"""Have what was written to a file survive a power cut."""
