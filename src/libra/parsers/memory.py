"""How much memory a process has, and whether the system can limit it."""

from __future__ import annotations

import os
import sys

_LINUX = sys.platform == "linux"
_PS = "/bin/ps"
_PATIENCE = 5.0


def can_limit() -> bool:
    """Whether the system limits the address space of a process and reports its size."""
    return _LINUX and address_space() > 0


def address_space() -> int:
    """Bytes of this process's address space; 0 if unknown."""
    return (_of_linux(os.getpid()) or (0, 0))[0]


def resident(process: int) -> int | None:
    """Bytes of memory of a process; None if unknown, or if the process has ended."""
    if _LINUX:
        return (_of_linux(process) or (0, None))[1]
    import subprocess  # noqa: PLC0415 - what is not needed costs the template its memory

    try:
        told = subprocess.run(  # noqa: S603 - of POSIX, in kilobytes
            [_PS, "-o", "rss=", "-p", str(process)],
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
        return int(told.stdout) * 1024
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _of_linux(process: int) -> tuple[int, int] | None:
    try:
        descriptor = os.open(f"/proc/{process}/statm", os.O_RDONLY)
    except OSError:
        return None
    try:
        size, present, *_ = os.read(descriptor, 64).split()
    except (OSError, ValueError):
        return None
    finally:
        os.close(descriptor)
    page = os.sysconf("SC_PAGE_SIZE")
    return int(size) * page, int(present) * page
