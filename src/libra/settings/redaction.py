"""Takes the secrets out of addresses that people read."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

_PASSWORD = re.compile(r"\A((?:[^:/?#@]*://)?[^:/?#@]*:)(?!//)(?:[^?]*|[^=]*)@")
"""The start of an address up to the ``@`` after its password. A ``/`` or a ``?`` in a password has to be
encoded, but errors also show addresses where it is not."""

_TOKEN = re.compile(r"\A(?!postgres(?:ql)?:)((?:[^:/?#@]*://)?)[^:/?#@]*@")
"""The same without a password: then a NATS server takes the name for a token, PostgreSQL for a user."""

_IGNORED = str.maketrans("", "", "\t\r\n")
"""Characters that Python drops from addresses before it reads them."""


def redact(url: str) -> str:
    """An address of a database or a server without its secrets, for logs, errors and `/health`."""
    shown = _TOKEN.sub(r"\1***@", _PASSWORD.sub(r"\1***@", url))
    shown, mark, query = shown.partition("?")
    return shown + mark + "&".join(map(_without_password, query.split("&")))


def _without_password(field: str) -> str:
    name, equals, _ = field.partition("=")
    # The name as the driver reads it, in which letters may be encoded.
    secret = unquote_plus(name.translate(_IGNORED)).lower().endswith("password")
    return f"{name}{equals}***" if secret else field
