"""Tokens that people make in the browser: stored in the data directory, as hashes.

They are in a file and not in the database, so that access works whatever the database does. The secret
itself is shown only once and stored nowhere.
"""

from __future__ import annotations

import os
import threading
from datetime import datetime
from pathlib import Path

import msgspec

from libra.credentials.tokens import AccessToken, Role, new_token

MOST = 1_000
"""Most tokens that people can make."""


class MadeToken(msgspec.Struct, frozen=True):
    """A token that somebody made in the browser.

    Attributes:
        token: the token.
        made_at: when it was made.
        made_by: the token or the user that made it; None where everybody may do everything.
        expires_at: when it expires; None for never.
    """

    token: AccessToken
    made_at: datetime
    made_by: str | None = None
    expires_at: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether the token is still valid."""
        return self.expires_at is None or now < self.expires_at


class MadeTokens:
    """The tokens of one data directory.

    Args:
        data_dir: the folder of ``tokens.json``, which only this user can read.

    Raises:
        ValueError: the file cannot be read: nobody is let in or shut out by a guess.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "tokens.json"
        self._lock = threading.Lock()
        self._made = self._read()

    def every(self) -> tuple[MadeToken, ...]:
        """All of them, the oldest first, expired ones too."""
        return self._made

    def make(
        self,
        name: str,
        role: Role,
        project: str | None,
        expires_at: datetime | None,
        **facts: object,
    ) -> str:
        """Make a token and return its secret when it is on the disk. May wait for the disk.

        Args:
            name: a name that no other token has.
            role: what its holder may do.
            project: the project whose results it may send, for the role ``push``.
            expires_at: when it expires.
            facts: ``made_at`` and ``made_by``.

        Raises:
            ValueError: saying what is wrong with the name or the project.
            OSError: it cannot be stored, and so was not made.
        """
        with self._lock:
            secret, token = new_token(name, role, project)
            if any(one.token.name == name for one in self._made):
                raise ValueError(f"a token {name} already exists: choose another name")
            if len(self._made) >= MOST:
                raise ValueError("there are too many tokens: revoke an unused one")
            made = msgspec.convert(
                {"token": token, "expires_at": expires_at, **facts}, MadeToken, from_attributes=True
            )
            self._write((*self._made, made))
        return secret

    def revoke(self, name: str) -> bool:
        """Revoke a token and its sessions; False if no token has that name.

        Raises:
            OSError: the disk cannot be written, and the token stays valid.
        """
        with self._lock:
            left = tuple(one for one in self._made if one.token.name != name)
            if len(left) == len(self._made):
                return False
            self._write(left)
        return True

    def _read(self) -> tuple[MadeToken, ...]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=tuple[MadeToken, ...])
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.MsgspecError) as error:
            raise ValueError(f"{self._path} cannot be read: {error}") from None

    def _write(self, made: tuple[MadeToken, ...]) -> None:
        new = self._path.with_suffix(".new")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(made))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
        self._made = made
