"""Reads settings from ``libra.toml`` and the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from libra.decoding import TOML_BYTES, Undecodable, decode_toml
from libra.settings.errors import SettingsError

_ALERTS = "LIBRA_ALERTS_"
"""The start of the names of variables with the address of a destination: ``LIBRA_ALERTS_TEAM``."""

# Kubernetes, and Docker for linked containers, set LIBRA_PORT in every program for a service called
# "libra", and LIBRA_ALLOW_PORT for one called "libra-allow".
_OF_A_CLUSTER = re.compile(r"(?:tcp|udp|sctp)://", re.IGNORECASE)

# The other variables of a service called "libra-alerts", or "libra-alerts-team".
_NAMED_BY_A_CLUSTER = re.compile(
    r"(?:.*_)?(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)"
)


def toml_of(file: Path | None, environ: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The name and the keys of ``libra.toml``; no keys where there is no such file.

    Args:
        file: the given file; by default ``$LIBRA_CONFIG``, else ``libra.toml`` in the
            working directory.
        environ: the environment.

    Raises:
        SettingsError: the given file does not exist, or it cannot be read.
    """
    named = file or (Path(environ["LIBRA_CONFIG"]) if environ.get("LIBRA_CONFIG") else None)
    path = named or Path("libra.toml")
    try:
        with path.open("rb") as stream:
            written = decode_toml(stream.read(TOML_BYTES + 1))
    except FileNotFoundError:
        if named is not None:
            raise SettingsError(f"there is no file {path}") from None
        return str(path), {}
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    except Undecodable as error:
        raise SettingsError(f"{path} is not TOML: {error}") from None
    return str(path), written


def from_environ(environ: Mapping[str, str], known: set[str]) -> dict[str, Any]:
    """The settings in the environment: ``LIBRA_PORT``, and a variable for each destination of alerts.

    An empty variable counts as unset, as it does for the flags of `libra weigh`: files of Docker Compose
    and workflows of CI can set a variable only to nothing, and cannot leave it out.
    """
    alerts = {
        name.removeprefix(_ALERTS).lower().replace("_", "-"): {"url_env": name}
        for name, value in environ.items()
        if name.startswith(_ALERTS) and name != _ALERTS and _is_set(value)
        if not _NAMED_BY_A_CLUSTER.fullmatch(name.removeprefix(_ALERTS))
    }
    # Only known names: LIBRA_CONFIG and the like are not settings, and an unrelated variable with this
    # prefix must not stop the program.
    found: dict[str, Any] = {
        name: value
        for name in sorted(known)
        if _is_set(value := environ.get(f"LIBRA_{name.upper()}", ""))
    }
    return found | ({"alerts": alerts} if alerts else {})


def _is_set(value: str) -> bool:
    return bool(value) and not _OF_A_CLUSTER.match(value)


def require_known(written: Mapping[str, Any], source: str, known: set[str]) -> None:
    """Refuse unknown keys, and two keys for one setting, as ``data-dir`` beside ``data_dir``.

    Raises:
        SettingsError: naming the first, and a known name that is similar.
    """
    seen: dict[str, str] = {}
    for key in written:
        name = key.replace("-", "_")
        if name in seen:
            raise SettingsError(
                f"{source}: {seen[name]!r} and {key!r} are the same setting: write one of them"
            )
        seen[name] = key
        if name not in known:
            near = get_close_matches(name, known, 1)
            meant = f" (did you mean {near[0]}?)" if near else ""
            raise SettingsError(
                f"{source}: there is no setting {key!r}{meant}; "
                f"the settings are {', '.join(sorted(known))}"
            )
