"""Secrets that are kept in the data directory."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path


def keep(path: Path, data: bytes) -> None:
    """Put a file that only this user can read in the place of the one that is there.

    It is written in full beside it first. So a full disk or a kill leaves the earlier file, not an empty
    one.

    Raises:
        OSError: it cannot be written.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        fresh.touch(0o600)
        fresh.write_bytes(data)
        fresh.replace(path)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        raise
