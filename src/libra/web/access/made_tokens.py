"""Tokens that people make in the browser: kept in the data directory, as hashes.

A file and no table: who may come in is to be known whatever the database does. The secret itself is
shown once and kept nowhere.
"""

from __future__ import annotations

import os
import threading
from datetime import datetime
from pathlib import Path

import msgspec

from libra.credentials.tokens import AccessToken, Role, new_token

MOST = 1_000
"""Tokens that may be made."""


class MadeToken(msgspec.Struct, frozen=True):
    """A token that somebody made in the browser.

    Attributes:
        token: what lets in.
        made_at: when it was made.
        made_by: the token or the user that made it; None where everybody may do everything.
        expires_at: from when on it lets nobody in; None for never.
    """

    token: AccessToken
    made_at: datetime
    made_by: str | None = None
    expires_at: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it still lets in."""
        return self.expires_at is None or now < self.expires_at


class MadeTokens:
    """The tokens of one data directory.

    Args:
        data_dir: where they are kept, in ``tokens.json``, readable for this user alone.

    Raises:
        ValueError: what is kept there cannot be read: nobody is let in or shut out by a guess.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "tokens.json"
        self._lock = threading.Lock()
        self._made = self._read()

    def every(self) -> tuple[MadeToken, ...]:
        """All of them, the oldest first, those that have expired too."""
        return self._made

    def make(
        self,
        name: str,
        role: Role,
        project: str | None,
        expires_at: datetime | None,
        **facts: object,
    ) -> str:
        """Make a token and return its secret, once it is on the disk. May wait for the disk.

        Args:
            name: what it is called; of its own.
            role: what it may do.
            project: whose results it may send, for the role ``push``.
            expires_at: from when on it lets nobody in.
            facts: ``made_at`` and ``made_by``.

        Raises:
            ValueError: saying what is wrong with the name or the project.
            OSError: it cannot be kept, and so was not made.
        """
        with self._lock:
            secret, token = new_token(name, role, project)
            if any(one.token.name == name for one in self._made):
                raise ValueError(f"there is a token {name} already")
            if len(self._made) >= MOST:
                raise ValueError("there are too many tokens: revoke one that nobody needs")
            made = msgspec.convert(
                {"token": token, "expires_at": expires_at, **facts}, MadeToken, from_attributes=True
            )
            self._write((*self._made, made))
        return secret

    def revoke(self, name: str) -> bool:
        """Let a token in no more, nor its sessions; False if none has that name.

        Raises:
            OSError: the disk cannot be written, and it still lets in.
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
