"""The folder of a journal: claimed by one program, and checked for being the same folder."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import stat
from pathlib import Path

log = logging.getLogger("libra.journal")


class JournalInUse(Exception):
    """Another Libra uses this data directory."""


class JournalGone(OSError):
    """The folder of the journal, or a file in it, was replaced or cut off, so it is not reliable."""


class JournalFolder:
    """A folder that only one program uses at a time.

    Args:
        path: the folder; it is made if it is missing.
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
        # The lock is on the folder itself, which also works on a disk that is not writable.
        lock = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise JournalInUse(
                f"another Libra uses {self.path.parent}: stop it, or give this one "
                "a data directory of its own (--data-dir)"
            ) from None
        self._lock = lock

    def check(self) -> None:
        """Check that the path still leads to the claimed folder.

        Raises:
            JournalGone: it does not.
            OSError: the folder cannot be examined.
        """
        if self._lock is None:
            return
        try:
            now = self.path.stat()
        except FileNotFoundError:
            raise JournalGone(f"the folder {self.path} no longer exists") from None
        if not os.path.samestat(os.fstat(self._lock), now):
            raise JournalGone(f"the folder {self.path} is not the same folder as before")

    def release(self) -> None:
        """Release the claim."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class Reserve:
    """A little disk space that the journal reserves for the case that the disk is full.

    Args:
        path: the file that takes the space.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, size: int) -> None:
        """Reserve this many bytes, if the disk has several times as many."""
        try:
            if self._path.exists() and self._path.stat().st_size == size:
                return
            if shutil.disk_usage(self._path.parent).free > 4 * size:
                self._path.write_bytes(bytes(size))
        except OSError as error:
            log.debug("cannot reserve disk space: %s", error)
            self.release()

    def release(self) -> bool:
        """Free the reserved space; False if there is none."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True


def read_file(path: Path) -> bytes:
    """The content of a regular file; a pipe in its place would never end.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("it is not a regular file")
    return path.read_bytes()


def write_all(file: int, data: bytes) -> None:
    """Write all data, in as many steps as the system needs.

    Raises:
        OSError: part of the data may be written.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut.

    Raises:
        OSError: they may not survive.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# macOS has no fdatasync.
sync_file = getattr(os, "fdatasync", os.fsync)
"""Make the written data of a file survive a power cut."""
