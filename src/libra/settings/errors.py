"""The error for a setting that cannot be used."""

from __future__ import annotations


class SettingsError(ValueError):
    """A setting cannot be used; the message says which, where it came from and what to do."""
