"""Converts settings from what people write to the types of the settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec

from libra.credentials.tokens import AccessToken
from libra.destinations import parse_destinations
from libra.settings.errors import SettingsError
from libra.wording import parse_duration, parse_size

FLAGS = "the command line"
"""The name of the source for settings from flags."""

_LISTS = {"allow", "allow_port", "allowed_host", "cluster", "limits", "token", "trusted_proxy"}
_PATHS = {
    "ca",
    "cluster_credentials",
    "cluster_tls_ca",
    "data_dir",
    "project_budgets",
    "token_file",
    "user_roles",
}
_SECRET = {"cluster", "database", "proxy", "token"}  # or with a secret in an address
_SIZES = {"browser_memory", "cluster_bytes", "local_copy", "parser_memory", "unsent"}
_DURATIONS = {
    "asset_timeout",
    "delay",
    "keep",
    "keep_deletions",
    "page_timeout",
    "shutdown_grace",
    "ttl",
}


_WORDS = {"yes": True, "on": True, "no": False, "off": False}
"""Words for true and false beside those that msgspec reads."""


def _base_path(value: str) -> str:
    return value.rstrip("/")


_READERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_PATHS, lambda value: Path(value).expanduser()),
    "alerts": parse_destinations,
    "base_path": _base_path,
}


def convert(name: str, value: Any, source: str, kind: Any) -> Any:
    """Convert a setting: ``"24h"``, ``"500kB"``, a path, one network for a list of them.

    Args:
        name: of the setting.
        value: as it was written.
        source: where it was written, for messages; `FLAGS` is the command line.
        kind: its type.

    Raises:
        SettingsError: naming the setting and what it accepts.
    """
    try:
        if name in _DURATIONS and isinstance(value, str):
            return parse_duration(value)
        if name in _SIZES and isinstance(value, str):
            return parse_size(value)
        if name in _LISTS and isinstance(value, str):
            value = _split(value)
        if name in _READERS:
            return _READERS[name](value)
        if name in _LISTS and not isinstance(value, (list, tuple)):
            raise ValueError("it takes a list")
        if name == "token":
            # The secrets themselves are dropped here: settings are shown, logged and compared.
            return tuple(str(AccessToken.parse(text)) for text in value)
        if kind is bool and isinstance(value, str):
            value = _WORDS.get(value.lower(), value)
        if name == "public" and not isinstance(value, str):
            value = "submit" if value is True else "no"
        return msgspec.convert(value, type=kind, strict=False)
    except msgspec.ValidationError:
        raise SettingsError(
            f"{_called(name, source)} cannot be {_shown(name, value)}: it takes {_what_it_takes(kind)}"
        ) from None
    except (ValueError, TypeError, AttributeError, RuntimeError) as error:
        # RuntimeError: `~somebody` has no home.
        if name == "alerts":  # the value may be an address, which is a secret
            raise SettingsError(f"{source}: alerts: {error}") from None
        raise SettingsError(
            f"{_called(name, source)} cannot be {_shown(name, value)}: {error}"
        ) from None


def _called(name: str, source: str) -> str:
    return f"--{name.replace('_', '-')}" if source == FLAGS else f"{source}: {name}"


def _shown(name: str, value: Any) -> str:
    if name in _SECRET:
        return "that"
    return ", ".join(map(repr, value)) if isinstance(value, (list, tuple)) else repr(value)


def _what_it_takes(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return {int: "whole numbers"}.get(get_args(kind)[0], "texts")
    choices = tuple(choice for choice in get_args(kind) if choice is not type(None))
    if choices and all(isinstance(choice, str) for choice in choices):
        return f"{', '.join(choices[:-1])} or {choices[-1]}"
    if len(choices) == 1:  # or None
        (kind,) = choices
    return {bool: "yes or no", int: "a whole number", float: "a number"}.get(kind, "text")


def _split(text: str) -> Iterable[str]:
    return [part for part in re.split(r"[,\s]+", text) if part]
