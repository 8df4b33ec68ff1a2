"""The key that signs browser sessions."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from libra.credentials.keeping import keep

LEAST: Final = 32
"""Least length of a key, in bytes."""

NAME: Final = "session.key"


def session_key(data_dir: Path) -> bytes:
    """The key that signs sessions: from the data directory, or new for this run of the program only.

    Without a kept key, everybody would have to log in again after each restart.
    """
    path = data_dir / NAME
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written in full beside it and then linked, so two programs that start at once end with one key.
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
    """Keep a key of other nodes in the data directory, so that the next start has it at once.

    Raises:
        OSError: it cannot be written.
    """
    keep(data_dir / NAME, key)
