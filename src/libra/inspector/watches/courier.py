"""Sends alerts to the operator's destinations, each from its own process that may be killed.

`apprise` speaks with dozens of services over its own libraries, so it does not run in this program. Its
process has ten seconds, no log, no proxy but Libra's and almost no environment. The gate does not
apply to it: only the operator chooses the destinations.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from libra.destinations import Destination, DestinationError
from libra.inspector.watches.apprise_sender import NOT_TAKEN, UNUSABLE
from libra.settings import SettingsError

DEADLINE: Final = 10.0
"""Seconds that a delivery may take, from the start of its process."""

AT_ONCE: Final = 2
"""Deliveries at the same time: each one is a Python interpreter."""

_SENDER: Final = Path(__file__).with_name("apprise_sender.py")

_PASSED_ON: Final = ("LANG", "PATH", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "TMPDIR", "TZ")

_WORDS: Final = {
    NOT_TAKEN: "not-taken: the service could not be reached or did not accept the alert",
    UNUSABLE: "bad-url: the destination has an address that cannot be used",
}


class AppriseCourier:
    """Delivers messages by `apprise`.

    Args:
        destinations: the destinations by their names.
        proxy: the proxy for all requests, if there is one.
        environ: the variables that addresses may refer to; the program's environment by default.
    """

    def __init__(
        self,
        destinations: Mapping[str, Destination],
        proxy: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.destinations: Mapping[str, Destination] = destinations
        self._environ = os.environ if environ is None else environ
        self._proxy = proxy
        self._room = asyncio.Semaphore(AT_ONCE)

    def check(self) -> None:
        """Check that all destinations are usable, as far as possible without sending anything.

        Raises:
            SettingsError: names the destination that is not usable.
        """
        if self.destinations and find_spec("apprise") is None:
            raise SettingsError("destinations of alerts need the extra libra-weigh[alerts]")
        for name, destination in self.destinations.items():
            try:
                urls = destination.urls(self._environ)
            except DestinationError as error:
                raise SettingsError(f"alerts.{name}: {error}") from None
            if any(url.lower().startswith("mailto") for url in urls) and self._proxy_has_tls():
                # That would need TLS inside the TLS of the connection to the proxy.
                raise SettingsError(
                    f"alerts.{name}: mail cannot use an HTTPS proxy: write proxy as "
                    "http://proxy.example.com:3128"
                )

    async def deliver(self, name: str, title: str, text: str) -> str | None:
        """Try to deliver a message; None if all services of the destination accepted it, else the error.

        Args:
            name: the name of the destination.
            title: one line.
            text: the whole message.
        """
        destination = self.destinations.get(name)
        if destination is None:
            return f"no-destination: the settings no longer have [alerts.{name}]"
        try:
            urls = destination.urls(self._environ)
        except DestinationError as error:
            return f"no-destination: {error}"
        order = json.dumps(
            {"urls": urls, "title": title, "text": text, "proxy": self._proxy}
        ).encode()
        async with self._room:
            return await self._send(order)

    async def _send(self, order: bytes) -> str | None:
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                str(_SENDER),
                stdin=asyncio.subprocess.PIPE,
                # Its output may contain addresses, which may be secrets.
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env=self._environment(),
                start_new_session=True,
            )
        except OSError as error:
            return f"not-taken: no process can be started to send it: {error.strerror}"
        try:
            async with asyncio.timeout(DEADLINE):
                with suppress(BrokenPipeError, ConnectionResetError):
                    await process.communicate(order)
                code = await process.wait()
        except TimeoutError:
            return f"timeout: no response within {DEADLINE:g} s"
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        return (
            None
            if code == 0
            else _WORDS.get(code, "not-taken: the process that sends it ended early")
        )

    def _proxy_has_tls(self) -> bool:
        return self._proxy is not None and self._proxy.lower().startswith("https:")

    def _environment(self) -> dict[str, str]:
        """The environment of the process: no secrets of Libra, and no proxy but Libra's."""
        given = {name: self._environ[name] for name in _PASSED_ON if name in self._environ}
        # It looks for no file with passwords in the home directory.
        given |= {"HOME": os.devnull, "NETRC": os.devnull, "PYTHONUTF8": "1"}
        if self._proxy is None:
            return given | {"no_proxy": "*", "NO_PROXY": "*"}
        return given | dict.fromkeys(
            ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), self._proxy
        )
