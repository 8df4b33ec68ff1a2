"""All settings of a Libra, from flags, the environment and ``libra.toml``."""

from __future__ import annotations

from libra.settings.checks import RATE
from libra.settings.errors import SettingsError
from libra.settings.keys import SHARED_KEYS, WEIGH_KEYS
from libra.settings.limits import parse_limits
from libra.settings.redaction import redact
from libra.settings.settings import (
    LogFormat,
    LogLevel,
    Public,
    Restore,
    Role,
    Settings,
    read_file,
)

__all__ = [
    "RATE",
    "SHARED_KEYS",
    "WEIGH_KEYS",
    "LogFormat",
    "LogLevel",
    "Public",
    "Restore",
    "Role",
    "Settings",
    "SettingsError",
    "parse_limits",
    "read_file",
    "redact",
]
