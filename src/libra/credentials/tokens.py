"""Access tokens: a name, a role and the hash of a secret.

A token is written as ``NAME:ROLE:SECRET``, or with the hash in place of the secret,
``NAME:ROLE:sha256:HEX``, as `libra token new` prints it. A token of the role ``push`` also names the
project that it is bound to: ``NAME:push@PROJECT:SECRET``.

A secret is made of 32 random bytes, so a plain SHA-256 protects it: there is nothing to guess. Salt and
stretching (NIST SP 800-63B, section 5.1.1.2) are for passwords that people choose.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, cast, get_args

import msgspec

Role = Literal["read", "push", "full"]
"""``read`` sees everything and changes nothing; ``push`` sends results of CI for one project and does
nothing else; ``full`` may do everything."""

UserRole = Literal["none", "read", "full"]
"""The rights of a user whom a proxy has signed in; ``none`` gives those of strangers."""

LEAST_SECRET = 16
"""Least length of a secret, in characters."""


class AccessToken(msgspec.Struct, frozen=True):
    """A token that lets its holder in.

    Attributes:
        name: its name.
        role: what its holder may do.
        digest: the SHA-256 of the secret, in hexadecimal digits.
        project: the only project whose results it may send; for the role ``push`` only.
    """

    name: str
    role: Role
    digest: str
    project: str | None = None

    def __str__(self) -> str:
        bound = "" if self.project is None else f"@{self.project}"
        return f"{self.name}:{self.role}{bound}:sha256:{self.digest}"

    @classmethod
    def parse(cls, text: str) -> AccessToken:
        """Read ``NAME:ROLE:SECRET`` or ``NAME:ROLE:sha256:HEX``.

        Raises:
            ValueError: saying what is wrong, without the secret.
        """
        name, _, rest = text.partition(":")
        written, _, secret = rest.partition(":")
        role, bound, project = written.partition("@")
        if not secret:
            raise ValueError("a token is NAME:ROLE:SECRET; `libra token new NAME` makes one")
        if _NAME.fullmatch(name) is None:
            raise ValueError("a token's name is 1 to 64 letters, digits, - and _")
        if role not in get_args(Role):
            raise ValueError(f"the role of token {name} must be read, push@PROJECT or full")
        if (role == "push") != bool(bound) or (bound and _PROJECT.fullmatch(project) is None):
            raise ValueError(
                f"the role of token {name} must be read, full, or push@PROJECT, where a project's name "
                "is 1 to 64 letters, digits, - . and _"
            )
        hashed = _HASHED.fullmatch(secret)
        if hashed is None and _SECRET.fullmatch(secret) is None:
            raise ValueError(
                f"the secret of token {name} must be at least {LEAST_SECRET} letters, digits and "
                f"-._~+/=; `libra token new {name}` makes a good one"
            )
        digest = hashed[1] if hashed else digest_of(secret)
        return cls(name, cast("Role", role), digest, project or None)


def new_token(name: str, role: Role, project: str | None = None) -> tuple[str, AccessToken]:
    """A new secret, to be shown only once, and its token.

    Raises:
        ValueError: the name is invalid, or the project, which the role ``push`` needs.
    """
    secret = secrets.token_urlsafe(32)
    bound = "" if project is None else f"@{project}"
    return secret, AccessToken.parse(f"{name}:{role}{bound}:{secret}")


def digest_of(secret: str) -> str:
    """The hash that is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def parse_tokens(lines: Iterable[str]) -> tuple[AccessToken, ...]:
    """Tokens from lines; empty lines and those that begin with ``#`` are skipped.

    Raises:
        ValueError: naming the invalid line, or the name that occurs twice.
    """
    found: dict[str, AccessToken] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            token = AccessToken.parse(text)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        if token.name in found:
            raise ValueError(f"line {number}: two tokens are named {token.name}: rename one")
        found[token.name] = token
    return tuple(found.values())


def read_token_file(path: Path) -> tuple[AccessToken, ...]:
    """The tokens of a file, one on each line.

    Raises:
        ValueError: the file cannot be read, or a line of it.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ValueError(f"{path} cannot be read: {reason}") from None
    try:
        return parse_tokens(text.splitlines())
    except ValueError as error:
        raise ValueError(f"{path}, {error}") from None


def read_user_roles(path: Path) -> dict[str, UserRole]:
    """The roles of a file, ``NAME:ROLE`` on each line; ``#`` begins a comment.

    Raises:
        ValueError: the file cannot be read, or a line of it.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ValueError(f"{path} cannot be read: {reason}") from None
    found: dict[str, UserRole] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, _, role = (part.strip() for part in text.rpartition(":"))
        if not name or role not in get_args(UserRole):
            raise ValueError(
                f"{path}, line {number}: write NAME:ROLE, where ROLE is none, read or full"
            )
        if name in found:
            raise ValueError(f"{path}, line {number}: {name} is listed twice")
        found[name] = cast("UserRole", role)
    return found


_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SECRET = re.compile(rf"[A-Za-z0-9._~+/=-]{{{LEAST_SECRET},512}}")
_HASHED = re.compile(r"sha256:([0-9a-f]{64})")
