"""Access tokens: a name, a role and the hash of a secret.

Written as ``NAME:ROLE:SECRET``, or with the hash in place of the secret, ``NAME:ROLE:sha256:HEX``, as
`libra token new` prints it. A secret is made of 32 random bytes, so a plain SHA-256 keeps it: there
is nothing to guess, and salt and stretching (NIST SP 800-63B, section 5.1.1.2) are for passwords
that people choose.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, cast, get_args

import msgspec

Role = Literal["read", "full"]
"""``read`` sees everything and changes nothing; ``full`` may do everything."""

LEAST_SECRET = 16
"""Characters that a secret must have."""


class Token(msgspec.Struct, frozen=True):
    """Who may come in. ``digest`` is the SHA-256 of the secret, in hexadecimal digits."""

    name: str
    role: Role
    digest: str

    def __str__(self) -> str:
        return f"{self.name}:{self.role}:sha256:{self.digest}"

    @classmethod
    def parse(cls, text: str) -> Token:
        """Read ``NAME:ROLE:SECRET`` or ``NAME:ROLE:sha256:HEX``.

        Raises:
            ValueError: saying what is wrong, without the secret.
        """
        name, _, rest = text.partition(":")
        role, _, secret = rest.partition(":")
        if not secret:
            raise ValueError("a token is NAME:ROLE:SECRET; `libra token new NAME` makes one")
        if _NAME.fullmatch(name) is None:
            raise ValueError("a token's name is 1 to 64 letters, digits, - and _")
        if role not in get_args(Role):
            raise ValueError(f"the role of token {name} must be read or full")
        hashed = _HASHED.fullmatch(secret)
        if hashed is None and _SECRET.fullmatch(secret) is None:
            raise ValueError(
                f"the secret of token {name} must be at least {LEAST_SECRET} letters, digits and "
                f"-._~+/=; `libra token new {name}` makes a good one"
            )
        return cls(name, cast("Role", role), hashed[1] if hashed else digest_of(secret))


def new_token(name: str, role: Role) -> tuple[str, Token]:
    """A new secret, which is shown once and never again, and its token.

    Raises:
        ValueError: if the name is none.
    """
    secret = secrets.token_urlsafe(32)
    return secret, Token.parse(f"{name}:{role}:{secret}")


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def parse_tokens(lines: Iterable[str]) -> tuple[Token, ...]:
    """Tokens from lines; empty ones and those that begin with ``#`` are left out.

    Raises:
        ValueError: naming the line that is none, or the name that is there twice.
    """
    found: dict[str, Token] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            token = Token.parse(text)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        if token.name in found:
            raise ValueError(f"line {number}: there are two tokens of the name {token.name}")
        found[token.name] = token
    return tuple(found.values())


def read_token_file(path: Path) -> tuple[Token, ...]:
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


_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SECRET = re.compile(rf"[A-Za-z0-9._~+/=-]{{{LEAST_SECRET},512}}")
_HASHED = re.compile(r"sha256:([0-9a-f]{64})")
