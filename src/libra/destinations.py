"""Destinations of alerts beside webhooks: services that the operator names in the settings.

::

    [alerts.team]
    url_file = "/run/secrets/team-chat"

The file holds addresses as `apprise` takes them, one a line, such as ``ntfys://ntfy.sh/topic``. They are
secrets: Libra reads them when it sends an alert, and puts them into no setting, message, log or answer.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

SCHEMES: Final = frozenset(
    {
        *("discord", "gchat", "gotify", "gotifys", "mailto", "mailtos", "matrix", "matrixs"),
        *("mmost", "mmosts", "ntfy", "ntfys", "opsgenie", "pagerduty", "pover"),
        *("rocket", "rockets", "slack", "tgram", "workflow", "workflows", "zulip"),
    }
)
"""The services that Libra accepts: mail, chat and pagers over the network; nothing that starts a
program, writes a file or shows something on this machine."""

NATIVE: Final = "https"
"""The scheme of the addresses that services give out themselves. Libra accepts only those that
`apprise` recognises as one of `SCHEMES`."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")

_LOCAL: Final = re.compile(r"attach|filename|include|template|pgp|smime|wkd", re.IGNORECASE)
"""Parameters that make `apprise` read, or send, a file of this machine."""

_BYTES: Final = 64_000


class DestinationError(ValueError):
    """A destination cannot be used. The message does not contain its address."""


class Destination(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The source of a destination's addresses: a file, or an environment variable."""

    url_file: Path | None = None
    url_env: str | None = None

    def urls(self, environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """The addresses of the destination, read now.

        Raises:
            DestinationError: there are none, or one is of a kind that Libra does not accept.
        """
        environ = os.environ if environ is None else environ
        lines = [line.strip() for line in self._text(environ).splitlines()]
        found = tuple(line for line in lines if line and not line.startswith("#"))
        if not found:
            raise DestinationError(f"{self._place} contains no address")
        for number, url in enumerate(found, 1):
            _require_allowed(url, f"address {number} of {self._place}")
        return found

    def _text(self, environ: Mapping[str, str]) -> str:
        if (self.url_file is None) == (self.url_env is None):
            raise DestinationError('write either url_file = "PATH" or url_env = "VARIABLE"')
        if self.url_env is not None:
            return environ.get(self.url_env, "")
        try:
            with Path(self.url_file or "").expanduser().open("rb") as stream:
                return stream.read(_BYTES).decode()
        except (OSError, RuntimeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise DestinationError(f"{self._place} cannot be read: {reason}") from None
        except UnicodeDecodeError:
            raise DestinationError(f"{self._place} is not UTF-8 text") from None

    @property
    def _place(self) -> str:
        return str(self.url_file) if self.url_file is not None else f"the variable {self.url_env}"


def parse_destinations(tables: object) -> dict[str, Destination]:
    """The destinations by name, from the tables of the settings.

    Raises:
        DestinationError: naming the destination and what is wrong with it.
    """
    if not isinstance(tables, Mapping):
        raise DestinationError('write tables such as [alerts.team] with url_file = "PATH"')
    found: dict[str, Destination] = {}
    for name, table in tables.items():
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise DestinationError(
                f"{name!r} is not a valid name: use lowercase letters, digits and hyphens"
            )
        try:
            found[name] = (
                table
                if isinstance(table, Destination)
                else msgspec.convert(table, Destination, dec_hook=_read)
            )
        except msgspec.ValidationError:
            # The message leaves out the value: it may be the address itself, which is a secret.
            raise DestinationError(
                f'{name} takes url_file = "PATH" or url_env = "VARIABLE", and nothing else'
            ) from None
    return found


def _read(kind: type, value: object) -> object:
    return kind(value)  # a path


def _require_allowed(url: str, what: str) -> None:
    scheme, separator, _ = url.partition("://")
    if not separator or scheme.lower() not in {*SCHEMES, NATIVE}:
        known = ", ".join(sorted(SCHEMES))
        raise DestinationError(f"{what} is of an unsupported kind: write one of {known}")
    try:
        query = urlsplit(url).query
    except ValueError:
        raise DestinationError(f"{what} is not a valid URL") from None
    for name, _ in parse_qsl(query.replace("?", "&"), keep_blank_values=True):
        if _LOCAL.search(name):
            raise DestinationError(f"{what} has a parameter that reads local files: remove it")
