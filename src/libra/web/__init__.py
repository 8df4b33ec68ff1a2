"""Libra over HTTP: the JSON API, pages for people, live events, and the server for them."""

from __future__ import annotations

from libra.app import Libra
from libra.settings import Settings
from libra.web.serving.application import Application
from libra.web.telemetry.tracing import Telemetry

__all__ = ["Application", "create_app"]


def create_app(libra: Libra, settings: Settings, telemetry: Telemetry | None = None) -> Application:
    """The ASGI application of a running Libra."""
    return Application(libra, settings, telemetry)
