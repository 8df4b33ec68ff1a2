"""What sessions of browsers are signed with."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

LEAST: Final = 32
"""Bytes that a key has."""

NAME: Final = "session.key"


def session_key(data_dir: Path) -> bytes:
    """What sessions are signed with: kept in the data directory, or of this life of the program only.

    Without it everybody would have to log in again after each restart.
    """
    path = data_dir / NAME
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made complete beside it and linked: two programs that start at once end with one key.
        if not path.exists():
            fresh = data_dir / f".{NAME}.{secrets.token_hex(8)}"
            fresh.touch(0o600)
            fresh.write_bytes(secrets.token_bytes(LEAST))
            try:
                os.link(fresh, path)
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        key = path.read_bytes()
    except OSError:
        return secrets.token_bytes(LEAST)
    return key if len(key) >= LEAST else secrets.token_bytes(LEAST)


def keep_session_key(data_dir: Path, key: bytes) -> None:
    """Have a key of others in the data directory, so that the next start has it at once."""
    fresh = data_dir / f".{NAME}.{secrets.token_hex(8)}"
    with suppress(OSError):
        fresh.touch(0o600)
        fresh.write_bytes(key)
        fresh.replace(data_dir / NAME)
